"""The gRPC door of the evaluation: wire to use case to wire."""
