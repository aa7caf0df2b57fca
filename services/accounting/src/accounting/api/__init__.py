"""The gRPC door of the account: wire to use case to wire."""
