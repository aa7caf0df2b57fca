"""The gateway as it is put together: real database, real broker, real sockets."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from chassis.channel import ChannelSettings
from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.events import Event, to_message
from chassis.identity import generate_key_pair
from chassis.logs import Level
from chassis.settings import DatabaseSettings, LogSettings
from chassis.testing.kafka import KafkaServer
from gateway.domain.access.tokens import digest
from gateway.domain.callers import Role
from gateway.events import consume
from gateway.main import Gateway, build, topic_registry
from gateway.settings import BootstrapToken, GatewaySettings, HttpSettings
from parkcarbon.accounting.events.v1 import events_pb2

TOKEN = "a-secret-of-256-bits"


@dataclass
class House:
    folder: Path
    broker: EmbeddedLog
    settings: GatewaySettings

    def gateway(self) -> Gateway:
        return build(self.settings, clock=SystemClock(), broker=self.broker)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    private, _ = generate_key_pair()
    (tmp_path / "key.pem").write_bytes(private)
    settings = GatewaySettings(
        http=HttpSettings(port=0),
        database=DatabaseSettings.model_validate({"url": f"sqlite:///{tmp_path}/gateway.sqlite3"}),
        accounting=ChannelSettings(target="127.0.0.1:1", deadline_seconds=1),
        caller_private_key=tmp_path / "key.pem",
        bootstrap_tokens=(BootstrapToken(sha256=digest(TOKEN), subject="ada", tenant="ganzhou", roles=frozenset({Role.READER})),),
        logs=LogSettings(level=Level.ERROR),
    )
    broker = EmbeddedLog(tmp_path / "events.sqlite3", topic_registry(), clock=SystemClock())
    yield House(tmp_path, broker, settings)
    await broker.close()


def event(number: int, fact: Message, topic: str, tenant: str = "ganzhou") -> Event:
    return Event(
        id=f"e-{number}",
        source="/accounting",
        type=fact.DESCRIPTOR.full_name,
        subject="parks/etdz",
        time=datetime(2026, 11, 21, 2, tzinfo=UTC),
        topic=topic,
        key="etdz",
        data=fact.SerializeToString(),
        tenant_id=tenant,
        park_id="etdz",
    )


async def changes(gateway: Gateway, count: int) -> dict[str, Any]:
    """Reads the feed until it has so many changes."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=gateway.http_address, headers=headers) as client, asyncio.timeout(60):
        while True:
            found: dict[str, Any] = (await client.get("/v1/changes")).json()
            if len(found["changes"]) >= count:
                return found
            await asyncio.sleep(0.02)


async def test_facts_become_changes_once_and_in_order(house: House) -> None:
    facts = [
        (events_pb2.ParkRegistered(park_id="etdz", tenant_id="ganzhou", name_zh="赣州经开区"), "accounting.park.v1"),
        (events_pb2.EnterpriseRegistered(park_id="etdz", enterprise_id="e-1"), "accounting.park.v1"),
        (events_pb2.SourceRegistered(park_id="etdz", source_id="s-1", scope=2), "accounting.park.v1"),
        (events_pb2.AnnualFiguresRecorded(park_id="etdz", year=2022, version=1), "accounting.park.v1"),
        (events_pb2.ActivityRecorded(park_id="etdz", first_position=1, quantity_micro=[2**62]), "accounting.activity.v1"),
        (events_pb2.EmissionsCalculated(park_id="etdz", last_position=1), "accounting.activity.v1"),
    ]
    gateway = house.gateway()
    await gateway.start()
    try:
        for number, (fact, topic) in enumerate(facts):
            # Delivery is at least once; the effect is once.
            message = to_message(event(number, fact, topic))
            await house.broker.publish([message, message])
        other = events_pb2.ParkRegistered(park_id="hidden", tenant_id="nanchang")
        await house.broker.publish([to_message(event(99, other, "accounting.park.v1", tenant="nanchang"))])
        found = await changes(gateway, len(facts))
    finally:
        await gateway.stop()
    assert [change["position"] for change in found["changes"]] == list(range(1, len(facts) + 1))
    by_topic: dict[str, list[str]] = {}
    for change in found["changes"]:
        by_topic.setdefault(change["topic"], []).append(change["event_id"])
    assert by_topic == {"accounting.park.v1": ["e-0", "e-1", "e-2", "e-3"], "accounting.activity.v1": ["e-4", "e-5"]}
    data = {change["event_id"]: change["data"] for change in found["changes"]}
    assert data["e-0"]["name_zh"] == "赣州经开区"
    assert data["e-2"]["scope"] == 2
    assert data["e-2"]["enterprise_id"] == ""
    assert data["e-4"]["quantity_micro"] == [str(2**62)]
    assert found["changes"][0]["time"] == "2026-11-21T02:00:00Z"


