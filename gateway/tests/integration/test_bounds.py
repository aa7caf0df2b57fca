"""What the gateway answers itself lies within the bounds of who asks: feed, webhooks, jobs and their results, repeated answers."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from gateway.domain.limits import Limits

PARK = {"park_id": "etdz", "name_zh": "园", "name_en": "P", "region_code": "360700", "factor_set_id": "wang-2024"}
RECORDS = "/v1/parks/etdz/activity-records"
NDJSON = {"Content-Type": "application/x-ndjson"}
ROW = {
    "record_id": "r-1",
    "source_id": "s",
    "period_start": "2022-01-01",
    "period_end": "2022-02-01",
    "quantity": "1",
    "unit": "MWh",
}
LINE = json.dumps(ROW).encode() + b"\n"
MILL = {"enterprises": ["etdz/mill"]}
Serve = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
async def api(serve: Serve, migrated_url: str) -> AsyncIterator[Any]:
    async with serve(Limits(), database_url=migrated_url) as running:
        async with running.client("operator-token") as operator:
            assert (await operator.post("/v1/parks", json=PARK)).status_code == 201
        yield running


async def registered(api: Any, caller_id: str, **body: Any) -> None:
    async with api.client("operator-token") as operator:
        answer = await operator.put(f"/v1/callers/{caller_id}", json={"name": caller_id, **body})
        assert answer.is_success, answer.text


async def key(api: Any, caller_id: str, **more: Any) -> dict[str, str]:
    async with api.client("operator-token") as operator:
        answer = await operator.post("/v1/api-keys", json={"caller_id": caller_id, "name": "k", **more})
        assert answer.is_success, answer.text
        return {"X-Api-Key": answer.json()["api_key"]}


async def caller(api: Any, **body: Any) -> httpx.AsyncClient:
    await registered(api, "asking", **body)
    return httpx.AsyncClient(base_url=api.url, headers=await key(api, "asking"), timeout=20)


BOUND_TO_AN_ENTERPRISE = [
    pytest.param({"roles": ["reader"], **MILL}, id="reader"),
    pytest.param({"roles": ["park_manager"], **MILL}, id="park_manager"),
    pytest.param({"roles": ["park_manager"], "parks": ["etdz"], **MILL}, id="park_manager_of_the_park"),
    pytest.param({"roles": ["region_reader"], "regions": ["36"], **MILL}, id="region_reader"),
    pytest.param({"roles": ["enterprise", "reader"], **MILL}, id="enterprise_and_reader"),
    pytest.param({"roles": ["reader"], "enterprises": []}, id="no_enterprise_at_all"),
]


@pytest.mark.parametrize("body", BOUND_TO_AN_ENTERPRISE)
async def test_who_is_bound_to_enterprises_neither_follows_nor_has_webhooks(api: Any, body: dict[str, Any]) -> None:
    found = ", ".join(body["enterprises"]) or "-"
    async with await caller(api, **body) as client:
        for method, path in (
            ("GET", "/v1/changes"),
            ("GET", "/v1/changes?since=newest"),
            ("GET", "/v1/webhooks"),
            ("GET", "/v1/webhooks/hook-1"),
            ("POST", "/v1/webhooks/hook-1:resume"),
            ("DELETE", "/v1/webhooks/hook-1"),
            ("POST", "/v1/webhooks"),
        ):
            hook = {"url": "https://region.example/hook"} if (method, path) == ("POST", "/v1/webhooks") else None
            answer = await client.request(method, path, json=hook)
            assert (answer.status_code, answer.json()["reason"], answer.json()["found"]) == (403, "BOUND_TO_ENTERPRISES", found)
            assert answer.json()["detail"].endswith("GET /v1/parks/{park}/activity-records")
        chinese = await client.get("/v1/changes", headers={"Accept-Language": "zh"})
    assert f"仅限于企业 {found}" in chinese.json()["detail"]


async def submitted(api: Any, client: httpx.AsyncClient) -> str:
    answer = await client.post(RECORDS, content=LINE, headers={**NDJSON, "Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    location: str = answer.headers["location"]
    async with client.stream("GET", f"{location}/events") as events:
        assert [text async for text in events.aiter_lines() if '"succeeded"' in text]
    return location


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        *(pytest.param(*each.values, False, id=each.id) for each in BOUND_TO_AN_ENTERPRISE),
        pytest.param({"roles": ["enterprise"], **MILL}, False, id="enterprise"),
        pytest.param({"roles": ["enterprise", "public"], **MILL}, False, id="enterprise_and_public"),
        pytest.param({"roles": ["reader"], "parks": ["north"]}, False, id="of_another_park"),
        pytest.param({"roles": ["reader"], "parks": []}, False, id="of_no_park"),
        pytest.param({"roles": ["region_reader"], "regions": ["35"]}, False, id="of_another_region"),
        pytest.param({"roles": ["region_reader"], "regions": ["36"], "parks": ["north"]}, False, id="of_another_park_there"),
        pytest.param({"roles": ["reader"]}, True, id="of_every_park"),
        pytest.param({"roles": ["verifier"], "parks": ["etdz"]}, True, id="of_the_park"),
        pytest.param({"roles": ["region_reader"], "regions": ["3607"]}, True, id="of_the_region"),
        pytest.param({"roles": ["enterprise", "park_manager"], "parks": ["etdz"], **MILL}, False, id="manager_of_an_enterprise"),
    ],
)
async def test_a_job_and_its_results_are_shown_to_who_sees_the_whole_park(api: Any, body: dict[str, Any], seen: bool) -> None:
    await registered(api, "owner", roles=["park_manager"])
    async with httpx.AsyncClient(base_url=api.url, headers=await key(api, "owner"), timeout=20) as owner:
        location = await submitted(api, owner)
    async with await caller(api, **body) as client:
        for path in (location, f"{location}/events", f"{location}/results"):
            answer = await client.get(path)
            expected = 200 if seen else 403 if body["roles"] == ["public"] else 404
            assert answer.status_code == expected, (path, answer.text)
            assert seen or answer.json()["reason"] == "JOB_NOT_FOUND"


async def test_whoever_submitted_a_job_sees_it_whatever_it_is_bound_to(api: Any) -> None:
    async with await caller(api, roles=["enterprise"], **MILL) as client:
        location = await submitted(api, client)
        results = await client.get(f"{location}/results?format=ndjson")
        assert [json.loads(line)["record_id"] for line in results.text.splitlines()] == ["r-1"]


class TestRepetition:
    """An answer under an idempotency key is repeated to the rights that it was given to, and to no less."""

    @pytest.fixture
    async def given(self, api: Any) -> httpx.Response:
        await registered(api, "pusher", roles=["park_manager"], parks=["etdz", "north"])
        answer = await self.pushed(api, await key(api, "pusher", scopes=["record", "read_own"]))
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
        return answer

    async def pushed(self, api: Any, headers: dict[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=20) as client:
            found: httpx.Response = await client.post(RECORDS, content=LINE, headers={**NDJSON, "Idempotency-Key": "k"})
            return found

    @pytest.mark.parametrize("scopes", [None, ["record", "read_own"], ["record", "read_own", "read"]])
    async def test_as_many_scopes_or_more_are_given_it(self, api: Any, given: httpx.Response, scopes: list[str] | None) -> None:
        again = await self.pushed(api, await key(api, "pusher", **({} if scopes is None else {"scopes": scopes})))
        assert (again.status_code, again.content) == (200, given.content)
        assert again.headers["idempotency-replayed"] == "true"

    @pytest.mark.parametrize("scopes", [["published"], ["record"], ["read_own"]])
    async def test_fewer_scopes_are_refused(self, api: Any, given: httpx.Response, scopes: list[str]) -> None:
        again = await self.pushed(api, await key(api, "pusher", scopes=scopes))
        assert (again.status_code, again.json()["reason"]) == (403, "IDEMPOTENCY_KEY_BEYOND_RIGHTS")
        assert "accepted" not in again.json()

    @pytest.mark.parametrize(
        "now",
        [{"roles": ["reader"]}, {"roles": ["park_manager"], "parks": ["etdz"]}, {"roles": ["park_manager"], "regions": ["36"]}],
        ids=str,
    )
    async def test_rights_that_have_become_fewer_are_refused(self, api: Any, given: httpx.Response, now: dict[str, Any]) -> None:
        await registered(api, "pusher", **now)
        again = await self.pushed(api, await key(api, "pusher"))
        assert (again.status_code, again.json()["reason"]) == (403, "IDEMPOTENCY_KEY_BEYOND_RIGHTS")
