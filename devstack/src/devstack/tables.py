"""Tables for people: figures in fixed places, names and figures of others without markup."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from decimal import Decimal
from typing import NoReturn

from rich.console import Console
from rich.table import Table
from rich.text import Text

SHOWN_DECIMALS = 6


def table(title: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> Table:
    """Returns a table.

    Args:
        title: Above it.
        columns: Heading and justification ("left" or "right") of each.
        rows: Texts; what looks like markup is shown as it is.
    """
    result = Table(title=Text(title), title_justify="left", header_style="bold")
    for heading, justify in columns:
        result.add_column(Text(heading), justify="right" if justify == "right" else "left", overflow="fold")
    for row in rows:
        result.add_row(*(Text(cell) for cell in row))
    return result


def figure(value: Decimal | None, decimals: int | None = None) -> str:
    """Returns a decimal with thousands separators, "" for None.

    Args:
        value: The figure.
        decimals: How many to show, rounded half-even; None shows what there is, at most six.

    >>> figure(Decimal("887873.80"))
    '887,873.8'
    >>> figure(Decimal("88.78738"), 2)
    '88.79'
    """
    if value is None:
        return ""
    # "z" turns what rounds to a negative zero into zero
    if decimals is not None:
        return f"{value:z,.{decimals}f}"
    return f"{value:z,.{SHOWN_DECIMALS}f}".rstrip("0").rstrip(".")


class PipedConsole(Console):
    """A console that lets its caller end in order when nobody reads any more."""

    def on_broken_pipe(self) -> NoReturn:
        """Raises BrokenPipeError; the library itself would end the process in the middle of what it does."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def console(*, error: bool = False) -> Console:
    """Returns the console that tables go to. Without a terminal, lines are long: a program reads them."""
    made = PipedConsole(stderr=error, highlight=False)
    return made if made.is_terminal else PipedConsole(stderr=error, highlight=False, width=200)
