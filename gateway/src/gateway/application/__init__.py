"""What can be asked of the gateway: one function per use case, over the ports in `ports`."""
