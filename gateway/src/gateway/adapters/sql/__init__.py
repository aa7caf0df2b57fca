"""The ports over the gateway's own database."""
