"""What every test of the workspace may use."""

pytest_plugins = ["chassis.testing.postgres"]
