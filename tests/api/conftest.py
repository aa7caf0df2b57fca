"""The platform that every operation is tried on."""

from tests.system.conftest import platform as platform  # noqa: PLC0414 - a fixture is known by being imported
