"""Bad input through the door: each bad row is named with field, value found and value allowed, and nothing else is lost."""

import csv
import io
import json
from typing import Any

import openpyxl
import pytest

from tests.system import ganzhou
from tests.system.conftest import Platform

GOOD = {
    "record_id": "good-1",
    "source_id": "electricity",
    "period_start": "2020-01-01",
    "period_end": "2020-02-01",
    "quantity": "73506.4",
    "unit": "MWh",
}
ALSO_GOOD = GOOD | {"record_id": "good-2", "period_start": "2020-03-01", "period_end": "2020-04-01"}
BAD = GOOD | {"record_id": "bad", "period_start": "2020-02-01", "period_end": "2020-03-01"}


def case(reason: str, field: str, found: str, name: str, **changed: object) -> Any:
    return pytest.param(BAD | changed, reason, field, found, id=name)


CASES = [
    # days as spreadsheets and people write them
    *(
        case("PERIOD_NOT_AN_INSTANT", "period_start", found, name, period_start=found)
        for name, found in (
            ("a_sheets_serial_number", "43862"),
            ("day_before_month", "01/02/2020"),
            ("slashes", "2020/2/1"),
            ("chinese_date", "2020年2月1日"),
            ("a_month", "2020-02"),
            ("no_separators", "20200201"),
            ("february_30", "2020-02-30"),
            ("no_t_and_no_offset", "2020-02-01 00:00"),
        )
    ),
    # abuse 1: numbers
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "NaN", "not_a_number", quantity="NaN"),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "Infinity", "infinity", quantity="Infinity"),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "-Infinity", "negative_infinity", quantity="-Infinity"),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "-0", "minus_zero", quantity="-0"),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "1e-400", "below_floats", quantity="1e-400"),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "1e308", "near_the_end_of_floats", quantity="1e308"),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "1,234", "thousands_separator", quantity="1,234"),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "１２３", "full_width_digits", quantity="１２３"),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "٣", "arabic_indic_digit", quantity="٣"),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "9" * 29, "29_digits", quantity="9" * 29),
    case("QUANTITY_NOT_A_DECIMAL", "quantity", "9" * 80 + "…", "400_digits", quantity="9" * 400),
    case("QUANTITY_NEGATIVE", "quantity", "-5", "negative_without_a_correction", quantity="-5"),
    case("FIELD_MISSING", "quantity", "", "no_quantity", quantity=""),
    # abuse 2: units
    case("UNIT_OF_ANOTHER_DIMENSION", "unit", "kg", "kg_for_kwh", unit="kg"),
    case("UNIT_OF_ANOTHER_DIMENSION", "unit", "tce", "tce_for_kwh", unit="tce"),
    case("UNIT_OF_ANOTHER_DIMENSION", "unit", "m3", "m3_for_nm3", unit="m3", source_id="gas"),
    case("UNIT_OF_ANOTHER_DIMENSION", "unit", "MWh", "mwh_for_t", unit="MWh", source_id="oil"),
    case("UNIT_UNKNOWN", "unit", "mwh", "case_matters", unit="mwh"),
    case("UNIT_UNKNOWN", "unit", "furlong", "no_such_unit", unit="furlong"),
    # abuse 3: time
    case("PERIOD_OFFSET_MISSING", "period_start", "2020-02-01T00:00:00", "no_offset", period_start="2020-02-01T00:00:00"),
    case("PERIOD_NOT_AN_INSTANT", "period_end", "2021-02-29", "no_leap_day", period_end="2021-02-29"),
    case("PERIOD_NOT_AN_INSTANT", "period_end", "2020/03/01", "slashes", period_end="2020/03/01"),
    case("PERIOD_END_BEFORE_START", "period_end", "2020-01-31", "end_before_start", period_end="2020-01-31"),
    case("PERIOD_END_BEFORE_START", "period_end", "2020-02-01", "empty_period", period_end="2020-02-01"),
    case("PERIOD_IN_THE_FUTURE", "period_end", "2199-03-01", "future", period_start="2199-02-01", period_end="2199-03-01"),
    case(
        "PERIOD_CROSSES_YEARS",
        "period_end",
        "2020-12-01 – 2021-02-01",
        "two_years",
        period_start="2020-12-01",
        period_end="2021-02-01",
    ),
    case(
        "PERIOD_EDGES_IN_UTC",
        "period_start",
        "2020-02-01T00:00:00Z – 2020-03-01T00:00:00Z",
        "month_edges_in_utc",
        period_start="2020-02-01T00:00:00Z",
        period_end="2020-03-01T00:00:00Z",
    ),
    case(
        "PERIOD_OVERLAPS",
        "period_start",
        "2020-01-15T00:00:00+08:00 – 2020-03-01T00:00:00+08:00",
        "overlap_of_one_source",
        period_start="2020-01-15",
    ),
    # what the row names
    case("SOURCE_UNKNOWN", "source_id", "elsewhere", "unknown_source", source_id="elsewhere"),
    case("FACTOR_MISSING", "period_start", "2019-02-01", "year_without_factor", period_start="2019-02-01", period_end="2019-03-01"),
    case("ID_NOT_ALLOWED", "record_id", "no spaces", "id_with_space", record_id="no spaces"),
    case("RECORD_ID_CONFLICT", "quantity", "quantity 1 MWh", "id_reused_with_another_quantity", record_id="good-1", quantity="1"),
    case("SUPERSEDES_UNKNOWN", "supersedes", "never-seen", "correction_of_nothing", supersedes="never-seen"),
]


