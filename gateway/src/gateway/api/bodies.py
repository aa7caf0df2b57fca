"""Bodies of activity rows: JSON, NDJSON and CSV become columns of text with row numbers. No value is judged here.

Each format has two ways. The short one decodes everything at once and is taken only where that cannot hide anything: every row is
fit to be kept, and a JSON body writes exactly as many names as were read, so that none stands twice. Everything else goes the long
way, row by row, where each bad row gets a result of its own.
"""

import codecs
import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET, UnsetType

from gateway.domain import wording
from gateway.domain.errors import MalformedBody, NothingReadable, TooLarge, Unsupported
from gateway.domain.limits import Limits
from gateway.domain.push.activity import FIELDS, PLAIN, REQUIRED_FIELDS, ActivityRows, Layout, ReadRows, RowProblem, unreadable


class Format(StrEnum):
    """How rows are written, by media type."""

    JSON = "application/json"
    NDJSON = "application/x-ndjson"
    CSV = "text/csv"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    PARQUET = "application/vnd.apache.parquet"


WORKBOOKS = frozenset({Format.XLSX, Format.PARQUET})
"""Formats that are read in a process of their own, by `workbook_worker`."""


@dataclass(frozen=True, slots=True)
class Media:
    """What the Content-Type says. `charset` is a Python codec; "" means that it has to be found out."""

    format: Format
    charset: str


_UTF_8 = "utf-8-sig"
"""UTF-8, with or without a byte order mark."""

_CHARSETS: Mapping[str, str] = {
    "utf-8": _UTF_8,
    "utf8": _UTF_8,
    "utf-8-sig": _UTF_8,
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
}
BOM = b"\xef\xbb\xbf"
_PUNCTUATION_BYTES = 200
"""Bound on the names and the punctuation of a row that was decoded at once."""

_CONFIRMED: Mapping[str, str] = {"true": "true", "false": "", "": "", "是": "true", "否": ""}
_ROWS_ALLOWED = 'an array of rows or {"records": [...]}'


def media_of(content_type: str | None, allowed: Sequence[Format] = tuple(Format)) -> Media:
    """Returns how a body is written, by its Content-Type.

    Args:
        content_type: The header.
        allowed: What the route reads.

    Raises:
        Unsupported: MEDIA_TYPE_UNSUPPORTED or CHARSET_UNSUPPORTED.
    """
    name, *parameters = (content_type or "").split(";")
    form = next((form for form in allowed if form == name.strip().lower()), None)
    if form is None:
        raise Unsupported("MEDIA_TYPE_UNSUPPORTED", found=name.strip() or "none", allowed=", ".join(allowed))
    if form in WORKBOOKS:
        return Media(form, "")
    charset = ""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    codecs = _CHARSETS if form is Format.CSV else {name: codec for name, codec in _CHARSETS.items() if codec == _UTF_8}
    if charset and charset not in codecs:
        raise Unsupported("CHARSET_UNSUPPORTED", found=charset, allowed=", ".join(codecs))
    return Media(form, codecs.get(charset, "" if form is Format.CSV else _UTF_8))


def read_rows(body: bytes, media: Media, limits: Limits, layout: Layout = PLAIN) -> ReadRows:
    """Returns the rows of a body that is at hand as a whole.

    Args:
        body: As it arrived, at most `limits.upload_bytes`.
        media: How it is written: JSON, NDJSON or CSV.
        limits: Rows in all, bytes of a row.
        layout: The names that the columns have.

    Raises:
        NothingReadable: Not one row can be read.
        MalformedBody: A JSON array holds NaN or Infinity, or is nested too deeply.
        TooLarge: TOO_MANY_ROWS.
    """
    match media.format:
        case Format.JSON:
            read = _json(body.removeprefix(BOM), limits, layout)
        case Format.NDJSON:
            read = _ndjson(body.removeprefix(BOM), limits, layout)
        case Format.CSV:
            read = _csv(decoded(body, media.charset), limits, layout)
        case _:
            raise AssertionError(f"{media.format} is read by a worker")
    if not len(read.rows) and not read.rejected:
        raise NothingReadable("BODY_EMPTY")
    return read


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    record_id: str
    source_id: str
    period_start: str
    period_end: str
    quantity: str
    unit: str
    supersedes: str | UnsetType | None = UNSET
    confirmed: bool | UnsetType | None = UNSET


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    records: list[_Row]


_array = msgspec.json.Decoder(list[_Row])
_envelope = msgspec.json.Decoder(_Envelope)
_one = msgspec.json.Decoder(_Row)


