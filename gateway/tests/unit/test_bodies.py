"""Bodies of rows: what is read, what is refused, and that the short way and the long way agree."""

import json
import time
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.api.reading.bodies import read_rows
from gateway.api.reading.csv import _csv_line_by_line
from gateway.api.reading.json import _json_row_by_row
from gateway.api.reading.media import media_of
from gateway.api.reading.ndjson import _ndjson_line_by_line
from gateway.domain.errors import GatewayError, MalformedBody, NothingReadable, TooLarge, Unsupported
from gateway.domain.limits import Limits
from gateway.domain.push.activity import FIELDS, ReadRows
from gateway.domain.push.media import Format, Media

JSON = media_of("application/json")
NDJSON = media_of("application/x-ndjson")
CSV = media_of("text/csv")
ROW = {
    "record_id": "r-1",
    "source_id": "s-1",
    "period_start": "2022-01-01",
    "period_end": "2022-02-01",
    "quantity": "12.5",
    "unit": "MWh",
}
HEADER = "record_id,source_id,period_start,period_end,quantity,unit"
LINE = "r-1,s-1,2022-01-01,2022-02-01,12.5,MWh"
SMALL = Limits(rows=10, row_bytes=300)


def read(body: bytes | str, media: Media = JSON, limits: Limits = SMALL) -> ReadRows:
    return read_rows(body.encode() if isinstance(body, str) else body, media, limits)


def listed(found: ReadRows) -> list[tuple[Any, ...]]:
    rows = found.rows
    return list(
        zip(
            rows.row_numbers,
            rows.record_id,
            rows.source_id,
            rows.period_start,
            rows.period_end,
            rows.quantity,
            rows.unit,
            rows.supersedes,
            rows.confirmed,
            strict=True,
        )
    )


def reasons(found: ReadRows) -> list[tuple[int, str, str, str]]:
    return [(problem.row, problem.reason, problem.field, problem.found) for problem in found.rejected]


KEPT = (1, "r-1", "s-1", "2022-01-01", "2022-02-01", "12.5", "MWh", "", "")


