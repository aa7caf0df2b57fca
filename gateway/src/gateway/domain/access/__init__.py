"""Who calls, with what credential, how often, and the audit log of it."""