def _json(body: bytes, limits: Limits, layout: Layout) -> ReadRows:
    opening = body.lstrip(b" \t\r\n")[:1]
    if not opening:
        raise NothingReadable("BODY_EMPTY")
    _check_rows(body, limits)
    try:
        rows = _array.decode(body) if opening == b"[" else _envelope.decode(body).records
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        rows = []
    if rows and _each_name_once(body, rows, others=opening == b"{"):
        columns = _columns(range(1, len(rows) + 1), rows)
        short = len(body) <= limits.row_bytes or columns.widest_bytes + _PUNCTUATION_BYTES <= limits.row_bytes
        if short and _all_clean(body, columns):
            return ReadRows(columns, ())
    return _json_row_by_row(body, limits, layout)


def _check_rows(body: bytes, limits: Limits) -> None:
    """Refuses a body that names more records than an upload may have rows, before anything is decoded."""
    if body.count(b'"record_id":') > limits.rows:
        raise TooLarge("TOO_MANY_ROWS", allowed=limits.rows)


def _each_name_once(body: bytes, rows: Sequence[_Row], *, others: int = 0) -> bool:
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


def _columns(row_numbers: Sequence[int], rows: Sequence[_Row]) -> ActivityRows:
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


def _all_clean(body: bytes, rows: ActivityRows) -> bool:
    """Tells whether no text of rows that were decoded at once holds what a text must not.

    Only escape sequences can bring it into JSON that could be decoded, and DEL, which JSON takes as it is.
    """
    if b"\\" not in body and b"\x7f" not in body:
        return True
    columns = (rows.record_id, rows.source_id, rows.period_start, rows.period_end, rows.quantity, rows.unit, rows.supersedes)
    return all("".join(column).isprintable() for column in columns)


class Rows:
    """Rows and refusals gathered one by one."""

    def __init__(self, limits: Limits) -> None:
        """Holds nothing yet; takes at most `limits.rows`."""
        self._limits = limits
        self._columns: tuple[list[str], ...] = tuple([] for _ in FIELDS)
        self._row_numbers: list[int] = []
        self._rejected: list[RowProblem] = []

    def keep(self, row: int, values: Iterable[str]) -> None:
        """Adds a row with its values in the order of FIELDS."""
        self._room()
        self._row_numbers.append(row)
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)

    def reject(self, problem: RowProblem) -> None:
        """Adds a row that cannot be read."""
        self._room()
        self._rejected.append(problem)

    def _room(self) -> None:
        if len(self._row_numbers) + len(self._rejected) >= self._limits.rows:
            raise TooLarge("TOO_MANY_ROWS", allowed=self._limits.rows)

    def read(self) -> ReadRows:
        """Returns what was gathered."""
        return ReadRows(ActivityRows(self._row_numbers, *self._columns), self._rejected)


class _Number(str):
    """A JSON number as it was written: no digit is lost on the way into a message."""

    __slots__ = ()


class _NotFinite(ValueError):
    """NaN, Infinity or -Infinity, which are not JSON."""


class _Twice(dict[str, Any]):
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
            return _Twice(members, name)
        seen.add(name)
    return found


def _not_finite(text: str) -> NoReturn:
    raise _NotFinite(text)


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_Number, parse_float=_Number, parse_constant=_not_finite, strict=True
)


