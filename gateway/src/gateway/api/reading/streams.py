"""Rows of a body as it arrives: bounded parts, each read before the next is taken, so that no file is held as a whole."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, replace

from gateway.api.reading.bodies import read_rows
from gateway.api.reading.csv import csv_header, csv_rows
from gateway.api.reading.ndjson import ndjson_rows
from gateway.api.reading.rows import too_long
from gateway.api.reading.text import BOM, undecodable
from gateway.domain.errors import NothingReadable, TooLarge
from gateway.domain.limits import Limits
from gateway.domain.push.activity import Layout, ReadRows, RowProblem, unreadable
from gateway.domain.push.media import Format, Media

WHOLE_BYTES = 1024 * 1024
"""A body up to this is read as a whole: nothing of it is recorded if it breaks a rule of whole files."""

_IN_A_THREAD_BYTES = 256 * 1024
"""Bodies above are parsed beside the event loop, so that other requests are not held up."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of a body, without their ends.

    Attributes:
        first_row: The number of the first, from 1.
        lines: One that is longer than a row may be is left empty.
        too_long: Row and length in bytes of each of those.
    """

    first_row: int
    lines: Sequence[bytes]
    too_long: Sequence[tuple[int, int]]


async def lines_of(chunks: AsyncIterator[bytes], limits: Limits) -> AsyncIterator[Lines]:
    """Yields the lines of a body in groups of at most `batch_rows` lines and about `batch_bytes`.

    What is held is one group, one chunk, and of an unfinished line no more than a row may have.
    """
    first_row = 1
    lines: list[bytes] = []
    longer: list[tuple[int, int]] = []
    held = dropped = 0
    rest = b""

    def take(line: bytes) -> None:
        nonlocal held, dropped
        if dropped:
            longer.append((first_row + len(lines), dropped + len(line)))
            dropped, line = 0, b""
        lines.append(line)
        held += len(line)

    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            take(line)
            if len(lines) >= limits.batch_rows or held >= limits.batch_bytes:
                yield Lines(first_row, lines, longer)
                first_row += len(lines)
                lines, longer, held = [], [], 0
        if len(rest) > limits.row_bytes:
            dropped += len(rest)
            rest = b""
    if rest or dropped:
        take(rest)
    if lines:
        yield Lines(first_row, lines, longer)


async def read_parts(chunks: AsyncIterator[bytes], media: Media, limits: Limits, layout: Layout) -> AsyncGenerator[ReadRows]:
    """Yields the rows of a text body in parts, in order; row numbers go on from part to part.

    JSON, and what is not longer than WHOLE_BYTES, is read as a whole and is one part.

    Args:
        chunks: The body, bounded in bytes by whoever receives it.
        media: JSON, NDJSON or CSV.
        limits: Rows in all, bytes of a row, size of a part.
        layout: The names that the columns have.

    Raises:
        NothingReadable: Not one row can be read; from the first part on it is a row that is rejected.
        MalformedBody: A JSON array holds NaN or Infinity, or is nested too deeply.
        TooLarge: TOO_MANY_ROWS.
    """
    at_most = limits.upload_bytes if media.format is Format.JSON else WHOLE_BYTES
    begun: list[bytes] = []
    size = 0
    async for chunk in chunks:
        begun.append(chunk)
        size += len(chunk)
        if size > at_most:
            break
    else:
        yield await _whole(b"".join(begun), media, limits, layout)
        return
    if media.format is Format.JSON:
        raise TooLarge("BODY_TOO_LARGE", allowed=at_most)

    async def all_chunks() -> AsyncIterator[bytes]:
        while begun:
            yield begun.pop(0)
        async for chunk in chunks:
            yield chunk

    reader = _NdjsonReader(limits, layout) if media.format is Format.NDJSON else _CsvReader(media.charset, limits, layout)
    rows = 0
    async for group in lines_of(all_chunks(), limits):
        part = await asyncio.to_thread(reader.read, group)
        rows += len(part.rows) + len(part.rejected)
        if rows > limits.stream_rows:
            raise TooLarge("TOO_MANY_ROWS", allowed=limits.stream_rows)
        if len(part.rows) or part.rejected:
            yield part
    if not rows:
        raise NothingReadable("BODY_EMPTY")


async def _whole(body: bytes, media: Media, limits: Limits, layout: Layout) -> ReadRows:
    if len(body) > _IN_A_THREAD_BYTES:
        return await asyncio.to_thread(read_rows, body, media, limits, layout)
    return read_rows(body, media, limits, layout)


class _NdjsonReader:
    def __init__(self, limits: Limits, layout: Layout) -> None:
        self._limits = limits
        self._layout = layout

    def read(self, group: Lines) -> ReadRows:
        lines = group.lines
        if group.first_row == 1:
            lines = [lines[0].removeprefix(BOM), *lines[1:]]
        read = ndjson_rows(lines, group.first_row, replace(self._limits, rows=len(lines)), self._layout)
        return _with_too_long(read, group, self._limits)


class _CsvReader:
    """Reads groups of lines after one header.

    Without a charset the first group that is not ASCII alone decides: UTF-8, or else GB 18030. Both keep the line feed for itself,
    so that lines can be cut before they are decoded. In a real file of GB 18030 that group holds Chinese headings or names, which
    are practically never valid UTF-8. A later line that is not text in what was decided is rejected by itself.
    """

    def __init__(self, charset: str, limits: Limits, layout: Layout) -> None:
        self._charset = charset.removesuffix("-sig")
        self._limits = limits
        self._layout = layout
        self._header: Sequence[str | None] | None = None

    def read(self, group: Lines) -> ReadRows:
        lines = list(group.lines)
        first_row = group.first_row
        if first_row == 1:
            lines[0] = lines[0].removeprefix(BOM)
        texts, undecodable = self._decoded(lines, first_row)
        if self._header is None:
            at = next((at for at, line in enumerate(texts) if line.strip()), None)
            if at is None:
                return _with_too_long(csv_rows((), (), first_row, self._limits), group, self._limits)
            if "\0" in texts[at]:
                raise NothingReadable("TEXT_NOT_DECODABLE", found="NUL", allowed=self._charset or "utf-8, gb18030")
            self._header = csv_header(texts[at].removesuffix("\r"), self._limits, self._layout)
            texts, first_row = texts[at + 1 :], first_row + at + 1
        read = csv_rows(self._header, texts, first_row, replace(self._limits, rows=len(lines)))
        if undecodable:
            read = ReadRows(read.rows, [*read.rejected, *undecodable])
        return _with_too_long(read, group, self._limits)

    def _decoded(self, lines: Sequence[bytes], first_row: int) -> tuple[list[str], list[RowProblem]]:
        joined = b"\n".join(lines)
        if not self._charset and not joined.isascii():
            try:
                joined.decode("utf-8")
                self._charset = "utf-8"
            except UnicodeDecodeError:
                self._charset = "gb18030"
        try:
            return joined.decode(self._charset or "ascii").split("\n"), []
        except UnicodeDecodeError as error:
            if self._header is None:
                raise NothingReadable("TEXT_NOT_DECODABLE", found=undecodable(joined, error), allowed=self._charset) from None
        texts: list[str] = []
        problems: list[RowProblem] = []
        for row, line in enumerate(lines, start=first_row):
            try:
                texts.append(line.decode(self._charset))
            except UnicodeDecodeError:
                texts.append("")
                problems.append(unreadable(row, "LINE_NOT_TEXT", allowed=self._charset))
        return texts, problems


def _with_too_long(read: ReadRows, group: Lines, limits: Limits) -> ReadRows:
    if not group.too_long:
        return read
    longer = [too_long(row, length, limits) for row, length in group.too_long]
    return ReadRows(read.rows, [*read.rejected, *longer])
