"""What the evaluation does for a caller: one function per use case, of ports and plain arguments."""
