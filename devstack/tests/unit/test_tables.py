"""Figures as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rich.console import Console

from devstack.tables import figure, table


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (None, None, ""),
        (Decimal("887873.80"), None, "887,873.8"),
        (Decimal("1000"), None, "1,000"),
        (Decimal("0"), None, "0"),
        (Decimal("100"), None, "100"),
        (Decimal("0.1255832"), None, "0.125583"),
        (Decimal("88.78738"), 4, "88.7874"),
        (Decimal("-0.09297"), 2, "-0.09"),
        (Decimal("-0.0046"), 2, "0.00"),
        (Decimal("-0.00000001"), None, "0"),
    ],
)
def test_figure(value: Decimal | None, decimals: int | None, text: str) -> None:
    assert figure(value, decimals) == text


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table("t[/]", [("a[b]", "left")], [["[red]x[/red] [/nothing]"]]))
    assert "[red]x[/red] [/nothing]" in capture.get()
    assert "a[b]" in capture.get()
