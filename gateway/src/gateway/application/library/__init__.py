"""Documents: saved, searched and read."""
