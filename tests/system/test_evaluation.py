"""A park is evaluated from outside: what accounting was pushed fills itself, the rest is entered, and what is missing is shown."""

import io
from decimal import Decimal
from typing import Any

import httpx
import openpyxl
import pytest

from tests.system import ganzhou
from tests.system.conftest import Platform


@pytest.fixture
def client(platform: Platform, park: str) -> Any:
    with platform.client() as opened:
        opened.post(f"/v1/parks/{park}/activity-records", json=ganzhou.rows()).raise_for_status()
        yield opened


def evaluate(client: httpx.Client, park: str, **body: object) -> dict[str, Any]:
    answer = client.post(f"/v1/parks/{park}/evaluations", json={"system_id": "guide-2021", "year": 2022, **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_was_pushed_is_scored_and_the_rest_is_missing(client: httpx.Client, park: str) -> None:
    found = evaluate(client, park)
    known = {each["indicator_id"] for each in found["indicators"] if each["score"] is not None}
    assert {"52", "57"} <= known
    missing = [each for each in found["indicators"] if each["score"] is None]
    assert len(known) + len(missing) == 69
    assert all(each["missing"] in ("value", "threshold") for each in missing)
    total = found["total"]
    assert Decimal(total["low"]) < Decimal(total["score"]) < Decimal(total["high"])
    assert len(found["bands"]) > 1


def test_a_value_that_is_entered_moves_the_score_inside_its_interval(client: httpx.Client, park: str) -> None:
    before = evaluate(client, park)["total"]
    rows = [{"indicator_id": "53", "year": "2022", "value": "71.5", "unit": "%", "evidence": "doc-17"}]
    answer = client.post(f"/v1/parks/{park}/indicator-values", json={"system_id": "guide-2021", "values": rows}).json()
    assert answer["accepted"] + answer["unchanged"] == 1
    after = evaluate(client, park)
    assert Decimal(before["low"]) <= Decimal(after["total"]["low"]) <= Decimal(after["total"]["high"]) <= Decimal(before["high"])
    (leaf,) = [each for each in after["indicators"] if each["indicator_id"] == "53"]
    assert (leaf["score"], leaf["origin"], leaf["evidence"]) == ("71.5", "manual", "doc-17")
    again = client.get(f"/v1/parks/{park}/evaluations/{after['evaluation_id']}").json()
    assert again == after


def test_the_result_reaches_the_change_feed_and_the_report_is_a_file(client: httpx.Client, park: str) -> None:
    kept = evaluate(client, park)
    for language in ("zh", "en"):
        report = client.get(f"/v1/parks/{park}/evaluations/{kept['evaluation_id']}/report.pdf", params={"lang": language})
        assert (report.status_code, report.content[:5]) == (200, b"%PDF-")
    since, found = "", list[dict[str, Any]]()
    while not any(each.get("evaluation_id") == kept["evaluation_id"] for each in found):
        page = client.get("/v1/changes", params={"since": since}).json()
        found += [each["data"] for each in page["changes"] if each["type"].endswith("EvaluationScored")]
        since = page["next"]


def test_the_examples_of_bodies_are_accepted(client: httpx.Client, park: str) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    kept = evaluate(client, park)["evaluation_id"]
    for path, name in (
        ("/v1/indicator-systems", "IndicatorSystemBody"),
        ("/v1/indicator-systems/guide-2021/threshold-sets", "CreateThresholdSetBody"),
        ("/v1/indicator-systems/pdi/weight-sets", "WeightSetBody"),
        (f"/v1/parks/{park}/indicator-values", "EntriesBody"),
        (f"/v1/parks/{park}/evaluations", "EvaluateParkBody"),
        ("/v1/evaluations:calculate", "CalculateEvaluationBody"),
        ("/v1/weights:compare-judgements", "CompareJudgementsBody"),
        ("/v1/weights:summarise-rounds", "SummariseRoundsBody"),
    ):
        for example in schemas[name]["examples"]:
            assert client.post(path, json=example).is_success, path
    plan = schemas["PlanImprovementsBody"]["examples"][0]
    reached = client.post(f"/v1/parks/{park}/evaluations/{kept}:plan", json=plan)
    assert reached.is_success or reached.json()["reason"] == "TARGET_UNREACHABLE"
    compared = client.get(f"/v1/parks/{park}/evaluations/{kept}/comparison", params={"before": kept}).json()
    assert compared["change"] == "0"
    workbook = client.get(f"/v1/parks/{park}/indicator-values.xlsx", params={"system": "guide-2021", "year": 2022})
    assert workbook.content[:2] == b"PK"


XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@pytest.mark.parametrize("spoken", ["zh", "en"])
def test_the_workbook_of_values_sent_back_changes_nothing_and_filled_in_it_does(
    client: httpx.Client, park: str, spoken: str
) -> None:
    path, system = f"/v1/parks/{park}/indicator-values", {"system": "guide-2021"}
    rows = [
        {"indicator_id": "1", "year": "2022", "value": "80", "unit": "%", "evidence": "=HYPERLINK(1)"},
        {"indicator_id": "2", "year": "2022", "value": "0", "unit": "%", "confirmed": True},
        {"indicator_id": "5", "year": "2022", "value": "0.98", "unit": "%", "confirmed": True},
        {"indicator_id": "28", "year": "2022", "value": "yes"},
    ]
    assert client.post(path, json={"system_id": "guide-2021", "values": rows}).json()["rejected"] == 0
    given = client.get(f"{path}.xlsx", params={**system, "year": 2022, "lang": spoken}).content
    answer = client.post(path, content=given, headers=XLSX, params=system).json()
    assert answer == {"accepted": 0, "unchanged": 4, "rejected": 0, "blank": 65, "problems": []}

    book = openpyxl.load_workbook(io.BytesIO(given))
    sheet = book.active
    at = {str(row[0].value): row[0].row for row in sheet.iter_rows(min_row=2)}
    for indicator, value in (("7", 140), ("54", 0.98), ("6", "85"), ("4", "1,234"), ("3", 5), ("8", "85")):
        sheet.cell(at[indicator], 4).value = value
    sheet.cell(at["3"], 5).value = "kWh"
    sheet.cell(at["8"], 1).value = "\uff18"
    changed = io.BytesIO()
    book.save(changed)
    headers = {**XLSX, "Accept-Language": spoken}
    answer = client.post(path, content=changed.getvalue(), headers=headers, params=system).json()
    assert (answer["accepted"], answer["unchanged"], answer["rejected"], answer["blank"]) == (1, 4, 5, 59)
    assert [(each["row"], each["cell"], each["reason"], each["found"]) for each in answer["problems"]] == [
        (at["3"], f"E{at['3']}", "UNIT_NOT_ALLOWED", "kWh"),
        (at["4"], f"D{at['4']}", "VALUE_NOT_A_DECIMAL", "1,234"),
        (at["7"], f"D{at['7']}", "VALUE_OUT_OF_RANGE", "140"),
        (at["8"], f"A{at['8']}", "INDICATOR_UNKNOWN", "\uff18"),
        (at["54"], f"D{at['54']}", "FRACTION_FOR_PERCENT", "0.98"),
    ]
    assert all(each["allowed"] for each in answer["problems"])
    assert ("取值应为" if spoken == "zh" else "value must be") in answer["problems"][1]["message"]
    listed = client.get(path, params={**system, "year": 2022}).json()["values"]
    assert {each["indicator_id"]: each["value"] for each in listed if each["value"] and each["indicator_id"] in at}["6"] == "85"
