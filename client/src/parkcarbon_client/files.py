"""A file of activity rows as pieces that fit into requests, each with what its row numbers mean in the file.

CSV and NDJSON are cut at the ends of lines (of records, where a quoted field runs over several lines) and read as they are sent;
JSON is read whole and cut between the elements of its array, whose texts stay as they are: what a row says is for the server to
judge. Encodings are recognised strictly: UTF-8 with or without a mark, else GB 18030, else the file is refused. Pieces are UTF-8.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from parkcarbon_client.answers import RowProblem, RowResult
from parkcarbon_client.errors import FileNotReadable

PIECE_ROWS = 10_000
PIECE_BYTES = 4 * 1024 * 1024
# the server's own bound; a longer line is never worth sending
LINE_BYTES = 64 * 1024
READ_BYTES = 1024 * 1024

CSV, NDJSON, JSON = "text/csv", "application/x-ndjson", "application/json"
MEDIA_TYPES = {".csv": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".json": JSON}
TOO_LONG = {
    "en": "the line is too long: more than {found} bytes, allowed are {allowed}",
    "zh": "该行过长：超过 {found} 字节，最多允许 {allowed} 字节",
}


@dataclass(frozen=True)
class Piece:
    """A body to send. Its row numbers plus `row_offset` are the file's; `bytes_done` of the file end with it."""

    body: bytes
    media_type: str
    row_offset: int
    bytes_done: int


@dataclass(frozen=True)
class RefusedLine:
    """A line that is too long to be sent."""

    result: RowResult
    bytes_done: int


def pieces(
    path: Path, language: str, *, piece_rows: int = PIECE_ROWS, piece_bytes: int = PIECE_BYTES
) -> Iterator[Piece | RefusedLine]:
    """Yields a file piece by piece, in order.

    A file without any row is one piece, so that the server says what is wrong with it.

    Args:
        path: The file; its suffix (.csv, .ndjson, .jsonl, .json) says what it is.
        language: "zh" or "en", for the sentence about a refused line.
        piece_rows: Upper bound of the rows in a piece, >= 1.
        piece_bytes: Where a piece ends once it is at least that long, bytes.

    Raises:
        FileNotReadable: Another suffix, an encoding that is none of the three, or JSON that is no array of rows.
        OSError: The file cannot be read.
    """
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise FileNotReadable(str(path), f"a file named *{path.suffix}", ", ".join(f"*{name}" for name in MEDIA_TYPES))
    encoding = detect_encoding(path)
    if media_type == JSON:
        yield from _json_pieces(path, encoding, piece_rows, piece_bytes)
        return
    with path.open("rb") as file:
        if encoding == "utf-8-sig":
            file.seek(len(codecs.BOM_UTF8))
        yield from _line_pieces(
            file,
            media_type=media_type,
            encoding=encoding,
            language=language,
            piece_rows=piece_rows,
            piece_bytes=piece_bytes,
        )


def detect_encoding(path: Path) -> str:
    """Returns "utf-8-sig", "utf-8" or "gb18030": the first that the whole file is valid in.

    Raises:
        FileNotReadable: It is valid in none of them.
    """
    with path.open("rb") as file:
        marked = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
        for encoding in ("utf-8-sig",) if marked else ("utf-8", "gb18030"):
            file.seek(0)
            if _is_valid_in(file, encoding):
                return encoding
    raise FileNotReadable(str(path), "text in an unknown encoding", "UTF-8, UTF-8 with a byte order mark, GB 18030")


