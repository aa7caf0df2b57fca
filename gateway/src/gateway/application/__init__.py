"""The use cases of the gateway: one function each, over the ports of its topic."""
