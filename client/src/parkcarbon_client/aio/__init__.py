"""The asynchronous client, written by hand; a client belongs to one event loop."""
