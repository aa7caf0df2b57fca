"""Indicator values as CSV and as the workbook that people fill in, and files that are made to hurt."""

import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import openpyxl
import pytest
import xlsxwriter

from gateway.tests.conftest import READER, Served

VALUES = "/v1/parks/etdz/indicator-values"
SYSTEM = {"system": "guide-2021"}
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
CSV = {"Content-Type": "text/csv"}
ENGLISH: list[Any] = ["indicator_id", "name", "year", "value", "unit", "evidence", "confirmed", "description"]
CHINESE: list[Any] = ["指标编号", "名称", "年度", "取值", "单位", "佐证", "确认", "说明"]


def workbook(rows: list[list[Any]], then: Callable[[Any, Any], None] | None = None) -> bytes:
    written = io.BytesIO()
    book: Any = xlsxwriter.Workbook(written, {"in_memory": True})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for at, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, date):
                sheet.write_datetime(at, column, cell, day)
            elif cell != "":
                sheet.write(at, column, cell)
    if then is not None:
        then(book, sheet)
    book.close()
    return written.getvalue()


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    found: str = answer.json()["reason"]
    return found


def sent(served: Served) -> list[tuple[str, ...]]:
    """The rows that the evaluation was asked to record last."""
    _, question, members = served.evaluation.asked[-1]
    assert (question, members["park_id"], members["system_id"]) == ("RecordIndicatorValues", "etdz", "guide-2021")
    return [tuple(str(cell) for cell in row.values()) for row in members["rows"]]


@pytest.fixture
def recording(served: Served) -> Served:
    served.evaluation.answers["RecordIndicatorValues"] = {"accepted": 1, "unchanged": 0, "problems": []}
    return served


async def test_a_workbook_is_read_as_people_see_it(recording: Served) -> None:
    def finish(book: Any, sheet: Any) -> None:
        percent = book.add_format({"num_format": "0.0%"})
        for row, number in ((3, 0.715), (4, 1.4), (5, 0.07)):
            sheet.write(row, 3, number, percent)
        sheet.write_formula(6, 3, "=40+2", None, 42)
        sheet.write_formula(7, 3, "=1/0", None, "#DIV/0!")
        book.add_worksheet("first in order, but hidden").hide()

    rows: list[list[Any]] = [
        [],
        CHINESE,
        ["1", "已填", 2022, 80, "%", "doc-1", "是"],
        ["2", "百分比格式", "2022", "", "%"],
        ["3", "百分比格式 140 %", "2022", "", ""],
        ["20", "百分比格式, 单位不符", "2022", "", "10^4 CNY"],
        ["4", "公式", "2022", "", "%"],
        ["5", "错误", "2022", "", "%"],
        [],
        ["6", "未填", "2022", "", "%"],
        ["7", "文本百分比", "2022", " 71.5% ", ""],
        ["54", "是否", 2022, "是", "", "", "否"],
        ["8", "日期作年份", date(2022, 1, 1), 0.1 + 0.2],
    ]
    async with recording.client() as client:
        answer = await client.post(VALUES, content=workbook(rows, finish), headers=XLSX, params=SYSTEM)
    assert answer.json() == {"accepted": 1, "unchanged": 0, "rejected": 0, "blank": 1, "problems": []}
    assert sent(recording) == [
        ("3", "1", "2022", "80", "%", "doc-1", "true"),
        ("4", "2", "2022", "71.5", "%", "", ""),
        ("5", "3", "2022", "140", "%", "", ""),
        ("6", "20", "2022", "7%", "10^4 CNY", "", ""),
        ("7", "4", "2022", "42", "%", "", ""),
        ("8", "5", "2022", "#DIV/0!", "%", "", ""),
        ("11", "7", "2022", "71.5", "%", "", ""),
        ("12", "54", "2022", "是", "", "", ""),
        ("13", "8", "2022-01-01", "0.3", "", "", ""),
    ]