class TestJson:
    def test_an_array_of_rows_becomes_columns_with_row_numbers(self) -> None:
        found = read(json.dumps([ROW, {**ROW, "record_id": "r-2", "supersedes": "r-1", "confirmed": True}]))
        assert listed(found) == [KEPT, (2, "r-2", *KEPT[2:7], "r-1", "true")]
        assert not found.rejected

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(json.dumps({"records": [ROW]}), id="object_with_records"),
            pytest.param(json.dumps({"records": [ROW]}, indent=2), id="with_whitespace"),
            pytest.param("\ufeff" + json.dumps([ROW]), id="byte_order_mark"),
            pytest.param(json.dumps([{**ROW, "supersedes": None, "confirmed": None}]), id="null_is_left_out"),
            pytest.param(json.dumps([{**ROW, "supersedes": "", "confirmed": False}]), id="empty_is_left_out"),
            pytest.param(json.dumps([ROW]).replace("r-1", "r\\u002d1"), id="escapes"),
            pytest.param(json.dumps({"records": [ROW]}).replace("MWh", "M\\u0057h"), id="object_with_escapes"),
        ],
    )
    def test_these_say_the_same(self, body: str) -> None:
        assert listed(read(body)) == [KEPT]

    @pytest.mark.parametrize(
        ("row", "expected"),
        [
            pytest.param({**ROW, "quantity": 12.5}, ("QUANTITY_NOT_A_STRING", "quantity", "12.5"), id="number"),
            pytest.param({**ROW, "quantity": True}, ("QUANTITY_NOT_A_STRING", "quantity", "true"), id="true"),
            pytest.param({**ROW, "quantity": ["1"]}, ("QUANTITY_NOT_A_STRING", "quantity", "an array"), id="array"),
            pytest.param({**ROW, "unit": 1}, ("FIELD_NOT_A_STRING", "unit", "1"), id="unit_is_a_number"),
            pytest.param({**ROW, "confirmed": "true"}, ("CONFIRMED_NOT_A_BOOLEAN", "confirmed", '"true"'), id="confirmed"),
            pytest.param({**ROW, "confirmed": 1}, ("CONFIRMED_NOT_A_BOOLEAN", "confirmed", "1"), id="confirmed_is_one"),
            pytest.param({**ROW, "tenant_id": "x"}, ("FIELD_UNKNOWN", "tenant_id", '"x"'), id="extra_field"),
            pytest.param("text", ("ROW_NOT_AN_OBJECT", "", '"text"'), id="not_an_object"),
            pytest.param(None, ("ROW_NOT_AN_OBJECT", "", "null"), id="null_row"),
            pytest.param({**ROW, "unit": "k\0Wh"}, ("CHARACTER_NOT_ALLOWED", "unit", '"k\\u0000Wh"'), id="nul"),
            pytest.param({**ROW, "unit": "k\x7fWh"}, ("CHARACTER_NOT_ALLOWED", "unit", '"k\\u007fWh"'), id="delete"),
            pytest.param({**ROW, "unit": "\ud800"}, ("CHARACTER_NOT_ALLOWED", "unit", '"\\ud800"'), id="half_a_pair"),
        ],
    )
    def test_a_bad_row_is_rejected_and_the_others_are_kept(self, row: Any, expected: tuple[str, str, str]) -> None:
        found = read(json.dumps([ROW, row, {**ROW, "record_id": "r-3"}]), limits=Limits())
        assert [entry[0] for entry in listed(found)] == [1, 3]
        assert reasons(found) == [(2, *expected)]

    def test_a_number_keeps_every_digit_in_the_message(self) -> None:
        body = json.dumps([ROW]).replace('"12.5"', "1e400")
        assert reasons(read(body)) == [(1, "QUANTITY_NOT_A_STRING", "quantity", "1e400")]
        body = json.dumps([ROW]).replace('"12.5"', "9" * 400)
        assert reasons(read(body, limits=Limits()))[0][3] == "9" * 199 + "…"

    @pytest.mark.parametrize("written", ['"quantity"', '"quantit\\u0079"'], ids=["plain", "escaped"])
    def test_a_member_named_twice_is_rejected_however_it_is_written(self, written: str) -> None:
        body = json.dumps([ROW, ROW]).replace('"unit"', f'{written}: "99", "unit"', 1)
        found = read(body)
        assert reasons(found) == [(1, "FIELD_DUPLICATE", "quantity", "twice")]
        assert listed(found) == [(2, *KEPT[1:])]

    def test_a_member_named_twice_in_one_row_and_not_at_all_in_another_is_seen(self) -> None:
        twice = json.dumps(ROW).replace('"unit"', '"supersedes": "a", "supersedes": "b", "unit"')
        once = json.dumps({**ROW, "supersedes": "c"})
        assert [problem.row for problem in read(f"[{twice}, {once}, {json.dumps(ROW)}]").rejected] == [1]

    def test_a_missing_field_is_left_to_accounting(self) -> None:
        assert listed(read(json.dumps([{"record_id": "r-1"}]))) == [(1, "r-1", *[""] * 7)]

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            pytest.param("", "BODY_EMPTY", id="empty"),
            pytest.param("[]", "BODY_EMPTY", id="no_rows"),
            pytest.param('{"records": []}', "BODY_EMPTY", id="no_records"),
            pytest.param("hello", "BODY_NOT_JSON", id="text"),
            pytest.param('[{"record_id": "r', "BODY_NOT_JSON", id="cut_off"),
            pytest.param(json.dumps([ROW]) + "x", "BODY_NOT_JSON", id="more_behind"),
            pytest.param("[1 2]", "BODY_NOT_JSON", id="no_comma"),
            pytest.param(json.dumps(ROW), "BODY_NOT_ROWS", id="one_row"),
            pytest.param("{}", "BODY_NOT_ROWS", id="empty_object"),
            pytest.param("12", "BODY_NOT_ROWS", id="number"),
            pytest.param('{"records": [], "park": 1}', "BODY_NOT_ROWS", id="more_members"),
            pytest.param('{"records": [], "records": []}', "BODY_NOT_ROWS", id="records_twice"),
            pytest.param(b"\xff\xfe[", "TEXT_NOT_DECODABLE", id="not_utf_8"),
        ],
    )
    def test_nothing_readable(self, body: bytes | str, reason: str) -> None:
        with pytest.raises(NothingReadable) as refused:
            read(body)
        assert refused.value.reason == reason

    @pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
    def test_what_is_no_json_number_is_malformed_and_names_its_row(self, constant: str) -> None:
        with pytest.raises(MalformedBody) as refused:
            read(json.dumps([ROW, ROW]).replace('"12.5"', constant, 2).replace(constant, '"12.5"', 1))
        assert refused.value.reason == "NUMBER_NOT_FINITE"
        assert refused.value.facts() == {"found": constant, "row": "2"}

    @pytest.mark.parametrize("opening", ["[", '{"a":', '[{"quantity":['], ids=["arrays", "objects", "in_a_row"])
    def test_depth_is_bounded(self, opening: str) -> None:
        with pytest.raises((MalformedBody, NothingReadable)) as refused:
            read(opening * 100_000, limits=Limits())
        assert refused.value.reason in {"JSON_TOO_DEEP", "BODY_NOT_ROWS"}

    def test_too_many_rows_are_refused_whatever_they_hold(self) -> None:
        for body in (json.dumps([ROW] * 11), json.dumps([1] * 11), json.dumps([{**ROW, "unit": "\\"}] * 11)):
            with pytest.raises(TooLarge):
                read(body)
        assert len(read(json.dumps([ROW] * 10)).rows) == 10

    def test_a_row_that_is_too_long_is_rejected_alone(self) -> None:
        for long in ("x" * 300, "汉" * 100, "\\" * 300):
            found = read(json.dumps([ROW, {**ROW, "unit": long}], ensure_ascii=False))
            assert [entry[0] for entry in listed(found)] == [1]
            assert [problem[:2] for problem in reasons(found)] == [(2, "LINE_TOO_LONG")]


