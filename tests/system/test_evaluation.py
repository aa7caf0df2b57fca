"""A park is evaluated from outside: what accounting was pushed fills itself, the rest is entered, and what is missing is shown."""

from decimal import Decimal
from typing import Any

import httpx
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
        ("/v1/indicator-systems", "SystemBody"),
        ("/v1/indicator-systems/guide-2021/threshold-sets", "ThresholdSetBody"),
        ("/v1/indicator-systems/pdi/weight-sets", "WeightSetBody"),
        (f"/v1/parks/{park}/indicator-values", "EntriesBody"),
        (f"/v1/parks/{park}/evaluations", "EvaluateBody"),
        ("/v1/evaluations:calculate", "CalculateBody"),
        ("/v1/weights:compare-judgements", "JudgementsBody"),
        ("/v1/weights:summarise-rounds", "RoundsBody"),
    ):
        for example in schemas[name]["examples"]:
            assert client.post(path, json=example).is_success, path
    plan = schemas["PlanBody"]["examples"][0]
    reached = client.post(f"/v1/parks/{park}/evaluations/{kept}:plan", json=plan)
    assert reached.is_success or reached.json()["reason"] == "TARGET_UNREACHABLE"
    compared = client.get(f"/v1/parks/{park}/evaluations/{kept}/comparison", params={"before": kept}).json()
    assert compared["change"] == "0"
    workbook = client.get(f"/v1/parks/{park}/indicator-values.xlsx", params={"system": "guide-2021", "year": 2022})
    assert workbook.content[:2] == b"PK"
