"""Every operation × every role × what is not the caller's. OWASP API Security Top 10 (2023): API1, API3, API5."""

import asyncio
import re
from decimal import Decimal
from typing import Any

import pytest

from tests.security.conftest import SECOND, SECRET, Attacked
from tests.security.rules import OBJECTS, OPEN, ROLES, RULES, SIGNED_IN

pytestmark = pytest.mark.asyncio(loop_scope="session")
_PARAMETER = re.compile(r"\{(\w+)\}")
# what these are given a name for is made in the caller's tenant, whoever else has one of that name
OF_ONES_OWN = frozenset({"PUT /v1/callers/{caller}", "PUT /v1/mapping-profiles/{profile}", "PUT /v1/documents/{document}"})
BOUND = ("park_manager", "reader", "region_reader", "verifier", "enterprise")


async def test_api2_without_a_credential_nothing_is_answered_but_what_is_open(attacked: Attacked) -> None:
    wrong = []
    for name, method, path, operation in attacked.operations():
        answer = await attacked.ask(method, path, operation, None, attacked.objects)
        asked_for = answer.status_code == 401 and answer.json().get("reason") in ("TOKEN_MISSING", "SESSION_OVER")
        if asked_for is (RULES[name].roles == OPEN):
            wrong.append((name, answer.status_code))
    assert wrong == []


async def test_api5_a_role_may_what_its_rule_says_and_nothing_else(attacked: Attacked) -> None:
    wrong = []
    for name, method, path, operation in attacked.operations():
        if RULES[name].roles in (OPEN, SIGNED_IN):
            continue
        for role in sorted(ROLES):
            objects = attacked.objects
            if method == "DELETE":
                objects = attacked.foreign
            answer = await attacked.ask(method, path, operation, role, objects)
            denied = answer.status_code == 403
            if answer.status_code in (401, 405) or answer.status_code >= 500 or denied is (role in RULES[name].roles):
                wrong.append((name, role, answer.status_code, answer.json().get("reason")))
    assert wrong == []


async def test_api1_what_is_another_tenants_does_not_exist(attacked: Attacked) -> None:
    wrong = []
    for name, method, path, operation in attacked.operations():
        objects = set(_PARAMETER.findall(path)) & OBJECTS
        if not objects or name in OF_ONES_OWN:
            continue
        for role in sorted(RULES[name].roles):
            theirs = await attacked.ask(method, path, operation, role, attacked.objects | attacked.foreign)
            # what exists elsewhere and what exists nowhere are refused in the same words
            nowhere = await attacked.ask(method, path, operation, role, _nowhere(attacked))
            alike = theirs.json().get("reason") == nowhere.json().get("reason")
            if (theirs.status_code, nowhere.status_code) != (404, 404) or not alike:
                wrong.append((name, role, theirs.status_code, nowhere.status_code, theirs.json().get("reason")))
    assert wrong == []


def _nowhere(attacked: Attacked) -> dict[str, str]:
    return dict.fromkeys(attacked.objects, "nowhere") | {"key": f"pck_{'z' * 16}"}


async def test_api1_what_has_the_same_name_in_another_tenant_is_another(attacked: Attacked) -> None:
    for path, body in (
        ("/v1/callers/theirs", {"name": "ours", "roles": ["reader"]}),
        ("/v1/mapping-profiles/theirs", {"columns": {"用量": "quantity"}}),
    ):
        before = (await attacked.rival.get(path)).json()
        assert (await attacked.operator.put(path, json=body)).status_code in (200, 201)
        assert (await attacked.rival.get(path)).json() == before


async def test_api1_a_park_beyond_the_bounds_does_not_exist(attacked: Attacked) -> None:
    wrong = []
    for name, method, path, operation in attacked.operations():
        if "{park}" not in path:
            continue
        for role in sorted(RULES[name].roles & set(BOUND)):
            answer = await attacked.ask(method, path, operation, role, attacked.objects | {"park": SECOND})
            if (answer.status_code, answer.json().get("reason")) != (404, "PARK_NOT_FOUND"):
                wrong.append((name, role, answer.status_code, answer.json().get("reason")))
    assert wrong == []


async def test_api1_lists_hold_nothing_beyond_the_bounds(attacked: Attacked) -> None:
    for role in BOUND:
        parks = (await attacked.operator.get("/v1/parks", headers=_only(attacked, role))).json()["parks"]
        found = {park["park_id"] for park in parks}
        # what the examples of the API register lies in the region as well
        assert found - ({"ganzhou-etdz"} if role == "region_reader" else set()) == {attacked.objects["park"]}, role


async def test_api1_the_change_feed_tells_nothing_of_what_lies_beyond_the_bounds(attacked: Attacked) -> None:
    async with asyncio.timeout(20):
        while True:
            if SECOND in await _heard(attacked, "platform_operator"):
                break
            await asyncio.sleep(0.05)
    for role in ("park_manager", "reader", "region_reader"):
        assert await _heard(attacked, role) - {"ganzhou-etdz"} == {attacked.objects["park"]}, role


async def _heard(attacked: Attacked, role: str) -> set[str]:
    answer = await attacked.anyone.get("/v1/changes?limit=1000", headers=attacked.headers[role])
    return {change["park_id"] for change in answer.json()["changes"]}


