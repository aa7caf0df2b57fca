"""What every call of the client is built on; knows HTTP and JSON, and no service."""