def sample(fact: Any, seed: int) -> Message:
    """Fills every field with values that tell fields apart; 0 leaves each at its default."""
    for place, field in enumerate(fact.DESCRIPTOR.fields, 1):
        older = field.name.endswith("_int64")
        if seed == 0 or older or (field.message_type is not None and not field.is_repeated):
            continue
        if field.message_type is not None:
            for number in range(2):
                sample(getattr(fact, field.name).add(), seed + number)
            continue
        text = field.type == field.TYPE_STRING
        values: list[Any] = [
            f'值"\\\n<{place}>' if text else place * seed % 2**31,
            "" if text else 0,
            f"{seed}" if text else 2**31 - 1,
        ]
        if field.is_repeated:
            getattr(fact, field.name).extend(values)
        else:
            setattr(fact, field.name, values[0])
    assert isinstance(fact, Message)
    return fact


@pytest.mark.parametrize("seed", [0, 1, 2**30 + 7])
@pytest.mark.parametrize("kind", consume.FACTS, ids=lambda kind: str(kind.DESCRIPTOR.name))
def test_a_fact_is_written_as_protobuf_itself_writes_json(kind: type[Message], seed: int) -> None:
    fact = sample(kind(), seed)
    written = consume.incoming_fact(event(1, fact, "accounting.park.v1"), fact).data_json
    expected = json_format.MessageToDict(fact, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    assert json.loads(written) == without_older(expected)


def without_older(value: Any) -> Any:
    """A fact as JSON without the members that only older events fill; where there is nothing a sum is told as 0 of those."""
    if isinstance(value, list):
        return [without_older(each) for each in value]
    if not isinstance(value, dict):
        return value
    names = [name for name in value if not name.endswith("_int64")]
    return {name: without_older(value[name]) or value.get(f"{name}_int64", value[name]) for name in names}


def test_sums_of_an_event_from_before_they_were_text_are_told_as_text() -> None:
    older: dict[str, tuple[Message, dict[str, Any]]] = {
        "EmissionsCalculated": (
            events_pb2.EmissionsCalculated(
                source_id=["m"], emissions_mg_co2e_int64=[581_000], energy_mgce_int64=[-(2**63)], records=[1]
            ),
            {"source_id": ["m"], "emissions_mg_co2e": ["581000"], "energy_mgce": ["-9223372036854775808"], "records": ["1"]},
        ),
        "InventoryClosed": (
            events_pb2.InventoryClosed(emissions_mg_co2e_int64=3, scope_2_mg_co2e_int64=3),
            {"emissions_mg_co2e": "3", "scope_1_mg_co2e": "0", "scope_2_mg_co2e": "3", "energy_mgce": "0"},
        ),
        "InventoryPublished": (
            events_pb2.InventoryPublished(sums=[events_pb2.PublishedSum(status="shown", emissions_mg_co2e_int64=7)]),
            {"sums": [{"dimension": "", "key": "", "status": "shown", "emissions_mg_co2e": "7"}]},
        ),
    }
    for fact, expected in older.values():
        told = json.loads(consume.incoming_fact(event(1, fact, "accounting.activity.v1"), fact).data_json)
        assert {name: told[name] for name in expected} == expected
        assert not [name for name in told if name.endswith("_int64")]


def test_an_integer_beyond_2_to_53_keeps_its_digits_in_the_feed() -> None:
    fact = events_pb2.EmissionsCalculated(last_position=2**63 - 1, emissions_mg_co2e=[str(-(2**63)), str(10**20)])
    data = json.loads(consume.incoming_fact(event(1, fact, "accounting.activity.v1"), fact).data_json)
    assert data["last_position"] == "9223372036854775807"
    assert data["emissions_mg_co2e"] == ["-9223372036854775808", "100000000000000000000"]


async def test_a_second_start_finds_everything_and_hears_what_was_missed(house: House) -> None:
    park = events_pb2.ParkRegistered(park_id="etdz")
    for number in (1, 2):
        await house.broker.publish([to_message(event(number, park, "accounting.park.v1"))])
        gateway = house.gateway()
        await gateway.start()
        found = await changes(gateway, number)
        await gateway.stop()
    assert [change["event_id"] for change in found["changes"]] == ["e-1", "e-2"]


async def test_readiness_says_that_accounting_is_away(house: House) -> None:
    gateway = house.gateway()
    await gateway.start()
    async with httpx.AsyncClient(base_url=gateway.http_address) as client:
        answer = await client.get("/readyz")
        parks = await client.get("/v1/parks", headers={"Authorization": f"Bearer {TOKEN}"})
    await gateway.stop()
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "accounting": False, "database": True, "events": True})
    assert (parks.status_code, parks.json()["reason"]) == (503, "ACCOUNTING_UNAVAILABLE")


