"""Values, formulas and rules of the evaluation; pure functions, no input or output."""
