"""Every service in one process, through the same build() functions; owns the `parkcarbon` command."""
