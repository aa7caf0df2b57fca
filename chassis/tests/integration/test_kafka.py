"""What only Kafka has: topics to create, a consumer that may stall, and a server that may die."""

import asyncio
import io
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.admin import ConfigResource
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import outbox
from chassis.broker import Broker, BrokerError, Message
from chassis.clock import SystemClock
from chassis.consumer import Consumer
from chassis.database import Database
from chassis.events import Event, from_message
from chassis.kafka_broker import KafkaBroker, TopicMismatch
from chassis.kafka_settings import KafkaSettings
from chassis.logs import Logger
from chassis.relay import Relay
from chassis.server import running
from chassis.settings import BrokerKind, BrokerSettings
from chassis.telemetry import Telemetry
from chassis.testing.authority import Authority
from chassis.testing.kafka import KafkaMissing, KafkaServer, running_kafka
from chassis.testing.schema import ExampleSchema
from chassis.topics import Topic, TopicRegistry, dead_letter_topic
from kernel.refusals import Refusal

TYPE = "metering.events.v1.Read"


def topic(partitions: int = 3, retention_days: int = 7, name: str = "") -> Topic:
    return Topic(
        name=name or f"t{uuid4().hex}.reading.v1",
        owner="metering",
        key="park_id",
        partitions=partitions,
        retention_days=retention_days,
        messages=(TYPE,),
        producers=("metering",),
        consumers=("billing",),
    )


def told(server: KafkaServer, **changes: Any) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=server.bootstrap_servers, **{"session_seconds": 2.0, **changes})


@pytest.fixture
def admin(kafka_server: KafkaServer) -> Iterator[Any]:
    client = KafkaAdminClient(bootstrap_servers=[kafka_server.bootstrap_servers])
    yield client
    client.close()


def retention_ms(admin: Any, name: str) -> str:
    configs = admin.describe_configs([ConfigResource("TOPIC", name, ["retention.ms"])], config_filter="all")
    return str(configs["topic"][name]["retention.ms"]["value"])


def partitions(admin: Any, name: str) -> int:
    return len(admin.describe_topics([name])[0]["partitions"])


# --- topics -------------------------------------------------------------------------------------------------------------


async def test_topics_are_created_as_registered_with_the_dead_letters_of_their_consumers(
    kafka_server: KafkaServer, admin: Any, logger: Logger
) -> None:
    registered = topic(partitions=5, retention_days=3)
    broker = KafkaBroker(told(kafka_server), TopicRegistry([registered]), logger=logger)
    await broker.prepare()
    await broker.close()
    dead = dead_letter_topic(registered.name, "billing")
    assert (partitions(admin, registered.name), partitions(admin, dead)) == (5, 1)
    assert retention_ms(admin, registered.name) == retention_ms(admin, dead) == "259200000"  # 3 · 86,400,000


async def test_two_services_that_start_at_once_create_each_topic_once(
    kafka_server: KafkaServer, admin: Any, logger: Logger
) -> None:
    registered = topic()
    brokers = [KafkaBroker(told(kafka_server), TopicRegistry([registered]), logger=logger) for _ in range(3)]
    await asyncio.gather(*(broker.prepare() for broker in brokers))
    for broker in brokers:
        await broker.close()
    assert partitions(admin, registered.name) == 3


async def test_a_topic_with_fewer_partitions_than_registered_is_refused(kafka_server: KafkaServer, logger: Logger) -> None:
    small = topic(partitions=2)
    first = KafkaBroker(told(kafka_server), TopicRegistry([small]), logger=logger)
    await first.prepare()
    await first.close()
    wider = TopicRegistry([small.model_copy(update={"partitions": 4})])
    second = KafkaBroker(told(kafka_server), wider, logger=logger)
    with pytest.raises(TopicMismatch, match="2 partitions in Kafka and 4 in the registry"):
        await second.prepare()
    await second.close()


async def test_a_retention_that_was_changed_in_the_registry_is_altered(
    kafka_server: KafkaServer, admin: Any, logger: Logger, log_lines: io.StringIO
) -> None:
    short = topic(retention_days=1)
    for registered in (short, short.model_copy(update={"retention_days": 2})):
        broker = KafkaBroker(told(kafka_server), TopicRegistry([registered]), logger=logger)
        await broker.prepare()
        await broker.close()
    assert retention_ms(admin, short.name) == "172800000"
    assert "retention altered" in log_lines.getvalue()


