"""Tables of indicator values as they arrive: CSV, or the workbook that a park fills in."""

from collections.abc import Sequence

from starlette.requests import Request

from gateway.api.reading.body_reader import BodyReader
from gateway.api.reading.csv import csv_cells, header_fields
from gateway.api.reading.text import decoded
from gateway.api.reading.uploads import STREAM_HELD_BYTES
from gateway.domain.errors import NothingReadable, TooLarge
from gateway.domain.push.activity import RowProblem, unreadable
from gateway.domain.push.indicator_values import MOST_ROWS, VALUES, ValueRow, ValueTable, value_row
from gateway.domain.push.media import Format, Media

_Numbered = Sequence[tuple[int, Sequence[str] | None]]
"""Rows with their numbers; None where the quotes of a line do not match."""


async def read_table(readers: BodyReader, request: Request, media: Media) -> ValueTable:
    """Receives a table and returns its rows.

    Args:
        readers: How files are received and read.
        request: Whose body.
        media: How it is written: CSV or XLSX.

    Raises:
        NothingReadable, TooLarge, MalformedBody, TooSlow, Busy: As for activity records; CELLS_MERGED and ROW_TOO_LONG too.
    """
    limit = readers.limits.upload_bytes
    held = STREAM_HELD_BYTES if media.format is Format.XLSX else limit
    async with readers.uploads.stream(request, limit_bytes=limit, held_at_most=held, unpack=True) as chunks:
        if media.format is Format.XLSX:
            numbered: _Numbered = await readers.cells(chunks, MOST_ROWS)
        else:
            numbered = csv_cells(decoded(b"".join([chunk async for chunk in chunks]), media.charset), readers.limits)
    return _table(numbered, is_sheet=media.format is Format.XLSX)


def _table(numbered: _Numbered, *, is_sheet: bool) -> ValueTable:
    if not numbered:
        raise NothingReadable("BODY_EMPTY")
    _, heading = numbered[0]
    columns = [field or "" for field in header_fields(heading or [], VALUES)]
    if len(numbered) - 1 > MOST_ROWS:
        raise TooLarge("TOO_MANY_ROWS", allowed=MOST_ROWS)
    rows: list[ValueRow] = []
    rejected: list[RowProblem] = []
    blank = 0
    for number, cells in numbered[1:]:
        if cells is None:
            rejected.append(unreadable(number, "CSV_QUOTES"))
        elif len(cells) > len(columns) or (len(cells) < len(columns) and not is_sheet):
            # A sheet's rows are given without the empty cells at their end.
            rejected.append(unreadable(number, "COLUMN_COUNT", found=str(len(cells)), allowed=str(len(columns))))
        elif row := value_row(number, dict(zip(columns, cells, strict=False))):
            rows.append(row)
        else:
            blank += 1
    return ValueTable(columns, rows, blank, rejected, is_sheet)