def _object_without_repetition(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = _object(members)
    if isinstance(found, _Twice):
        raise MalformedBody("FIELD_DUPLICATE", field=found.name)
    return found


_small_decoder = json.JSONDecoder(object_pairs_hook=_object_without_repetition, parse_constant=_not_finite, strict=True)


def strict_json(body: bytes) -> object:
    """Returns the value of a small JSON body.

    Raises:
        MalformedBody: It is not JSON in UTF-8, holds NaN or Infinity, names a member twice, or is nested too deeply.
    """
    try:
        return _small_decoder.decode(body.decode(_UTF_8))
    except UnicodeDecodeError as error:
        raise MalformedBody("TEXT_NOT_DECODABLE", found=undecodable(body, error), allowed="UTF-8") from None
    except RecursionError:
        raise MalformedBody("JSON_TOO_DEEP") from None
    except _NotFinite as error:
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
                _take(rows, row, value, layout)
    except RecursionError:
        raise MalformedBody("JSON_TOO_DEEP") from None
    except _NotFinite as error:
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
        name, at = _decoder.raw_decode(text, at) if text[at : at + 1] == '"' else ("", at)
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
        value, end = _decoder.raw_decode(text, at)
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
    value, _ = _decoder.raw_decode(text, at)
    return _shown(value)


def _take(rows: Rows, row: int, value: object, layout: Layout) -> None:
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
    if not isinstance(value, dict) or isinstance(value, _Twice):
        return value
    members = [
        (layout.headings.get(name, name), content)
        for name, content in value.items()
        if name in layout.headings or not layout.passes_over_others
    ]
    return _object(members)


def _shape_problem(row: int, value: object) -> RowProblem | None:
    if not isinstance(value, dict):
        return unreadable(row, "ROW_NOT_AN_OBJECT", found=_shown(value), allowed="an object")
    named = value.get("record_id")
    record_id = named if isinstance(named, str) and not isinstance(named, _Number) and _clean(named) else ""

    def refused(reason: str, field: str, found: str, allowed: str) -> RowProblem:
        return unreadable(row, reason, record_id=record_id, field=field, found=found, allowed=allowed)

    if isinstance(value, _Twice):
        return refused("FIELD_DUPLICATE", _cleaned(value.name), "twice", "once")
    for field, content in value.items():
        if field not in FIELDS:
            return refused("FIELD_UNKNOWN", _cleaned(field), _shown(content), ", ".join(FIELDS))
        if content is None:
            continue
        if field == "confirmed":
            if not isinstance(content, bool):
                return refused("CONFIRMED_NOT_A_BOOLEAN", field, _shown(content), "true, false")
        elif isinstance(content, _Number) or not isinstance(content, str):
            reason = "QUANTITY_NOT_A_STRING" if field == "quantity" else "FIELD_NOT_A_STRING"
            return refused(reason, field, _shown(content), "a string")
        elif not _clean(content):
            return refused("CHARACTER_NOT_ALLOWED", field, _shown(content), "text without control characters")
    return None


def _shown(value: object) -> str:
    """Returns a JSON value for a message: short, and without anything that could not be sent."""
    match value:
        case _Number():
            return wording.shortened(str(value))
        case str():
            return wording.shortened(json.dumps(value[: wording.FOUND_CHARACTERS], ensure_ascii=not _clean(value)))
        case dict():
            return "an object"
        case list():
            return "an array"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
    return type(value).__name__


def _cleaned(text: str) -> str:
    return text if _clean(text) else json.dumps(text[: wording.FOUND_CHARACTERS])


def _clean(text: str) -> bool:
    """Tells whether a text can be stored and sent: no control characters, no half of a surrogate pair."""
    return text.isprintable() or not any(
        character < " " or character == "\x7f" or "\ud800" <= character <= "\udfff" for character in text
    )


def too_long(row: int, length: int, limits: Limits) -> RowProblem:
    """Returns the problem of a row of more bytes than a row may have."""
    return unreadable(row, "LINE_TOO_LONG", found=str(length), allowed=str(limits.row_bytes))


def _ndjson(body: bytes, limits: Limits, layout: Layout) -> ReadRows:
    _check_rows(body, limits)
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return ndjson_rows(lines, 1, limits, layout)


def ndjson_rows(lines: Sequence[bytes], first_row: int, limits: Limits, layout: Layout = PLAIN) -> ReadRows:
    """Returns the rows of some lines of NDJSON; blank ones are none.

    Args:
        lines: Without their ends.
        first_row: The number of the first line, from 1.
        limits: Rows of these lines, bytes of a row.
        layout: The names that the members have.

    Raises:
        TooLarge: TOO_MANY_ROWS.
    """
    try:
        rows = [_one.decode(line) for line in lines]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        rows = []
    if rows and len(rows) <= limits.rows and max(map(len, lines)) <= limits.row_bytes:
        body = b"\n".join(lines)
        if _each_name_once(body, rows):
            columns = _columns(range(first_row, first_row + len(rows)), rows)
            if _all_clean(body, columns):
                return ReadRows(columns, ())
    return _ndjson_line_by_line(lines, first_row, limits, layout)


def _ndjson_line_by_line(lines: Sequence[bytes], first_row: int, limits: Limits, layout: Layout = PLAIN) -> ReadRows:
    rows = Rows(limits)
    for row, line in enumerate(lines, start=first_row):
        if not line or line.isspace():
            continue
        if len(line) > limits.row_bytes:
            rows.reject(too_long(row, len(line), limits))
            continue
        try:
            value = _decoder.decode(line.decode("utf-8"))
        except RecursionError:
            rows.reject(unreadable(row, "JSON_TOO_DEEP"))
        except _NotFinite as error:
            rows.reject(unreadable(row, "NUMBER_NOT_FINITE", found=str(error), allowed="a decimal as a string"))
        except json.JSONDecodeError as error:
            rows.reject(unreadable(row, "LINE_NOT_JSON", found=f"{error.msg}, column {error.colno}", allowed="a JSON object"))
        except UnicodeDecodeError:
            rows.reject(unreadable(row, "LINE_NOT_JSON", found="bytes that are not UTF-8", allowed="a JSON object"))
        else:
            _take(rows, row, value, layout)
    return rows.read()


def decoded(body: bytes, charset: str) -> str:
    """Returns a CSV as text.

    Without a charset: UTF-8, and what is not UTF-8 is GB18030. The order decides nothing wrongly for real text: Chinese in GB18030
    is practically never valid UTF-8, while UTF-8 often is valid GB18030. What neither can hold, such as NUL bytes of a workbook or
    of UTF-16, is refused; so is a file with one broken byte, and the place that is named is the furthest that any of them came to.
    """
    furthest: UnicodeDecodeError | None = None
    for codec in [charset] if charset else [_UTF_8, "gb18030"]:
        try:
            text = body.decode(codec)
        except UnicodeDecodeError as error:
            if furthest is None or error.start > furthest.start:
                furthest = error
            continue
        if "\0" not in text:
            return text.removeprefix("\ufeff")
    allowed = charset.removesuffix("-sig") if charset else "utf-8, gb18030"
    raise NothingReadable("TEXT_NOT_DECODABLE", found=undecodable(body, furthest), allowed=allowed)


def undecodable(body: bytes, error: UnicodeDecodeError | None) -> str:
    """Returns where a body is no text, for a message; without an error it has NUL bytes.

    Args:
        body: As it arrived.
        error: What its decoding ended with.
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    if error is None:
        return "NUL"
    return f"0x{body[error.start]:02X}, line {body.count(bytes([10]), 0, error.start) + 1}"


def csv_cells(text: str, limits: Limits) -> list[tuple[int, list[str] | None]]:
    """Returns the lines of a small CSV that are not blank as cells, with their numbers from 1; None where quotes do not match.

    Raises:
        TooLarge: ROW_TOO_LONG.
    """
    found: list[tuple[int, list[str] | None]] = []
    for row, line in enumerate(text.split("\n"), start=1):
        if 4 * len(line) > limits.row_bytes and len(line.encode()) > limits.row_bytes:
            raise TooLarge("ROW_TOO_LONG", allowed=limits.row_bytes)
        if line.strip(", \t\r"):
            found.append((row, _quoted_cells(line.removesuffix("\r"))))
    return found


def _csv(text: str, limits: Limits, layout: Layout) -> ReadRows:
    lines = text.split("\n")
    header_at = next((at for at, line in enumerate(lines) if line.strip()), None)
    if header_at is None:
        raise NothingReadable("BODY_EMPTY")
    header = csv_header(lines[header_at].removesuffix("\r"), limits, layout)
    return csv_rows(header, lines[header_at + 1 :], header_at + 2, limits)


def csv_rows(header: Sequence[str | None], lines: Sequence[str], first_row: int, limits: Limits) -> ReadRows:
    """Returns the rows of some lines of CSV after the header; blank ones are none.

    Args:
        header: The field of each column, None for a column that is passed over.
        lines: Without their line feeds; carriage returns are taken off.
        first_row: The number of the first line, from 1.
        limits: Rows of these lines, bytes of a row.

    Raises:
        TooLarge: TOO_MANY_ROWS.
    """
    lines = [line.removesuffix("\r") for line in lines]
    if not any('"' in line for line in lines):
        at_once = _csv_at_once(header, lines, first_row, limits)
        if at_once is not None:
            return at_once
    return _csv_line_by_line(header, lines, first_row, limits)


def _csv_at_once(header: Sequence[str | None], lines: list[str], first_row: int, limits: Limits) -> ReadRows | None:
    """Returns all rows where every line is one and fit to be kept, or None where any needs a look of its own."""
    if lines and not lines[-1]:
        lines.pop()
    if not lines or len(lines) > limits.rows or 4 * max(map(len, lines)) > limits.row_bytes:
        return None
    cells = [line.split(",") for line in lines]
    if set(map(len, cells)) != {len(header)} or not "".join(lines).isprintable():
        return None
    named: dict[str | None, Sequence[str]] = dict(zip(header, zip(*cells, strict=True), strict=True))
    nothing = [""] * len(lines)
    if not all(map(str.strip, named.get("record_id", nothing))):
        return None
    confirmed = named.get("confirmed", nothing)
    words = {word: word.strip().lower() for word in set(confirmed)}
    if not _CONFIRMED.keys() >= set(words.values()):
        return None
    columns = [list(named.get(field, nothing)) for field in FIELDS[:-1]]
    columns.append([_CONFIRMED[words[word]] for word in confirmed])
    return ReadRows(ActivityRows(range(first_row, first_row + len(lines)), *columns), ())


def _csv_line_by_line(header: Sequence[str | None], lines: Sequence[str], first_row: int, limits: Limits) -> ReadRows:
    rows = Rows(limits)
    for row, line in enumerate(lines, start=first_row):
        if not line.strip(", \t"):
            continue
        if 4 * len(line) > limits.row_bytes and (length := len(line.encode())) > limits.row_bytes:
            rows.reject(too_long(row, length, limits))
            continue
        cells = _quoted_cells(line)
        if cells is None:
            rows.reject(unreadable(row, "CSV_QUOTES"))
        else:
            take_cells(rows, row, header, cells)
    return rows.read()


def take_cells(rows: Rows, row: int, header: Sequence[str | None], cells: Sequence[str]) -> None:
    """Keeps the cells of a row, or rejects it for the first thing that is wrong with their shape.

    Args:
        rows: Where it is kept.
        row: Its number.
        header: The field of each column, None for a column that is passed over.
        cells: Their text.
    """
    if len(cells) != len(header):
        rows.reject(unreadable(row, "COLUMN_COUNT", found=str(len(cells)), allowed=str(len(header))))
        return
    named = {field: cell for field, cell in zip(header, cells, strict=True) if field is not None}
    for field, cell in named.items():
        if not cell.isprintable() and not _clean(cell):
            rows.reject(
                unreadable(row, "CHARACTER_NOT_ALLOWED", field=field, found=_shown(cell), allowed="text without control characters")
            )
            return
    confirmed = named.get("confirmed", "")
    if confirmed.strip().lower() not in _CONFIRMED:
        rows.reject(
            unreadable(
                row,
                "CONFIRMED_NOT_A_BOOLEAN",
                record_id=named.get("record_id", ""),
                field="confirmed",
                found=_shown(confirmed),
                allowed="true, false, 是, 否",
            )
        )
        return
    named["confirmed"] = _CONFIRMED[confirmed.strip().lower()]
    rows.keep(row, [named.get(field, "") for field in FIELDS])


def csv_header(line: str, limits: Limits, layout: Layout) -> list[str | None]:
    """Returns the field of each column by the header line of a CSV, None for a column that the layout passes over.

    Raises:
        NothingReadable: HEADER_MISSING, HEADER_UNKNOWN or HEADER_DUPLICATE.
    """
    cells = _quoted_cells(line) if len(line) <= limits.row_bytes else None
    return header_fields([] if cells is None else cells, layout)


def header_fields(cells: Sequence[str], layout: Layout) -> list[str | None]:
    """Returns the field of each column by its heading, None for a column that the layout passes over.

    Raises:
        NothingReadable: HEADER_MISSING, HEADER_UNKNOWN or HEADER_DUPLICATE.
    """
    named = [(cell.strip(), layout.headings.get(cell.strip())) for cell in cells]
    fields = [field for _, field in named if field is not None]
    # What is missing comes first: a file without a header line would otherwise be told that its first value is an unknown column.
    missing = [field for field in layout.required if field not in fields]
    if missing:
        wanted = [layout.heading_of(field) for field in layout.required]
        raise NothingReadable(
            "HEADER_MISSING",
            found=", ".join(layout.heading_of(field) for field in missing),
            allowed=", ".join(wanted),
            line=_shown(",".join(cells)),
        )
    for heading, field in named:
        if field is None and not layout.passes_over_others:
            raise NothingReadable("HEADER_UNKNOWN", found=_cleaned(heading) or '""', allowed=", ".join(layout.headings))
        if field is not None and fields.count(field) > 1:
            raise NothingReadable("HEADER_DUPLICATE", found=field)
    return [field for _, field in named]


def _quoted_cells(line: str) -> list[str] | None:
    """Returns the cells of one line, or None where its quotes do not match.

    Lines are read one by one, so that an open quote spoils its own line and not the rest of the file.
    """
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        return None
