"""Activity rows pushed in: at once, or by a job."""
