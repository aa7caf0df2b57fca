"""A file of activity rows as pieces that fit into requests, each with what its row numbers mean in the file.

CSV and NDJSON are cut at the ends of lines, which the API reads one by one whatever they hold, and are read as they are sent; JSON
is read whole and cut between the elements of its array, whose texts stay as they are: what a row says is for the server to judge.
Encodings are recognised strictly: UTF-8 with or without a mark, else GB 18030, else the file is refused. Pieces are UTF-8.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from parkcarbon_client.core.answers import RowProblem, RowResult
from parkcarbon_client.core.errors import FileNotReadable

PIECE_ROWS = 10_000
PIECE_BYTES = 4 * 1024 * 1024
# the server's own bound; a longer line is never worth sending
LINE_BYTES = 64 * 1024
READ_BYTES = 1024 * 1024

CSV, NDJSON, JSON = "text/csv", "application/x-ndjson", "application/json"
MEDIA_TYPES = {".csv": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".json": JSON}
TOO_LONG = {
    "en": "the line has {found} bytes, allowed are {allowed}",
    "zh": "该行有 {found} 字节，最多允许 {allowed} 字节",
}
# what the API takes for an empty line: spreadsheets end in rows of commas
BLANK = {CSV: b", \t\r\n", NDJSON: b" \t\r\n\v\f"}


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
    lines = _lines(file)
    header = _header(lines, file.name) if media_type == CSV else []
    cutter = _Cutter(media_type, encoding, header)
    sent_any = False
    for line in lines:
        if line.length > LINE_BYTES:
            yield from cutter.cut()
            yield RefusedLine(_too_long(line, language), line.end)
            sent_any = True
            continue
        cutter.add(line)
        if cutter.rows >= piece_rows or cutter.size >= piece_bytes:
            yield from cutter.cut()
            sent_any = True
    for piece in cutter.cut():
        yield piece
        sent_any = True
    if not sent_any:
        yield Piece(_to_utf8(b"".join(header), encoding), media_type, 0, file.tell())


@dataclass(frozen=True)
class _Line:
    """A line with its end, its number from 1, its length without its end, and where it ends in the file; cut when too long."""

    text: bytes
    number: int
    length: int
    end: int


def _lines(file: BinaryIO) -> Iterator[_Line]:
    number = 0
    # room for the two characters of a line's end
    while text := file.readline(LINE_BYTES + 2):
        number += 1
        length = len(text.rstrip(b"\r\n"))
        more = text
        while not more.endswith(b"\n") and (more := file.readline(READ_BYTES)):
            length += len(more.rstrip(b"\r\n"))
        yield _Line(text, number, length, file.tell())


def _header(lines: Iterator[_Line], path: str) -> list[bytes]:
    """Returns the lines up to the first that says something; they go in front of every piece."""
    header = []
    for line in lines:
        if line.length > LINE_BYTES:
            raise FileNotReadable(path, f"a header of {line.length} bytes", f"{LINE_BYTES} bytes")
        header.append(line.text)
        if line.text.strip():
            break
    return header


class _Cutter:
    """Collects lines until they make a piece."""

    def __init__(self, media_type: str, encoding: str, header: list[bytes]) -> None:
        self._media_type = media_type
        self._encoding = encoding
        self._header = header
        self._texts: list[bytes] = []
        self._first_line = 0
        self._end = 0
        self.rows = 0
        self.size = 0

    def add(self, line: _Line) -> None:
        if not self._texts:
            self._first_line = line.number
        self._texts.append(line.text)
        self._end = line.end
        self.rows += 1 if line.text.strip(BLANK[self._media_type]) else 0
        self.size += len(line.text)

    def cut(self) -> Iterator[Piece]:
        # blank lines alone are no rows, and a body without rows is refused
        if self.rows:
            body = _to_utf8(b"".join((*self._header, *self._texts)), self._encoding)
            yield Piece(body, self._media_type, self._first_line - 1 - len(self._header), self._end)
        self._texts = []
        self.rows = self.size = 0


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


def _too_long(line: _Line, language: str) -> RowResult:
    found, allowed = str(line.length), str(LINE_BYTES)
    sentence = TOO_LONG[language].format(found=found, allowed=allowed)
    return RowResult(line.number, "rejected", "", RowProblem("LINE_TOO_LONG", "", found, allowed, sentence))
