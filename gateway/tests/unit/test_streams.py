"""Bodies that are read as they arrive: the same rows as read whole, whatever the chunks, and never more in memory than a part."""

import gzip
import json
import zlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.reading import streams
from gateway.api.reading.bodies import read_rows
from gateway.api.reading.streams import lines_of, read_parts
from gateway.api.reading.uploads import decompressed
from gateway.domain.errors import GatewayError, MalformedBody, NothingReadable, TooLarge
from gateway.domain.limits import Limits
from gateway.domain.push.activity import FIELDS, PLAIN, ReadRows
from gateway.domain.push.media import Format, Media

NDJSON, CSV = Media(Format.NDJSON, "utf-8-sig"), Media(Format.CSV, "")
HEADER = "record_id,source_id,period_start,period_end,quantity,unit"
ROW = {field: field for field in FIELDS[:6]}


async def chunks_of(body: bytes, size: int) -> AsyncGenerator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


async def streamed(body: bytes, media: Media, size: int, limits: Limits) -> list[ReadRows]:
    return [part async for part in read_parts(chunks_of(body, size), media, limits, PLAIN)]


def table(parts: Sequence[ReadRows]) -> tuple[list[tuple[Any, ...]], list[tuple[int, str]]]:
    """Returns the rows with their numbers, and the refused rows with their reasons."""
    rows = [
        (number, *values)
        for part in parts
        for number, *values in zip(part.rows.row_numbers, *(getattr(part.rows, field) for field in FIELDS), strict=True)
    ]
    return rows, sorted((problem.row, problem.reason) for part in parts for problem in part.rejected)


LINES = st.one_of(
    st.sampled_from(
        [
            json.dumps(ROW),
            json.dumps({**ROW, "unit": "万kWh"}, ensure_ascii=False),
            json.dumps({**ROW, "supersedes": "r-0", "confirmed": True}),
            "",
            "  ",
            "{",
            "[]",
            '{"quantity": NaN}',
            json.dumps({**ROW, "unit": "x" * 400}),
            "\r",
        ]
    ),
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=8),
)
SMALL = Limits(batch_rows=3, batch_bytes=64 * 1024, row_bytes=300)


@settings(deadline=None)  # other processes share the machine
@given(st.lists(LINES, min_size=1, max_size=12), st.integers(1, 50), st.booleans())
async def test_ndjson_read_in_parts_is_ndjson_read_whole(lines: list[str], size: int, ended: bool) -> None:
    body = ("\n".join(lines) + ("\n" if ended else "")).encode()
    await _same(body, NDJSON, size)


CELLS = st.sampled_from(["r-1", "", " ", "电表", "是", '"a,b"', '"', "x" * 400, "a\tb", "\r"])


@settings(deadline=None)  # other processes share the machine
@given(
    st.lists(st.lists(CELLS, min_size=5, max_size=7).map(",".join), max_size=12),
    st.integers(1, 50),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
)
async def test_csv_read_in_parts_is_csv_read_whole(lines: list[str], size: int, charset: str) -> None:
    header = "记录编号,排放源编号,开始时间,结束时间,数量,单位"
    await _same("\n".join([header, *lines]).encode(charset), CSV, size)


async def _same(body: bytes, media: Media, size: int) -> None:
    whole: ReadRows | str
    try:
        whole = read_rows(body, media, SMALL)
    except NothingReadable as refused:
        whole = refused.reason
    if isinstance(whole, str):
        with pytest.raises(NothingReadable) as in_parts:
            await _streamed_small(body, media, size)
        assert in_parts.value.reason == whole
        return
    parts = await _streamed_small(body, media, size)
    assert table(parts) == table([whole])
    assert all(len(part.rows) + len(part.rejected) <= SMALL.batch_rows for part in parts)


async def _streamed_small(body: bytes, media: Media, size: int) -> list[ReadRows]:
    reader = streams._NdjsonReader(SMALL, PLAIN) if media.format is Format.NDJSON else streams._CsvReader("", SMALL, PLAIN)
    parts = [reader.read(group) async for group in lines_of(chunks_of(body, size), SMALL)]
    found = [part for part in parts if len(part.rows) or part.rejected]
    if not found:
        raise NothingReadable("BODY_EMPTY")
    return found


async def test_a_line_without_an_end_is_dropped_as_it_comes_and_named_with_its_length() -> None:
    body = b'{"a":1}\n' + b"x" * 10_000 + b"\n" + b"y" * 5_000
    groups = [group async for group in lines_of(chunks_of(body, 100), SMALL)]
    assert [list(group.lines) for group in groups] == [[b'{"a":1}', b"", b""]]
    assert list(groups[0].too_long) == [(2, 10_000), (3, 5_000)]


