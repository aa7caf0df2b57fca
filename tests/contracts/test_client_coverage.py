"""The Python client has a method for every operation of the API, or says why not; each sends what the API takes, and reads what it
answers."""

import asyncio
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

import parkcarbon_client as library
from parkcarbon_client import AsyncParkCarbonClient, ParkCarbonClient

DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "client-ts" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}

_BROWSER = "of a person at a browser, whose session is a cookie; programs have keys"
_SERVERS = "for servers that check tokens of the platform, by libraries of their own"
LEFT_OUT: Mapping[str, str] = {
    "sign_in": _BROWSER,
    "sign_out": _BROWSER,
    "get_session": _BROWSER,
    "oidc_login": _BROWSER,
    "oidc_callback": _BROWSER,
    "request_password_reset": _BROWSER,
    "set_password": _BROWSER,
    "get_jwks": _SERVERS,
    "get_authorization_server_metadata": _SERVERS,
    "issue_token": "ClientCredentials asks for tokens by itself",
    "revoke_token": "ClientCredentials takes no refresh tokens; access tokens end by themselves, keys are revoked by revoke_key",
    "stream_job_events": "server-sent events for pages; wait_for_job polls the job",
}
"""Operations without a method, and why."""

_DAY = date(2022, 1, 1)
_NODE = library.NewNode("roof-solar", "屋顶光伏", "Roof solar", Decimal(1), kind="share", unit="%", direction="+")
_SYSTEM = library.NewIndicatorSystem("my-park", "本园指标", "Our own", "Management, 2026", [_NODE])
_VALUE = library.given_value("53", 2022, Decimal("71.5"), "%", "doc-17")
_ROW = library.ActivityRow("r-1", "s-1", _DAY, date(2023, 1, 1), Decimal("1.5"), "MWh")
CALLS: Mapping[str, tuple[str, Sequence[Any], Mapping[str, Any]]] = {
    "get_health": ("is_up", (), {}),
    "get_readiness": ("is_ready", (), {}),
    "create_park": (
        "create_park",
        (library.NewPark("p", "园", "Park", "360700", "wang-2024", latitude_deg=Decimal("25.8")),),
        {},
    ),
    "get_park": ("get_park", ("p",), {}),
    "list_parks": ("iterate_parks", (), {}),
    "list_region_parks": ("iterate_region_parks", ("36",), {}),
    "create_enterprise": ("create_enterprise", ("p", library.NewEnterprise("e", "企", "E", "C39")), {}),
    "list_enterprises": ("iterate_enterprises", ("p",), {}),
    "create_source": (
        "create_source",
        ("p", library.NewSource("s", "源", "S", "enterprise.fuel_combustion", 1, "natural_gas", "bill")),
        {},
    ),
    "get_source": ("get_source", ("p", "s"), {}),
    "list_sources": ("iterate_sources", ("p",), {}),
    "record_annual_figures": ("record_annual_figures", ("p", 2022, library.NewAnnualFigures(gdp_10k_cny=Decimal("1.5"))), {}),
    "list_annual_figures": ("iterate_annual_figures", ("p",), {}),
    "push_activity": ("record_activity", ("p", [_ROW]), {}),
    "list_activity_records": ("iterate_activity_records", ("p",), {}),
    "query_emissions": ("query_emissions", ("p", "2022", "2023"), {"group_by": ("year", "scope")}),
    "get_indicators": ("get_indicators", ("p", 2022), {}),
    "close_inventory": ("close_inventory", ("p",), {"year": 2022, "reason": "a bill came late"}),
    "list_inventories": ("iterate_inventories", ("p",), {}),
    "get_inventory": ("get_inventory", ("p", "2022-v1"), {}),
    "list_inventory_lines": ("iterate_inventory_lines", ("p", "2022-v1"), {}),
    "replay_inventory": ("replay_inventory", ("p", "2022-v1"), {}),
    "write_finding": (
        "write_finding",
        ("p", "2022-v1"),
        {"finding_id": "f-1", "kind": "misstatement", "material": True, "text": "a bill is missing", "evidence": ["d-1"]},
    ),
    "list_findings": ("iterate_findings", ("p", "2022-v1"), {}),
    "answer_finding": ("answer_finding", ("p", "2022-v1", "f-1"), {"text": "it came late", "restated_in": "2022-v2"}),
    "close_finding": ("close_finding", ("p", "2022-v1", "f-1"), {"conclusion": "resolved", "text": "done"}),
    "publish_inventory": ("publish_inventory", ("p", "2022-v1"), {"breakdowns": ["scope"]}),
    "withdraw_publication": ("withdraw_publication", ("p", "2022-v1"), {"reason": "a bill was wrong"}),
    "release_regions": ("release_regions", (), {"year": 2022}),
    "list_published_parks": ("iterate_published_parks", (), {}),
    "list_publications": ("iterate_publications", ("p",), {}),
    "get_region_release": ("get_region_release", ("36", 2022), {}),
    "list_factor_sets": ("iterate_factor_sets", (), {}),
    "list_factors": ("iterate_factors", ("wang-2024",), {}),
    "rebuild_sums": ("rebuild_sums", ("p",), {}),
    "get_job": ("get_job", ("j",), {}),
    "get_job_results": ("get_job_results_csv", ("j",), {"outcome": "rejected"}),
    "list_changes": ("get_changes", ("7",), {"limit": 5}),
    "get_template": ("get_activity_template", (), {"language": "zh"}),
    "list_indicator_systems": ("list_indicator_systems", (), {}),
    "get_indicator_system": ("get_indicator_system", ("pdi",), {}),
    "create_indicator_system": ("create_indicator_system", (_SYSTEM,), {}),
    "create_threshold_set": (
        "create_threshold_set",
        ("guide-2021",),
        {
            "threshold_set_id": "plan",
            "source": "plan 2026",
            "rows": [library.NewThreshold("65", Decimal("0.05"), Decimal("0.8"), "t. 3")],
        },
    ),
    "create_weight_set": (
        "create_weight_set",
        ("pdi", library.NewWeightSet("w", "experts", [library.NewWeight("impact", Decimal("0.25"))])),
        {},
    ),
    "list_indicator_values": ("list_indicator_values", ("p", "guide-2021", 2022), {}),
    "record_indicator_values": (
        "record_indicator_values",
        ("p", "guide-2021", [_VALUE, library.given_value("28", 2022, True)]),
        {},
    ),
    "render_value_template": ("render_value_template", ("p", "guide-2021", 2022), {"language": "zh"}),
    "evaluate_park": (
        "evaluate_park",
        ("p",),
        {"system_id": "guide-2021", "year": 2022, "threshold_set_ids": ["plan"], "idempotency_key": "k-1"},
    ),
    "list_evaluations": ("iterate_evaluations", ("p",), {}),
    "get_evaluation": ("get_evaluation", ("p", "e"), {}),
    "compare_evaluations": ("compare_evaluations", ("p", "e", "d"), {}),
    "plan_improvements": (
        "plan_improvements",
        ("p", "e"),
        {"target": Decimal(60), "steps": [library.NewStep("solar", "52", Decimal(20), Decimal(900), divisible=True)]},
    ),
    "render_evaluation_report": ("render_evaluation_report", ("p", "e"), {"language": "zh"}),
    "rank_parks": ("rank_parks", ("3607", "pdi", 2022), {"threshold_set_ids": ["a", "b"], "seed": 3, "weight_set_id": "equal"}),
    "calculate_evaluation": (
        "calculate_evaluation",
        (),
        {
            "year": 2022,
            "values": [_VALUE],
            "system": _SYSTEM,
            "thresholds": [library.NewThreshold("roof-solar", Decimal(0), Decimal(60), "plan")],
            "weights": [library.NewWeight("roof-solar", Decimal(1))],
            "energy_tce": Decimal("12.5"),
        },
    ),
    "compare_judgements": (
        "compare_judgements",
        (),
        {
            "items": ["a", "b"],
            "experts": [library.NewExpertJudgements("e-1", [["1", "2"], ["", "1"]], "g")],
            "group_weights": {"g": Decimal(1)},
        },
    ),
    "summarise_rounds": ("summarise_rounds", (), {"items": ["a", "b"], "rounds": [[["60", "40"]]]}),
    "get_own_caller": ("get_own_caller", (), {}),
    "register_caller": ("register_caller", ("mes", library.NewCaller("MES", ["enterprise"], enterprises=["p/e"])), {}),
    "get_caller": ("get_caller", ("mes",), {}),
    "list_callers": ("iterate_callers", (), {}),
    "invite_caller": ("invite", ("ada", "ada@example.com"), {}),
    "create_key": (
        "create_key",
        (library.NewKey("line 2", "signing", "mes", ["record"], datetime(2027, 1, 1, tzinfo=UTC)),),
        {},
    ),
    "list_keys": ("iterate_keys", (), {"caller_id": "mes"}),
    "rotate_key": ("rotate_key", ("k",), {}),
    "revoke_key": ("revoke_key", ("k",), {}),
    "list_audit_entries": ("iterate_audit_entries", ("1",), {"caller_id": "mes", "park_id": "p"}),
    "create_webhook": ("create_webhook", ("https://region.example/hook",), {"types": ["EmissionsCalculated"], "since": "7"}),
    "list_webhooks": ("list_webhooks", (), {}),
    "get_webhook": ("get_webhook", ("w",), {}),
    "resume_webhook": ("resume_webhook", ("w",), {}),
    "delete_webhook": ("delete_webhook", ("w",), {}),
    "save_document": ("save_document", ("d", library.NewDocument("policy", "题", "部", "2026-01-01")), {}),
    "get_document": ("get_document", ("d",), {"version": 2}),
    "list_documents": ("iterate_documents", (), {"kind": "policy", "query": "碳"}),
    "save_document_file": ("save_document_file", ("d", b"%PDF-", "application/pdf"), {}),
    "get_document_file": ("get_document_file", ("d",), {}),
    "get_document_statistics": ("get_document_statistics", ("2026", "2027"), {}),
    "save_mapping_profile": (
        "save_mapping_profile",
        ("erp", library.MappingProfile({"读数": "quantity"}, defaults={"unit": "kWh"}, utc_offset="+08:00")),
        {},
    ),
    "get_mapping_profile": ("get_mapping_profile", ("erp",), {"version": 1}),
    "list_mapping_profiles": ("iterate_mapping_profiles", (), {}),
}
"""The method of each operation, with arguments that it could have."""


