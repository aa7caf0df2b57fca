"""Facts on the wire: those that are heard, and the one that is told."""
