"""Documents of the library."""
