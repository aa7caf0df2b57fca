"""Two tenants on one platform, and in one of them a caller of every role."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from gateway.application.access.authentication import grant_tokens
from gateway.domain.access.tokens import Grant, digest
from gateway.domain.callers import Caller, Role
from gateway.main import topic_registry
from tests.system.in_process import InProcess, in_process

OURS, SECOND, THEIRS = "ours", "second", "theirs"
RIVAL = "the-operator-of-another-tenant"
BOUNDS: Mapping[str, dict[str, list[str]]] = {
    "park_manager": {"parks": [OURS]},
    "reader": {"parks": [OURS]},
    "region_reader": {"regions": ["3607"]},
    "verifier": {"parks": [OURS]},
    "enterprise": {"enterprises": [f"{OURS}/mill"]},
    "public": {},
}
SECRET = "kiln"
"""Stands in the name of everything that belongs to the other enterprise of the park."""


@dataclass
class Attacked:
    """The platform, and how each role asks.

    Attributes:
        document: The API's description.
        headers: Of each role.
        operator: A client of the first tenant's operator.
        rival: Of the other tenant's.
        anyone: One without a credential.
        objects: Of ours, by path parameter.
        foreign: Of the other tenant's, by path parameter.
    """

    platform: InProcess
    document: dict[str, Any]
    headers: dict[str, dict[str, str]]
    operator: httpx.AsyncClient
    rival: httpx.AsyncClient
    anyone: httpx.AsyncClient
    objects: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)

    def operations(self) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """Yields name, method, path and description of every operation."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield f"{method.upper()} {path}", method.upper(), path, operation

    async def ask(
        self, method: str, path: str, operation: Mapping[str, Any], role: str | None, objects: Mapping[str, str], **more: Any
    ) -> httpx.Response:
        """Asks for an operation as its description has it: required parameters and the body from its examples."""
        query: dict[str, Any] = {}
        if method == "PUT" and path.endswith("}"):
            # what is put in the place of a caller here must not be one of those that ask
            objects = {**objects, "caller": "written", "profile": "written"}
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                value = objects.get(parameter["name"], str(example_of(parameter)))
                path = path.replace(f"{{{parameter['name']}}}", value)
            elif parameter["in"] == "query" and parameter.get("required"):
                query[parameter["name"]] = example_of(parameter)
        headers = {} if role is None else dict(self.headers[role])
        headers.update(more.pop("headers", {}))
        if "requestBody" in operation and "json" not in more and "content" not in more:
            media, content = next(iter(operation["requestBody"]["content"].items()))
            example = content["example"] if "example" in content else self._example(content["schema"])
            if media == "application/x-www-form-urlencoded":
                more["data"] = example
            elif media != "application/json":
                more["content"] = example
                headers["Content-Type"] = media
            else:
                more["json"] = example
        found: httpx.Response = await self.anyone.request(method, path, params=query, headers=headers, **more)
        return found

    def _example(self, schema: Mapping[str, Any]) -> Any:
        found = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found["examples"][0]


