"""Checks of webhooks: every change in order, each at least once, signed, and as the feed tells it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.verdict import Verdict


@dataclass(frozen=True)
class Delivery:
    """What came to a receiver in one request.

    Attributes:
        position: Of the change.
        event: Its id, type and subject, and the digest of its data.
        signed: Whether the signature is right.
        taken: Whether it was answered with 2xx; the platform may not have heard that.
    """

    position: int
    event: tuple[str, str, str, str]
    signed: bool
    taken: bool


def delivery(secret: str, headers: Mapping[str, str], body: bytes, *, taken: bool) -> Delivery:
    """Returns what came in one request.

    Args:
        secret: Of the webhook, as it was given when it was made.
        headers: In lower case.
        body: As it came.
        taken: Whether it is answered with 2xx.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    event = json.loads(body)
    told = event["id"], event["type"], event["subject"], _digest(event["data"])
    signed = hmac.compare_digest(right, headers["webhook-signature"]) and event["id"] == headers["webhook-id"]
    return Delivery(int(event["parkcarbonposition"]), told, signed, taken)


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def compare_deliveries(
    name: str, delivered: Sequence[Delivery], changes: Sequence[Mapping[str, Any]], state: Mapping[str, Any], verdict: Verdict
) -> None:
    """Compares what a webhook was sent with the feed.

    A change comes again when nobody knows whether it arrived; a later one never comes before it was taken.

    Args:
        name: Whose webhook.
        delivered: In order of arrival.
        changes: The whole feed of the tenant; its positions count from 1.
        state: What the platform says of the webhook in the end.
        verdict: Takes counts and failures.
    """
    feed = {
        change["position"]: (change["event_id"], change["type"], f"parks/{change['park_id']}", _digest(change["data"]))
        for change in changes
    }
    taken: set[int] = set()
    newest = 0
    for each in delivered:
        if not each.signed:
            verdict.fail("signatures of webhooks", f"{name}: position {each.position}")
        if each.event != feed.get(each.position):
            verdict.fail("other deliveries", f"{name}: position {each.position} is {each.event}, not {feed.get(each.position)}")
        if each.position > newest + 1:
            verdict.fail("gaps of webhooks", f"{name}: position {each.position} came when {newest} was the last that was taken")
        if each.taken:
            verdict.counts["changes delivered again" if each.position in taken else "changes delivered"] += 1
            taken.add(each.position)
            newest = max(newest, each.position)
    verdict.counts["deliveries refused by the receiver"] += sum(not each.taken for each in delivered)
    if missing := feed.keys() - taken:
        verdict.fail("gaps of webhooks", f"{name}: {len(missing)} of {len(feed)} changes never came, the first is {min(missing)}")
    if (state["state"], state["position"]) != ("active", len(feed)):
        verdict.fail("states of webhooks", f"{name} is {state['state']} at {state['position']} of {len(feed)}")
