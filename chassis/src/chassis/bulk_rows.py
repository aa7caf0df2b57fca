"""Rows as the two drivers take them in bulk: plain values for SQLite, the text of COPY for PostgreSQL."""

from array import array
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from chassis.columns import utc_text

_PLAIN: Final = frozenset({type(None), int, float, str, bytes})


def plain_column(column: Sequence[Any]) -> Iterable[Any]:
    """Returns a column of values as SQLite's driver takes them."""
    if _holds_integers(column) or _PLAIN.issuperset(map(type, column)):
        return column
    return [None if value is None else _plain(value) for value in column]


def _holds_integers(column: Sequence[Any]) -> bool:
    """Tells whether a column is of a kind that holds integers alone, so that nobody has to look at each."""
    return isinstance(column, range) or (isinstance(column, array) and column.typecode == "q")


def _plain(value: Any) -> int | float | str | bytes:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float | bytes):
        return value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"a bulk row cannot hold a {type(value).__name__}")


# What the text format of COPY gives a meaning to; the backslash is the first, as it escapes the others.
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL: Final = "\\N"
_SEPARATOR: Final = "\x00"


def copy_text(columns: Sequence[Sequence[Any]]) -> bytes:
    """Encodes rows, given by column, in the text format of PostgreSQL's COPY.

    Works a column at a time: nearly every column holds one type and nothing to escape, and then costs no Python per value.

    Raises:
        TypeError: If a value has a type that bulk rows cannot hold.
        ValueError: If a text holds NUL.
    """
    encoded = list(map(_encoded, columns))
    line = "\t".join(mark for mark, _ in encoded)
    rows = zip(*(values for _, values in encoded), strict=True)
    return "\n".join(map(line.__mod__, rows)).encode() + b"\n"


def _encoded(column: Sequence[Any]) -> tuple[str, Iterable[Any]]:
    """Returns how the values of a column stand in a line, and these."""
    types = {int} if _holds_integers(column) else set(map(type, column))
    if types == {int}:
        # Written into the line at once: a text of each number by itself takes longer.
        return "%d", column
    if types == {float}:
        return "%r", column
    if types == {str}:
        return "%s", _encoded_texts(column)
    return "%s", [_NULL if value is None else _encoded_value(value) for value in column]


def _encoded_texts(column: Sequence[str]) -> Sequence[str]:
    joined = _SEPARATOR.join(column)
    if joined.count(_SEPARATOR) != len(column) - 1:
        raise ValueError("a text to store holds NUL")
    if "\\" in joined or "\t" in joined or "\n" in joined or "\r" in joined:
        return joined.translate(_ESCAPES).split(_SEPARATOR)
    return column


def _encoded_value(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, str):
        return _encoded_texts([str(value)])[0]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return _text(value)
