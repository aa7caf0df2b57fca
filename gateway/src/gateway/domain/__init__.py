"""Values and rules of the gateway: callers, tokens, rows on their way in, the change feed. Standard library only."""
