"""Reads one workbook or Parquet file in a process of its own: `python -m gateway.api.reading.worker`.

Both formats are compressed trees that only a library reads, and a file of a megabyte can take minutes and gigabytes. The kernel
limits the process's memory and time; it has no environment and writes no file. It reads the file from its standard input and writes
what it read to its standard output, as messages with their length before them.
"""

import resource
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any, BinaryIO

import msgspec

from gateway.api.reading.csv import header_fields, take_cells
from gateway.api.reading.rows import Rows, too_long
from gateway.api.reading.workbooks import AllRead, CellsRead, FileRefused, PartRead, ReadRequest, message
from gateway.domain.errors import GatewayError, NothingReadable, TooLarge
from gateway.domain.limits import Limits
from gateway.domain.push.activity import FIELDS, Layout, ReadRows
from gateway.domain.push.media import Format

_PIECE = 64 * 1024
_MOST_PARTS = 2000
"""Files in one XLSX; a workbook of one sheet has about ten."""

_CELL_ROWS = 500
"""Rows of a message; with the longest rows it stays below the longest message."""


def run() -> None:
    """Reads the standard input as the argument asks, and writes messages to the standard output."""
    request = msgspec.json.decode(sys.argv[1], type=ReadRequest)
    _limit(request.limits)
    content = sys.stdin.buffer.read(request.limits.upload_bytes + 1)
    write_parts(content, request, sys.stdout.buffer)


def _limit(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.worker_cpu_seconds, limits.worker_cpu_seconds))
    resource.setrlimit(resource.RLIMIT_DATA, (limits.worker_memory_bytes, limits.worker_memory_bytes))


def write_parts(content: bytes, request: ReadRequest, out: BinaryIO) -> None:
    """Writes the rows of a file as messages, or why it is refused.

    Args:
        content: The file.
        asked: How it is read.
        out: Where messages go.
    """
    try:
        for part in _parts(content, request):
            out.write(message(part))
            out.flush()
    except GatewayError as error:
        out.write(message(FileRefused(type(error).__name__, error.reason, error.facts())))
    except MemoryError:
        limits = request.limits
        allowed = f"{limits.worker_memory_bytes // (1024 * 1024)} MiB, {limits.worker_cpu_seconds} s"
        out.write(message(FileRefused(TooLarge.__name__, "FILE_TOO_COSTLY", {"allowed": allowed})))
    else:
        out.write(message(AllRead()))
    out.flush()


def _parts(content: bytes, request: ReadRequest) -> Iterator[PartRead | CellsRead]:
    if request.layout is None:
        yield from _cells(content, request.limits)
        return
    reader = _xlsx if request.format is Format.XLSX else _parquet
    yield from map(_part, reader(content, request.limits, request.layout))


def _part(read: ReadRows) -> PartRead:
    columns = [getattr(read.rows, field) for field in FIELDS]
    return PartRead(read.rows.row_numbers, columns, read.rejected)


def _xlsx(content: bytes, limits: Limits, layout: Layout) -> Iterator[ReadRows]:
    yield from _table(_texts(_sheet(content, limits)), limits, layout)


def _texts(sheet: Any) -> Iterator[list[str]]:
    return ([_text(cell) for cell in cells] for cells in sheet.iter_rows())


