"""A webhook or an upload has its maker's rights of now within those of then, and ends with a reason when there are none."""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from chassis.clock import FixedClock
from gateway.adapters.identity.oidc import TrustedIssuer
from gateway.application.access.authority import rights_now
from gateway.application.feed.webhooks import deliver_next
from gateway.domain.access.authority import Authority
from gateway.domain.access.signing import SCHEME, RequestHead, canonical, signature
from gateway.domain.callers import Action, Caller, Role
from gateway.domain.errors import AuthorityLapsed
from gateway.domain.feed.changes import Change
from gateway.domain.feed.webhooks import PAUSES
from gateway.domain.limits import Limits

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ISSUER = "https://idp.test"
PARK = {"park_id": "etdz", "name_zh": "园", "name_en": "P", "region_code": "360700", "factor_set_id": "wang-2024"}
RECORDS = "/v1/parks/etdz/activity-records"
LATER = {"Content-Type": "application/x-ndjson", "Prefer": "respond-async"}
HOOK = {"url": "https://region.example/hook"}
READER = {"name": "R", "roles": ["reader"]}
PUSHER = {"name": "P", "roles": ["park_manager"]}
Serve = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def api(serve: Serve, clock: FixedClock, migrated_url: str) -> AsyncIterator[Any]:
    trusted = [TrustedIssuer(ISSUER, "parkcarbon")]
    async with serve(Limits(), clock=clock, trusted=trusted, database_url=migrated_url) as running:
        async with running.client("operator-token") as operator:
            assert (await operator.post("/v1/parks", json=PARK)).status_code == 201
        yield running


@dataclass
class Sent:
    """A sender that keeps what it is given.

    Attributes:
        ids: Of the facts.
        then: Is awaited after each.
    """

    ids: list[str] = field(default_factory=list)
    then: Callable[[], Awaitable[None]] | None = None

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        self.ids.append(json.loads(body)["id"])
        if self.then is not None:
            await self.then()
        return 204, ""


def happen(api: Any, *parks: str) -> None:
    """Something happens in each of the parks."""
    for park_id in parks:
        position = len(api.feed.changes) + 1
        api.feed.changes.append(
            Change(
                tenant_id="ganzhou",
                park_id=park_id,
                topic="accounting.activity.v1",
                type="parkcarbon.accounting.events.v1.EmissionsCalculated",
                time="2026-11-21T02:00:00Z",
                event_id=f"{park_id}-{position}",
                data_json="{}",
                position=position,
            )
        )


async def deliver(api: Any, clock: FixedClock, sent: Sent | None = None) -> list[str]:
    """Lets what is due be sent, and returns what was."""
    sender = sent or Sent()
    clock.advance(PAUSES[0])
    while await deliver_next(replace(api.webhook_services, sender=sender)):
        pass
    return sender.ids


async def operator(api: Any, method: str, path: str, **more: Any) -> Any:
    async with api.client("operator-token") as client:
        answer = await client.request(method, path, **more)
        assert answer.is_success, answer.text
        return answer.json()


async def registered(api: Any, body: dict[str, Any]) -> None:
    await operator(api, "PUT", "/v1/callers/ada", json=body)