async def test_a_kafka_that_cannot_be_reached_is_a_broker_error(logger: Logger) -> None:
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1", connect_seconds=0.5, client_id="unreached")
    registered = topic()
    broker = KafkaBroker(settings, TopicRegistry([registered]), logger=logger)
    with pytest.raises(BrokerError, match="Kafka"):
        await broker.publish([Message(registered.name, "k", b"")])
    with pytest.raises(BrokerError, match="Kafka"):
        await broker.subscribe("billing", [registered.name])
    await broker.close()
    assert [thread.name for thread in threading.enumerate() if settings.client_id in thread.name] == []
    opened = await BrokerSettings(kind=BrokerKind.KAFKA, kafka=settings).open(
        TopicRegistry([registered]), clock=SystemClock(), logger=logger
    )
    await opened.close()


async def test_a_kafka_that_says_nothing_keeps_no_service_from_its_start(logger: Logger, log_lines: io.StringIO) -> None:
    """Connections are accepted and never answered: what a broker does that is starting, or a line that swallows."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", connect_seconds=6.0)
    began = asyncio.get_running_loop().time()
    broker = await BrokerSettings(kind=BrokerKind.KAFKA, kafka=settings).open(
        TopicRegistry([topic()]), clock=SystemClock(), logger=logger
    )
    assert asyncio.get_running_loop().time() - began < settings.connect_seconds
    assert "broker not reached yet" in log_lines.getvalue()
    await broker.close()
    silent.close()


async def test_topics_that_differ_end_a_start_to_which_kafka_answers(kafka_server: KafkaServer, logger: Logger) -> None:
    registered = topic(partitions=2)
    first = KafkaBroker(told(kafka_server), TopicRegistry([registered]), logger=logger)
    await first.prepare()
    await first.close()
    more = TopicRegistry([registered.model_copy(update={"partitions": 4})])
    second = KafkaBroker(told(kafka_server), more, logger=logger)
    with pytest.raises(TopicMismatch):
        await second.begin(30.0)
    await second.close()


# --- subscriptions ------------------------------------------------------------------------------------------------------


class Stalling(KafkaConsumer):  # type: ignore[misc]  # kafka-python ships no types
    """A consumer of the kind that gets nothing although there is something."""

    def poll(self, timeout_ms: float = 0, max_records: int | None = None, update_offsets: bool = True) -> dict[Any, Any]:
        kept = self._fetcher.fetch_records
        self._fetcher.fetch_records = lambda *_args, **_options: ({}, True)
        try:
            found: dict[Any, Any] = super().poll(timeout_ms, max_records, update_offsets)
            return found
        finally:
            self._fetcher.fetch_records = kept


async def test_a_consumer_that_stalls_is_replaced(kafka_server: KafkaServer, logger: Logger, log_lines: io.StringIO) -> None:
    made: list[Any] = []

    def first_stalls(**options: Any) -> Any:
        made.append((KafkaConsumer if made else Stalling)(**options))
        return made[-1]

    registered = topic()
    broker = KafkaBroker(
        told(kafka_server, stall_seconds=1.0), TopicRegistry([registered]), logger=logger, open_consumer=first_stalls
    )
    subscription = await broker.subscribe("billing", [registered.name])
    await broker.publish([Message(registered.name, "k", b"1")])
    assert [each.message.value for each in await subscription.poll(10, 30.0)] == [b"1"]
    assert [type(each) for each in made] == [Stalling, KafkaConsumer]
    assert "consumer stalled" in log_lines.getvalue()
    await subscription.close()
    await broker.close()


async def test_a_consumer_with_nothing_to_read_is_kept(kafka_server: KafkaServer, logger: Logger) -> None:
    made: list[Any] = []

    def counted(**options: Any) -> Any:
        made.append(KafkaConsumer(**options))
        return made[-1]

    registered = topic()
    broker = KafkaBroker(told(kafka_server, stall_seconds=0.2), TopicRegistry([registered]), logger=logger, open_consumer=counted)
    await broker.publish([Message(registered.name, "k", b"1")])
    subscription = await broker.subscribe("billing", [registered.name])
    assert len(await subscription.poll(10, 10.0)) == 1
    assert await subscription.poll(10, 1.5) == []
    assert len(made) == 1
    await subscription.close()
    await broker.close()


async def test_more_than_is_held_is_delivered_whole_and_in_order(kafka_server: KafkaServer, logger: Logger) -> None:
    registered = topic(partitions=1)
    broker = KafkaBroker(told(kafka_server), TopicRegistry([registered]), logger=logger)
    await broker.publish([Message(registered.name, "k", str(at).encode()) for at in range(3_000)])
    subscription = await broker.subscribe("billing", [registered.name])
    found: list[int] = []
    async with asyncio.timeout(30):
        while len(found) < 3_000:
            found += [int(each.message.value) for each in await subscription.poll(100, 1.0)]
    assert found == list(range(3_000))
    await subscription.close()
    await broker.close()


async def test_a_member_keeps_its_partitions_however_long_a_handler_takes(kafka_server: KafkaServer, logger: Logger) -> None:
    registered = topic(partitions=1)
    broker = KafkaBroker(told(kafka_server, session_seconds=1.0), TopicRegistry([registered]), logger=logger)
    await broker.publish([Message(registered.name, "k", b"1")])
    subscription = await broker.subscribe("billing", [registered.name])
    read = await subscription.poll(1, 10.0)
    await asyncio.sleep(3.0)  # three sessions
    await subscription.commit(read)
    assert await subscription.lag() == 0
    await subscription.close()
    await broker.close()


# --- relay, broker, consumer, inbox -------------------------------------------------------------------------------------


@pytest.fixture
async def stored(tmp_path: Path, schema: ExampleSchema) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/service.sqlite3")
    await schema.create(database)
    yield database
    await database.dispose()


def event(registered: Topic, number: int, **changes: Any) -> Event:
    made = Event(
        id=str(uuid4()),
        source="/metering",
        type=TYPE,
        subject=f"readings/{number}",
        time=SystemClock().now(),
        topic=registered.name,
        key=f"park-{number % 5}",
        data=str(number).encode(),
        tenant_id="t1",
    )
    return replace(made, **changes)


async def store(database: Database, schema: ExampleSchema, *events: Event) -> None:
    async with database.begin() as session:
        await outbox.append(session, schema.outbox, events)
        await session.commit()


async def effects(database: Database, schema: ExampleSchema) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(schema.effect.c.name).order_by(schema.effect.c.id)))


async def counted_to(database: Database, schema: ExampleSchema, count: int) -> None:
    async with asyncio.timeout(60):
        while True:
            async with database.read() as session:
                if (await session.scalar(select(func.count()).select_from(schema.effect)) or 0) >= count:
                    return
            await asyncio.sleep(0.02)


class Refused(Refusal):
    kind = "invalid"
    reason = "QUANTITY_NEGATIVE"


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """A Kafka that a test may kill."""
    try:
        with running_kafka() as server:
            yield server
    except KafkaMissing as missing:
        pytest.skip(str(missing))


async def test_events_survive_a_broker_killed_between_and_have_one_effect_in_order(
    own_kafka: KafkaServer, stored: Database, schema: ExampleSchema, telemetry: Telemetry, logger: Logger
) -> None:
    registered = topic()
    registry = TopicRegistry([registered])
    broker = KafkaBroker(told(own_kafka, publish_seconds=3.0, connect_seconds=3.0), registry, logger=logger)

    async def handle(session: AsyncSession, handled: Event) -> None:
        await session.execute(insert(schema.effect).values(name=handled.data.decode()))

    parts = {"clock": SystemClock(), "telemetry": telemetry, "logger": logger}
    relay = Relay(stored, broker, schema.outbox, batch=20, poll_seconds=0.1, **parts)  # type: ignore[arg-type]
    consumer = Consumer(
        broker,
        group="billing",
        topics=[registered.name],
        registry=registry,
        handlers={TYPE: handle},
        database=stored,
        table=schema.inbox,
        **parts,  # type: ignore[arg-type]
    )
    async with running(relay, consumer):
        await store(stored, schema, *(event(registered, number) for number in range(100)))
        relay.notify()
        await counted_to(stored, schema, 1)
        own_kafka.kill()
        await store(stored, schema, *(event(registered, number) for number in range(100, 200)))
        relay.notify()
        own_kafka.start()
        await counted_to(stored, schema, 200)
        assert consumer.healthy
    found = [int(name) for name in await effects(stored, schema)]
    assert sorted(found) == list(range(200))
    for key in range(5):
        own = [number for number in found if number % 5 == key]
        assert own == sorted(own)
    await broker.close()


async def test_poison_goes_to_the_dead_letters_of_the_group_and_a_flood_stops_the_consumer(
    kafka_server: KafkaServer, stored: Database, schema: ExampleSchema, telemetry: Telemetry, logger: Logger
) -> None:
    registered = topic(partitions=1)
    registry = TopicRegistry([registered])
    broker = KafkaBroker(told(kafka_server), registry, logger=logger)

    async def refuse(_session: AsyncSession, _event: Event) -> None:
        raise Refused("quantity must be >= 0 kWh, got -1.0")

    stopped = asyncio.Event()
    parts = {"clock": SystemClock(), "telemetry": telemetry, "logger": logger}
    consumer = Consumer(
        broker,
        group="billing",
        topics=[registered.name],
        registry=registry,
        handlers={TYPE: refuse},
        database=stored,
        table=schema.inbox,
        dead_letter_limit=3,
        on_unhealthy=lambda _reason: stopped.set(),
        **parts,  # type: ignore[arg-type]
    )
    await store(stored, schema, *(event(registered, number) for number in range(6)))
    assert await Relay(stored, broker, schema.outbox, **parts).drain() == 6  # type: ignore[arg-type]
    async with running(consumer), asyncio.timeout(30):
        await stopped.wait()
    assert "more than 3 dead letters" in consumer.unhealthy_reason
    dead = await everything(broker, dead_letter_topic(registered.name, "billing"))
    assert [each.value for each in dead] == [b"0", b"1", b"2"]
    assert {each.headers["dead-letter-reason"] for each in dead} == {b"QUANTITY_NEGATIVE"}
    assert from_message(dead[0]).subject == "readings/0"
    # What was not set aside waits for a better handler.
    again = await broker.subscribe("billing", [registered.name])
    assert [each.message.value for each in await again.poll(10, 10.0)] == [b"3", b"4", b"5"]
    await again.close()
    await broker.close()


async def everything(broker: Broker, name: str) -> list[Message]:
    subscription = await broker.subscribe(f"reader-{uuid4().hex}", [name])
    count = await subscription.lag()
    found: list[Message] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += [each.message for each in await subscription.poll(100, 1.0)]
    await subscription.close()
    return found


async def test_a_consumer_that_starts_before_kafka_reads_when_it_is_there(
    own_kafka: KafkaServer, stored: Database, schema: ExampleSchema, telemetry: Telemetry, logger: Logger
) -> None:
    registered = topic()
    registry = TopicRegistry([registered])
    own_kafka.kill()
    broker = KafkaBroker(told(own_kafka, connect_seconds=0.5), registry, logger=logger)

    async def handle(session: AsyncSession, handled: Event) -> None:
        await session.execute(insert(schema.effect).values(name=handled.data.decode()))

    parts = {"clock": SystemClock(), "telemetry": telemetry, "logger": logger}
    relay = Relay(stored, broker, schema.outbox, poll_seconds=0.1, **parts)  # type: ignore[arg-type]
    consumer = Consumer(
        broker,
        group="billing",
        topics=[registered.name],
        registry=registry,
        handlers={TYPE: handle},
        database=stored,
        table=schema.inbox,
        **parts,  # type: ignore[arg-type]
    )
    async with running(relay, consumer):
        await store(stored, schema, event(registered, 1))
        own_kafka.start()
        await counted_to(stored, schema, 1)
        assert consumer.healthy
    await broker.close()


# --- who is let in ------------------------------------------------------------------------------------------------------


async def test_only_who_has_a_certificate_and_a_login_is_let_in(tmp_path: Path, logger: Logger) -> None:
    authority = Authority(tmp_path, "authority")
    broker_files, own = authority.issue("broker"), authority.issue("accounting")
    store_file = tmp_path / "broker.pem"
    store_file.write_bytes(broker_files["key"].read_bytes() + broker_files["cert"].read_bytes())
    login = "org.apache.kafka.common.security.plain.PlainLoginModule"
    secured = f"""
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config={login} required user_accounting="right";
listener.name.sasl_ssl.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={store_file}
ssl.truststore.type=PEM
ssl.truststore.location={authority.file}
"""
    registered = topic()
    registry = TopicRegistry([registered])
    try:
        with running_kafka(secured) as server:
            told_all = {
                "bootstrap_servers": server.secured_servers,
                "security_protocol": "SASL_SSL",
                "ca_file": authority.file,
                "certificate_file": own["cert"],
                "key_file": own["key"],
                "sasl_mechanism": "PLAIN",
                "sasl_user": "accounting",
                "sasl_password": "right",
            }

            async def publish(**changes: Any) -> None:
                settings = KafkaSettings.model_validate({**told_all, "connect_seconds": 3.0, **changes})
                broker = KafkaBroker(settings, registry, logger=logger)
                try:
                    await broker.publish([Message(registered.name, "k", b"1")])
                finally:
                    await broker.close()

            await publish(connect_seconds=20.0)
            for refused in (
                {"sasl_password": "wrong"},
                {"certificate_file": None, "key_file": None},
                {"ca_file": Authority(tmp_path, "another").file},
                {"bootstrap_servers": server.secured_servers.replace("127.0.0.1", "localhost")},
            ):
                with pytest.raises(BrokerError):
                    await publish(**refused)
    except KafkaMissing as missing:
        pytest.skip(str(missing))


# --- two processes ------------------------------------------------------------------------------------------------------

READER = """
import asyncio, sys
from chassis.kafka_broker import KafkaBroker
from chassis.logs import configure
from chassis.kafka_settings import KafkaSettings
from chassis.topics import TopicRegistry

