"""Callers and their credentials, people, rate limits and the audit log."""