def example_of(parameter: Mapping[str, Any]) -> Any:
    """The example of a parameter, wherever it stands."""
    schema = parameter.get("schema", {})
    for place in (parameter.get("examples"), schema.get("examples")):
        if place:
            return place[0] if isinstance(place, list) else next(iter(place.values()))["value"]
    return parameter.get("example", schema.get("example", "x"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def attacked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Attacked]:
    """The platform with both tenants, set up once; tests add to it and take nothing away."""
    folder: Path = tmp_path_factory.mktemp("attacked")
    log = EmbeddedLog(folder / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(folder, log) as platform:
        rival_caller = Caller("rival", "rivals", frozenset({Role.PLATFORM_OPERATOR}))
        await grant_tokens(platform.gateway._units, [Grant(digest(RIVAL), rival_caller)])
        bearer = {"Authorization": f"Bearer {RIVAL}"}
        url = platform.gateway.http_address
        async with (
            httpx.AsyncClient(base_url=url, headers=bearer, timeout=30) as rival,
            httpx.AsyncClient(base_url=url, timeout=30) as anyone,
        ):
            document = (await rival.get("/openapi.json")).json()
            headers = {"platform_operator": {"Authorization": platform.client.headers["Authorization"]}}
            made = Attacked(platform, document, headers, platform.client, rival, anyone)
            await _settle(made)
            yield made
    await log.close()


async def _settle(made: Attacked) -> None:
    await _park(made.operator, OURS, "360700")
    await _park(made.operator, SECOND, "350100")
    await _park(made.rival, THEIRS, "360700")
    for role, bounds in BOUNDS.items():
        done(await made.operator.put(f"/v1/callers/{role}", json={"name": role, "roles": [role], **bounds}))
        key = done(await made.operator.post("/v1/api-keys", json={"caller_id": role, "name": role})).json()
        made.headers[role] = {"X-Api-Key": key["api_key"]}
        if role == "park_manager":
            made.objects["key"] = key["key_id"]
    profile = {"columns": {"编号": "record_id"}}
    done(await made.operator.put("/v1/mapping-profiles/ours", json=profile))
    done(await made.rival.put("/v1/mapping-profiles/theirs", json=profile))
    # of the enterprise that the caller of that role is bound to
    made.objects["source"] = made.foreign["source"] = "mill-power"
    made.objects["document"] = await _document(made.operator, "ours")
    made.foreign["document"] = await _document(made.rival, "theirs")
    made.objects["webhook"] = await _hook(made.operator)
    made.foreign["webhook"] = await _hook(made.rival)
    for client, name in ((made.operator, "ours"), (made.rival, "theirs")):
        node = {"node_id": "a", "name_zh": "甲", "name_en": "A", "weight": "1", "kind": "share", "unit": "%", "direction": "+"}
        system = {"system_id": f"{name}-system", "name_zh": "系", "name_en": name, "source": "made up", "nodes": [node]}
        done(await client.post("/v1/indicator-systems", json=system))
    made.objects.update(system="ours-system", evaluation=await _evaluation(made.operator, OURS))
    made.foreign.update(system="theirs-system", evaluation=await _evaluation(made.rival, THEIRS))
    made.objects["inventory"] = await _inventory(made.operator, OURS)
    made.foreign["inventory"] = await _inventory(made.rival, THEIRS)
    made.objects["finding"] = await _finding(made.operator, OURS)
    made.foreign["finding"] = await _finding(made.rival, THEIRS)
    made.objects.update(park=OURS, caller="park_manager", profile="ours", job=await _job(made.operator, OURS))
    done(await made.rival.put("/v1/callers/theirs", json={"name": "x", "roles": ["reader"]}))
    key = done(await made.rival.post("/v1/api-keys", json={"caller_id": "theirs", "name": "x"})).json()
    made.foreign.update(park=THEIRS, caller="theirs", profile="theirs", key=key["key_id"], job=await _job(made.rival, THEIRS))


async def _document(client: httpx.AsyncClient, document: str) -> str:
    said = {"kind": "news", "title": "t", "issuing_body": "b", "issued_date": "2026-01-01"}
    done(await client.put(f"/v1/documents/{document}", json=said))
    path, headers = f"/v1/documents/{document}/file", {"Content-Type": "text/plain"}
    done(await client.put(path, content=document, headers=headers))
    return document


async def _hook(client: httpx.AsyncClient) -> str:
    return str(done(await client.post("/v1/webhooks", json={"url": "https://region.example/hook"})).json()["webhook_id"])


async def _job(client: httpx.AsyncClient, park: str) -> str:
    return str(done(await client.post(f"/v1/parks/{park}/sums:rebuild")).json()["job_id"])


async def _evaluation(client: httpx.AsyncClient, park: str) -> str:
    body = {"system_id": "guide-2021", "year": 2022}
    return str(done(await client.post(f"/v1/parks/{park}/evaluations", json=body)).json()["evaluation_id"])


async def _inventory(client: httpx.AsyncClient, park: str) -> str:
    return str(done(await client.post(f"/v1/parks/{park}/inventories", json={"year": 2022})).json()["inventory_id"])


async def _finding(client: httpx.AsyncClient, park: str) -> str:
    said = {"finding_id": "f-0", "kind": "observation", "material": False, "text": "t"}
    return str(done(await client.post(f"/v1/parks/{park}/inventories/2022-v1/findings", json=said)).json()["finding_id"])


async def _park(client: httpx.AsyncClient, park: str, region: str) -> None:
    body = {"park_id": park, "name_zh": "园", "name_en": park, "region_code": region, "factor_set_id": "wang-2024"}
    done(await client.post("/v1/parks", json=body))
    rows = []
    for enterprise in ("mill", SECRET):
        name = {"name_zh": enterprise, "name_en": enterprise}
        done(
            await client.post(f"/v1/parks/{park}/enterprises", json={"enterprise_id": enterprise, "industry_code": "C3120", **name})
        )
        place = {"item": "enterprise.purchased_energy", "scope": 2, "carrier": "electricity", "settlement_basis": "bill"}
        source = {"source_id": f"{enterprise}-power", "enterprise_id": enterprise, **name, **place}
        done(await client.post(f"/v1/parks/{park}/sources", json=source))
        rows.append(
            {
                "record_id": f"{enterprise}-1",
                "source_id": f"{enterprise}-power",
                "period_start": "2022-01-01",
                "period_end": "2022-02-01",
                "quantity": "777" if enterprise == SECRET else "1",
                "unit": "MWh",
            }
        )
    pushed = done(await client.post(f"/v1/parks/{park}/activity-records", json=rows)).json()
    assert pushed["accepted"] == len(rows), pushed


def done(answer: httpx.Response) -> httpx.Response:
    """Returns an answer that has to be good."""
    assert answer.is_success, answer.text
    return answer