def _is_valid_in(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        while block := file.read(READ_BYTES):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _line_pieces(
    file: BinaryIO, *, media_type: str, encoding: str, language: str, piece_rows: int, piece_bytes: int
) -> Iterator[Piece | RefusedLine]:
    records = _records(file, quoted=media_type == CSV)
    header, header_lines = b"", 0
    if media_type == CSV:
        first = next(records, None)
        if first is not None:
            if first.text is None:
                raise FileNotReadable(file.name, "a first line too long for a header", f"{LINE_BYTES} bytes")
            header, header_lines = first.text, first.lines
    cutter = _Cutter(media_type, encoding, header, header_lines)
    for record in records:
        if record.text is None:
            yield from cutter.cut()
            cutter.any_yielded = True
            yield RefusedLine(_too_long(record.number, language), record.end)
            continue
        cutter.add(record)
        if cutter.rows >= piece_rows or cutter.size >= piece_bytes:
            yield from cutter.cut()
    yield from cutter.cut()
    if not cutter.any_yielded:
        yield Piece(_to_utf8(header, encoding), media_type, 0, file.tell())


class _Cutter:
    """Collects records until they make a piece."""

    def __init__(self, media_type: str, encoding: str, header: bytes, header_lines: int) -> None:
        self._media_type = media_type
        self._encoding = encoding
        self._header = header
        self._header_lines = header_lines
        self._texts: list[bytes] = []
        self._first_line = 0
        self._end = 0
        self.rows = 0
        self.size = 0
        self.any_yielded = False

    def add(self, record: _Record) -> None:
        assert record.text is not None
        if not self._texts:
            self._first_line = record.number
        self._texts.append(record.text)
        self._end = record.end
        self.rows += 1 if record.text.strip() else 0
        self.size += len(record.text)

    def cut(self) -> Iterator[Piece]:
        # blank lines alone are no rows, and a body without rows is refused
        if self.rows:
            self.any_yielded = True
            yield Piece(
                _to_utf8(self._header + b"".join(self._texts), self._encoding),
                self._media_type,
                self._first_line - 1 - self._header_lines,
                self._end,
            )
        self._texts = []
        self.rows = self.size = 0


@dataclass(frozen=True)
class _Record:
    """One line, or the lines of one CSV record: text (None when too long), first line's number, lines, end in the file."""

    text: bytes | None
    number: int
    lines: int
    end: int


def _records(file: BinaryIO, *, quoted: bool) -> Iterator[_Record]:
    held: list[bytes] = []
    held_size = 0
    open_quote = False
    first = number = 1
    while line := file.readline(LINE_BYTES + 2):
        if len(line.rstrip(b"\r\n")) > LINE_BYTES:
            while not line.endswith(b"\n") and (line := file.readline(READ_BYTES)):
                pass
            if held:
                yield _Record(b"".join(held), first, len(held), file.tell())
            yield _Record(None, number, 1, file.tell())
            held, held_size, open_quote = [], 0, False
            number += 1
            first = number
            continue
        if quoted:
            open_quote = ends_in_quotes(line, open_quote)
        held.append(line)
        held_size += len(line)
        number += 1
        # a quote that stays open over that much is a mistake in one line; the others must not be drawn into it
        if not open_quote or held_size > LINE_BYTES:
            yield _Record(b"".join(held), first, len(held), file.tell())
            held, held_size, open_quote = [], 0, False
            first = number
    if held:
        yield _Record(b"".join(held), first, len(held), file.tell())


def ends_in_quotes(line: bytes, open_quote: bool) -> bool:
    """Returns whether a CSV line ends inside a quoted field, given whether it begins in one.

    A quote opens a field only at the field's beginning; inside, two quotes are one. Works on bytes: in UTF-8 and in GB 18030 no
    later byte of a character is a quote, a comma or a line feed.

    >>> ends_in_quotes(b'a,"b', False)
    True
    >>> ends_in_quotes(b'c",d', True)
    False
    >>> ends_in_quotes(b'3" pipe,x', False)
    False
    """
    if b'"' not in line:
        return open_quote
    position, end = 0, len(line)
    at_start = True
    while position < end:
        byte = line[position]
        if open_quote:
            if byte == 0x22:
                if line[position + 1 : position + 2] == b'"':
                    position += 1
                else:
                    open_quote = False
            at_start = False
        elif byte == 0x22 and at_start:
            open_quote = True
        else:
            at_start = byte == 0x2C
        position += 1
    return open_quote


def _json_pieces(path: Path, encoding: str, piece_rows: int, piece_bytes: int) -> Iterator[Piece]:
    raw = path.read_bytes()
    text = raw.decode(encoding)
    if not text.strip():
        yield Piece(b"", JSON, 0, len(raw))
        return
    rows: list[str] = []
    size = sent = 0
    any_yielded = False
    # the whole array is cut before the first piece goes out: a file that is no JSON sends nothing
    for row, end in list(_array_elements(text, str(path))):
        rows.append(row)
        size += len(row)
        if len(rows) >= piece_rows or size >= piece_bytes:
            yield Piece(f"[{','.join(rows)}]".encode(), JSON, sent, len(raw) * end // len(text))
            any_yielded = True
            sent += len(rows)
            rows, size = [], 0
    if rows or not any_yielded:
        yield Piece(f"[{','.join(rows)}]".encode(), JSON, sent, len(raw))


def _array_elements(text: str, path: str) -> Iterator[tuple[str, int]]:
    """Yields the text of each row and where it ends, of `[…]` or `{"records": […]}`."""
    # numbers stay texts: only the ends of the elements are wanted, and int() refuses more than 4300 digits
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)

    def refused(found: str) -> FileNotReadable:
        return FileNotReadable(path, found, 'JSON: an array of rows or {"records": an array of rows}')

    def past_space(position: int) -> int:
        while text[position : position + 1] in (" ", "\t", "\n", "\r"):
            position += 1
        return position

    def past(character: str, position: int) -> int:
        position = past_space(position)
        if text[position : position + 1] != character:
            raise refused(f"{text[position : position + 20]!r} at character {position + 1} instead of {character!r}")
        return past_space(position + 1)

    def value_end(position: int) -> int:
        try:
            return decoder.raw_decode(text, position)[1]
        except json.JSONDecodeError as error:
            raise refused(f"no JSON: {error}") from error
        except RecursionError as error:
            raise refused(f"JSON nested too deeply at character {position + 1}") from error

    position = past_space(0)
    wrapped = text[position : position + 1] == "{"
    if wrapped:
        start = past("{", position)
        position = value_end(start)
        if text[start:position] != '"records"':
            raise refused(f"an object that begins with {text[start : start + 20]!r}")
        position = past(":", position)
    position = past("[", position)
    if text[position : position + 1] != "]":
        while True:
            end = value_end(position)
            yield text[position:end], end
            position = past_space(end)
            if text[position : position + 1] == "]":
                break
            position = past(",", position)
    position = past("]", position)
    if wrapped:
        position = past("}", position)
    if position < len(text):
        raise refused(f"{text[position : position + 20]!r} after the end")


def _to_utf8(body: bytes, encoding: str) -> bytes:
    return body if encoding.startswith("utf-8") else body.decode(encoding).encode()


def _too_long(number: int, language: str) -> RowResult:
    sentence = TOO_LONG[language].format(found=LINE_BYTES, allowed=LINE_BYTES)
    problem = RowProblem("LINE_TOO_LONG", "", f"> {LINE_BYTES} bytes", f"<= {LINE_BYTES} bytes", sentence)
    return RowResult(number, "rejected", "", problem)