class TestNdjson:
    def test_rows_carry_their_line_numbers(self) -> None:
        line = json.dumps(ROW)
        assert [entry[0] for entry in listed(read(f"{line}\n{line}", NDJSON))] == [1, 2]
        assert [entry[0] for entry in listed(read(f"\n{line}\r\n\r\n{line}\n\n", NDJSON))] == [2, 4]

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("nonsense", "LINE_NOT_JSON"),
            (json.dumps(ROW)[:-1], "LINE_NOT_JSON"),
            (json.dumps(ROW) * 2, "LINE_NOT_JSON"),
            (json.dumps(ROW).replace('"12.5"', "NaN"), "NUMBER_NOT_FINITE"),
            ("[" * 5000, "JSON_TOO_DEEP"),
            ("[]", "ROW_NOT_AN_OBJECT"),
            (json.dumps({**ROW, "quantity": 1}), "QUANTITY_NOT_A_STRING"),
            ('{"quantity": "1", "quantity": "2"}', "FIELD_DUPLICATE"),
        ],
    )
    def test_a_bad_line_is_rejected_and_the_others_are_kept(self, line: str, reason: str) -> None:
        good = json.dumps(ROW)
        found = read(f"{good}\n{line}\n{good}\n", NDJSON, Limits())
        assert [entry[0] for entry in listed(found)] == [1, 3]
        assert [problem[:2] for problem in reasons(found)] == [(2, reason)]

    def test_bytes_that_are_not_utf_8_spoil_their_line_only(self) -> None:
        good = json.dumps(ROW).encode()
        found = read(good + b"\n\xff\xfe\n" + good, NDJSON)
        assert [problem[:2] for problem in reasons(found)] == [(2, "LINE_NOT_JSON")]
        assert len(found.rows) == 2

    def test_a_line_of_ten_megabytes_is_one_rejected_row(self) -> None:
        good = json.dumps(ROW)
        found = read(f'{good}\n{{"record_id": "{"x" * 10_000_000}"}}\n{good}\n', NDJSON, Limits())
        assert [entry[0] for entry in listed(found)] == [1, 3]
        assert [problem[:2] for problem in reasons(found)] == [(2, "LINE_TOO_LONG")]

    @pytest.mark.parametrize(
        ("body", "found"),
        [
            pytest.param(f"{HEADER}\n{LINE}".encode("utf-16"), "UTF-16", id="utf_16"),
            pytest.param(f"{HEADER}\n{LINE}\n万\n".encode("gb18030") + b"\xff\n", "0xFF, line 4", id="one_broken_byte_in_gb18030"),
            pytest.param(f"{HEADER}\n万万\n万".encode() + b"\xff" + "万\n".encode(), "0xFF, line 3", id="one_broken_byte_in_utf_8"),
            pytest.param(b"PK\x03\x04\x00\x00", "NUL", id="zeros"),
        ],
    )
    def test_what_is_no_text_says_where(self, body: bytes, found: str) -> None:
        with pytest.raises(NothingReadable) as refused:
            read(body, CSV)
        assert refused.value.facts()["found"] == found
        assert found in refused.value.sentence("zh")

    @pytest.mark.parametrize("line", [HEADER.replace(",", ";"), "2023 年用电量", "sep=,"])
    def test_a_first_line_that_is_no_header_is_shown(self, line: str) -> None:
        with pytest.raises(NothingReadable) as refused:
            read(f"{line}\n{LINE}", CSV)
        assert line in refused.value.sentence("en")
        assert "逗号" in refused.value.sentence("zh")

    def test_too_many_lines_are_refused(self) -> None:
        for line in (json.dumps(ROW), "x"):
            with pytest.raises(TooLarge):
                read(f"{line}\n" * 11, NDJSON)