@pytest.mark.parametrize(("bad", "reason", "field", "found"), CASES)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_bad_row_is_named_and_the_good_ones_are_kept(
    platform: Platform, park: str, bad: dict[str, str], reason: str, field: str, found: str, form: str
) -> None:
    rows = [GOOD, bad, ALSO_GOOD]
    with platform.client(**{"Accept-Language": "en"}) as client:
        if form == "json":
            answer = client.post(f"/v1/parks/{park}/activity-records", json=rows)
            bad_row = 2
        else:
            text = io.StringIO()
            writer = csv.DictWriter(text, [*GOOD, "supersedes"], restval="")
            writer.writeheader()
            writer.writerows(rows)
            content = text.getvalue().encode()
            answer = client.post(f"/v1/parks/{park}/activity-records", content=content, headers={"Content-Type": "text/csv"})
            bad_row = 3
        receipt = answer.json()
        assert answer.status_code == 200, answer.text
        assert (receipt["accepted"], receipt["rejected"]) == (2, 1)
        [rejected] = [result for result in receipt["results"] if result["outcome"] == "rejected"]
        assert rejected["row"] == bad_row
        problem = rejected["problem"]
        assert (problem["reason"], problem["field"], problem["found"]) == (reason, field, found)
        assert problem["allowed"]
        assert problem["message"]
        kept = client.get(f"/v1/parks/{park}/activity-records").json()["records"]
        assert sorted(record["record_id"] for record in kept) == ["good-1", "good-2"]


def test_a_value_ten_times_off_is_held_until_it_is_confirmed(platform: Platform, park: str) -> None:
    months = [
        GOOD | {"record_id": f"m{m}", "period_start": f"2020-{m:02d}-01", "period_end": f"2020-{m + 1:02d}-01"} for m in range(1, 7)
    ]
    july = GOOD | {"record_id": "m7", "period_start": "2020-07-01", "period_end": "2020-08-01", "quantity": "73506400"}
    with platform.client(**{"Accept-Language": "zh-CN"}) as client:
        url = f"/v1/parks/{park}/activity-records"
        assert client.post(url, json=months).json()["accepted"] == 6
        [held] = client.post(url, json=[july]).json()["results"]
        assert held["problem"]["reason"] == "QUANTITY_HELD"
        assert "中位数" in held["problem"]["message"]
        assert "kWh" in held["problem"]["message"]
        assert client.post(url, json=[july | {"confirmed": True}]).json()["accepted"] == 1