async def test_a_short_body_is_read_whole_and_a_long_one_in_parts() -> None:
    line = json.dumps(ROW).encode() + b"\n"
    limits = Limits(batch_rows=5000)
    assert len(await streamed(line * 5_000, NDJSON, 65_536, limits)) == 1
    parts = await streamed(line * 12_000, NDJSON, 65_536, limits)
    assert [len(part.rows) for part in parts] == [5000, 5000, 2000]
    assert parts[2].rows.row_numbers[0] == 10_001


async def test_rows_are_counted_over_all_parts() -> None:
    line = json.dumps(ROW).encode() + b"\n"
    reading = read_parts(chunks_of(line * 12_000, 65_536), NDJSON, Limits(stream_rows=11_000), PLAIN)
    assert [len((await anext(reading)).rows) for _ in range(2)] == [5000, 5000]
    with pytest.raises(TooLarge) as refused:
        await anext(reading)
    assert refused.value.reason == "TOO_MANY_ROWS"


async def test_blank_lines_without_end_are_no_file() -> None:
    with pytest.raises(NothingReadable) as refused:
        await streamed(b"\n" * 2_000_000, NDJSON, 65_536, Limits())
    assert refused.value.reason == "BODY_EMPTY"


async def test_a_later_line_in_another_charset_is_rejected_by_itself() -> None:
    good = "r-1,电表,2022-01-01,2022-02-01,1,MWh\n".encode()
    body = HEADER.encode() + b"\n" + good * 30_000 + "r-2,电表\xff".encode("latin-1", "ignore") + b"\xff\n" + good
    parts = await streamed(body, CSV, 65_536, Limits())
    rows, rejected = table(parts)
    assert len(rows) == 30_001
    assert rejected == [(30_002, "LINE_NOT_TEXT")]


async def test_a_long_csv_of_gb18030_is_found_out() -> None:
    body = (HEADER + "\n" + "r-1,电表,2022-01-01,2022-02-01,1,万kWh\n" * 40_000).encode("gb18030")
    rows, rejected = table(await streamed(body, CSV, 65_536, Limits()))
    assert (len(rows), rejected) == (40_000, [])
    assert rows[-1][0] == 40_001
    assert rows[-1][2] == "电表"


async def unpack(body: bytes, *, limit_bytes: int = 10**8, size: int = 1000) -> bytes:
    return b"".join([piece async for piece in decompressed(chunks_of(body, size), limit_bytes)])


@settings(deadline=None)  # other processes share the machine
@given(st.binary(max_size=5000), st.integers(1, 200), st.integers(0, 5000))
async def test_gzip_is_unpacked_whatever_the_chunks_and_the_members(content: bytes, size: int, at: int) -> None:
    assert await unpack(gzip.compress(content), size=size) == content
    assert await unpack(gzip.compress(content[:at]) + gzip.compress(content[at:]), size=size) == content


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(b"content" * 100)[:-1], id="cut_off"),
        pytest.param(b"", id="empty"),
        pytest.param(b"plain text", id="no_gzip"),
        pytest.param(gzip.compress(b"a") + b"tail", id="something_behind"),
        pytest.param(zlib.compress(b"content"), id="zlib"),
        pytest.param(gzip.compress(b"content")[:-8] + b"\0" * 8, id="wrong_sum"),
    ],
)
async def test_what_is_not_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody) as refused:
        await unpack(body)
    assert refused.value.reason == "GZIP_BROKEN"


async def test_a_bomb_is_refused_long_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"0" * 200_000_000)
    got = 0

    async def keep() -> None:
        nonlocal got
        async for piece in decompressed(chunks_of(bomb, 2_000), 10**9):
            got += len(piece)

    with pytest.raises(TooLarge) as refused:
        await keep()
    assert refused.value.reason == "UNPACKS_TOO_FAR"
    assert got < 3_000_000


async def test_a_body_may_unpack_to_the_limit_and_not_beyond() -> None:
    packed = gzip.compress(bytes(range(256)) * 40)
    assert len(await unpack(packed, limit_bytes=10_240)) == 10_240
    with pytest.raises(TooLarge, match="10239"):
        await unpack(packed, limit_bytes=10_239)


@settings(deadline=None)  # other processes share the machine
@given(st.binary(max_size=300), st.sampled_from([NDJSON, CSV]), st.integers(1, 40))
async def test_no_stream_gets_past_the_refusals(body: bytes, media: Media, size: int) -> None:
    try:
        found = await _streamed_small(body, media, size)
    except GatewayError as refused:
        refused.sentence("zh").encode()
    else:
        for part in found:
            for problem in part.rejected:
                problem.message_zh.encode()
