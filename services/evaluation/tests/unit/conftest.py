"""What the tests of the domain share: the shipped tables."""

import pytest
from hypothesis import settings

from evaluation.adapters.indicator_files import ShippedTables, load_shipped_tables

# A busy machine makes an example slow, not wrong.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")


@pytest.fixture(scope="session")
def shipped() -> ShippedTables:
    return load_shipped_tables()
