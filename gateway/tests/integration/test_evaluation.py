"""The evaluation's routes: who may ask what, what the service is asked, and how its answers and refusals are shown."""

from typing import Any

import pytest

from gateway.adapters.services import NoService
from gateway.api.generated import evaluation as shapes
from gateway.domain.callers import Caller, Role
from gateway.domain.errors import ServiceRefused, Unavailable
from gateway.tests.conftest import READER, Served

PARK = "/v1/parks/etdz"
TOTAL = {
    "node_id": "total",
    "name_zh": "总分",
    "name_en": "total",
    "low": "0",
    "high": "100",
    "coverage_pct": "0",
    "weight": "1",
}
EVALUATION = {
    "evaluation_id": "e-1",
    "park_id": "etdz",
    "system_id": "guide-2021",
    "year": 2022,
    "threshold_set_ids": [],
    "scale": "100",
    "basis": "score",
    "bands": [],
    "synthetic": False,
    "total": TOTAL,
    "nodes": [TOTAL],
    "indicators": [],
}


async def test_an_evaluation_is_asked_for_and_shown_with_null_for_what_is_missing(served: Served) -> None:
    served.evaluation.answers["EvaluatePark"] = {"evaluation": EVALUATION}
    body = {"system_id": "guide-2021", "year": 2022, "threshold_set_ids": ["plan"]}
    async with served.client() as client:
        answer = await client.post(f"{PARK}/evaluations", json=body)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PARK}/evaluations/e-1"
    assert answer.json()["total"]["score"] is None
    assert "verdict" not in answer.json()
    asked = {"park_id": "etdz", **body, "weight_set_id": "", "industry": ""}
    assert served.evaluation.asked == [("ada", "EvaluatePark", asked)]
    shapes.Evaluation.model_validate(answer.json())


async def test_a_reader_reads_and_does_not_evaluate(served: Served) -> None:
    served.evaluation.answers["ListEvaluations"] = {"evaluations": [EVALUATION], "next_page_token": "7"}
    async with served.client(READER) as client:
        listed = await client.get(f"{PARK}/evaluations", params={"page_size": 1})
        refused = await client.post(f"{PARK}/evaluations", json={"system_id": "pdi", "year": 2022})
    assert (listed.status_code, listed.json()["next_page_token"]) == (200, "7")
    assert (refused.status_code, refused.json()["reason"]) == (403, "ROLE_MISSING")
    assert [question for _, question, _ in served.evaluation.asked] == ["ListEvaluations"]


async def test_rows_are_numbered_and_their_problems_speak_the_callers_language(served: Served) -> None:
    problem = {
        "row_number": 2,
        "indicator_id": "53",
        "reason": "VALUE_OUT_OF_RANGE",
        "field": "value",
        "found": "140",
        "allowed": "0 to 100 %",
        "message_en": "value must be 0 to 100 %, got 140",
        "message_zh": "取值应为 0 to 100 %,实际为 140",
    }
    served.evaluation.answers["RecordIndicatorValues"] = {"accepted": 1, "unchanged": 0, "problems": [problem]}
    rows = [
        {"indicator_id": "52", "year": "2022", "value": "0", "confirmed": True},
        {"indicator_id": "53", "year": "2022", "value": "140"},
    ]
    async with served.client() as client:
        chinese = await client.post(
            f"{PARK}/indicator-values", json={"system_id": "guide-2021", "values": rows}, headers={"Accept-Language": "zh"}
        )
    assert chinese.json() == {
        "accepted": 1,
        "unchanged": 0,
        "rejected": 1,
        "blank": 0,
        "problems": [
            {
                "indicator_id": "53",
                "reason": "VALUE_OUT_OF_RANGE",
                "field": "value",
                "found": "140",
                "allowed": "0 to 100 %",
                "row": 2,
                "message": "取值应为 0 to 100 %,实际为 140",
            }
        ],
    }
    ((_, _, members),) = served.evaluation.asked
    assert [(row["row_number"], row["confirmed"]) for row in members["rows"]] == [(1, "true"), (2, "")]