def test_a_correction_supersedes_and_the_totals_follow(platform: Platform, park: str) -> None:
    fixed = GOOD | {"record_id": "good-1-fixed", "quantity": "100", "supersedes": "good-1", "confirmed": True}
    with platform.client() as client:
        url = f"/v1/parks/{park}/activity-records"
        client.post(url, json=[GOOD, ALSO_GOOD])
        [result] = client.post(url, json=[fixed]).json()["results"]
        assert result["outcome"] == "superseded"
        total = client.get(f"/v1/parks/{park}/emissions", params={"from": "2020-01", "to": "2020-02"}).json()["total"]
        assert (total["emissions_t_co2e"], total["records"]) == ("58.1", 1)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        pytest.param(b"", "application/json", id="empty_json"),
        pytest.param(b"", "text/csv", id="empty_csv"),
        pytest.param(b"\xff\xfe\x00garbage\x81", "text/csv", id="no_encoding_of_text"),
        pytest.param(b'{"records": [', "application/json", id="cut_off"),
        pytest.param(b"[" * 100_000, "application/json", id="deep"),
        pytest.param(b'[{"quantity": NaN}]', "application/json", id="nan_literal"),
    ],
)
def test_what_cannot_be_read_is_a_problem_document(platform: Platform, park: str, content: bytes, media_type: str) -> None:
    with platform.client() as client:
        answer = client.post(f"/v1/parks/{park}/activity-records", content=content, headers={"Content-Type": media_type})
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"].startswith("application/problem+json")
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert {"type", "title", "detail", "instance", "request_id", "reason"} <= problem.keys()
        assert len(answer.content) < 5_000


def test_a_line_of_ten_megabytes_is_one_rejected_row(platform: Platform, park: str) -> None:
    lines = ganzhou.csv_text().splitlines()
    long = "x" * 10_000_000
    content = "\n".join([*lines[:3], long, *lines[3:]]).encode()
    with platform.client() as client:
        answer = client.post(f"/v1/parks/{park}/activity-records", content=content, headers={"Content-Type": "text/csv"})
    receipt = answer.json()
    assert (receipt["accepted"], receipt["rejected"]) == (9, 1)
    [rejected] = [result for result in receipt["results"] if result["outcome"] == "rejected"]
    assert (rejected["row"], rejected["problem"]["reason"]) == (4, "LINE_TOO_LONG")


@pytest.mark.parametrize(
    "row",
    [
        pytest.param('{"record_id":"a","quantity":"1","quantity":"2"}', id="a_key_twice"),
        pytest.param('{"record_id":"a","tenant_id":"other"}', id="a_member_that_no_row_has"),
        pytest.param('{"record_id":"a","quantity":12.5}', id="a_number_where_text_belongs"),
        pytest.param('{"record_id":"a","quantity":true}', id="a_truth_value_for_a_quantity"),
    ],
)
def test_a_malformed_row_costs_only_itself(platform: Platform, park: str, row: str) -> None:
    content = b"[" + json.dumps(GOOD).encode() + b"," + row.encode() + b"]"
    with platform.client() as client:
        answer = client.post(f"/v1/parks/{park}/activity-records", content=content, headers={"Content-Type": "application/json"})
    receipt = answer.json()
    assert answer.status_code == 200, answer.text
    assert (receipt["accepted"], receipt["rejected"]) == (1, 1)
    [rejected] = [result for result in receipt["results"] if result["outcome"] == "rejected"]
    assert rejected["row"] == 2
    assert {"field", "found", "allowed"} <= rejected["problem"].keys()


@pytest.mark.parametrize("spoken", ["zh", "en"])
def test_a_sheets_serial_number_is_told_as_the_day_that_it_is(platform: Platform, park: str, spoken: str) -> None:
    # 43862 days after 1899-12-30 is 2020-02-01
    with platform.client(**{"Accept-Language": spoken}) as client:
        (result,) = client.post(f"/v1/parks/{park}/activity-records", json=[BAD | {"period_start": "43862"}]).json()["results"]
    assert "2020-02-01" in result["problem"]["message"]
    assert "2020-02-01" in result["problem"]["allowed"]


def test_a_sheets_number_of_twenty_digits_is_no_id(platform: Platform, park: str) -> None:
    # the number of an electronic invoice, typed as a number: the sheet has kept 15 of its digits, and two invoices became one
    book = openpyxl.Workbook()
    for row in (list(GOOD), [24_112_000_000_012_345_678, *list(GOOD.values())[1:]]):
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    with platform.client() as client:
        path = f"/v1/parks/{park}/activity-records"
        (result,) = client.post(path, content=written.getvalue(), headers={"Content-Type": kind}).json()["results"]
    assert (result["problem"]["reason"], result["problem"]["found"]) == ("ID_NOT_ALLOWED", "2.41120000000123E+19")
