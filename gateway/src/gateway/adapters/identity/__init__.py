"""Credentials, tokens, passwords and identity providers."""
