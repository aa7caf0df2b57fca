"""The ports, fulfilled: accounting over gRPC, the gateway's own database over SQL."""
