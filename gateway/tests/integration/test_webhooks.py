"""Webhooks: signed, in order, again until they arrive, and to no address that is not the public's."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.database import Database
from gateway.adapters.webhook_sender import HttpWebhookSender
from gateway.application.feed.webhooks import deliver_next
from gateway.domain.callers import Caller, Role
from gateway.domain.feed.changes import Change
from gateway.domain.feed.webhooks import MOST_OWN_WEBHOOKS, MOST_WEBHOOKS, PAUSES, Delivery, TargetRules, Webhook
from gateway.tests.conftest import units_over

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOOPBACK = TargetRules([ipaddress.ip_network("127.0.0.0/8")], plain_http=True)


@dataclass
class Hands:
    """A clock that a test sets."""

    moment: datetime = NOON

    def now(self) -> datetime:
        return self.moment


@dataclass
class Target:
    """A program that takes webhooks.

    Attributes:
        answers: Status lines of the next answers; 204 when there are none.
        got: Head and body of each request.
    """

    answers: list[str] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.got.append((headers, await reader.readexactly(int(headers["content-length"]))))
        answer = self.answers.pop(0) if self.answers else "204 No Content"
        writer.write(f"HTTP/1.1 {answer}\r\nLocation: {self.url}/elsewhere\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()
        await writer.wait_closed()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@asynccontextmanager
async def targeted() -> AsyncIterator[Target]:
    target = Target()
    server = await asyncio.start_server(target.take, "127.0.0.1", 0)
    target.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield target


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with targeted() as running:
        yield running


def change(position: int, kind: str = "EmissionsCalculated", tenant: str = "ganzhou") -> Change:
    return Change(
        tenant_id=tenant,
        park_id="etdz",
        topic="accounting.activity.v1",
        type=f"parkcarbon.accounting.events.v1.{kind}",
        time="2026-11-21T02:00:00Z",
        event_id=f"e-{position}",
        data_json=f'{{"park_id":"etdz","n":{position},"名":"园区"}}',
        position=position,
    )


async def made(served: Any, url: str, token: str = "manager-token", **more: Any) -> dict[str, Any]:
    async with served.client(token) as client:
        answer = await client.post("/v1/webhooks", json={"url": url, **more})
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/v1/webhooks/{answer.json()['webhook_id']}"
        body: dict[str, Any] = answer.json()
        return body


async def read(served: Any, webhook_id: str, token: str = "manager-token") -> dict[str, Any]:
    async with served.client(token) as client:
        body: dict[str, Any] = (await client.get(f"/v1/webhooks/{webhook_id}")).json()
        return body


@pytest.fixture
async def hooked(serve: Callable[..., Any]) -> AsyncIterator[Any]:
    """A gateway whose clock the test has."""
    clock = Hands()
    from gateway.domain.limits import Limits  # noqa: PLC0415

    async with serve(Limits(), clock=clock) as served:
        served.hands = clock
        yield served


async def test_changes_are_sent_in_order_as_signed_cloud_events(hooked: Any, target: Target) -> None:
    hook = await made(hooked, target.url)
    hooked.feed.changes += [change(1), change(2), change(3, tenant="nanchang")]
    assert await deliver_next(hooked.webhook_services)
    assert [event["id"] for event in target.events()] == ["e-1", "e-2"]
    headers, body = target.got[0]
    event = json.loads(body)
    assert headers["content-type"] == "application/cloudevents+json"
    assert (event["specversion"], event["type"], event["subject"], event["parkcarbonposition"]) == (
        "1.0",
        "parkcarbon.accounting.events.v1.EmissionsCalculated",
        "parks/etdz",
        "1",
    )
    assert event["data"] == {"park_id": "etdz", "n": 1, "名": "园区"}
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    secret = base64.b64decode(hook["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    found = await read(hooked, hook["webhook_id"])
    assert (found["position"], found["failures"], "secret" in found) == (2, 0, False)
    assert [(each["position"], each["outcome"], each["status"]) for each in found["deliveries"]] == [
        (2, "delivered", 204),
        (1, "delivered", 204),
    ]


async def test_what_fails_is_sent_again_after_growing_pauses_and_nothing_overtakes_it(hooked: Any, target: Target) -> None:
    hook = await made(hooked, target.url)
    hooked.feed.changes += [change(1), change(2)]
    target.answers = ["500 Oops", "503 Busy"]
    for pause in PAUSES[:2]:
        assert await deliver_next(hooked.webhook_services)
        assert not await deliver_next(hooked.webhook_services)
        hooked.hands.moment += pause
    assert await deliver_next(hooked.webhook_services)
    assert [event["id"] for event in target.events()] == ["e-1", "e-1", "e-1", "e-2"]
    outcomes = [(each["attempt"], each["outcome"]) for each in (await read(hooked, hook["webhook_id"]))["deliveries"]]
    assert sorted(outcomes) == [(1, "delivered"), (1, "status 500"), (2, "status 503"), (3, "delivered")]


async def test_a_target_that_fails_for_days_or_is_gone_is_disabled_until_it_is_resumed(hooked: Any, target: Target) -> None:
    hook = await made(hooked, target.url)
    hooked.feed.changes.append(change(1))
    target.answers = ["500 Oops"] * (len(PAUSES) + 1)
    for pause in [*PAUSES, timedelta(days=1)]:
        assert await deliver_next(hooked.webhook_services)
        hooked.hands.moment += pause
    assert not await deliver_next(hooked.webhook_services)
    assert (await read(hooked, hook["webhook_id"]))["state"] == "disabled"
    async with hooked.client() as client:
        resumed = (await client.post(f"/v1/webhooks/{hook['webhook_id']}:resume")).json()
    assert (resumed["state"], resumed["failures"]) == ("active", 0)
    assert await deliver_next(hooked.webhook_services)
    assert (await read(hooked, hook["webhook_id"]))["position"] == 1
    hooked.feed.changes.append(change(2))
    hooked.hands.moment += timedelta(minutes=1)
    target.answers = ["410 Gone"]
    assert await deliver_next(hooked.webhook_services)
    assert (await read(hooked, hook["webhook_id"]))["state"] == "disabled"


async def test_a_redirect_is_a_failure_and_is_not_followed(hooked: Any, target: Target) -> None:
    hook = await made(hooked, target.url)
    hooked.feed.changes.append(change(1))
    target.answers = ["307 Temporary Redirect"]
    await deliver_next(hooked.webhook_services)
    assert len(target.got) == 1
    assert (await read(hooked, hook["webhook_id"]))["deliveries"][0]["outcome"] == "redirect refused"


async def test_only_the_facts_that_are_wanted_come_and_only_after_the_cursor(hooked: Any, target: Target) -> None:
    hook = await made(hooked, target.url, types=["ParkRegistered"], since="2")
    hooked.feed.changes += [change(n, "ParkRegistered" if n % 2 else "ActivityRecorded") for n in range(1, 7)]
    await deliver_next(hooked.webhook_services)
    assert [event["id"] for event in target.events()] == ["e-3", "e-5"]
    assert (await read(hooked, hook["webhook_id"]))["position"] == 6


async def test_a_webhook_that_is_withdrawn_gets_nothing(hooked: Any, target: Target) -> None:
    hook = await made(hooked, target.url)
    hooked.feed.changes.append(change(1))
    async with hooked.client() as client:
        assert (await client.delete(f"/v1/webhooks/{hook['webhook_id']}")).status_code == 200
        assert (await client.get("/v1/webhooks")).json() == {"webhooks": []}
    assert not await deliver_next(hooked.webhook_services)
    assert target.got == []


async def test_webhooks_are_their_makers_and_the_operators(hooked: Any, target: Target) -> None:
    hook = await made(hooked, target.url, token="reader-token")
    path = f"/v1/webhooks/{hook['webhook_id']}"
    async with hooked.client("operator-token") as client:
        assert (await client.get(path)).status_code == 200
        assert len((await client.get("/v1/webhooks")).json()["webhooks"]) == 1
    for token in ("manager-token", "stranger-token"):
        async with hooked.client(token) as client:
            for method, address in (("GET", path), ("DELETE", path), ("POST", path + ":resume")):
                assert (await client.request(method, address)).json()["reason"] == "WEBHOOK_NOT_FOUND"
            assert (await client.get("/v1/webhooks")).json() == {"webhooks": []}


async def test_there_is_an_end_to_the_webhooks_of_a_caller_and_to_those_of_a_tenant(hooked: Any, target: Target) -> None:
    async def refused(token: str) -> dict[str, Any]:
        async with hooked.client(token) as client:
            answer = await client.post("/v1/webhooks", json={"url": target.url})
        assert answer.status_code == 409
        body: dict[str, Any] = answer.json()
        return body

    for _ in range(MOST_OWN_WEBHOOKS):
        await made(hooked, target.url, "reader-token")
    told = await refused("reader-token")
    assert (told["reason"], told["allowed_own"], told["allowed"]) == ("TOO_MANY_WEBHOOKS", "5", "20")
    # what one caller may have is no more than a quarter of what the tenant may: the others still get theirs
    hook = await made(hooked, target.url)
    async with hooked.units("ganzhou") as unit:
        stored = await unit.webhooks.find("ganzhou", hook["webhook_id"])
        for number in range(MOST_WEBHOOKS - MOST_OWN_WEBHOOKS - 1):
            await unit.webhooks.put(
                replace(stored, webhook_id=f"of-{number}", caller=replace(stored.caller, subject=f"of-{number}"))
            )
        await unit.commit()
    assert (await refused("operator-token"))["reason"] == "TOO_MANY_WEBHOOKS"
    await made(hooked, target.url, "stranger-token")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://region.example/hook",
        "http://region.example/hook",
        "https://user:secret@region.example/",
        "https://region.example/#part",
        "https:///hook",
        "https://region.example:99999/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://region.example/ a",
        "file:///etc/passwd",
        "https://" + "a" * 2000,
    ],
)
async def test_api7_what_could_never_be_a_target_is_refused_at_once(url: str) -> None:
    with pytest.raises(Exception, match="url must be"):
        TargetRules().check_url(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "::ffff:10.0.0.1",
        "2002:0a00:0001::1",
        "64:ff9b::a00:1",
    ],
)
def test_api7_an_address_of_nobodys_or_somebodys_own_network_is_not_allowed(address: str) -> None:
    assert not TargetRules().allows(ipaddress.ip_address(address))


async def test_api7_a_name_that_leads_into_a_private_network_is_not_connected_to(target: Target) -> None:
    """The name is allowed; what it leads to decides, at each delivery anew."""
    url = target.url.replace("127.0.0.1", "localhost")
    assert await HttpWebhookSender(TargetRules(plain_http=True), seconds=5).send(url, {}, b"") == (0, "target not allowed")
    assert target.got == []
    assert (await HttpWebhookSender(LOOPBACK, seconds=5).send(target.url, {}, b"x"))[0] == 204
    assert target.got[0][0]["host"] == target.url.split("/")[2]


async def test_api7_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    port = int(target.url.split(":")[2].split("/")[0])

    async def lookup(_loop: Any, host: str, _port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "10.0.0.1", port))]

    sender = HttpWebhookSender(LOOPBACK, seconds=5)

    async def addresses(host: str, at: int) -> Any:
        return [ipaddress.ip_address(entry[4][0]) for entry in await lookup(None, host, at)]

    monkeypatch.setattr(sender, "_addresses", addresses)
    assert (await sender.send(f"http://rebinding.example:{port}/", {}, b"x"))[0] == 204
    assert asked == ["rebinding.example"]
    assert target.got[0][0]["host"] == f"rebinding.example:{port}"


async def test_a_target_that_hangs_or_is_not_there_is_a_failure() -> None:
    ended = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        sender = HttpWebhookSender(LOOPBACK, seconds=0.2)
        assert await sender.send(f"http://127.0.0.1:{port}/", {}, b"x") == (0, "no answer in time")
        await ended.wait()
    assert await HttpWebhookSender(LOOPBACK, seconds=5).send(f"http://127.0.0.1:{port}/", {}, b"x") == (0, "ConnectError")


HOOK = Webhook(
    webhook_id="w",
    url="https://region.example/",
    types=frozenset({"ParkRegistered"}),
    caller=Caller("ada", "ganzhou", frozenset({Role.READER}), parks=frozenset({"etdz"})),
    sealed_secret="s",
    position=3,
    active=True,
    failures=0,
    due_time=NOON,
    made_time=NOON,
)


async def test_a_webhook_is_taken_by_one_and_by_another_after_a_death(migrated_url: str) -> None:
    database, clock = Database(migrated_url), Hands()
    units = units_over(database, clock)
    async with units("ganzhou") as unit:
        await unit.webhooks.put(HOOK)
        await unit.webhooks.log(HOOK, Delivery(3, 1, 0, "no answer in time", NOON))
        await unit.commit()

    async def take() -> Webhook | None:
        async with units(work="pushes") as unit:
            found = await unit.webhooks.take(clock.now())
            await unit.commit()
        return found

    taken = await asyncio.gather(take(), take())
    assert sorted(taken, key=lambda each: each is None) == [replace(HOOK, held_until=NOON + timedelta(seconds=60)), None]
    clock.moment += timedelta(seconds=60)
    assert await take() == replace(HOOK, held_until=NOON + timedelta(seconds=120))
    async with units("ganzhou") as unit:
        await unit.webhooks.put(replace(HOOK, active=False))
        await unit.commit()
    clock.moment += timedelta(days=1)
    assert await take() is None
    async with units.read("ganzhou") as unit:
        assert [each.outcome for each in await unit.webhooks.deliveries("ganzhou", "w")] == ["no answer in time"]
        assert await unit.webhooks.deliveries("nanchang", "w") == []
    await database.dispose()


@pytest.mark.parametrize("meanwhile", ["another sender", "resumed", "withdrawn"])
async def test_a_sender_that_has_lost_its_webhook_changes_nothing_of_it(migrated_url: str, meanwhile: str) -> None:
    database, clock = Database(migrated_url), Hands()
    units = units_over(database, clock)
    async with units("ganzhou") as unit:
        await unit.webhooks.put(HOOK)
        await unit.commit()

    async def take() -> Webhook:
        async with units(work="pushes") as unit:
            found = await unit.webhooks.take(clock.now())
            await unit.commit()
        assert found is not None
        return found

    async def keep(webhook: Webhook) -> Webhook | None:
        async with units("ganzhou") as unit:
            kept = await unit.webhooks.keep(webhook, held=True)
            await unit.commit()
        return kept

    slow = await take()
    clock.moment += timedelta(seconds=61)
    after: Webhook | None
    if meanwhile == "another sender":
        held = await keep(replace(await take(), position=9))
        assert held is not None
        after = replace(held, held_until=None)
    else:
        after = replace(HOOK, position=5) if meanwhile == "resumed" else None
        async with units("ganzhou") as unit:
            if after is not None:
                await unit.webhooks.put(after)
            else:
                await unit.webhooks.delete("ganzhou", "w")
            await unit.commit()
    assert await keep(replace(slow, position=4, failures=14, active=False)) is None
    async with units.read("ganzhou") as unit:
        assert await unit.webhooks.find("ganzhou", "w") == after
    await database.dispose()
