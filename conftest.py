"""What every test of the workspace may use."""

# Test modules are named by their path, so that five services may have tests of one name: gateway/tests/conftest.py is
# `gateway.tests.conftest`. Its parent must be the real package, which pytest takes only when it is imported already.
import accounting  # noqa: F401
import chassis  # noqa: F401
import devstack  # noqa: F401
import evaluation  # noqa: F401
import gateway  # noqa: F401
import kernel  # noqa: F401
import parkcarbon_client  # noqa: F401
import parkcopies  # noqa: F401

pytest_plugins = ["chassis.testing.kafka", "chassis.testing.postgres"]
