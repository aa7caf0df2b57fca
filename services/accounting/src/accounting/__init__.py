"""The carbon account of a park: what is registered, what was used, what that emits."""
