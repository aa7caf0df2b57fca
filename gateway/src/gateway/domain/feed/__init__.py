"""The change feed, webhooks, and the platforms that push and pull."""