class TestCsv:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(f"{HEADER}\n{LINE}\n".encode(), id="utf_8"),
            pytest.param(f"{HEADER}\n{LINE}".encode(), id="no_last_newline"),
            pytest.param(f"{HEADER}\n{LINE}\n".encode("utf-8-sig"), id="byte_order_mark"),
            pytest.param(f"{HEADER}\r\n{LINE}\r\n".encode(), id="crlf"),
            pytest.param(f'{HEADER}\n"r-1",s-1,2022-01-01,2022-02-01,"12.5",MWh'.encode(), id="quotes"),
            pytest.param(f"{HEADER},supersedes,confirmed\n{LINE},,false\n".encode(), id="all_columns"),
            pytest.param("记录编号,排放源编号,开始时间,结束时间,数量,单位\n".encode() + LINE.encode(), id="chinese_headings"),
            pytest.param(f"记录编号,排放源编号,开始时间,结束时间,数量,单位\n{LINE}".encode("gb18030"), id="gb18030"),
            pytest.param(f"{HEADER},已确认\n{LINE},否\n".encode("gb18030"), id="gb18030_cells"),
        ],
    )
    def test_these_say_the_same(self, body: bytes) -> None:
        assert listed(read(body, CSV)) == [(2, *KEPT[1:])]

    def test_a_charset_is_taken_at_its_word(self) -> None:
        body = f"{HEADER}\n{LINE.replace('s-1', '锅炉')}".encode("gb18030")
        assert listed(read(body, media_of("text/csv; charset=GB18030")))[0][2] == "锅炉"
        with pytest.raises(NothingReadable, match="not text in utf-8"):
            read(body, media_of('text/csv; charset="utf-8"'))

    def test_confirmed_is_written_in_words(self) -> None:
        lines = "\n".join(f"{LINE},{word}" for word in ("true", "TRUE", "是", "false", "否", "", "maybe"))
        found = read(f"{HEADER},confirmed\n{lines}", CSV)
        assert [entry[-1] for entry in listed(found)] == ["true", "true", "true", "", "", ""]
        assert reasons(found) == [(8, "CONFIRMED_NOT_A_BOOLEAN", "confirmed", '"maybe"')]

    def test_lines_without_anything_are_no_rows(self) -> None:
        found = read(f"{HEADER}\n{LINE}\n,,,,,\n  , ,\t,,,\n\n{LINE}\n,,,,,\n", CSV)
        assert ([entry[0] for entry in listed(found)], reasons(found)) == ([2, 6], [])
        found = read(f"{HEADER}\n{LINE}\n,,,,,\n", CSV)
        assert ([entry[0] for entry in listed(found)], reasons(found)) == ([2], [])

    def test_columns_may_stand_in_any_order(self) -> None:
        assert listed(
            read("unit,quantity,period_end,period_start,source_id,record_id\nMWh,12.5,2022-02-01,2022-01-01,s-1,r-1", CSV)
        ) == [(2, *KEPT[1:])]

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            pytest.param(LINE + ",more", "COLUMN_COUNT", id="too_many_cells"),
            pytest.param("r-1,s-1", "COLUMN_COUNT", id="too_few_cells"),
            pytest.param('"r-1,s-1,a,b,1,t', "CSV_QUOTES", id="open_quote"),
            pytest.param('"r"1,s-1,a,b,1,t', "CSV_QUOTES", id="text_behind_a_quote"),
            pytest.param(LINE.replace("s-1", "s\t1"), "CHARACTER_NOT_ALLOWED", id="tab"),
            pytest.param(LINE.replace("s-1", "s\x7f1"), "CHARACTER_NOT_ALLOWED", id="delete"),
            pytest.param(LINE.replace("s-1", "x" * 300), "LINE_TOO_LONG", id="too_long"),
        ],
    )
    def test_a_bad_line_is_rejected_and_the_others_are_kept(self, line: str, reason: str) -> None:
        found = read(f"{HEADER}\n{LINE}\n{line}\n\n{LINE}\n", CSV)
        assert [entry[0] for entry in listed(found)] == [2, 5]
        assert [problem[:2] for problem in reasons(found)] == [(3, reason)]

    def test_a_line_of_ten_megabytes_is_one_rejected_row(self) -> None:
        found = read(f'{HEADER}\n{LINE}\n{"x" * 10_000_000}\n"{"y" * 70_000}\n{LINE}\n', CSV, Limits())
        assert [entry[0] for entry in listed(found)] == [2, 5]
        assert [problem[:2] for problem in reasons(found)] == [(3, "LINE_TOO_LONG"), (4, "LINE_TOO_LONG")]

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            pytest.param(b"", "BODY_EMPTY", id="empty"),
            pytest.param(b"\xef\xbb\xbf\r\n\r\n", "BODY_EMPTY", id="blank"),
            pytest.param(f"{HEADER}\n".encode(), "BODY_EMPTY", id="header_only"),
            pytest.param(LINE.encode(), "HEADER_MISSING", id="no_header"),
            pytest.param(f"{HEADER}\n{LINE}".replace(",", ";").encode(), "HEADER_MISSING", id="semicolons"),
            pytest.param(f"{HEADER},colour\n{LINE},red".encode(), "HEADER_UNKNOWN", id="unknown_column"),
            pytest.param(f"{HEADER},数量\n{LINE},1".encode(), "HEADER_DUPLICATE", id="column_twice"),
            pytest.param(f"{HEADER}\n{LINE}".encode("utf-16"), "TEXT_NOT_DECODABLE", id="utf_16"),
            pytest.param(b"PK\x03\x04\x00\x00\xff\xff\x80", "TEXT_NOT_DECODABLE", id="workbook"),
            pytest.param(b"\xff\xff\xff\xff", "TEXT_NOT_DECODABLE", id="garbage"),
        ],
    )
    def test_nothing_readable(self, body: bytes, reason: str) -> None:
        with pytest.raises(NothingReadable) as refused:
            read(body, CSV)
        assert refused.value.reason == reason

    def test_too_many_lines_are_refused(self) -> None:
        with pytest.raises(TooLarge):
            read(HEADER + f"\n{LINE}" * 11, CSV)


