"""What tests of services reuse."""
