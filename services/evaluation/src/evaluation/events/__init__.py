"""Facts on the wire: those of others, which are applied here, and the one of the evaluation itself."""