class TestMedia:
    @pytest.mark.parametrize(
        ("content_type", "expected"),
        [
            ("application/json", (Format.JSON, "utf-8-sig")),
            ("Application/JSON; charset=UTF-8", (Format.JSON, "utf-8-sig")),
            ("application/x-ndjson", (Format.NDJSON, "utf-8-sig")),
            ("text/csv", (Format.CSV, "")),
            ("text/csv; header=present; charset=gb2312", (Format.CSV, "gb18030")),
        ],
    )
    def test_these_are_read(self, content_type: str, expected: tuple[Format, str]) -> None:
        media = media_of(content_type)
        assert (media.format, media.charset) == expected

    @pytest.mark.parametrize(
        "content_type",
        [None, "", "text/plain", "application/xml", "application/json; charset=utf-16", "text/csv; charset=latin-1"],
    )
    def test_these_are_not(self, content_type: str | None) -> None:
        with pytest.raises(Unsupported):
            media_of(content_type)


VALUES = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["12.5", "quantity", "record_id", "\\", '"', "\x00", "汉字", "true"]),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
)
MEMBERS = st.lists(st.tuples(st.sampled_from([*FIELDS, "tenant_id"]), VALUES), max_size=10)


def _written(members: list[tuple[str, Any]], ascii_only: bool) -> str:
    """Writes an object; with `ascii_only` values are escaped, and names that end in y are spelled with an escape sequence."""

    def spelled(name: str) -> str:
        return json.dumps(name).replace("y", "\\u0079") if ascii_only else json.dumps(name)

    return "{" + ",".join(f"{spelled(name)}:{json.dumps(value, ensure_ascii=ascii_only)}" for name, value in members) + "}"