async def main():
    registry = TopicRegistry.from_json(sys.argv[2])
    broker = KafkaBroker(KafkaSettings(bootstrap_servers=sys.argv[1]), registry, logger=configure("reader"))
    subscription = await broker.subscribe("billing", [topic.name for topic in registry])
    (read,) = await subscription.poll(1, 20.0)
    await subscription.commit([read])
    print(read.message.value.decode())
    await subscription.close()
    await broker.close()

asyncio.run(main())
"""


MEMBER = """
import asyncio, os, signal, sys
from chassis.kafka_broker import KafkaBroker
from chassis.logs import configure
from chassis.kafka_settings import KafkaSettings
from chassis.topics import TopicRegistry

async def main():
    registry = TopicRegistry.from_json(sys.argv[2])
    settings = KafkaSettings(bootstrap_servers=sys.argv[1], session_seconds=60, instance_id="first")
    broker = KafkaBroker(settings, registry, logger=configure("member"))
    subscription = await broker.subscribe("named", [topic.name for topic in registry])
    await subscription.poll(1, 20.0)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_the_successor_of_a_killed_member_of_the_same_name_reads_at_once(kafka_server: KafkaServer, logger: Logger) -> None:
    """Without the name it would wait for the dead member's session, a minute."""
    registered = topic(partitions=1)
    settings = told(kafka_server, session_seconds=60.0, instance_id="first")
    broker = KafkaBroker(settings, TopicRegistry([registered]), logger=logger)
    await broker.publish([Message(registered.name, "k", b"1")])
    topics = f'{{"topics": [{registered.model_dump_json()}]}}'
    member = [sys.executable, "-c", MEMBER, kafka_server.bootstrap_servers, topics]
    killed = await asyncio.to_thread(subprocess.run, member, check=False, capture_output=True, timeout=60)
    assert killed.returncode == -9, killed.stderr
    async with asyncio.timeout(30):
        subscription = await broker.subscribe("named", [registered.name])
        assert [each.message.value for each in await subscription.poll(1, 20.0)] == [b"1"]
    await subscription.close()
    await broker.close()


async def test_another_process_reads_what_this_one_publishes(kafka_server: KafkaServer, logger: Logger) -> None:
    registered = topic(partitions=1)
    broker = KafkaBroker(told(kafka_server), TopicRegistry([registered]), logger=logger)
    await broker.publish([Message(registered.name, "k", b"hello"), Message(registered.name, "k", b"again")])
    topics = f'{{"topics": [{registered.model_dump_json()}]}}'
    reading = [sys.executable, "-c", READER, kafka_server.bootstrap_servers, topics]
    for expected in ("hello\n", "again\n"):
        done = await asyncio.to_thread(subprocess.run, reading, check=True, capture_output=True, text=True, timeout=60)
        assert done.stdout == expected
    await broker.close()
