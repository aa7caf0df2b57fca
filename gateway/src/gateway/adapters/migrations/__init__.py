"""The gateway's schema, revision by revision."""