def _cells(content: bytes, limits: Limits) -> Iterator[CellsRead]:
    """Yields the rows that are not empty, as people see them.

    A table in which an empty cell says nothing would lose without a word what only looks empty to a reader of stored results: the
    cells of a merged range but the first, errors, and formulas that no program has calculated. The first is refused; an error is
    the text that the sheet shows, and such a formula its own text. A number in a percent format is followed by `%`.
    """
    # Only this process and only this way of reading need it: it knows formats and formulas, at fifty times the time.
    from openpyxl import load_workbook  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    name = _sheet(content, limits).name
    gathered: list[tuple[int, Sequence[str]]] = []
    try:
        shown = load_workbook(BytesIO(content), data_only=True)[name]
        written = load_workbook(BytesIO(content))[name]
        if shown.merged_cells.ranges:
            raise NothingReadable("CELLS_MERGED", found=min(str(each) for each in shown.merged_cells.ranges))
        for row, (results, formulas) in enumerate(zip(shown.iter_rows(), written.iter_rows(), strict=True), start=1):
            kept = _without_empty_end(list(map(_seen, results, formulas)))
            if not kept:
                continue
            if sum(len(cell.encode("utf-8", "surrogatepass")) for cell in kept) > limits.row_bytes:
                raise TooLarge("ROW_TOO_LONG", allowed=limits.row_bytes)
            gathered.append((row, kept))
            if len(gathered) % _CELL_ROWS == 0:
                yield CellsRead(gathered)
                gathered = []
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError, InvalidFileException) as error:
        raise NothingReadable("FILE_NOT_READABLE", found=str(error)[:200], allowed="XLSX") from None
    yield CellsRead(gathered)


def _seen(result: Any, formula: Any) -> str:
    if result.value is None and formula.data_type == "f":
        return f"={str(formula.value).removeprefix('=')}"
    if isinstance(result.value, int | float) and not isinstance(result.value, bool) and "%" in result.number_format:
        return f"{format(Decimal(_text(result.value)).scaleb(2), 'f')}%"
    return _text(result.value)


def _sheet(content: bytes, limits: Limits) -> Any:
    """Returns the first sheet that people see."""
    # Each format's library is imported by the process that needs it: pyarrow takes a third of a second.
    from python_calamine import (  # noqa: PLC0415
        CalamineError,
        CalamineWorkbook,
        SheetTypeEnum,
        SheetVisibleEnum,
    )

    _check_parts(content, limits)
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(content))
        shown = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.visible is SheetVisibleEnum.Visible and sheet.typ is SheetTypeEnum.WorkSheet
        ]
        if not shown:
            raise NothingReadable("BODY_EMPTY")
        sheet = workbook.get_sheet_by_name(shown[0])
    except CalamineError as error:
        raise NothingReadable("FILE_NOT_READABLE", found=str(error), allowed="XLSX") from None
    if sheet.start is None:
        raise NothingReadable("BODY_EMPTY")
    if sheet.height > limits.rows + 1:
        raise TooLarge("TOO_MANY_ROWS", allowed=limits.rows)
    return sheet


def _check_parts(content: bytes, limits: Limits) -> None:
    """Refuses an archive that unpacks to more than a workbook may, or to something else than it declares, before it is parsed.

    Every part is unpacked here piece by piece and thrown away: what an archive declares is not what it holds.
    """
    unpacked_bytes = 0
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > limits.unpacked_bytes:
                raise TooLarge("FILE_TOO_COSTLY", allowed=f"{limits.unpacked_bytes // (1024 * 1024)} MiB")
            if "xl/workbook.xml" not in archive.namelist():
                raise NothingReadable("FILE_NOT_READABLE", found="no xl/workbook.xml", allowed="XLSX")
            for part in parts:
                with archive.open(part) as opened:
                    while piece := opened.read(_PIECE):
                        unpacked_bytes += len(piece)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise NothingReadable("FILE_NOT_READABLE", found=str(error), allowed="XLSX") from None
    assert unpacked_bytes <= limits.unpacked_bytes


def _table(rows: Iterable[Sequence[str]], limits: Limits, layout: Layout) -> Iterator[ReadRows]:
    header: Sequence[str | None] | None = None
    gathered, count = Rows(limits), 0
    for row, cells in enumerate(rows, start=1):
        if not any(cell and not cell.isspace() for cell in cells):
            continue
        if header is None:
            header = header_fields(_without_empty_end(cells), layout)
            continue
        length = sum(len(cell.encode("utf-8", "surrogatepass")) for cell in cells)
        if length > limits.row_bytes:
            gathered.reject(too_long(row, length, limits))
        else:
            # Empty cells beyond the headings are formatting; others have no heading to be read by.
            take_cells(gathered, row, header, [*cells[: len(header)], *_without_empty_end(cells[len(header) :])])
        count += 1
        if count % limits.batch_rows == 0:
            yield gathered.read()
            gathered = Rows(limits)
    if not count:
        raise NothingReadable("BODY_EMPTY")
    if count % limits.batch_rows:
        yield gathered.read()


