"""Events of the services that the gateway applies, and its own that it publishes."""
