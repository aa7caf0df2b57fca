"""Values, formulas and rules of the account; pure functions, no input or output."""
