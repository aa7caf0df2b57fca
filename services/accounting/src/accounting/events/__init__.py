"""Facts on the wire."""