async def key(api: Any, kind: str = "api", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await operator(api, "POST", "/v1/api-keys", json={"caller_id": "ada", "kind": kind, "name": "k", **more})
    return made


def withdrawn(api: Any, made: dict[str, Any]) -> Callable[[], Awaitable[None]]:
    async def withdraw() -> None:
        await operator(api, "DELETE", f"/v1/api-keys/{made['key_id']}")

    return withdraw


async def hooked(api: Any, headers: dict[str, str], **more: Any) -> str:
    async with httpx.AsyncClient(base_url=api.url, headers=headers) as client:
        answer = await client.post("/v1/webhooks", **({"json": HOOK} | more))
        assert answer.status_code == 201, answer.text
        return f"/v1/webhooks/{answer.json()['webhook_id']}"


async def problem(api: Any, path: str, language: str = "en") -> dict[str, str] | None:
    found = await operator(api, "GET", path, headers={"Accept-Language": language})
    assert (found["state"] == "disabled") is ("problem" in found)
    told: dict[str, str] | None = found.get("problem")
    return told


class TestRights:
    """Of a webhook made by a key; each change of what its maker may."""

    @pytest.fixture
    async def made(self, api: Any) -> str:
        await registered(api, {**READER, "parks": ["etdz", "north"]})
        return await hooked(api, {"X-Api-Key": (await key(api))["api_key"]})

    @pytest.mark.parametrize(
        ("now", "reason", "words"),
        [
            pytest.param({"active": False}, "CALLER_INACTIVE", ("ada", "已停用"), id="deactivated"),
            pytest.param({"roles": ["public"]}, "ROLE_MISSING", ("to follow needs", "执行 follow 需要"), id="role_taken"),
            pytest.param(
                {"parks": None, "enterprises": ["etdz/mill"]},
                "BOUND_TO_ENTERPRISES",
                ("etdz/mill; their own part is at GET /v1/parks/{park}/activity-records", "仅限于企业 etdz/mill"),
                id="bound_to_an_enterprise",
            ),
            pytest.param({"parks": ["south"]}, "NOTHING_IN_REACH", ("leave none of the parks", "已全部超出"), id="moved_away"),
        ],
    )
    async def test_it_ends_with_them_and_says_so_in_both_languages(
        self, api: Any, clock: FixedClock, made: str, now: dict[str, Any], reason: str, words: tuple[str, str]
    ) -> None:
        happen(api, "etdz")
        assert await deliver(api, clock) == ["etdz-1"]
        assert await problem(api, made) is None
        await registered(api, {**READER, "parks": ["etdz", "north"], **now})
        happen(api, "etdz")
        assert await deliver(api, clock) == []
        for language, text in zip(("en", "zh"), words, strict=True):
            told = await problem(api, made, language)
            assert told is not None
            assert told["reason"] == reason
            assert text in told["message"]

    async def test_it_ends_where_nothing_happens_too(self, api: Any, clock: FixedClock, made: str) -> None:
        await registered(api, {**READER, "parks": ["etdz"], "active": False})
        assert await deliver(api, clock) == []
        assert (await operator(api, "GET", made))["state"] == "disabled"

    async def test_a_narrower_bound_narrows_it_and_a_wider_one_does_not_widen_it(
        self, api: Any, clock: FixedClock, made: str
    ) -> None:
        happen(api, "etdz", "north", "south")
        assert await deliver(api, clock) == ["etdz-1", "north-2"]
        await registered(api, {**READER, "parks": ["north", "south"]})
        happen(api, "etdz", "north", "south")
        assert await deliver(api, clock) == ["north-5"]
        await registered(api, READER)
        happen(api, "etdz", "north", "south")
        assert await deliver(api, clock) == ["etdz-7", "north-8"]
        assert await problem(api, made) is None

    async def test_what_changes_between_two_changes_counts_for_the_second(self, api: Any, clock: FixedClock, made: str) -> None:
        happen(api, "etdz", "etdz", "north")

        async def narrowed() -> None:
            await registered(api, {**READER, "parks": ["north"]})

        assert await deliver(api, clock, Sent(then=narrowed)) == ["etdz-1", "north-3"]

        async def deactivated() -> None:
            await registered(api, {**READER, "parks": ["north"], "active": False})

        happen(api, "north", "north")
        assert await deliver(api, clock, Sent(then=deactivated)) == ["north-4"]
        found = await operator(api, "GET", made)
        assert (found["position"], found["problem"]["reason"]) == (4, "CALLER_INACTIVE")


class TestCredentials:
    """A webhook ends with the credential that it was made by, whatever its kind."""

    @pytest.fixture(autouse=True)
    async def reader(self, api: Any) -> None:
        await registered(api, READER)

    async def ends(self, api: Any, clock: FixedClock, path: str, end: Callable[[], Awaitable[None]]) -> None:
        happen(api, "etdz")
        assert await deliver(api, clock) == ["etdz-1"]
        await end()
        happen(api, "etdz")
        assert await deliver(api, clock) == []
        told = await problem(api, path)
        assert told is not None
        assert told["reason"] == "CREDENTIAL_WITHDRAWN"

    async def test_an_api_key(self, api: Any, clock: FixedClock) -> None:
        made = await key(api)
        await self.ends(api, clock, await hooked(api, {"X-Api-Key": made["api_key"]}), withdrawn(api, made))

    async def test_an_api_key_that_expires(self, api: Any, clock: FixedClock) -> None:
        made = await key(api, expires_time=(NOW + timedelta(days=7)).isoformat())

        async def expire() -> None:
            clock.advance(timedelta(days=7))

        await self.ends(api, clock, await hooked(api, {"X-Api-Key": made["api_key"]}), expire)

    async def test_the_key_of_a_client_and_not_its_token_of_a_quarter_of_an_hour(self, api: Any, clock: FixedClock) -> None:
        made = await key(api, "client")
        async with httpx.AsyncClient(base_url=api.url, auth=(made["key_id"], made["secret"])) as client:
            given = (await client.post("/v1/oauth/token", data={"grant_type": "client_credentials"})).json()
        path = await hooked(api, {"Authorization": f"Bearer {given['access_token']}"})
        clock.advance(timedelta(hours=1))
        await self.ends(api, clock, path, withdrawn(api, made))

    async def test_a_signing_key(self, api: Any, clock: FixedClock) -> None:
        made, body = await key(api, "signing"), json.dumps(HOOK).encode()
        digest, timestamp = hashlib.sha256(body).hexdigest(), int(clock.now().timestamp())
        head = RequestHead("POST", "/v1/webhooks", "", "application/json")
        proof = signature(made["secret"].encode(), canonical(head, timestamp, "n" * 16, digest))
        parts = f"Credential={made['key_id']}, Timestamp={timestamp}, Nonce={'n' * 16}, BodySHA256={digest}, Signature={proof}"
        headers = {"Authorization": f"{SCHEME} {parts}", "Content-Type": "application/json"}
        await self.ends(api, clock, await hooked(api, headers, json=None, content=body), withdrawn(api, made))

    async def test_a_token_of_the_configuration(self, api: Any, clock: FixedClock) -> None:
        path = await hooked(api, {"Authorization": "Bearer reader-token"})

        async def withdraw() -> None:
            api.tokens.withdraw("reader-token")

        await self.ends(api, clock, path, withdraw)

    async def test_an_identity_at_an_issuer(self, api: Any, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
        async def subject(token: str, issuer: str) -> str:
            return "user-1"

        monkeypatch.setattr(api.access_services.authenticators.reader, "_foreign", subject)
        await registered(api, {**READER, "issuer": ISSUER, "external_subject": "user-1"})
        token = jwt.encode({"iss": ISSUER}, "k" * 32, "HS256")
        path = await hooked(api, {"Authorization": f"Bearer {token}"})
        distrusting = replace(api.access_services.authorities, trusted_issuers=frozenset())
        async with api.units.read("ganzhou") as unit:
            hook = await unit.webhooks.find("ganzhou", path.rpartition("/")[2])
        assert hook is not None
        assert (await rights_now(api.access_services.authorities, hook.authority)).subject == "ada"
        with pytest.raises(AuthorityLapsed, match="withdrawn"):
            await rights_now(distrusting, hook.authority)

        async def unregister() -> None:
            await registered(api, READER)

        await self.ends(api, clock, path, unregister)

    async def test_a_session_is_its_persons_and_ends_with_them_and_not_with_the_sign_out(self, api: Any, clock: FixedClock) -> None:
        await operator(api, "PUT", "/v1/callers/ada/login", json={"login": "ada@example.com"})
        found = re.search(r"    (\S{43})\n", api.access_services.sign_in_services.mail.sent[-1][1])
        assert found is not None
        async with httpx.AsyncClient(base_url=api.url) as browser:
            await browser.post("/v1/passwords", json={"code": found[1], "password": "correct horse battery"})
            said = {"login": "ada@example.com", "password": "correct horse battery"}
            begun = await browser.post("/v1/sign-in", json=said)
            csrf = {"X-CSRF-Token": begun.json()["csrf_token"], "Cookie": begun.headers["set-cookie"].partition(";")[0]}
            path = await hooked(api, csrf)
            assert (await browser.delete("/v1/session", headers=csrf)).is_success
        happen(api, "etdz")
        assert await deliver(api, clock) == ["etdz-1"]
        await registered(api, {**READER, "active": False})
        happen(api, "etdz")
        assert await deliver(api, clock) == []
        assert (await problem(api, path) or {})["reason"] == "CALLER_INACTIVE"

    async def test_a_key_that_was_rotated_passes_it_on_unless_it_is_withdrawn(self, api: Any, clock: FixedClock) -> None:
        first = await key(api)
        path = await hooked(api, {"X-Api-Key": first["api_key"]})
        second = await operator(api, "POST", f"/v1/api-keys/{first['key_id']}:rotate")
        clock.advance(timedelta(days=2))
        third = await operator(api, "POST", f"/v1/api-keys/{second['key_id']}:rotate")
        clock.advance(timedelta(days=2))
        await self.ends(api, clock, path, withdrawn(api, third))
        other = await key(api)
        leaked = await hooked(api, {"X-Api-Key": other["api_key"]}, json={**HOOK, "since": "2"})
        await operator(api, "POST", f"/v1/api-keys/{other['key_id']}:rotate")
        await withdrawn(api, other)()
        happen(api, "etdz")
        assert await deliver(api, clock) == []
        assert (await problem(api, leaked) or {})["reason"] == "CREDENTIAL_WITHDRAWN"

    async def test_what_was_stored_without_its_credential_stands_on_its_registered_caller(self, api: Any) -> None:
        authorities = api.access_services.authorities
        ada = Caller("ada", "ganzhou", frozenset({Role.READER, Role.PARK_MANAGER}))
        for way in ("", "key"):
            assert (await rights_now(authorities, Authority(ada, way, ""))).roles == {Role.READER}
        for nobody in (replace(ada, subject="eve"), replace(ada, tenant="nanchang")):
            with pytest.raises(AuthorityLapsed):
                await rights_now(authorities, Authority(nobody, "", ""))

    async def test_a_credential_that_stands_for_another_now_is_not_its_makers(self, api: Any) -> None:
        made = await key(api, scopes=["follow", "read"])
        eve = Caller("eve", "ganzhou", frozenset({Role.READER}))
        with pytest.raises(AuthorityLapsed):
            await rights_now(api.access_services.authorities, Authority(eve, "key", made["key_id"]))
        ada = replace(eve, subject="ada", scopes=frozenset({Action.FOLLOW, Action.PUBLISHED}))
        now = await rights_now(api.access_services.authorities, Authority(ada, "key", made["key_id"]))
        assert now.scopes == frozenset({Action.FOLLOW})


class TestResuming:
    async def test_its_maker_resumes_it_by_a_credential_in_force_and_an_operator_does_not(
        self, api: Any, clock: FixedClock
    ) -> None:
        await registered(api, READER)
        made = await key(api)
        path = await hooked(api, {"X-Api-Key": made["api_key"]})
        await withdrawn(api, made)()
        happen(api, "etdz")
        assert await deliver(api, clock) == []
        async with api.client("operator-token") as client:
            refused = await client.post(f"{path}:resume")
        assert (refused.status_code, refused.json()["reason"]) == (403, "CREDENTIAL_WITHDRAWN")
        async with httpx.AsyncClient(base_url=api.url, headers={"X-Api-Key": (await key(api))["api_key"]}) as client:
            resumed = (await client.post(f"{path}:resume")).json()
        assert (resumed["state"], "problem" in resumed) == ("active", False)
        assert await deliver(api, clock) == ["etdz-1"]

    async def test_a_maker_that_is_bound_to_an_enterprise_meanwhile_neither_sees_nor_resumes_it(self, api: Any) -> None:
        await registered(api, READER)
        headers = {"X-Api-Key": (await key(api))["api_key"]}
        path = await hooked(api, headers)
        await registered(api, {**READER, "enterprises": ["etdz/mill"]})
        async with httpx.AsyncClient(base_url=api.url, headers=headers) as client:
            for method, address in (("POST", f"{path}:resume"), ("GET", path), ("DELETE", path), ("GET", "/v1/webhooks")):
                answer = await client.request(method, address)
                assert (answer.status_code, answer.json()["reason"]) == (403, "BOUND_TO_ENTERPRISES"), address
        async with api.client("operator-token") as client:
            assert (await client.post(f"{path}:resume")).json()["reason"] == "BOUND_TO_ENTERPRISES"


def lines(count: int) -> bytes:
    row = {"source_id": "s", "period_start": "2022-01-01", "period_end": "2022-02-01", "quantity": "1", "unit": "MWh"}
    return b"".join(json.dumps({"record_id": f"r-{number}", **row}).encode() + b"\n" for number in range(count))


async def ended(api: Any, location: str, language: str = "en") -> dict[str, Any]:
    """Waits for the end of a job by its events, as an operator."""
    last: dict[str, Any] = {}
    headers = {"Accept-Language": language}
    async with api.client("operator-token") as client, client.stream("GET", f"{location}/events", headers=headers) as events:
        async for text in events.aiter_lines():
            if text.startswith("data: "):
                last = json.loads(text.removeprefix("data: "))
    return last


class TestUploads:
    @pytest.fixture
    async def made(self, api: Any) -> dict[str, Any]:
        await registered(api, PUSHER)
        return await key(api)

    async def queued(self, api: Any, made: dict[str, Any], count: int = 1) -> str:
        """The address of a job that waits."""
        await api.runner.stop()
        async with httpx.AsyncClient(base_url=api.url, headers={"X-Api-Key": made["api_key"]}) as client:
            answer = await client.post(RECORDS, content=lines(count), headers=LATER)
            assert answer.status_code == 202, answer.text
        location: str = answer.headers["location"]
        return location

    @pytest.mark.parametrize(
        ("now", "reason", "words"),
        [
            pytest.param({"active": False}, "CALLER_INACTIVE", "已停用", id="deactivated"),
            pytest.param({"roles": ["reader"]}, "ROLE_MISSING", "执行 record 需要", id="role_taken"),
            pytest.param({"parks": ["north"]}, "PARK_NOT_FOUND", "园区 'etdz' 不存在", id="park_taken"),
        ],
    )
    async def test_one_that_waits_is_not_recorded_when_its_makers_rights_have_ended(
        self, api: Any, made: dict[str, Any], now: dict[str, Any], reason: str, words: str
    ) -> None:
        location = await self.queued(api, made)
        await registered(api, {**PUSHER, **now})
        await api.runner.start()
        job = await ended(api, location, "zh")
        assert (job["state"], job["error"]["reason"]) == ("failed", reason)
        assert words in job["error"]["message"]
        assert api.accounting.batches == []

    async def test_one_that_waits_ends_with_the_key_that_it_was_pushed_by(self, api: Any, made: dict[str, Any]) -> None:
        location = await self.queued(api, made)
        await withdrawn(api, made)()
        await api.runner.start()
        assert (await ended(api, location))["error"]["reason"] == "CREDENTIAL_WITHDRAWN"
        assert api.accounting.batches == []

    async def test_one_that_waits_is_recorded_within_the_bounds_of_then_and_of_now(self, api: Any, made: dict[str, Any]) -> None:
        await registered(api, {**PUSHER, "parks": ["etdz", "north"]})
        location = await self.queued(api, made)
        await registered(api, {**PUSHER, "parks": ["etdz", "south"], "regions": ["36"]})
        asked: list[Caller] = []
        original = api.accounting.record_activity

        async def record(caller: Caller, *more: Any) -> Any:
            asked.append(caller)
            return await original(caller, *more)

        api.accounting.record_activity = record
        await api.runner.start()
        assert (await ended(api, location))["result"]["accepted"] == 1
        assert [(each.parks, each.regions) for each in asked] == [(frozenset({"etdz"}), frozenset({"36"}))]

    async def ending(self, api: Any, made: dict[str, Any]) -> None:
        """The key is withdrawn once the first batch is recorded."""
        original = api.accounting.record_activity

        async def record(*arguments: Any) -> Any:
            found = await original(*arguments)
            await withdrawn(api, made)()
            return found

        api.accounting.record_activity = record

    async def test_one_under_way_ends_at_the_next_batch_and_keeps_the_results_before(self, api: Any, made: dict[str, Any]) -> None:
        location = await self.queued(api, made, 12_000)
        await self.ending(api, made)
        await api.runner.start()
        job = await ended(api, location)
        assert (job["state"], job["error"]["reason"]) == ("failed", "CREDENTIAL_WITHDRAWN")
        assert api.accounting.batches == [5000]

    async def test_a_push_that_is_still_arriving_ends_at_the_next_batch_and_says_how_far_it_came(
        self, api: Any, made: dict[str, Any]
    ) -> None:
        await self.ending(api, made)
        headers = {"X-Api-Key": made["api_key"], "Content-Type": "application/x-ndjson"}

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield lines(1_000)

        async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=30) as client:
            answer = await client.post(RECORDS, content=chunks())
        assert (answer.status_code, answer.json()["reason"]) == (403, "CREDENTIAL_WITHDRAWN")
        assert answer.json()["rows_handled"] == sum(api.accounting.batches) == 5000

    async def test_a_stream_of_events_ends_with_the_rights_to_see_the_job(self, api: Any, made: dict[str, Any]) -> None:
        location = await self.queued(api, made)
        seen: list[dict[str, Any]] = []
        client = httpx.AsyncClient(base_url=api.url, headers={"X-Api-Key": made["api_key"]}, timeout=30)
        async with client, client.stream("GET", f"{location}/events") as events:
            async for text in events.aiter_lines():
                if text.startswith("data: "):
                    seen.append(json.loads(text.removeprefix("data: ")))
                    await withdrawn(api, made)()
        assert [each["state"] for each in seen] == ["queued"]
        await api.runner.start()
