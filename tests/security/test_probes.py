"""Every caller asks every operation about every object: the rules say how that ends, and no answer holds a secret of others.

Callers have each role and each two roles, with every combination of bounds that they may have. Objects are another tenant's,
another region's, another park's, another enterprise's in the same park, and other callers' own. `oracle.py` says how each ends.
"""

import asyncio
import io
import random
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.testing.postgres import empty_database
from devstack.credentials import TENANT
from gateway.application.access.authentication import grant_tokens
from gateway.domain.access.tokens import Grant, digest
from gateway.domain.callers import Caller, Role
from gateway.main import topic_registry
from tests.security.oracle import Who
from tests.security.probes import COSTLY, LAST, Probe, Probes
from tests.security.rules import OPEN, RULES, SIGNED_IN
from tests.security.world import World, build
from tests.system.in_process import in_process

pytestmark = pytest.mark.asyncio(loop_scope="module")
SEED = 20261129
LEAST = 10_000
"""Requests that are sent on each database."""

OF_ONE_ROLE, OF_TWO_ROLES = 180, 30
"""So many requests of a caller are sent, beside one for each operation of a caller with one role."""

AT_ONCE = 8
"""So many requests are under way together: half of the time of one is spent on waiting for the disk and other processes."""

OF_COSTLY = 8
"""Of the requests of a costly operation that are allowed so many are sent, over all callers."""

RIVAL = "the-operator-of-another-tenant"
_MARK = re.compile(r"zq[0-9a-f]{12}")
_WORD = re.compile(r"[A-Za-z0-9_.-]+")