@settings(deadline=None)  # other processes share the machine
@given(st.lists(MEMBERS, min_size=1, max_size=4), st.booleans())
def test_the_short_way_and_the_long_way_agree(rows: list[list[tuple[str, Any]]], ascii_only: bool) -> None:
    changed = [[*{**ROW, **dict(members[:1])}.items()] for members in rows]
    twice = [[*ROW.items(), *members[:1]] for members in rows]
    _agree([_written(members, ascii_only) for members in ([*ROW.items()], *changed)])
    _agree([_written(members, ascii_only) for members in ([*ROW.items()], *rows, *twice)])


def _agree(texts: list[str]) -> None:
    array = ("[" + ",".join(texts) + "]").encode("utf-8", "surrogatepass")
    lines = "\n".join(texts).encode("utf-8", "surrogatepass")
    for media, body, long in (
        (JSON, array, _json_row_by_row(array, Limits())),
        (NDJSON, lines, _ndjson_line_by_line(lines.split(b"\n"), 1, Limits())),
    ):
        short = read_rows(body, media, Limits())
        assert listed(short) == listed(long)
        assert reasons(short) == reasons(long)


CELLS = st.one_of(
    st.text(st.characters(exclude_characters='\n\0"', exclude_categories=["Cs"]), max_size=4),
    st.sampled_from(["r-1", "", " ", "true", "是", "NO", "\r", ",", '"']),
)


@settings(deadline=None)  # other processes share the machine
@given(st.lists(st.lists(CELLS, min_size=6, max_size=8), min_size=1, max_size=4), st.sampled_from(["", ",supersedes,confirmed"]))
def test_the_short_way_and_the_long_way_agree_on_csv(rows: list[list[str]], more: str) -> None:
    header = (HEADER + more).split(",")
    body = "\n".join([",".join(header), *(",".join(cells) for cells in rows)])
    assume(any(line.strip(", \t\r") for line in body.split("\n")[1:]))
    lines = [line.removesuffix("\r") for line in body.split("\n")[1:]]
    long = _csv_line_by_line(header, lines, 2, Limits())
    short = read_rows(body.encode(), CSV, Limits())
    assert (listed(short), reasons(short)) == (listed(long), reasons(long))


def test_names_spelled_with_escapes_and_far_from_their_colon_are_seen() -> None:
    for gap in ("", " " * 5, "\n" * 8, " " * 500):
        body = json.dumps([ROW]).replace('"unit"', f'"quantit\\u0079"{gap}: "99", "unit"')
        assert [problem[1] for problem in reasons(read(body, limits=Limits()))] == ["FIELD_DUPLICATE"]


def test_a_body_of_backslashes_is_refused_in_linear_time() -> None:
    began = time.process_time()
    with pytest.raises(NothingReadable):
        read(b'["' + b"\\\\" * 1_000_000, limits=Limits())
    assert time.process_time() - began < 5


@settings(deadline=None)  # other processes share the machine
@given(st.binary(max_size=200), st.sampled_from([JSON, NDJSON, CSV]))
def test_no_body_gets_past_the_refusals(body: bytes, media: Media) -> None:
    try:
        found = read_rows(body, media, SMALL)
    except GatewayError as refused:
        refused.sentence("zh").encode()
    else:
        assert len(found.rows) + len(found.rejected) > 0
        for problem in found.rejected:
            problem.message_zh.encode()
            problem.found.encode()
