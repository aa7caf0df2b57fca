"""The asynchronous client; a client belongs to one event loop."""