class Asked:
    """A platform with everything in it, and what it answers."""

    def __init__(self, world: World, document: Mapping[str, Any], operator: Mapping[str, str]) -> None:
        """Stores it."""
        self.world = world
        self.document = document
        self.operator = operator
        self.probes = Probes(world, document)

    async def learn(self) -> None:
        """Asks as the operator for what it could give away: page tokens, entity tags and a cursor."""
        operator = next(who for who in self.world.headers if who.roles == {"platform_operator"})
        for probe in self.probes.of(operator):
            if not probe.name.startswith("GET ") or probe.aim.label not in ("it", "near") or probe.name in COSTLY:
                continue
            query = {
                **probe.more["params"],
                **({"page_size": "1"} if "page_size" in str(self.document["paths"][probe.name[4:]]) else {}),
            }
            answer = await self.world.ask.get(probe.path, params=query, headers=self.operator)
            if "json" in answer.headers.get("content-type", ""):
                if token := answer.json().get("next_page_token"):
                    self.probes.tokens[probe.name] = token
                if probe.name == "GET /v1/changes":
                    self.probes.cursor = str(answer.json()["changes"][len(answer.json()["changes"]) // 2]["position"])
            answer = await self.world.ask.get(probe.path, params=probe.more["params"], headers=self.operator)
            if "etag" in answer.headers:
                self.probes.etags[probe.name] = answer.headers["etag"]

    def chosen(self) -> list[Probe]:
        """Returns the requests that are sent, in the order in which they are: the same at every run."""
        chance = random.Random(SEED)
        chosen: list[Probe] = []
        costly: dict[str, list[Probe]] = defaultdict(list)
        for who in self.world.headers:
            of_who = []
            for probe in self.probes.of(who):
                if probe.name in COSTLY and probe.verdict.allowed is not False:
                    costly[probe.name].append(probe)
                else:
                    of_who.append(probe)
            chance.shuffle(of_who)
            if len(who.roles) == 1:
                firsts = {probe.name: probe for probe in of_who}
                chosen += firsts.values()
                of_who = [probe for probe in of_who if firsts[probe.name] is not probe][: OF_ONE_ROLE - len(firsts)]
            chosen += of_who[: OF_TWO_ROLES if len(who.roles) > 1 else None]
        for probes in costly.values():
            chosen += chance.sample(probes, min(OF_COSTLY, len(probes)))
        chance.shuffle(chosen)
        return sorted(chosen, key=lambda probe: LAST.index(probe.name) + 1 if probe.name in LAST else 0)

    def without_a_request(self, probes: Sequence[Probe]) -> list[str]:
        """Returns the operations that some caller with one role is asked nothing of, but for costly ones that it may."""
        sent = {(probe.who, probe.name) for probe in probes}
        return [
            f"{name} by {who}"
            for who in self.world.headers
            for name, rule in RULES.items()
            if len(who.roles) == 1 and rule.roles not in (OPEN, SIGNED_IN) and name not in COSTLY and (who, name) not in sent
        ]

    async def answers(self, probes: Sequence[Probe]) -> AsyncIterator[tuple[Probe, httpx.Response]]:
        """Sends requests, some at once but for those that have to be last; yields each with its answer, in their order."""
        number = 0
        while number < len(probes):
            together = [probes[number]]
            while (
                len(together) < AT_ONCE
                and number + len(together) < len(probes)
                and not {each.name for each in (*together, probes[number + len(together)])} & set(LAST)
            ):
                together.append(probes[number + len(together)])
            for each in zip(together, await asyncio.gather(*map(self.answer, together)), strict=True):
                yield each
            number += len(together)

    async def answer(self, probe: Probe) -> httpx.Response:
        """Sends a request."""
        headers = {**probe.more["headers"], **self.world.headers[probe.who]}
        more = {name: value for name, value in probe.more.items() if name != "headers"}
        return await self.world.ask.request(probe.name.split(" ")[0], probe.path, headers=headers, **more)

    def secrets_in(self, answer: httpx.Response) -> Iterator[str]:
        """Yields each secret that an answer holds, and that its request did not bring."""
        sent = f"{answer.request.url} {answer.request.content.decode('utf-8', 'replace')}"
        text = readable(answer)
        found = {*_MARK.findall(text), *_WORD.findall(text)} & self.world.secrets.keys()
        yield from (secret for secret in found if secret not in sent)


def readable(answer: httpx.Response) -> str:
    """Returns head and body of an answer as text, a workbook's parts among it."""
    head = " ".join(f"{name} {value}" for name, value in answer.headers.items())
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            return " ".join([head, *(book.read(name).decode("utf-8", "replace") for name in book.namelist())])
    return f"{head} {answer.content.decode('utf-8', 'replace')}"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    """Everything, on each database."""
    folder: Path = tmp_path_factory.mktemp("probed")
    log = EmbeddedLog(folder / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with AsyncExitStack() as stack:
        urls: dict[str, str] = {}
        owners: dict[str, str] = {}
        if request.param == "postgresql":
            for service in ("accounting", "evaluation", "gateway"):
                made = stack.enter_context(empty_database(request.getfixturevalue("postgres_server")))
                urls[service], owners[service] = made.url, made.owner_url
        stack.push_async_callback(log.close)
        platform = await stack.enter_async_context(in_process(folder, log, urls=urls, owner_urls=owners))
        rival = Caller("rival", "rivals", frozenset({Role.PLATFORM_OPERATOR}))
        await grant_tokens(platform.gateway._units, [Grant(digest(RIVAL), rival)])
        operators = {
            "ours": {"Authorization": str(platform.client.headers["Authorization"])},
            "theirs": {"Authorization": f"Bearer {RIVAL}"},
        }
        transport = httpx.ASGITransport(app=platform.gateway.app)
        ask = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://platform", timeout=60))
        world = World(ask, operators)
        await build(world, {"ours": TENANT, "theirs": "rivals"})
        found = Asked(world, (await ask.get("/openapi.json")).json(), operators["ours"])
        await found.learn()
        yield found


async def test_each_request_ends_as_the_rules_say_and_no_answer_holds_a_secret_of_others(asked: Asked) -> None:
    probes = asked.chosen()
    wrong: list[str] = []
    leaks: list[str] = []
    kinds: Counter[str] = Counter()
    seen: dict[str, set[str]] = defaultdict(set)
    refusals: dict[tuple[Who, str], dict[tuple[int, str], str]] = defaultdict(dict)
    async for probe, answer in asked.answers(probes):
        kinds[{True: "allowed", False: "refused", None: "open"}[probe.verdict.allowed]] += 1
        if answer.status_code not in probe.verdict.statuses:
            wrong.append(f"{probe}: {answer.status_code}, expected {sorted(probe.verdict.statuses)}: {answer.text[:200]}")
        elif probe.aim.outcomes and answer.is_success:
            wrong += [f"{probe}: {each}" for each in differing_rows(probe, answer)]
        if "idempotency-replayed" in answer.headers:
            leaks.append(f"{probe}: the answer to another caller's request")
        for text in asked.secrets_in(answer):
            secret = asked.world.secrets[text]
            if secret.is_seen_by(probe.who):
                seen[probe.name].add(secret.seen_by)
            else:
                leaks.append(f"{probe}: {answer.status_code} holds {secret}")
        if (
            answer.status_code == 404
            and probe.verdict.allowed is False
            and probe.aim.place
            and not probe.who.reaches(probe.aim.place)
        ):
            refusals[probe.who, probe.name][answer.status_code, answer.json()["reason"]] = probe.aim.label
    told_apart = [f"{name} [{each}] by {who}" for (who, name), each in refusals.items() if len(each) > 1]
    shown = {name: sorted(kinds_of) for name, kinds_of in seen.items()}
    print(f"{len(probes)} requests of {len(asked.world.headers)} callers ({dict(kinds)}), seed {SEED}")
    found = {"leaks": leaks, "answers that are not as the rules say": wrong, "parks that are told apart": told_apart}
    assert not any(found.values()), "\n".join(report(what, each) for what, each in found.items() if each)
    assert len(probes) >= LEAST
    assert asked.without_a_request(probes) == []
    # what is found in no answer at all is looked for in vain
    assert {kind for each in shown.values() for kind in each} == {"part", "whole", "park", "tenant", "owner", "operator"}, shown
    assert len(shown) >= 40, shown


def differing_rows(probe: Probe, answer: httpx.Response) -> Iterator[str]:
    """Yields the rows of a receipt that did not end as they have to."""
    results = answer.json()["results"]
    for record_id, expected in probe.aim.outcomes.items():
        ended = [each.get("problem", {}).get("reason") or each["outcome"] for each in results if each["record_id"] == record_id]
        if ended != [expected]:
            yield f"{record_id} ended as {ended}, expected {expected}"


def report(what: str, found: Sequence[str]) -> str:
    """Returns what was found, the first of each operation in full."""
    by_operation: dict[str, list[str]] = defaultdict(list)
    for each in found:
        by_operation[each.split(" [")[0]].append(each)
    lines = [f"{len(each)} × {each[0]}" for each in by_operation.values()]
    return "\n".join([f"{len(found)} {what}", *lines])