async def test_a_refusal_keeps_reason_node_and_both_sentences(served: Served) -> None:
    facts = {"node": "total", "found": "0.9", "allowed": "", "message_zh": "total 各下级指标的权重之和应为 1,实际为 0.9"}
    served.evaluation.answers["CalculateEvaluation"] = ServiceRefused("invalid", "WEIGHTS_NOT_ONE", "weights must sum to 1", facts)
    async with served.client() as client:
        answer = await client.post(
            "/v1/evaluations:calculate", json={"system_id": "pdi", "year": 2022}, headers={"Accept-Language": "zh"}
        )
    assert answer.status_code == 422
    assert {name: answer.json()[name] for name in ("reason", "node", "found", "detail")} == {
        "reason": "WEIGHTS_NOT_ONE",
        "node": "total",
        "found": "0.9",
        "detail": facts["message_zh"],
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(f"{PARK}/evaluations", {"system_id": "pdi", "year": "2022"}, id="a_year_as_text"),
        pytest.param(f"{PARK}/evaluations", {"system_id": "pdi", "year": 2022, "tenant_id": "x"}, id="a_tenant"),
        pytest.param(f"{PARK}/indicator-values", {"system_id": "pdi", "values": []}, id="no_rows"),
        pytest.param("/v1/weights:compare-judgements", {"items": ["a"], "experts": []}, id="no_experts"),
        pytest.param("/v1/indicator-systems", {"system_id": "a b"}, id="a_system_without_nodes"),
    ],
)
async def test_a_body_that_is_none_never_reaches_the_service(served: Served, path: str, body: dict[str, Any]) -> None:
    async with served.client() as client:
        answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "FIELDS_INVALID")
    assert served.evaluation.asked == []


async def test_the_report_is_sent_as_a_file_in_the_asked_language(served: Served) -> None:
    served.evaluation.answers["RenderEvaluationReport"] = b"%PDF-1.4"
    async with served.client(READER) as client:
        answer = await client.get(f"{PARK}/evaluations/e-1/report.pdf", headers={"Accept-Language": "zh"})
    assert (answer.content, answer.headers["content-type"], answer.headers["content-language"]) == (
        b"%PDF-1.4",
        "application/pdf",
        "zh",
    )
    assert served.evaluation.asked[0][2] == {"park_id": "etdz", "evaluation_id": "e-1", "language": "zh"}


async def test_a_region_is_a_code_and_a_rank_of_none_is_null(served: Served) -> None:
    park: dict[str, Any] = {"park_id": "p", "name_zh": "甲", "name_en": "A", "low": "0", "high": "5", "coverage_pct": "0"}
    park |= {"rank_best": 1, "rank_worst": 2}
    served.evaluation.answers["RankParks"] = {
        "parks": [park],
        "flips": [],
        "next_page_token": "1.abc",
        "park_count": 2,
        "scored_count": 0,
        "weight_set_id": "delphi",
        "threshold_set_ids": ["a", "b"],
        "draws": 1000,
        "seed": 3,
        "spread": "0.2",
        "synthetic": False,
    }
    async with served.client(READER) as client:
        wrong = await client.get("/v1/regions/36070/rankings", params={"system": "pdi", "year": 2022})
        answer = await client.get(
            "/v1/regions/3607/rankings",
            params={"system": "pdi", "year": 2022, "threshold_sets": "a, b", "seed": 3, "page_size": 1, "page_token": "0.abc"},
        )
    assert wrong.status_code == 422
    assert answer.json()["parks"] == [{**park, "rank": None, "score": None}]
    asked = served.evaluation.asked[0][2]
    assert (asked["threshold_set_ids"], asked["page_size"], asked["page_token"]) == (["a", "b"], 1, "0.abc")
    assert (answer.json()["next_page_token"], answer.json()["synthetic"]) == ("1.abc", False)
    shapes.RankParksResponse.model_validate(answer.json())


async def test_a_platform_without_the_service_says_so(served: Served) -> None:
    caller = Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER}))
    with pytest.raises(Unavailable):
        await NoService("evaluation").ask(caller, "CalculateEvaluation", {})
    with pytest.raises(Unavailable):
        await NoService("evaluation").download(caller, "RenderEvaluationReport", {})
    served.evaluation.answers["ListIndicatorSystems"] = Unavailable("EVALUATION_UNAVAILABLE")
    async with served.client() as client:
        answer = await client.get("/v1/indicator-systems")
    assert (answer.status_code, answer.json()["reason"]) == (503, "EVALUATION_UNAVAILABLE")
    assert "retry-after" in answer.headers


async def test_what_is_missing_is_said_in_one_language(served: Served) -> None:
    value = {"indicator_id": "1", "unit": "%", "name_zh": "甲", "name_en": "A"}
    missing = {**value, "missing": "not entered", "missing_zh": "未填报"}
    served.evaluation.answers["ListIndicatorValues"] = {"values": [missing, {**value, "value": "5"}]}
    async with served.client(READER) as client:
        query: dict[str, str | int] = {"system": "guide-2021", "year": 2022}
        answer = await client.get(f"{PARK}/indicator-values", params=query, headers={"Accept-Language": "zh"})
    always = {**value, "version": 0}
    assert answer.json()["values"] == [{**always, "value": None, "missing": "未填报"}, {**always, "value": "5"}]
