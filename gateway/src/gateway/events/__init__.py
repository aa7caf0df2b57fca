"""What the gateway hears from the services."""