async def test_a_taken_port_ends_the_start_and_leaves_nothing_running(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        http = HttpSettings(port=taken.getsockname()[1])
        gateway = build(house.settings.model_copy(update={"http": http}), clock=SystemClock(), broker=house.broker)
        before = asyncio.all_tasks()
        with pytest.raises(OSError, match="in use"):
            await gateway.start()
        assert {task.get_name() for task in asyncio.all_tasks() - before if task.get_name().startswith("consumer")} == set()


def test_every_fact_of_the_topics_has_a_handler_and_every_topic_lists_the_gateway() -> None:
    listed = {topic.name: topic for topic in topic_registry() if "gateway" in topic.consumers}
    assert set(listed) == set(consume.TOPICS)
    handled = set(consume.handlers(lambda _session: None))  # type: ignore[arg-type,return-value]
    assert handled == {message for topic in listed.values() for message in topic.messages}


def test_a_secret_is_in_no_representation_of_the_settings(house: House) -> None:
    url = "postgresql://gateway:hunter2@db/gateway"
    settings = house.settings.model_copy(update={"database": DatabaseSettings.model_validate({"url": url})})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)


PROCESS = "from gateway.main import run; run()"


def test_a_process_needs_a_broker_that_connects_processes(house: House, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "GATEWAY_DATABASE__URL": f"sqlite:///{tmp_path}/process.sqlite3",
        "GATEWAY_ACCOUNTING__TARGET": "127.0.0.1:1",
        "GATEWAY_CALLER_PRIVATE_KEY": str(tmp_path / "key.pem"),
    }
    done = subprocess.run([sys.executable, "-c", PROCESS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("a process per service needs Kafka")
    assert "GATEWAY_BROKER__KIND=kafka" in done.stderr


def test_a_process_serves_while_kafka_cannot_be_reached(house: House, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "GATEWAY_HTTP__PORT": str(port),
        "GATEWAY_DATABASE__URL": f"sqlite:///{tmp_path}/process.sqlite3",
        "GATEWAY_BROKER__KIND": "kafka",
        "GATEWAY_BROKER__KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "GATEWAY_ACCOUNTING__TARGET": "127.0.0.1:1",
        "GATEWAY_CALLER_PRIVATE_KEY": str(tmp_path / "key.pem"),
    }
    process = subprocess.Popen([sys.executable, "-c", PROCESS], env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    while "listening" not in line:
        assert line, "the process ended while it started"
        line = process.stderr.readline()
    answer = httpx.get(f"http://127.0.0.1:{port}/readyz")
    assert answer.json() == {"ready": False, "accounting": False, "database": True, "events": False}
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in rest


def test_a_process_is_told_by_its_environment_and_ends_cleanly_on_a_signal(
    house: House, tmp_path: Path, kafka_server: KafkaServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "GATEWAY_HTTP__PORT": str(port),
        "GATEWAY_DATABASE__URL": f"sqlite:///{tmp_path}/process.sqlite3",
        "GATEWAY_BROKER__KIND": "kafka",
        "GATEWAY_BROKER__KAFKA__BOOTSTRAP_SERVERS": kafka_server.bootstrap_servers,
        "GATEWAY_ACCOUNTING__TARGET": "127.0.0.1:1",
        "GATEWAY_CALLER_PRIVATE_KEY": str(tmp_path / "key.pem"),
        "GATEWAY_BOOTSTRAP_TOKENS": json.dumps(
            [{"sha256": digest(TOKEN), "subject": "ada", "tenant": "ganzhou", "roles": ["reader"]}]
        ),
    }
    process = subprocess.Popen([sys.executable, "-c", PROCESS], env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    while "listening" not in line:
        assert line, "the process ended while it started"
        line = process.stderr.readline()
    answer = httpx.get(f"http://127.0.0.1:{port}/v1/changes", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.json() == {"changes": [], "next": "0", "more": False}
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in rest
