"""Uploads in every format, over a real socket: streams, gzip, workbooks, Parquet, and files that are made to hurt."""

import asyncio
import gzip
import io
import json
import signal
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from gateway.api.reading.workbooks import Workbooks, WorkerFailed
from gateway.api.routes import templates
from gateway.domain.errors import Unavailable
from gateway.domain.limits import Limits
from gateway.domain.push.activity import PLAIN
from gateway.domain.push.media import Format

RECORDS = "/v1/parks/etdz/activity-records"
PARK = {
    "park_id": "etdz",
    "name_zh": "赣州经开区",
    "name_en": "Ganzhou ETDZ",
    "region_code": "360700",
    "factor_set_id": "wang-2024",
}
FIELDS = ["record_id", "source_id", "period_start", "period_end", "quantity", "unit"]
NDJSON = {"Content-Type": "application/x-ndjson"}
CSV = {"Content-Type": "text/csv"}
XLSX = {"Content-Type": str(Format.XLSX)}
PARQUET = {"Content-Type": str(Format.PARQUET)}


def line(number: int, quantity: str = "12.5") -> bytes:
    row = [f"r-{number}", "s-1", "2022-01-01", "2022-02-01", quantity, "MWh"]
    return json.dumps(dict(zip(FIELDS, row, strict=True))).encode() + b"\n"


def workbook(rows: list[list[Any]], *, then: Callable[[Any, Any], None] | None = None) -> bytes:
    written = io.BytesIO()
    book: Any = xlsxwriter.Workbook(written, {"in_memory": True})
    sheet = book.add_worksheet()
    day, minute = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for at, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, datetime):
                sheet.write_datetime(at, column, cell, minute)
            elif isinstance(cell, date):
                sheet.write_datetime(at, column, cell, day)
            else:
                sheet.write(at, column, cell)
    if then is not None:
        then(book, sheet)
    book.close()
    return written.getvalue()


