"""Request bodies: received within bounds, and turned into rows or models."""
