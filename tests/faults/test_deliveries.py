"""The oracle of webhooks finds what is left out, early, forged or other than the feed; the receiver does what it says."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import httpx
import pytest

from tests.faults.deliveries import Delivery, compare_deliveries, delivery
from tests.faults.receiver import Receiver
from tests.faults.verdict import Verdict

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()
FEED: list[dict[str, Any]] = [
    {"position": position, "event_id": f"e{position}", "type": "t.Fact", "park_id": "park", "data": {"n": position}}
    for position in range(1, 6)
]
ACTIVE = {"state": "active", "position": 5}


def sent(position: int, **changes: Any) -> tuple[dict[str, str], bytes]:
    fact = FEED[position - 1] | changes
    event = {"id": fact["event_id"], "type": fact["type"], "subject": f"parks/{fact['park_id']}", "data": fact["data"]}
    body = json.dumps({**event, "parkcarbonposition": str(position)}).encode()
    content = f"{fact['event_id']}.1700000000.".encode() + body
    signature = "v1," + base64.b64encode(hmac.digest(KEY, content, hashlib.sha256)).decode()
    return {"webhook-id": fact["event_id"], "webhook-timestamp": "1700000000", "webhook-signature": signature}, body


def came(position: int, *, taken: bool = True, **changes: Any) -> Delivery:
    return delivery(SECRET, *sent(position, **changes), taken=taken)


def judged(delivered: Sequence[Delivery], state: dict[str, Any] = ACTIVE) -> Verdict:
    verdict = Verdict()
    compare_deliveries("w", delivered, FEED, state, verdict)
    return verdict


def good() -> list[Delivery]:
    return [came(position) for position in range(1, 6)]


def test_what_comes_again_is_no_fault() -> None:
    verdict = judged([came(1), came(2, taken=False), came(2), came(2), came(1), came(3), came(4), came(5)])
    assert not verdict.wrong
    assert (verdict.counts["changes delivered"], verdict.counts["changes delivered again"]) == (5, 2)


SPOILED: list[Any] = [
    pytest.param(lambda: good()[:4], "gaps of webhooks", id="the_last_never_came"),
    pytest.param(lambda: [came(1), came(2, taken=False), *good()[2:]], "gaps of webhooks", id="one_was_never_taken"),
    pytest.param(lambda: [came(1), came(3), came(2), came(4), came(5)], "gaps of webhooks", id="ahead_of_its_turn"),
    pytest.param(lambda: [*good()[:4], came(5, data={"n": 6})], "other deliveries", id="other_content"),
    pytest.param(lambda: [*good()[:4], came(5, park_id="other")], "other deliveries", id="another_park"),
    pytest.param(lambda: [*good()[:4], replace(came(5), signed=False)], "signatures of webhooks", id="not_signed"),
]


@pytest.mark.parametrize(("delivered", "check"), SPOILED)
def test_a_delivery_that_is_not_as_promised_is_found(delivered: Callable[[], list[Delivery]], check: str) -> None:
    assert judged(delivered()).wrong[check] > 0


@pytest.mark.parametrize("state", [{"state": "disabled", "position": 5}, {"state": "active", "position": 4}])
def test_a_webhook_that_stands_elsewhere_in_the_end_is_found(state: dict[str, Any]) -> None:
    assert judged(good(), state).wrong == {"states of webhooks": 1}


def test_a_signature_over_another_body_another_moment_or_another_id_is_wrong() -> None:
    headers, body = sent(1)
    assert delivery(SECRET, headers, body, taken=True).signed
    assert not delivery(SECRET, headers, body.replace(b'"n": 1', b'"n": 2'), taken=True).signed
    assert not delivery(SECRET, headers | {"webhook-timestamp": "1700000001"}, body, taken=True).signed
    assert not delivery(SECRET, headers | {"webhook-id": "e2"}, body, taken=True).signed


async def test_the_receiver_refuses_a_change_at_most_once_and_notes_what_it_took() -> None:
    receiver = Receiver(Random(3))
    await receiver.start()
    receiver.expect("north", SECRET)
    receiver.misbehave()
    failures = 0
    async with httpx.AsyncClient(trust_env=False, timeout=0.2) as client:

        async def post(position: int) -> bool:
            headers, body = sent(1, event_id=f"e{position}")
            try:
                return (await client.post(receiver.url("north"), content=body, headers=headers)).status_code == 204
            except httpx.TransportError:
                return False

        for position in range(300):
            if not await post(position):
                failures += 1
                assert await post(position)
    await receiver.calm_down()
    await receiver.stop()
    taken = [each for each in receiver.delivered["north"] if each.taken]
    assert len(taken) == 300
    assert failures == len(receiver.delivered["north"]) - 300 > 0
    assert {"receiver refuses", "receiver hangs", "receiver breaks off"} <= receiver.counts.keys()


async def test_a_receiver_that_was_away_is_at_the_same_address_again() -> None:
    receiver = Receiver(Random(3))
    await receiver.start()
    address = receiver.url("north")
    await receiver._leave()
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", receiver.port)
    await receiver.calm_down()
    assert receiver.url("north") == address
    _, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
    writer.close()
    await receiver.stop()