def _without_empty_end(cells: Sequence[str]) -> list[str]:
    kept = list(cells)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _parquet(content: bytes, limits: Limits, layout: Layout) -> Iterator[ReadRows]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=False)
        if file.metadata.num_rows > limits.stream_rows:
            raise TooLarge("TOO_MANY_ROWS", allowed=limits.stream_rows)
        names = file.schema_arrow.names
        header = header_fields(names, layout)
        for heading, field in zip(names, header, strict=True):
            if field is not None:
                _check_type(heading, field, file.schema_arrow.field(heading).type)
        wanted = [name for name, field in zip(names, header, strict=True) if field is not None]
        fields = [field for field in header if field is not None]
        row = 0
        for batch in file.iter_batches(batch_size=limits.batch_rows, columns=wanted, use_threads=False):
            gathered = Rows(limits)
            columns = [list(map(_text, batch.column(name).to_pylist())) for name in wanted]
            for cells in zip(*columns, strict=True):
                row += 1
                length = sum(len(cell.encode("utf-8", "surrogatepass")) for cell in cells)
                if length > limits.row_bytes:
                    gathered.reject(too_long(row, length, limits))
                else:
                    take_cells(gathered, row, fields, cells)
            yield gathered.read()
        if not row:
            raise NothingReadable("BODY_EMPTY")
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise NothingReadable("FILE_NOT_READABLE", found=str(error).splitlines()[0], allowed="Parquet") from None


def _check_type(heading: str, field: str, found: Any) -> None:
    """Refuses a column whose values cannot be written as text without a choice, such as a quantity in binary fractions."""
    from pyarrow import types  # noqa: PLC0415

    if types.is_dictionary(found):
        found = found.value_type
    fits = types.is_string(found) or types.is_large_string(found) or types.is_null(found)
    allowed = "string"
    if field == "quantity":
        fits = fits or types.is_integer(found) or types.is_decimal(found)
        allowed = "string, decimal, integer"
    elif field in ("period_start", "period_end"):
        fits = fits or types.is_date(found) or types.is_timestamp(found)
        allowed = "string, date, timestamp"
    elif field == "confirmed":
        fits = fits or types.is_boolean(found)
        allowed = "string, bool"
    else:
        fits = fits or types.is_integer(found)
        allowed = "string, integer"
    if not fits:
        raise NothingReadable("COLUMN_TYPE", field=heading, found=str(found), allowed=allowed)


_EXCEL_DIGITS = 15
"""Significant digits of a number in a workbook; what a sheet stores beyond them it does not show."""

_EXACT_BELOW = 10**_EXCEL_DIGITS


def _text(cell: object) -> str:
    """Returns a cell as text: plain decimals, dates, instants in whole seconds; midnight in no zone is its date."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case int() | float() if abs(cell) >= _EXACT_BELOW:
            # An invoice's number of twenty digits has lost its last ones: as the sheet shows it, it is no id and no quantity.
            return format(cell, f".{_EXCEL_DIGITS - 1}E")
        case float():
            return format(Decimal(format(cell, f".{_EXCEL_DIGITS}g")), "f")
        case int():
            return str(cell)
        case Decimal():
            return format(cell, "f")
        case datetime():
            # A sheet's time is a binary fraction of a day and misses the second by microseconds.
            whole = (cell + timedelta(microseconds=500_000)).replace(microsecond=0)
            return whole.date().isoformat() if whole.tzinfo is None and whole.time() == time() else whole.isoformat()
        case date():
            return cell.isoformat()
    return str(cell)


if __name__ == "__main__":
    run()