async def test_a_formula_that_no_program_has_calculated_is_not_a_blank(recording: Served) -> None:
    book = openpyxl.Workbook()
    book.active.append(ENGLISH)
    book.active.append(["1", "", "2022", "=40+2", "%"])
    written = io.BytesIO()
    book.save(written)
    async with recording.client() as client:
        answer = await client.post(VALUES, content=written.getvalue(), headers=XLSX, params=SYSTEM)
    assert answer.json()["blank"] == 0
    assert sent(recording) == [("2", "1", "2022", "=40+2", "%", "", "")]


@pytest.mark.parametrize(("spoken", "said"), [("zh", "取值应为"), ("en", "value must be")])
async def test_a_problem_names_row_and_cell_with_what_was_found_and_allowed(recording: Served, spoken: str, said: str) -> None:
    problem = {
        "row_number": 3,
        "indicator_id": "53",
        "reason": "VALUE_OUT_OF_RANGE",
        "field": "value",
        "found": "140",
        "allowed": "0 to 100 %",
        "message_en": "value must be 0 to 100 %, got 140",
        "message_zh": "取值应为 0 to 100 %,实际为 140",
    }
    recording.evaluation.answers["RecordIndicatorValues"] = {"accepted": 0, "unchanged": 0, "problems": [problem]}
    headings = CHINESE if spoken == "zh" else ENGLISH
    content = workbook([[], headings, ["53", "x", "2022", 140], ["54", "x", "2022", "是", *[""] * 4, "one too many"]])
    async with recording.client(**{"Accept-Language": spoken}) as client:
        problems = (await client.post(VALUES, content=content, headers=XLSX, params=SYSTEM)).json()["problems"]
    assert {name: problems[0][name] for name in ("row", "cell", "field", "found", "allowed")} == {
        "row": 3,
        "cell": "D3",
        "field": "value",
        "found": "140",
        "allowed": "0 to 100 %",
    }
    assert problems[0]["message"].startswith(said)
    assert [(each["row"], each["reason"], each["found"], each["allowed"]) for each in problems[1:]] == [
        (4, "COLUMN_COUNT", "9", "8")
    ]


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "gb18030"])
async def test_a_csv_in_each_charset_is_the_same(recording: Served, charset: str) -> None:
    lines = [
        "指标编号,年度,取值,单位,佐证,确认",
        '53,2022,71.5,%,"证书, 第 3 页",',
        "",
        "54,2022,,,,",
        "55,2022,1",
        '56,2022,"7,,,',
    ]
    async with recording.client() as client:
        answer = await client.post(VALUES, content="\r\n".join(lines).encode(charset), headers=CSV, params=SYSTEM)
    assert [(each["row"], each["reason"]) for each in answer.json()["problems"]] == [(5, "COLUMN_COUNT"), (6, "CSV_QUOTES")]
    assert all("cell" not in each for each in answer.json()["problems"])
    assert answer.json()["blank"] == 1
    assert sent(recording) == [("2", "53", "2022", "71.5", "%", "证书, 第 3 页", "")]


async def test_a_number_that_a_sheet_cannot_hold_is_not_made_up(recording: Served) -> None:
    content = workbook([ENGLISH, [24_112_000_000_012_345_678, "", 2022, 123_456_789_012_345, "%"]])
    async with recording.client() as client:
        await client.post(VALUES, content=content, headers=XLSX, params=SYSTEM)
    assert sent(recording) == [("2", "2.41120000000123E+19", "2022", "123456789012345", "%", "", "")]


async def test_a_table_needs_its_system_and_json_names_its_own(recording: Served) -> None:
    body = {"system_id": "guide-2021", "values": [{"indicator_id": "1", "year": "2022", "value": "80"}]}
    async with recording.client() as client:
        for answer in (
            await client.post(VALUES, content=workbook([ENGLISH]), headers=XLSX),
            await client.post(VALUES, json=body, params={"system": "pdi"}),
        ):
            assert refused(answer, 422) == "FIELDS_INVALID"
            assert answer.json()["field"] == "system"
        assert (await client.post(VALUES, json=body, params=SYSTEM)).status_code == 200
        assert refused(await client.post(VALUES, content=b"PAR1", headers={"Content-Type": "application/vnd.apache.parquet"}), 415)


