"""The change feed, webhooks and connected platforms."""
