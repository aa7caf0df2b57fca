"""The routes, a module per topic; none imports another."""