def test_every_operation_has_a_method_or_a_reason_why_it_has_none() -> None:
    without = OPERATIONS.keys() - CALLS.keys() - LEFT_OUT.keys()
    assert without == set(), "give the client a method for it and a line in CALLS, or a reason in LEFT_OUT"
    assert CALLS.keys() & LEFT_OUT.keys() == set()
    assert CALLS.keys() | LEFT_OUT.keys() == OPERATIONS.keys(), "the API has no such operation any more"


def answer_of(operation: Mapping[str, Any]) -> httpx.Response:
    """The example that the API's description gives for a good answer."""
    status = min(code for code in operation["responses"] if code < "300")
    content = operation["responses"][status]["content"]
    media, described = next((each for each in content.items() if each[0] == "application/json"), next(iter(content.items())))
    if media != "application/json":
        return httpx.Response(int(status), content=b"a file", headers={"Content-Type": media})
    example = described.get("example")
    if example is None:
        name = described["schema"]["$ref"].rpartition("/")[2]
        example = DOCUMENT["components"]["schemas"][name]["examples"][0]
    if isinstance(example, dict) and "next_page_token" in example:
        example = {**example, "next_page_token": ""}
    return httpx.Response(int(status), json=example)


def requests_of(name: str, arguments: Sequence[Any], named: Mapping[str, Any], answer: httpx.Response) -> list[httpx.Request]:
    """The requests that both clients send when the method is called: the same."""
    requests: list[httpx.Request] = []

    def record(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    with ParkCarbonClient("http://platform", "t", transport=httpx.MockTransport(record)) as client:
        result = getattr(client, name)(*arguments, **named)
        if inspect.isgenerator(result):
            list(result)

    async def call() -> None:
        async with AsyncParkCarbonClient("http://platform", "t", transport=httpx.MockTransport(record)) as client:
            result = getattr(client, name)(*arguments, **named)
            if inspect.isasyncgen(result):
                [each async for each in result]
            else:
                await result

    asyncio.run(call())
    first, second = requests[: len(requests) // 2], requests[len(requests) // 2 :]
    for one, other in zip(first, second, strict=True):
        assert (one.method, one.url, one.content) == (other.method, other.url, other.content)
    return first


@pytest.mark.parametrize("operation_id", CALLS)
def test_a_method_sends_what_its_operation_takes_and_reads_what_it_answers(operation_id: str) -> None:
    method, path, operation = OPERATIONS[operation_id]
    name, arguments, named = CALLS[operation_id]
    for request in requests_of(name, arguments, named, answer_of(operation)):
        assert request.method == method
        assert re.fullmatch(re.sub(r"\{\w+\}", "[^/:]+", path), request.url.path)
        taken = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        assert set(request.url.params) <= taken
        media = request.headers.get("Content-Type", "").partition(";")[0]
        bodies = operation.get("requestBody", {}).get("content", {})
        assert media in bodies or (not media and not bodies)
        if media == "application/json":
            schema = {**bodies[media]["schema"], "components": DOCUMENT["components"]}
            jsonschema.Draft202012Validator(schema).validate(json.loads(request.content))


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> set[str]:
        return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}

    assert methods(ParkCarbonClient) == methods(AsyncParkCarbonClient)


def test_everything_public_is_named_where_it_is_imported_from() -> None:
    assert all(hasattr(library, name) for name in library.__all__)
    assert len(set(library.__all__)) == len(library.__all__), "two services have a name for different things"
