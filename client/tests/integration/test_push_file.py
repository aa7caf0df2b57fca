"""What becomes of files: pieces, row numbers, encodings, resuming."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parkcarbon_client import (
    AsyncParkCarbonClient,
    FileNotReadable,
    JobFailed,
    ParkCarbonClient,
    ProblemError,
    PushInterrupted,
    PushProgress,
    Receipt,
    RetryPolicy,
)
from parkcarbon_client.core.files import LINE_BYTES, Piece, RefusedLine, detect_encoding, pieces
from parkcarbon_client.core.resuming import PushLog, push_of

if TYPE_CHECKING:
    from client.tests.conftest import FakePlatform

HEADER = "record_id,source_id,period_start,period_end,quantity,unit"


@pytest.fixture
def client(platform: FakePlatform) -> Iterator[ParkCarbonClient]:
    policy = RetryPolicy(retries=1, first_wait_seconds=0.001)
    with ParkCarbonClient(platform.url, platform.token, retries=policy) as client:
        yield client


def csv_row(number: int, quantity: str = "1") -> str:
    return f"r{number},s,2020-01-01,2021-01-01,{quantity},kWh"


def json_row(number: int, quantity: str = "1") -> str:
    return json.dumps({"record_id": f"r{number}", "source_id": "s", "quantity": quantity, "unit": "kWh"})


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_goes_in_pieces_and_its_lines_keep_their_numbers(
    platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path
) -> None:
    # header is line 1; rows 1..25 are lines 2..26; rows 7 and 24 are bad
    rows = [csv_row(number, "x" if number in (7, 24) else "1") for number in range(1, 26)]
    path = write(tmp_path, "rows.csv", "\n".join([HEADER, *rows]) + "\n")
    receipt = client.push_file("p", path, piece_rows=10)
    assert (receipt.rows, receipt.accepted, receipt.duplicate, receipt.rejected) == (25, 23, 0, 2)
    assert [(result.row, result.record_id) for result in receipt.rejected_rows] == [(8, "r7"), (25, "r24")]
    assert len(platform.asked) == 3
    assert all(asked.body.startswith(HEADER.encode()) for asked in platform.asked)
    assert all(asked.headers["content-type"] == "text/csv; charset=utf-8" for asked in platform.asked)
    assert all(asked.params == {"results": "rejected"} for asked in platform.asked)


def test_pushing_again_changes_nothing(platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path) -> None:
    path = write(tmp_path, "rows.csv", "\n".join([HEADER, *map(csv_row, range(5))]))
    assert client.push_file("p", path).accepted == 5
    again = client.push_file("p", path, piece_rows=2)
    assert (again.accepted, again.duplicate, again.rows) == (0, 5, 5)
    assert len(platform.records) == 5


def test_interrupted_push_says_what_was_answered_and_resumes(
    platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path
) -> None:
    path = write(tmp_path, "rows.csv", "\n".join([HEADER, *map(csv_row, range(30))]))

    def break_after_the_first(progress: PushProgress) -> None:
        if progress.receipt.rows == 10:
            platform.tell(503)
            platform.tell(503)

    with pytest.raises(PushInterrupted) as caught:
        client.push_file("p", path, piece_rows=10, progress=break_after_the_first)
    assert caught.value.receipt.rows == 10
    assert isinstance(caught.value.cause, ProblemError)
    resumed = client.push_file("p", path, piece_rows=10)
    assert (resumed.accepted, resumed.duplicate) == (20, 10)


def interrupted(client: ParkCarbonClient, platform: FakePlatform, path: Path, log: Path, after: int = 20) -> None:
    """A push in pieces of 10 rows that is interrupted after so many rows."""

    def break_there(progress: PushProgress) -> None:
        if progress.receipt.rows == after:
            platform.tell(503)
            platform.tell(503)

    with pytest.raises(PushInterrupted):
        client.push_file("p", path, piece_rows=10, progress=break_there, log=log)


def test_with_a_log_what_was_answered_is_not_sent_again(platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path) -> None:
    rows = [csv_row(number, "x" if number in (7, 33) else "1") for number in range(40)]
    path, log = write(tmp_path, "rows.csv", "\n".join([HEADER, *rows])), tmp_path / "rows.csv.push"
    interrupted(client, platform, path, log)
    sent = len(platform.asked)
    receipt = client.push_file("p", path, piece_rows=10, log=log)
    assert len(platform.asked) - sent == 2
    assert (receipt.rows, receipt.accepted, receipt.duplicate, receipt.rejected) == (40, 38, 0, 2)
    assert [(row.row, row.problem.found) for row in receipt.rejected_rows if row.problem] == [(9, "x"), (35, "x")]
    assert not log.exists()


async def test_the_asynchronous_client_goes_on_where_the_other_stopped(
    platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path
) -> None:
    path, log = write(tmp_path, "rows.ndjson", "\n".join(map(json_row, range(40)))), tmp_path / "log"
    interrupted(client, platform, path, log)
    sent = len(platform.asked)
    async with AsyncParkCarbonClient(platform.url, platform.token) as other:
        receipt = await other.push_file("p", path, piece_rows=10, log=log)
    assert (len(platform.asked) - sent, receipt.accepted, receipt.duplicate) == (2, 40, 0)


@pytest.mark.parametrize("what", ["file", "park", "pieces", "platform"])
def test_the_log_of_another_push_is_not_gone_by(
    what: str, platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path
) -> None:
    path, log = write(tmp_path, "rows.csv", "\n".join([HEADER, *map(csv_row, range(40))])), tmp_path / "log"
    interrupted(client, platform, path, log)
    if what == "file":
        path.write_text("\n".join([HEADER, *map(csv_row, range(1, 41))]))
    url = platform.url.replace("127.0.0.1", "localhost") if what == "platform" else platform.url
    with ParkCarbonClient(url, platform.token) as other:
        receipt = other.push_file("q" if what == "park" else "p", path, piece_rows=20 if what == "pieces" else 10, log=log)
    assert receipt.rows == 40
    assert receipt.duplicate >= 19
    assert len(platform.records) == (41 if what == "file" else 40)


@given(cut=st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_a_log_that_ends_anywhere_loses_no_row(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path, log = write(folder, "rows.csv", "\n".join([HEADER, *map(csv_row, range(9))])), folder / "log"
    push = push_of(path, "http://p", "p", "", 3)
    first = PushLog(log, push, "p")
    for _ in range(2):
        first.note(Receipt("p", rows=3, accepted=3))
    whole = log.read_bytes()
    log.write_bytes(whole[:cut])
    again = PushLog(log, push, "p")
    # so many lines are whole, the first of them the one that names the push
    assert again.done == max(0, whole[:cut].count(b"\n") - 1)
    assert again.receipt.rows == 3 * again.done
    again.note(Receipt("p", rows=3, rejected=3))
    assert PushLog(log, push, "p").done == again.done


def test_a_push_that_never_begins_leaves_no_log(client: ParkCarbonClient, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(FileNotReadable):
        client.push_file("p", write(tmp_path, "rows.csv", b"\xff\xff\xff"), log=log)
    assert not log.exists()


def test_lost_answer_in_the_middle_loses_and_doubles_nothing(
    platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path
) -> None:
    path = write(tmp_path, "rows.csv", "\n".join([HEADER, *map(csv_row, range(10))]))
    platform.tell(hang_up=True, handle_first=True)
    receipt = client.push_file("p", path, piece_rows=4)
    # the first 4 were accepted by the attempt whose answer was lost
    assert (receipt.rows, receipt.accepted, receipt.duplicate) == (10, 6, 4)
    assert len(platform.records) == 10


def test_blank_lines_count_in_csv(client: ParkCarbonClient, tmp_path: Path) -> None:
    path = write(tmp_path, "rows.csv", f"{HEADER}\r\n{csv_row(1)}\r\n\r\n\r\n{csv_row(2, 'x')}\r\n\r\n")
    receipt = client.push_file("p", path, piece_rows=1)
    assert (receipt.rows, receipt.accepted) == (2, 1)
    assert [result.row for result in receipt.rejected_rows] == [5]


def test_lines_before_the_header_go_with_every_piece(platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path) -> None:
    path = write(tmp_path, "rows.csv", f"\n\r\n{HEADER}\n{csv_row(1)}\n{csv_row(2, 'x')}\n")
    receipt = client.push_file("p", path, piece_rows=1)
    assert (receipt.accepted, [result.row for result in receipt.rejected_rows]) == (1, [5])
    assert len(platform.asked) == 2


def test_rows_of_commas_at_the_end_are_no_piece(platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path) -> None:
    path = write(tmp_path, "rows.csv", f"{HEADER}\n{csv_row(1)}\n" + ",,,,,\n" * 30)
    assert client.push_file("p", path, piece_rows=1).rows == 1
    assert len(platform.asked) == 1


@pytest.mark.parametrize(("encoding", "detected"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gb18030", "gb18030")])
def test_chinese_headings_arrive_from_every_encoding(
    encoding: str, detected: str, platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path
) -> None:
    text = "记录编号,排放源编号,开始时间,结束时间,数量,单位\n电力一,s,a,b,1,kWh\n𠮷电力二,s,a,b,坏,kWh\n"
    path = write(tmp_path, "rows.csv", text.encode(encoding))
    assert detect_encoding(path) == detected
    receipt = client.push_file("p", path, piece_rows=1)
    assert list(platform.records) == ["电力一"]
    assert [(result.row, result.record_id) for result in receipt.rejected_rows] == [(3, "𠮷电力二")]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xfea\x00", id="utf_16"),
        pytest.param(b"record_id\n\x80\x81\xff\n", id="none"),
        pytest.param(b"\xef\xbb\xbfa\n\xc4\xe3\n", id="mark_of_utf_8_before_gb_18030"),
        pytest.param("记录".encode()[:-1], id="cut_in_a_character"),
    ],
)
def test_text_in_no_known_encoding_is_refused_before_anything_is_sent(
    content: bytes, platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path
) -> None:
    if content == "记录".encode()[:-1]:
        # five bytes that end inside a character of both encodings
        with pytest.raises(UnicodeDecodeError):
            content.decode("gb18030")
    with pytest.raises(FileNotReadable, match="encoding"):
        client.push_file("p", write(tmp_path, "rows.csv", content))
    assert platform.asked == []


def test_file_of_another_kind_is_refused(platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path) -> None:
    with pytest.raises(FileNotReadable, match=r"\*\.csv"):
        client.push_file("p", write(tmp_path, "rows.ods", b"PK"))
    assert platform.asked == []


WHOLE = {"rows": 3, "accepted": 1, "duplicate": 1, "superseded": 0, "rejected": 1}
REJECTED = (
    b'{"row":4,"record_id":"r-3","outcome":"rejected","reason":"UNIT_UNKNOWN","field":"unit","found":"x","allowed":"kWh",'
    b'"message":"no such unit"}\n'
)


async def pushed(platform: FakePlatform, path: Path, way: str, progress: list[PushProgress]) -> Receipt:
    async def no_wait(_seconds: float) -> None:
        return

    if way == "blocking":
        with ParkCarbonClient(platform.url, platform.token, sleep=lambda _: None) as blocking:
            return await asyncio.to_thread(blocking.push_file, "p", path, progress=progress.append, profile="erp")
    async with AsyncParkCarbonClient(platform.url, platform.token, sleep=no_wait) as client:
        return await client.push_file("p", path, progress=progress.append, profile="erp")


@pytest.mark.parametrize("way", ["blocking", "async"])
@pytest.mark.parametrize("suffix", ["xlsx", "parquet"])
async def test_a_workbook_goes_whole_and_a_job_records_it(platform: FakePlatform, tmp_path: Path, way: str, suffix: str) -> None:
    platform.job_states.clear()
    platform.job_states.extend(["queued", "running", "succeeded"])
    platform.job_result, platform.job_results = WHOLE, REJECTED
    path = write(tmp_path, f"rows.{suffix}", b"PK" * 50)
    seen: list[PushProgress] = []
    receipt = await pushed(platform, path, way, seen)
    assert (receipt.rows, receipt.accepted, receipt.duplicate, receipt.rejected) == (3, 1, 1, 1)
    assert [(row.row, row.record_id, row.problem and row.problem.reason) for row in receipt.rejected_rows] == [
        (4, "r-3", "UNIT_UNKNOWN")
    ]
    assert [(each.bytes_done, each.bytes_total) for each in seen] == [(50, 100), (50, 100), (100, 100)]
    sent = platform.asked[0]
    assert (sent.params, sent.body) == ({"profile": "erp"}, b"PK" * 50)
    assert sent.headers["content-type"].endswith("sheet" if suffix == "xlsx" else "parquet")


@pytest.mark.parametrize("way", ["blocking", "async"])
async def test_the_same_workbook_is_led_to_its_job_and_to_a_new_one_when_that_failed(
    platform: FakePlatform, tmp_path: Path, way: str
) -> None:
    platform.job_result = {**WHOLE, "rejected": 0, "rows": 2}
    path = write(tmp_path, "rows.xlsx", b"PK")
    platform.job_states.clear()
    platform.job_states.extend(["succeeded", "succeeded"])
    for _ in range(2):
        assert (await pushed(platform, path, way, [])).rows == 2
    assert len(platform.jobs_by_key) == 1
    platform.job_states.extend(["failed", "succeeded"])
    assert (await pushed(platform, path, way, [])).rows == 2
    assert len(platform.jobs_by_key) == 2
    platform.job_states.extend(["failed", "failed"])
    with pytest.raises(JobFailed, match="failed"):
        await pushed(platform, path, way, [])


def test_ndjson_lines_keep_their_numbers(platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path) -> None:
    lines = [json_row(1), "", json_row(2, "x"), json_row(3), "", "", json_row(4, "y")]
    receipt = client.push_file("p", write(tmp_path, "rows.ndjson", "\n".join(lines)), piece_rows=1)
    assert (receipt.rows, receipt.accepted) == (4, 2)
    assert [result.row for result in receipt.rejected_rows] == [3, 7]
    assert len(platform.asked) == 4


@pytest.mark.parametrize("wrapping", ["%s", '{"records": %s }', "\n\t %s \n"])
def test_json_elements_keep_their_places(wrapping: str, platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path) -> None:
    rows = [json_row(1), json_row(2, "x"), json_row(3), json_row(4, "y"), json_row(5)]
    receipt = client.push_file("p", write(tmp_path, "rows.json", wrapping % f"[{' , '.join(rows)}]"), piece_rows=2)
    assert (receipt.rows, receipt.accepted) == (5, 3)
    assert [result.row for result in receipt.rejected_rows] == [2, 4]
    assert len(platform.asked) == 3


def test_json_elements_go_out_as_they_are_written(tmp_path: Path) -> None:
    # what a parser would smooth over is for the server to refuse
    elements = ['{"quantity": 1.50, "quantity": NaN}', "1" * 5000, '"😀\\u4e2d"', "null"]
    path = write(tmp_path, "rows.json", f"[{','.join(elements)}]")
    bodies = [piece.body for piece in pieces(path, "en", piece_rows=1) if isinstance(piece, Piece)]
    assert bodies == [f"[{element}]".encode() for element in elements]


@pytest.mark.parametrize(
    "text",
    ["{}", "[1,", "[1 2]", "[1]]", '{"rows": []}', '{"records": [1], "more": 1}', "12", '[{"a":}]', "[" * 100_000],
)
def test_json_that_is_no_array_of_rows_sends_nothing(
    text: str, platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path
) -> None:
    with pytest.raises(FileNotReadable, match="an array of rows"):
        client.push_file("p", write(tmp_path, "rows.json", text))
    assert platform.asked == []


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", ""), ("b.csv", HEADER), ("c.ndjson", "\n\n"), ("d.json", " "), ("e.json", "[]")]
)
def test_what_is_wrong_with_a_file_without_rows_is_the_servers_to_say(
    name: str, content: str, client: ParkCarbonClient, tmp_path: Path
) -> None:
    with pytest.raises(PushInterrupted) as caught:
        client.push_file("p", write(tmp_path, name, content))
    assert isinstance(caught.value.cause, ProblemError)
    assert caught.value.cause.status == 422


@pytest.mark.parametrize("name", ["rows.csv", "rows.ndjson"])
def test_line_that_is_too_long_is_refused_and_the_others_are_kept(
    name: str, platform: FakePlatform, client: ParkCarbonClient, tmp_path: Path
) -> None:
    def text(number: int) -> str:
        return csv_row(number) if name.endswith("csv") else json_row(number)

    first = HEADER if name.endswith("csv") else json_row(0)
    lines = [first, text(1), "x" * (LINE_BYTES + 1), text(2), "y" * 3_000_000, text(3)]
    receipt = client.push_file("p", write(tmp_path, name, "\n".join(lines)))
    kept = ["r1", "r2", "r3"] if name.endswith("csv") else ["r0", "r1", "r2", "r3"]
    assert list(platform.records) == kept
    assert (receipt.rows, receipt.rejected) == (len(kept) + 2, 2)
    assert [(result.row, result.problem and result.problem.reason) for result in receipt.rejected_rows] == [
        (3, "LINE_TOO_LONG"),
        (5, "LINE_TOO_LONG"),
    ]


def test_line_of_exactly_the_bound_is_sent(tmp_path: Path) -> None:
    for ending in ("\n", "\r\n", ""):
        path = write(tmp_path, "rows.ndjson", "x" * LINE_BYTES + ending)
        assert not any(isinstance(piece, RefusedLine) for piece in pieces(path, "en"))


def test_progress_ends_with_the_file(client: ParkCarbonClient, tmp_path: Path) -> None:
    for name, text in (
        ("rows.csv", "\n".join([HEADER, *map(csv_row, range(9))])),
        ("rows.json", f"[{','.join(map(json_row, range(9)))}]"),
    ):
        path = write(tmp_path, name, text)
        seen: list[PushProgress] = []
        client.push_file("p", path, piece_rows=2, progress=seen.append)
        done = [progress.bytes_done for progress in seen]
        assert done == sorted(done)
        assert done[-1] == seen[-1].bytes_total == path.stat().st_size
        assert [progress.receipt.rows for progress in seen] == [2, 4, 6, 8, 9]


async def test_asynchronous_push_is_the_same(platform: FakePlatform, tmp_path: Path) -> None:
    rows = [csv_row(number, "x" if number == 7 else "1") for number in range(1, 26)]
    path = write(tmp_path, "rows.csv", "\n".join([HEADER, *rows]))
    async with AsyncParkCarbonClient(platform.url, platform.token) as client:
        receipt = await client.push_file("p", path, piece_rows=10)
        assert (receipt.rows, receipt.accepted) == (25, 24)
        assert [result.row for result in receipt.rejected_rows] == [8]
        with pytest.raises(FileNotReadable):
            await client.push_file("p", write(tmp_path, "rows.txt", ""))


LINES = st.lists(st.text(alphabet='a,"\r电𠮷 ', max_size=5), max_size=12)


@settings(max_examples=100, deadline=None)
@given(lines=LINES, piece_rows=st.integers(1, 5), encoding=st.sampled_from(["utf-8", "gb18030"]))
def test_every_line_that_says_something_is_sent_once_under_its_number(
    lines: list[str], piece_rows: int, encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("pieces"), "rows.csv", "\n".join(["记录编号", *lines]).encode(encoding))
    sent: dict[int, str] = {}
    for piece in pieces(path, "en", piece_rows=piece_rows):
        assert isinstance(piece, Piece)
        header, *rest = piece.body.decode().split("\n")
        assert header == "记录编号"
        for number, line in enumerate(rest, 2):
            if line.strip(", \t\r"):
                assert number + piece.row_offset not in sent
                sent[number + piece.row_offset] = line
    assert sent == {number: line for number, line in enumerate(lines, 2) if line.strip(", \t\r")}
