"""Old and new versions of the contracts side by side, as during a roll: what a newer side adds, an older one passes over."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.message import Message as WireMessage

from chassis.broker import Message
from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.events import from_message, to_message
from chassis.identity import CALLER_METADATA_KEY, CallerSigner
from devstack.credentials import TENANT, load_or_make
from gateway.events import consume
from gateway.main import topic_registry
from kernel.access import Caller
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from tests.system import ganzhou
from tests.system.in_process import PARK, InProcess, in_process, register

# Field 2000, a text: what a version that is yet to come might say, in the wire format of protobuf.
FROM_THE_FUTURE = b"\x82\x7d\x05later"
SERVICE = "/parkcarbon.accounting.v1.AccountingService"
CALLER = Caller("newer", TENANT, frozenset({"platform_operator"}))


async def settled(stack: InProcess, changes: int) -> list[dict[str, Any]]:
    """Returns the feed once it holds so many changes."""
    async with asyncio.timeout(60):
        while len(found := (await stack.client.get("/v1/changes")).json()["changes"]) < changes:  # noqa: ASYNC110 - only it knows
            await asyncio.sleep(0.02)
    return list(found)


def with_more(message: WireMessage) -> bytes:
    return message.SerializeToString() + FROM_THE_FUTURE


async def test_a_newer_caller_is_answered_by_an_older_service(tmp_path: Path) -> None:
    broker = EmbeddedLog(tmp_path / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(tmp_path, broker) as stack:
        await register(stack.client)
        key = load_or_make(tmp_path).signing_key.read_bytes()
        signer = CallerSigner(key, issuer="parkcarbon-gateway", audience="parkcarbon-services", clock=SystemClock())
        rows = ganzhou.rows()
        columns = pb.ActivityColumns(
            row_number=range(1, len(rows) + 1),
            supersedes=pb.TextColumn(values=[""], indices=[0] * len(rows)),
            confirmed=pb.TextColumn(values=[""], indices=[0] * len(rows)),
            **{name: pb.TextColumn(values=[row[name] for row in rows]) for name in rows[0]},
        )
        async with grpc.aio.insecure_channel(stack.accounting.grpc_address) as channel:
            for method, request, kind in (
                ("RecordActivity", pb.RecordActivityRequest(park_id=PARK, rows=columns), pb.RecordActivityResponse),
                ("GetPark", pb.GetParkRequest(park_id=PARK), pb.GetParkResponse),
            ):
                call = channel.unary_unary(f"{SERVICE}/{method}", with_more, kind.FromString)
                answer = await call(request, metadata=((CALLER_METADATA_KEY, signer.sign(CALLER)),), timeout=20)
                assert answer.IsInitialized()
        total = (await stack.client.get(f"/v1/parks/{PARK}/emissions", params={"from": "2020", "to": "2023"})).json()["total"]
        assert total["records"] == 9
    await broker.close()


async def test_a_newer_fact_is_heard_by_an_older_listener_as_before(tmp_path: Path) -> None:
    broker = EmbeddedLog(tmp_path / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(tmp_path, broker) as stack:
        await register(stack.client)
        (await stack.client.post(f"/v1/parks/{PARK}/activity-records", json=ganzhou.rows())).raise_for_status()
        before = await settled(stack, 6)
        subscription = await broker.subscribe("newer", consume.TOPICS)
        facts = [from_message(each.message) for each in await subscription.poll(100, 5.0)]
        await subscription.close()
        newer: list[Message] = []
        for event in facts:
            message = to_message(event)
            headers = dict(message.headers) | {"ce_id": str(uuid4()).encode(), "ce_later": b"an attribute nobody knows"}
            newer.append(Message(message.topic, message.key, message.value + FROM_THE_FUTURE, headers))
        await broker.publish(newer)
        after = await settled(stack, 12)

        def told(changes: list[dict[str, Any]]) -> list[str]:
            return sorted(str((change["type"], change["data"])) for change in changes)

        assert told(after[6:]) == told(before)
    await broker.close()


@pytest.mark.parametrize("fact", consume.FACTS, ids=lambda fact: str(fact.DESCRIPTOR.name))
def test_a_fact_of_an_older_sender_lacks_fields_and_is_heard(fact: type[WireMessage]) -> None:
    """Every field may be one that the sender does not know yet."""
    handler = consume.handlers(lambda _session: None)  # type: ignore[arg-type,return-value]
    assert fact.DESCRIPTOR.full_name in handler
    assert fact.FromString(b"") == fact()
    assert fact.FromString(FROM_THE_FUTURE).SerializeToString() == FROM_THE_FUTURE
