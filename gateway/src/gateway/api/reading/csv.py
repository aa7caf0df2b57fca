"""Activity rows as CSV."""

import csv
from collections.abc import Mapping, Sequence

from gateway.api.reading.rows import Rows, too_long
from gateway.api.reading.text import cleaned, is_clean, quoted
from gateway.domain.errors import NothingReadable, TooLarge
from gateway.domain.limits import Limits
from gateway.domain.push.activity import FIELDS, ActivityRows, Layout, ReadRows, unreadable

_CONFIRMED: Mapping[str, str] = {"true": "true", "false": "", "": "", "是": "true", "否": ""}


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
            found.append((row, quoted_cells(line.removesuffix("\r"))))
    return found


def csv_body(text: str, limits: Limits, layout: Layout) -> ReadRows:
    """Returns the rows of a CSV that is at hand as a whole.

    Raises:
        NothingReadable: It has no header, or not the columns that are required.
        TooLarge: TOO_MANY_ROWS.
    """
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
        cells = quoted_cells(line)
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
        if not cell.isprintable() and not is_clean(cell):
            rows.reject(
                unreadable(row, "CHARACTER_NOT_ALLOWED", field=field, found=quoted(cell), allowed="text without control characters")
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
                found=quoted(confirmed),
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
    cells = quoted_cells(line) if len(line) <= limits.row_bytes else None
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
            line=quoted(",".join(cells)),
        )
    for heading, field in named:
        if field is None and not layout.passes_over_others:
            raise NothingReadable("HEADER_UNKNOWN", found=cleaned(heading) or '""', allowed=", ".join(layout.headings))
        if field is not None and fields.count(field) > 1:
            raise NothingReadable("HEADER_DUPLICATE", found=field)
    return [field for _, field in named]


def quoted_cells(line: str) -> list[str] | None:
    """Returns the cells of one line, or None where its quotes do not match.

    Lines are read one by one, so that an open quote spoils its own line and not the rest of the file.
    """
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        return None
