"""The subcommands of `parkcarbon`: a module each, imported only when it is asked for."""
