"""The HTTP side: wire to use case to wire."""
