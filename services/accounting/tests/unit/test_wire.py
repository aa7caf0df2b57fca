"""What the service writes for readers."""

import pytest

from accounting.api.wire import tonnes


@pytest.mark.parametrize(
    ("milligrams", "written"),
    [
        (887_873_800_000_000, "887873.8"),
        (10**9, "1"),
        (10**10, "10"),
        (1, "0.000000001"),
        (0, "0"),
        (-1, "-0.000000001"),
        (-1_500_000_000, "-1.5"),
        (2**63 - 1, "9223372036.854775807"),
    ],
)
def test_tonnes_are_exact(milligrams: int, written: str) -> None:
    assert tonnes(milligrams) == written