async def test_who_may_not_record_is_refused_before_the_file_is_read(served: Served) -> None:
    async with served.client(READER) as client:
        answer = await client.post(VALUES, content=b"no workbook", headers=XLSX, params=SYSTEM)
    assert refused(answer, 403) == "ROLE_MISSING"
    assert served.evaluation.asked == []


def rezipped(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, change(source.read(name)) if name == part else source.read(name))
    return written.getvalue()


async def test_a_dimension_that_lies_hides_no_row(recording: Served) -> None:
    honest = workbook([ENGLISH, *[[str(number), "", "2022", 5, "%"] for number in range(300)]])
    lying = rezipped(
        honest, "xl/worksheets/sheet1.xml", lambda found: found.replace(b'<dimension ref="A1:H301"/>', b'<dimension ref="A1:B2"/>')
    )
    assert lying != honest
    async with recording.client() as client:
        assert (await client.post(VALUES, content=lying, headers=XLSX, params=SYSTEM)).status_code == 200
    assert len(sent(recording)) == 300


def _laughing(found: bytes) -> bytes:
    entities = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    return found.replace(b"<worksheet", b'<!DOCTYPE w [<!ENTITY a0 "0123456789">' + entities + b"]><worksheet", 1).replace(
        b"<v>0</v>", b"<v>&a9;</v>"
    )


ONE: list[list[Any]] = [ENGLISH, ["1", "", "2022", 80, "%"]]


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        pytest.param(lambda: b"", 422, "FILE_NOT_READABLE", id="nothing"),
        pytest.param(lambda: b"PK\x03\x04 and so on", 422, "FILE_NOT_READABLE", id="no_archive"),
        pytest.param(lambda: workbook([]), 422, "BODY_EMPTY", id="empty"),
        pytest.param(lambda: workbook([["indicator_id", "value"]]), 422, "HEADER_MISSING", id="no_year"),
        pytest.param(lambda: workbook([[*ENGLISH, "evidance"]]), 422, "HEADER_UNKNOWN", id="a_heading_misspelt"),
        pytest.param(lambda: workbook([[*ENGLISH, "取值"]]), 422, "HEADER_DUPLICATE", id="two_columns_of_values"),
        pytest.param(lambda: workbook([ENGLISH, *[["1"]] * 5001]), 413, "TOO_MANY_ROWS", id="rows"),
        pytest.param(lambda: workbook([ENGLISH], lambda _, s: s.write(1_048_575, 1, "x")), 413, "TOO_MANY_ROWS", id="far"),
        pytest.param(lambda: workbook([ENGLISH, ["x" * 30_000] * 3]), 413, "ROW_TOO_LONG", id="a_row_of_90_kB"),
        pytest.param(lambda: workbook(ONE, lambda _, s: s.merge_range(1, 3, 3, 3, "80")), 422, "CELLS_MERGED", id="merged_cells"),
        pytest.param(
            lambda: rezipped(workbook(ONE), "xl/worksheets/sheet1.xml", lambda _: b"0" * 300_000_000),
            413,
            "FILE_TOO_COSTLY",
            id="bomb",
        ),
        pytest.param(
            lambda: rezipped(workbook([ENGLISH, ["1", "", "2022", 0]]), "xl/worksheets/sheet1.xml", _laughing),
            422,
            "FILE_NOT_READABLE",
            id="entities",
        ),
        pytest.param(
            lambda: rezipped(workbook(ONE), "xl/worksheets/sheet1.xml", lambda found: found[:-60]),
            422,
            "FILE_NOT_READABLE",
            id="cut_off",
        ),
    ],
)
async def test_a_file_that_cannot_be_taken_is_refused_whole(
    recording: Served, content: Callable[[], bytes], status: int, reason: str
) -> None:
    async with recording.client() as client:
        answer = await client.post(VALUES, content=content(), headers=XLSX, params=SYSTEM)
    assert refused(answer, status) == reason
    assert recording.evaluation.asked == []
    if reason == "CELLS_MERGED":
        assert answer.json()["found"] == "D2:D4"
