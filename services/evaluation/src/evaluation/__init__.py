"""The evaluation of parks: a service of its own."""
