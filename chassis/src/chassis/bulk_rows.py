"""Rows as the two drivers take them in bulk: plain values for SQLite, the text of COPY for PostgreSQL."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from chassis.columns import utc_text

_PLAIN: Final = frozenset({type(None), int, float, str, bytes})


def plain_column(column: Sequence[Any]) -> Iterable[Any]:
    """Returns a column of values as SQLite's driver takes them."""
    if _PLAIN.issuperset(map(type, column)):
        return column
    return [None if value is None else _plain(value) for value in column]


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
    rows = zip(*map(_encoded, columns), strict=True)
    return "\n".join(map("\t".join, rows)).encode() + b"\n"


def _encoded(column: Sequence[Any]) -> Iterable[str]:
    types = set(map(type, column))
    encode = _ENCODERS.get(next(iter(types))) if len(types) == 1 else None
    if encode is not None:
        return encode(column)
    return [_NULL if value is None else _encoded_value(value) for value in column]


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


_ENCODERS: Final[dict[type, Callable[[Sequence[Any]], Iterable[str]]]] = {
    str: _encoded_texts,
    int: lambda column: map(str, column),
    float: lambda column: map(repr, column),
}