def _only(attacked: Attacked, role: str) -> dict[str, str]:
    return {"Authorization": "Bearer " + attacked.headers[role]["X-Api-Key"]}


# 777 MWh of the neighbour emit 451.437 t at 0.581 t/MWh, with the one of the enterprise itself 452.018 t
OF_THE_NEIGHBOUR = {Decimal("777"), Decimal("451.437"), Decimal("452.018")}


def _figures(text: str) -> set[Decimal]:
    """Every whole word of a text that is a decimal: an id that holds the digits by chance is none."""
    return {Decimal(word) for word in re.findall(r"[\w.-]+", text, re.ASCII) if re.fullmatch(r"-?\d+(\.\d+)?", word, re.ASCII)}


async def test_api3_no_answer_to_an_enterprise_holds_anything_of_its_neighbour(attacked: Attacked) -> None:
    read = 0
    for name, method, path, operation in attacked.operations():
        if method != "GET" or "enterprise" not in RULES[name].roles:
            continue
        answer = await attacked.ask(method, path, operation, "enterprise", attacked.objects)
        assert SECRET not in answer.text, name
        assert not _figures(answer.text) & OF_THE_NEIGHBOUR, name
        read += answer.is_success
    assert read >= 5
    managers = await attacked.operator.get("/v1/parks/ours/emissions?from=2022&to=2023&group_by=enterprise")
    assert SECRET in managers.text


async def test_api3_an_enterprise_does_not_find_out_what_its_neighbours_records_say(attacked: Attacked) -> None:
    rows = [
        {"record_id": "kiln-1", "source_id": "mill-power", "quantity": "1", "unit": "MWh"},
        {"record_id": "new-1", "source_id": "kiln-power", "quantity": "1", "unit": "MWh"},
        {"record_id": "new-2", "source_id": "mill-power", "quantity": "-1", "unit": "MWh", "supersedes": "kiln-1"},
    ]
    period = {"period_start": "2022-03-01", "period_end": "2022-04-01"}
    answer = await attacked.operator.post(
        "/v1/parks/ours/activity-records", json=[{**row, **period} for row in rows], headers=_only(attacked, "enterprise")
    )
    assert [each["problem"]["reason"] for each in answer.json()["results"]] == [
        "RECORD_ID_TAKEN",
        "SOURCE_UNKNOWN",
        "SUPERSEDES_UNKNOWN",
    ]
    assert not _figures(answer.text) & OF_THE_NEIGHBOUR


@pytest.mark.parametrize("extra", ["tenant_id", "tenant", "roles_granted", "emissions_t_co2e", "registered_time"])
async def test_api3_a_member_that_the_operation_does_not_take_is_refused(attacked: Attacked, extra: str) -> None:
    tried = 0
    for name, method, path, operation in attacked.operations():
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None or "$ref" not in content.get("schema", {}):
            continue
        body = dict(attacked._example(content["schema"])) | {extra: "x"}
        answer = await attacked.ask(method, path, operation, "platform_operator", attacked.objects, json=body)
        assert answer.status_code == 422, (name, answer.text)
        assert ("FIELD_UNKNOWN", extra) in [(each["reason"], each["field"]) for each in answer.json()["errors"]], name
        tried += 1
    assert tried >= 6


async def test_api5_a_credential_may_no_more_than_its_scopes(attacked: Attacked) -> None:
    reading, writing = ("published", "read_own", "read", "follow", "audit"), ("register", "record", "rebuild")
    scopes = (*reading, *writing, "verify", "publish", "release", "manage_keys", "manage_callers")
    await attacked.operator.put("/v1/callers/scoped", json={"name": "s", "roles": ["platform_operator"]})
    opened: dict[str, set[str]] = {}
    for scope in scopes:
        body = {"caller_id": "scoped", "name": scope, "scopes": [scope]}
        made = (await attacked.operator.post("/v1/api-keys", json=body)).json()
        for name, method, path, operation in attacked.operations():
            if RULES[name].roles in (OPEN, SIGNED_IN) or name == "GET /v1/caller":
                continue
            objects = attacked.foreign if method == "DELETE" else attacked.objects
            answer = await attacked.ask(method, path, operation, None, objects, headers={"X-Api-Key": made["api_key"]})
            if answer.status_code != 403:
                opened.setdefault(name, set()).add(scope)
    # listing every key of the tenant is the operator's, listing one's own everyone's
    both = {"GET /v1/api-keys": {"manage_keys", "manage_callers"}}
    assert {name: found for name, found in opened.items() if len(found) > 1} == both
    assert set(opened) == {name for name, rule in RULES.items() if rule.roles not in (OPEN, SIGNED_IN)} - {"GET /v1/caller"}


async def test_a_platform_operator_reads_no_other_tenants_data(attacked: Attacked) -> None:
    answers: list[Any] = [await attacked.rival.get(path) for path in ("/v1/parks", "/v1/callers", "/v1/api-keys", "/v1/changes")]
    for answer in answers:
        assert answer.status_code == 200
        assert '"ours"' not in answer.text
        assert "park_manager" not in answer.text