def reason(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: str = answer.json()["reason"]
    return found


class TestStreams:
    async def test_rows_are_recorded_while_the_body_is_still_arriving(self, with_park: Any) -> None:
        recorded = asyncio.Event()
        original = with_park.accounting.record_activity

        async def record(*arguments: Any) -> Any:
            outcome = await original(*arguments)
            recorded.set()
            return outcome

        with_park.accounting.record_activity = record

        async def body() -> AsyncIterator[bytes]:
            yield b"".join(map(line, range(12_000)))
            await recorded.wait()
            yield line(12_000)

        async with with_park.client() as client:
            answer = (await client.post(RECORDS, content=body(), headers=NDJSON)).json()
        assert (answer["rows"], answer["accepted"], answer["results_shown"]) == (12_001, 12_001, "rejected")
        assert with_park.accounting.batches == [5000, 5000, 2001]

    async def test_every_row_is_listed_on_demand_also_of_a_long_stream(self, with_park: Any) -> None:
        content = b"".join(line(number, "no" if number % 7 == 0 else "1") for number in range(14_000))
        async with with_park.client(**{"Accept-Language": "zh"}) as client:
            body = (await client.post(RECORDS, content=content, headers=NDJSON, params={"results": "all"})).json()
            assert [entry["row"] for entry in body["results"]] == list(range(1, 14_001))
            assert body["results"][7]["problem"]["message"] == "数量必须是十进制数,收到 no"
            body = (await client.post(RECORDS, content=content, headers=NDJSON)).json()
            assert [entry["row"] for entry in body["results"]] == list(range(1, 14_001, 7))
            assert (body["duplicate"], body["rejected"]) == (12_000, 2_000)

    async def test_a_stream_that_breaks_a_rule_in_its_middle_says_how_far_it_came(self, serve: Callable[..., Any]) -> None:
        content = b"".join(map(line, range(13_000)))
        async with serve(Limits(stream_rows=12_000)) as served, served.client() as client:
            await client.post("/v1/parks", json=PARK)
            answer = await client.post(RECORDS, content=content, headers=NDJSON)
            assert (reason(answer, 413), answer.json()["rows_handled"]) == ("TOO_MANY_ROWS", 10_000)
            served.accounting.failures = [None, Unavailable("ACCOUNTING_UNAVAILABLE")]
            answer = await client.post(RECORDS, content=content, headers=NDJSON)
            assert (reason(answer, 503), answer.json()["rows_handled"]) == ("PUSH_INTERRUPTED", 5_000)

    async def test_a_stream_beyond_its_bytes_is_refused(self, serve: Callable[..., Any]) -> None:
        content = b"".join(map(line, range(20)))
        async with serve(Limits(stream_bytes=1000)) as served, served.client() as client:
            await client.post("/v1/parks", json=PARK)
            assert reason(await client.post(RECORDS, content=content, headers=NDJSON), 413) == "BODY_TOO_LARGE"
            packed = gzip.compress(content)
            assert len(packed) < 1000
            answer = await client.post(RECORDS, content=packed, headers={**NDJSON, "Content-Encoding": "gzip"})
            assert reason(answer, 413) == "BODY_TOO_LARGE"

    async def test_an_upload_gives_back_what_it_held_however_it_ends(self, serve: Callable[..., Any]) -> None:
        content = b"".join(map(line, range(20)))
        async with serve(Limits(uploads_in_memory_bytes=len(content))) as served, served.client() as client:
            await client.post("/v1/parks", json=PARK)
            for _ in range(3):
                assert (await client.post(RECORDS, content=content, headers=NDJSON)).status_code == 200
                assert reason(await client.post(RECORDS, content=content + b"\n", headers=NDJSON), 429) == "SERVER_BUSY"

    async def test_a_slow_stream_is_given_up(self, serve: Callable[..., Any]) -> None:
        async with serve(Limits(body_seconds=0.2)) as served:
            address = urlsplit(served.url)
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(
                f"POST {RECORDS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer manager-token\r\n"
                "Content-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n{".encode()
            )
            assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
            writer.close()
            await writer.wait_closed()


class TestGzip:
    @pytest.mark.parametrize("headers", [NDJSON, CSV], ids=["ndjson", "csv"])
    async def test_rows_may_come_compressed(self, with_park: Any, headers: dict[str, str]) -> None:
        rows = b"".join(f"r-{n},s-1,2022-01-01,2022-02-01,1,万kWh\n".encode("gb18030") for n in range(40_000))
        content = ",".join(FIELDS).encode() + b"\n" + rows if headers is CSV else b"".join(map(line, range(20_000)))
        async with with_park.client() as client:
            answer = await client.post(RECORDS, content=gzip.compress(content), headers={**headers, "Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()["rejected"]) == (200, 0)
        assert answer.json()["accepted"] == (40_000 if headers is CSV else 20_000)

    async def test_a_bomb_and_what_is_no_gzip_are_refused(self, with_park: Any) -> None:
        async with with_park.client() as client:
            for content, status, expected in (
                (gzip.compress(b"0" * 50_000_000), 413, "UNPACKS_TOO_FAR"),
                (b"plain", 400, "GZIP_BROKEN"),
                (gzip.compress(line(1))[:-4], 400, "GZIP_BROKEN"),
            ):
                answer = await client.post(RECORDS, content=content, headers={**NDJSON, "Content-Encoding": "gzip"})
                assert reason(answer, status) == expected
        assert with_park.accounting.batches == []


class TestWorkbooks:
    async def test_a_workbook_is_read_as_people_see_it(self, with_park: Any) -> None:
        def finish(book: Any, sheet: Any) -> None:
            hidden = book.add_worksheet("first in order, but hidden")
            hidden.hide()
            sheet.write(40, 9, "", book.add_format({"bold": True}))

        rows: list[list[Any]] = [
            ["", ""],
            ["记录编号", "排放源编号", "开始时间", "结束时间", "数量", "单位", "已确认"],
            ["r-1", "s-1", date(2022, 1, 1), date(2022, 2, 1), 1275.4, "MWh", True],
            [],
            [20220001, "s-1", "2022-02-01", datetime(2022, 3, 1), 1e-06, "万kWh", "是"],
            ["r-3", "s-1", datetime(2022, 1, 1, 0, 15), date(2022, 2, 1), 0.1 + 0.2, "MWh", ""],
            ["r-4", "s-1", date(2022, 1, 1), date(2022, 2, 1), "1", "MWh", "maybe"],
            ["r-5", "s-1", date(2022, 1, 1), date(2022, 2, 1), "1", "MWh", "", "a note"],
            ["r-6", "s-1", date(2022, 1, 1), date(2022, 2, 1), "1\n2", "MWh"],
        ]
        async with with_park.client() as client:
            answer = (await client.post(RECORDS, content=workbook(rows, then=finish), headers=XLSX)).json()
            listed = (await client.get(RECORDS)).json()["records"]
        assert [(entry["row"], entry["outcome"]) for entry in answer["results"]] == [
            (3, "accepted"),
            (5, "accepted"),
            (6, "accepted"),
            (7, "rejected"),
            (8, "rejected"),
            (9, "rejected"),
        ]
        problems = [entry["problem"]["reason"] for entry in answer["results"][3:]]
        assert problems == ["CONFIRMED_NOT_A_BOOLEAN", "COLUMN_COUNT", "CHARACTER_NOT_ALLOWED"]
        assert [(r["record_id"], r["period_start_time"], r["period_end_time"], r["quantity"], r["unit"]) for r in listed] == [
            ("r-1", "2022-01-01", "2022-02-01", "1275.4", "MWh"),
            ("20220001", "2022-02-01", "2022-03-01", "0.000001", "万kWh"),
            ("r-3", "2022-01-01T00:15:00", "2022-02-01", "0.3", "MWh"),
        ]

    @pytest.mark.parametrize("spoken", ["zh", "en"])
    async def test_the_template_is_pushed_as_it_is_filled_in(self, with_park: Any, spoken: str) -> None:
        async with with_park.client() as client:
            answer = await client.get("/v1/templates/activity-records.xlsx", params={"lang": spoken})
            assert answer.headers["content-type"] == Format.XLSX
            assert f'filename="activity-records.{spoken}.xlsx"' in answer.headers["content-disposition"]
            assert answer.content == (await client.get("/v1/templates/activity-records.xlsx?lang=" + spoken)).content
            assert reason(await client.post(RECORDS, content=answer.content, headers=XLSX), 422) == "BODY_EMPTY"
            book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
            headings = [str(cell) for cell in book.get_sheet_by_index(0).to_python()[0]]
            assert headings == templates.headings("zh" if spoken == "zh" else "en")
            rules = book.get_sheet_by_index(1).to_python()
            assert [row[0] for row in rules[1:]] == headings
            example = [str(row[3]) for row in rules[1:]]
            pushed = (await client.post(RECORDS, content=workbook([list(headings), list(example)]), headers=XLSX)).json()
        assert (pushed["accepted"], pushed["rejected"]) == (1, 0)

    async def test_the_language_of_the_template_is_the_callers(self, served: Any) -> None:
        async with served.client(**{"Accept-Language": "zh"}) as client:
            answer = await client.get("/v1/templates/activity-records.xlsx")
            assert answer.headers["content-language"] == "zh"
            assert reason(await client.get("/v1/templates/activity-records.xlsx?lang=fr"), 422) == "FIELDS_INVALID"

    async def test_files_that_are_made_to_hurt_are_refused_and_hurt_nobody(self, with_park: Any) -> None:
        def zipped(name: str, content: bytes) -> bytes:
            written = io.BytesIO()
            with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("xl/workbook.xml", b"<workbook/>")
                archive.writestr(name, content)
            return written.getvalue()

        bomb = zipped("xl/worksheets/sheet1.xml", b"0" * 300_000_000)
        lying = bytearray(zipped("xl/worksheets/sheet1.xml", b"0" * 1_000_000))
        declared = (1_000_000).to_bytes(4, "little")
        while (at := lying.find(declared)) >= 0:
            lying[at : at + 4] = (1000).to_bytes(4, "little")
        far = workbook([FIELDS], then=lambda book, sheet: sheet.write(1_048_575, 16_383, "x"))
        many = workbook([FIELDS, *([["r", "s", "d", "d", "1", "t"]] * 120)])
        cases = [
            (bomb, 413, "FILE_TOO_COSTLY"),
            (bytes(lying), 422, "FILE_NOT_READABLE"),
            (far, 413, "FILE_TOO_COSTLY"),
            (b"PK\x03\x04 and so on", 422, "FILE_NOT_READABLE"),
            (b"", 422, "FILE_NOT_READABLE"),
            (zipped("a", b""), 422, "FILE_NOT_READABLE"),
            (workbook([]), 422, "BODY_EMPTY"),
            (workbook([["a", "b"], ["1", "2"]]), 422, "HEADER_MISSING"),
        ]
        async with with_park.client() as client:
            for number, (content, status, expected) in enumerate(cases):
                answer = await client.post(RECORDS, content=content, headers=XLSX)
                assert reason(answer, status) == expected, number
            assert (await client.post(RECORDS, content=many, headers=XLSX)).json()["rows"] == 120

    async def test_a_sheet_of_more_rows_than_allowed_is_refused_whole(self, serve: Callable[..., Any]) -> None:
        rows = [FIELDS, *([["r", "s", "2022-01-01", "2022-02-01", "1", "t"]] * 101)]
        async with serve(Limits(rows=100)) as served, served.client() as client:
            await client.post("/v1/parks", json=PARK)
            assert reason(await client.post(RECORDS, content=workbook(rows), headers=XLSX), 413) == "TOO_MANY_ROWS"
        assert served.accounting.batches == []

    async def test_a_dimension_that_lies_hides_no_row(self, with_park: Any) -> None:
        honest = io.BytesIO(workbook([FIELDS, *([[f"r-{n}", "s", "2022-01-01", "2022-02-01", "1", "t"] for n in range(500)])]))
        lying = io.BytesIO()
        with zipfile.ZipFile(honest) as source, zipfile.ZipFile(lying, "w") as target:
            for part in source.namelist():
                content = source.read(part)
                if part == "xl/worksheets/sheet1.xml":
                    assert b'<dimension ref="A1:F501"/>' in content
                    content = content.replace(b'<dimension ref="A1:F501"/>', b'<dimension ref="A1:B2"/>')
                target.writestr(part, content)
        async with with_park.client() as client:
            assert (await client.post(RECORDS, content=lying.getvalue(), headers=XLSX)).json()["accepted"] == 500

    async def test_a_worker_whose_rows_nobody_wants_any_more_is_killed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        content = workbook([FIELDS, *([[f"r-{n}", "s", "2022-01-01", "2022-02-01", n, "t"] for n in range(20_000)])])
        started: list[asyncio.subprocess.Process] = []
        start = asyncio.create_subprocess_exec

        async def remembered(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
            started.append(await start(*arguments, **options))
            return started[-1]

        monkeypatch.setattr(asyncio, "create_subprocess_exec", remembered)

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        reading = Workbooks(Limits(batch_rows=10)).read(chunks(), Format.XLSX, PLAIN)
        assert len((await anext(reading)).rows) == 10
        assert started[0].returncode is None
        await reading.aclose()
        assert started[0].returncode == -signal.SIGKILL

    async def test_a_worker_that_fails_by_itself_is_our_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gateway.api.reading.workbooks._WORKER", "gateway.api.no_such_worker")

        async def chunks() -> AsyncIterator[bytes]:
            yield b"x" * 100_000

        with pytest.raises(WorkerFailed, match="No module named"):
            async for _ in Workbooks(Limits()).read(chunks(), Format.XLSX, PLAIN):
                pass


def parquet(**columns: Any) -> bytes:
    rows = 3
    plain: dict[str, Any] = {
        "record_id": [f"r-{n}" for n in range(rows)],
        "source_id": pa.array(["s-1"] * rows).dictionary_encode(),
        "period_start": pa.array([date(2022, 1, 1)] * rows),
        "period_end": pa.array([datetime(2022, 2, 1, tzinfo=UTC)] * rows),
        "quantity": pa.array([Decimal("1.50"), Decimal("0.000001"), None], pa.decimal128(18, 6)),
        "unit": ["MWh"] * rows,
        **columns,
    }
    written = io.BytesIO()
    pq.write_table(pa.table({name: column for name, column in plain.items() if column is not None}), written)
    return written.getvalue()


class TestParquet:
    async def test_parquet_is_read_without_losing_a_digit(self, with_park: Any) -> None:
        async with with_park.client() as client:
            answer = (await client.post(RECORDS, content=parquet(confirmed=[True, False, None]), headers=PARQUET)).json()
            listed = (await client.get(RECORDS)).json()["records"]
        assert [entry["outcome"] for entry in answer["results"]] == ["accepted", "accepted", "rejected"]
        assert answer["results"][2]["row"] == 3
        assert [(r["period_start_time"], r["period_end_time"], r["quantity"]) for r in listed] == [
            ("2022-01-01", "2022-02-01T00:00:00+00:00", "1.500000"),
            ("2022-01-01", "2022-02-01T00:00:00+00:00", "0.000001"),
        ]

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            pytest.param(parquet(quantity=[1.5, 2.5, 3.5]), "COLUMN_TYPE", id="binary_fractions"),
            pytest.param(parquet(record_id=[[1], [2], [3]]), "COLUMN_TYPE", id="lists"),
            pytest.param(parquet(unit=None), "HEADER_MISSING", id="missing"),
            pytest.param(parquet(colour=["red"] * 3), "HEADER_UNKNOWN", id="unknown"),
            pytest.param(parquet()[:-20], "FILE_NOT_READABLE", id="cut_off"),
            pytest.param(b"PAR1 nothing else PAR1", "FILE_NOT_READABLE", id="no_footer"),
        ],
    )
    async def test_a_file_that_cannot_be_taken_is_refused_whole(self, with_park: Any, content: bytes, expected: str) -> None:
        async with with_park.client() as client:
            assert reason(await client.post(RECORDS, content=content, headers=PARQUET), 422) == expected
        assert with_park.accounting.batches == []

    async def test_a_page_that_is_broken_is_refused(self, with_park: Any) -> None:
        content = bytearray(parquet())
        content[10:60] = b"\xff" * 50
        async with with_park.client() as client:
            assert reason(await client.post(RECORDS, content=bytes(content), headers=PARQUET), 422) == "FILE_NOT_READABLE"
