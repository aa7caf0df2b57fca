"""Activity rows as JSON, and small JSON bodies."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET, UnsetType

from gateway.api.reading.rows import Rows, check_row_count, too_long
from gateway.api.reading.text import UTF_8, JsonNumber, cleaned, is_clean, quoted, undecodable
from gateway.domain.errors import MalformedBody, NothingReadable
from gateway.domain.limits import Limits
from gateway.domain.push.activity import FIELDS, PLAIN, REQUIRED_FIELDS, ActivityRows, Layout, ReadRows, RowProblem, unreadable

_PUNCTUATION_BYTES = 200
"""Bound on the names and the punctuation of a row that was decoded at once."""
_ROWS_ALLOWED = 'an array of rows or {"records": [...]}'


class ActivityRow(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    record_id: str
    source_id: str
    period_start: str
    period_end: str
    quantity: str
    unit: str
    supersedes: str | UnsetType | None = UNSET
    confirmed: bool | UnsetType | None = UNSET


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    records: list[ActivityRow]


_array = msgspec.json.Decoder(list[ActivityRow])
_envelope = msgspec.json.Decoder(_Envelope)
row_decoder = msgspec.json.Decoder(ActivityRow)


def json_rows(body: bytes, limits: Limits, layout: Layout) -> ReadRows:
    """Returns the rows of a JSON body: an array, or an object whose only member `records` is one.

    Raises:
        NothingReadable: Not one row can be read.
        MalformedBody: It holds NaN or Infinity, or is nested too deeply.
        TooLarge: TOO_MANY_ROWS.
    """
    opening = body.lstrip(b" \t\r\n")[:1]
    if not opening:
        raise NothingReadable("BODY_EMPTY")
    check_row_count(body, limits)
    try:
        rows = _array.decode(body) if opening == b"[" else _envelope.decode(body).records
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        rows = []
    if rows and each_name_once(body, rows, others=opening == b"{"):
        columns = columns_of(range(1, len(rows) + 1), rows)
        short = len(body) <= limits.row_bytes or columns.widest_bytes + _PUNCTUATION_BYTES <= limits.row_bytes
        if short and all_clean(body, columns):
            return ReadRows(columns, ())
    return _json_row_by_row(body, limits, layout)


def each_name_once(body: bytes, rows: Sequence[ActivityRow], *, others: int = 0) -> bool:
    """Tells whether no object names a member twice: as many names are written as members were read.

    In JSON that could be decoded, each name ends in a quote and a colon, however it is spelled. A value can hold the two as well;
    that makes the count too high and costs only time.

    Args:
        body: What was decoded.
        rows: What it was decoded to.
        others: Members outside of the rows.
    """
    # Without white space a name and its colon stand side by side.
    written = body.translate(None, b" \t\r\n").count(b'":')
    least = len(REQUIRED_FIELDS) * len(rows) + others
    if written == least:
        return True
    optional = sum(row.supersedes is not UNSET for row in rows) + sum(row.confirmed is not UNSET for row in rows)
    return written == least + optional


def columns_of(row_numbers: Sequence[int], rows: Sequence[ActivityRow]) -> ActivityRows:
    """Returns decoded rows as columns."""
    return ActivityRows(
        row_numbers,
        [row.record_id for row in rows],
        [row.source_id for row in rows],
        [row.period_start for row in rows],
        [row.period_end for row in rows],
        [row.quantity for row in rows],
        [row.unit for row in rows],
        [row.supersedes or "" for row in rows],
        ["true" if row.confirmed is True else "" for row in rows],
    )


def all_clean(body: bytes, rows: ActivityRows) -> bool:
    """Tells whether no text of rows that were decoded at once holds what a text must not.

    Only escape sequences can bring it into JSON that could be decoded, and DEL, which JSON takes as it is.
    """
    if b"\\" not in body and b"\x7f" not in body:
        return True
    columns = (rows.record_id, rows.source_id, rows.period_start, rows.period_end, rows.quantity, rows.unit, rows.supersedes)
    return all("".join(column).isprintable() for column in columns)


class NotFinite(ValueError):
    """NaN, Infinity or -Infinity, which are not JSON."""


class _DuplicateMember(dict[str, Any]):
    """An object that names a member twice; the row is refused, not the file."""

    def __init__(self, members: list[tuple[str, Any]], name: str) -> None:
        super().__init__(members)
        self.name = name


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) == len(members):
        return found
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            return _DuplicateMember(members, name)
        seen.add(name)
    return found


def _not_finite(text: str) -> NoReturn:
    raise NotFinite(text)


value_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=_not_finite, strict=True
)


def _object_without_repetition(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _object(members)
    if isinstance(found, _DuplicateMember):
        raise MalformedBody("FIELD_DUPLICATE", field=found.name)
    return found


_small_decoder = json.JSONDecoder(object_pairs_hook=_object_without_repetition, parse_constant=_not_finite, strict=True)


def strict_json(body: bytes) -> object:
    """Returns the value of a small JSON body.

    Raises:
        MalformedBody: It is not JSON in UTF-8, holds NaN or Infinity, names a member twice, or is nested too deeply.
    """
    try:
        return _small_decoder.decode(body.decode(UTF_8))
    except UnicodeDecodeError as error:
        raise MalformedBody("TEXT_NOT_DECODABLE", found=undecodable(body, error), allowed="UTF-8") from None
    except RecursionError:
        raise MalformedBody("JSON_TOO_DEEP") from None
    except NotFinite as error:
        raise MalformedBody("NUMBER_NOT_FINITE", found=str(error)) from None
    except json.JSONDecodeError as error:
        raise MalformedBody("BODY_NOT_JSON", found=_place(error)) from None
    except ValueError:  # a number of more digits than Python converts
        raise MalformedBody("BODY_NOT_JSON", found="a number with too many digits") from None


def _place(error: json.JSONDecodeError) -> str:
    return f"{error.msg}, line {error.lineno}, column {error.colno}"


def _json_row_by_row(body: bytes, limits: Limits, layout: Layout = PLAIN) -> ReadRows:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NothingReadable("TEXT_NOT_DECODABLE", found=undecodable(body, error), allowed="UTF-8") from None
    rows = Rows(limits)
    row = 0
    try:
        for row, value, length in _elements(text):
            if length > limits.row_bytes:
                rows.reject(too_long(row, length, limits))
            else:
                take_value(rows, row, value, layout)
    except RecursionError:
        raise MalformedBody("JSON_TOO_DEEP") from None
    except NotFinite as error:
        raise MalformedBody("NUMBER_NOT_FINITE", found=str(error), row=str(row + 1)) from None
    except json.JSONDecodeError as error:
        raise NothingReadable("BODY_NOT_JSON", found=_place(error)) from None
    return rows.read()


def _elements(text: str) -> Iterator[tuple[int, object, int]]:
    """Yields number, value and length in bytes of every element of the array of rows, one at a time.

    One at a time, because a body of ten million numbers must end at the row limit and not in memory.
    """
    at = _skip(text, 0)
    enveloped = text[at : at + 1] == "{"
    if enveloped:
        at = _skip(text, at + 1)
        name, at = value_decoder.raw_decode(text, at) if text[at : at + 1] == '"' else ("", at)
        if name != "records":
            found = f"an object with the member {name}" if name else "an object without records"
            raise NothingReadable("BODY_NOT_ROWS", found=found, allowed=_ROWS_ALLOWED)
        at = _expect(text, at, ":")
    if text[at : at + 1] != "[":
        raise NothingReadable("BODY_NOT_ROWS", found=_kind_at(text, at), allowed=_ROWS_ALLOWED)
    at = _skip(text, at + 1)
    row = 0
    while text[at : at + 1] != "]":
        if row:
            at = _expect(text, at, ",")
        row += 1
        value, end = value_decoder.raw_decode(text, at)
        yield row, value, len(text[at:end].encode("utf-8"))
        at = _skip(text, end)
    at = _skip(text, at + 1)
    if enveloped:
        if text[at : at + 1] == ",":
            raise NothingReadable("BODY_NOT_ROWS", found="more members than records", allowed=_ROWS_ALLOWED)
        at = _expect(text, at, "}")
    if at != len(text):
        raise json.JSONDecodeError("Extra data", text, at)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise json.JSONDecodeError(f"Expecting '{mark}'", text, at)
    return _skip(text, at + 1)


def _kind_at(text: str, at: int) -> str:
    value, _ = value_decoder.raw_decode(text, at)
    return quoted(value)


def take_value(rows: Rows, row: int, value: object, layout: Layout) -> None:
    """Keeps a decoded row, or rejects it for the first thing that is wrong with its shape."""
    if layout is not PLAIN:
        value = _renamed(value, layout)
    problem = _shape_problem(row, value)
    if problem is not None:
        rows.reject(problem)
        return
    assert isinstance(value, dict)
    texts = [value.get(field) or "" for field in FIELDS[:-1]]
    rows.keep(row, [*texts, "true" if value.get("confirmed") is True else ""])


def _renamed(value: object, layout: Layout) -> object:
    """Returns an object with the platform's names in place of the layout's; one that then has a name twice is marked so."""
    if not isinstance(value, dict) or isinstance(value, _DuplicateMember):
        return value
    members = [
        (layout.headings.get(name, name), content)
        for name, content in value.items()
        if name in layout.headings or not layout.passes_over_others
    ]
    return _object(members)


def _shape_problem(row: int, value: object) -> RowProblem | None:
    if not isinstance(value, dict):
        return unreadable(row, "ROW_NOT_AN_OBJECT", found=quoted(value), allowed="an object")
    named = value.get("record_id")
    record_id = named if isinstance(named, str) and not isinstance(named, JsonNumber) and is_clean(named) else ""

    def refused(reason: str, field: str, found: str, allowed: str) -> RowProblem:
        return unreadable(row, reason, record_id=record_id, field=field, found=found, allowed=allowed)

    if isinstance(value, _DuplicateMember):
        return refused("FIELD_DUPLICATE", cleaned(value.name), "twice", "once")
    for field, content in value.items():
        if field not in FIELDS:
            return refused("FIELD_UNKNOWN", cleaned(field), quoted(content), ", ".join(FIELDS))
        if content is None:
            continue
        if field == "confirmed":
            if not isinstance(content, bool):
                return refused("CONFIRMED_NOT_A_BOOLEAN", field, quoted(content), "true, false")
        elif isinstance(content, JsonNumber) or not isinstance(content, str):
            reason = "QUANTITY_NOT_A_STRING" if field == "quantity" else "FIELD_NOT_A_STRING"
            return refused(reason, field, quoted(content), "a string")
        elif not is_clean(content):
            return refused("CHARACTER_NOT_ALLOWED", field, quoted(content), "text without control characters")
    return None
