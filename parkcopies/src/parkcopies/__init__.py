"""Copies of what accounting keeps of parks, for services that compute with it."""
