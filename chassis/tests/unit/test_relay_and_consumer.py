import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.message import DecodeError
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import inbox, outbox
from chassis import telemetry_names as names
from chassis.broker import Broker, BrokerError, Delivery, Message, Subscription
from chassis.clock import FixedClock, SystemClock
from chassis.consumer import Consumer, Handler
from chassis.database import Database
from chassis.embedded_log import EmbeddedLog
from chassis.events import Event, from_message, to_message
from chassis.logs import Logger
from chassis.outbox import MAX_EVENT_BYTES, EventTooLarge
from chassis.relay import Relay
from chassis.server import running
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.testing.schema import ExampleSchema
from chassis.topics import Topic, TopicRegistry, dead_letter_topic
from kernel.refusals import Refusal

NAME, TYPE, OTHER_TYPE = "metering.reading.v1", "metering.events.v1.Read", "metering.events.v1.Calibrated"
REGISTRY = TopicRegistry(
    [
        Topic(
            name=NAME,
            owner="metering",
            key="park_id",
            partitions=3,
            retention_days=7,
            messages=(TYPE, OTHER_TYPE),
            producers=("metering",),
            consumers=("billing",),
        )
    ]
)
DEAD = dead_letter_topic(NAME, "billing")


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    opened = EmbeddedLog(tmp_path / "log.sqlite3", REGISTRY, clock=SystemClock())
    yield opened
    await opened.close()


@pytest.fixture
def make_event(clock: FixedClock) -> Callable[..., Event]:
    def make(number: int, **changes: Any) -> Event:
        content: dict[str, Any] = {
            "id": str(uuid4()),
            "source": "/metering",
            "type": TYPE,
            "subject": f"readings/{number}",
            "time": clock.now(),
            "topic": NAME,
            "key": f"park-{number % 3}",
            "data": str(number).encode(),
            "tenant_id": "t1",
            "park_id": f"park-{number % 3}",
            **changes,
        }
        return Event(**content)

    return make


MakeEvent = Callable[..., Event]
MakeRelay = Callable[..., Relay]
MakeConsumer = Callable[..., Consumer]


@pytest.fixture
def make_relay(database: Database, schema: ExampleSchema, clock: FixedClock, telemetry: Telemetry, logger: Logger) -> MakeRelay:
    def make(broker: Any, **changes: Any) -> Relay:
        options: dict[str, Any] = {"clock": clock, "telemetry": telemetry, "logger": logger, **changes}
        return Relay(database, broker, schema.outbox, **options)

    return make


@pytest.fixture
def make_consumer(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    clock: FixedClock,
    telemetry: Telemetry,
    logger: Logger,
) -> MakeConsumer:
    def make(handler: Handler, **changes: Any) -> Consumer:
        options: dict[str, Any] = {
            "group": "billing",
            "topics": [NAME],
            "registry": REGISTRY,
            "handlers": {TYPE: handler},
            "database": database,
            "table": schema.inbox,
            "clock": clock,
            "telemetry": telemetry,
            "logger": logger,
            **changes,
        }
        return Consumer(options.pop("broker", broker), **options)

    return make


@pytest.fixture
def have_effect(schema: ExampleSchema) -> Handler:
    async def handle(session: AsyncSession, event: Event) -> None:
        await session.execute(insert(schema.effect).values(name=event.data.decode()))

    return handle


async def store(database: Database, schema: ExampleSchema, *events: Event) -> None:
    async with database.begin() as session:
        await outbox.append(session, schema.outbox, events)
        await session.commit()


async def waiting(database: Database, schema: ExampleSchema) -> int:
    async with database.read() as session:
        return int(await session.scalar(select(func.count()).select_from(schema.outbox)) or 0)


async def effects(database: Database, schema: ExampleSchema) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(schema.effect.c.name).order_by(schema.effect.c.id)))


async def caught_up(consumer: Consumer) -> None:
    async with asyncio.timeout(20):
        while await consumer.lag() > 0:  # noqa: ASYNC110 - only the broker knows
            await asyncio.sleep(0.005)


async def everything(broker: Broker, topic: str = NAME) -> list[Message]:
    subscription = await broker.subscribe(f"reader-{uuid4().hex}", [topic])
    found: list[Message] = []
    while batch := await subscription.poll(1000, 0.0):
        found += [delivery.message for delivery in batch]
    await subscription.close()
    return found


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110 - told by a property, not by an event
            await asyncio.sleep(0.005)


# --- outbox and relay ---------------------------------------------------------------------------------------------------


async def test_an_event_is_published_as_it_was_stored(
    database: Database, schema: ExampleSchema, broker: Broker, make_event: MakeEvent, make_relay: MakeRelay
) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = make_event(1, data=b"\x00\xff", subject="读数/1", traceparent=traceparent)
    await store(database, schema, event)
    assert await make_relay(broker, telemetry=Telemetry("untraced", TelemetrySettings())).drain() == 1
    assert [from_message(message) for message in await everything(broker)] == [event]
    assert await waiting(database, schema) == 0


async def test_an_event_of_a_transaction_that_was_given_up_is_not_published(
    database: Database, schema: ExampleSchema, broker: Broker, make_event: MakeEvent, make_relay: MakeRelay
) -> None:
    async with database.begin() as session:
        await outbox.append(session, schema.outbox, [make_event(1)])
    assert await make_relay(broker).drain() == 0
    assert await everything(broker) == []


async def test_events_are_published_in_the_order_they_were_stored(
    database: Database, schema: ExampleSchema, broker: Broker, make_event: MakeEvent, make_relay: MakeRelay
) -> None:
    for start in range(0, 100, 10):
        await store(database, schema, *(make_event(at, key="park") for at in range(start, start + 10)))
    assert await make_relay(broker, batch=7).drain() == 100
    assert [int(message.value) for message in await everything(broker)] == list(range(100))


async def test_an_event_that_is_too_large_is_refused_where_it_is_stored(
    database: Database, schema: ExampleSchema, make_event: MakeEvent
) -> None:
    async with database.begin() as session:
        with pytest.raises(EventTooLarge, match=str(MAX_EVENT_BYTES + 1)):
            await outbox.append(session, schema.outbox, [make_event(1), make_event(2, data=b"x" * (MAX_EVENT_BYTES + 1))])
        await session.commit()
    assert await waiting(database, schema) == 0


class Failing:
    """A broker that fails as often as told, before or after it has stored what it was given."""

    def __init__(self, broker: Broker, *, before: int = 0, after: int = 0) -> None:
        self._broker, self.before, self.after = broker, before, after
        self.attempts = 0

    async def publish(self, messages: Sequence[Message]) -> None:
        self.attempts += 1
        if self.before > 0:
            self.before -= 1
            raise BrokerError("the broker is away")
        await self._broker.publish(messages)
        if self.after > 0:
            self.after -= 1
            raise BrokerError("the answer was lost")


async def test_a_death_between_publish_and_delete_delivers_twice_and_has_one_effect(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_relay: MakeRelay,
    make_consumer: MakeConsumer,
    have_effect: Handler,
) -> None:
    await store(database, schema, make_event(1))
    relay = make_relay(Failing(broker, after=1))
    with pytest.raises(BrokerError, match="lost"):
        await relay.drain()
    assert await relay.drain() == 1
    assert len(await everything(broker)) == 2
    consumer = make_consumer(have_effect)
    async with running(consumer):
        await caught_up(consumer)
    assert await effects(database, schema) == ["1"]


async def test_a_relay_waits_out_a_broker_that_is_away(
    database: Database, schema: ExampleSchema, broker: Broker, make_event: MakeEvent, make_relay: MakeRelay
) -> None:
    failing = Failing(broker, before=2)
    relay = make_relay(failing, poll_seconds=0.01)
    await store(database, schema, make_event(1))
    subscription = await broker.subscribe("billing", [NAME])
    async with running(relay):
        assert len(await subscription.poll(1, 10.0)) == 1
    assert failing.attempts == 3
    assert len(await everything(broker)) == 1


async def test_the_lag_is_the_age_of_what_cannot_be_published(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_relay: MakeRelay,
    clock: FixedClock,
    telemetry: Telemetry,
) -> None:
    relay = make_relay(Failing(broker, before=1))
    assert relay.lag_seconds == 0.0
    await store(database, schema, make_event(1))
    with pytest.raises(BrokerError):
        await relay.drain()
    clock.advance(timedelta(seconds=90))
    assert relay.lag_seconds == 90.0
    assert telemetry.collected_metrics()[names.METRIC_OUTBOX_LAG] == 90.0
    await relay.drain()
    assert relay.lag_seconds == 0.0


async def test_a_notified_relay_does_not_wait_for_its_poll(
    database: Database, schema: ExampleSchema, broker: Broker, make_event: MakeEvent, make_relay: MakeRelay
) -> None:
    relay = make_relay(broker, poll_seconds=1000.0)
    subscription = await broker.subscribe("billing", [NAME])
    async with running(relay):
        for number in range(3):
            await store(database, schema, make_event(number))
            relay.notify()
            async with asyncio.timeout(10):
                assert len(await subscription.poll(1, 10.0)) == 1


async def test_an_event_to_an_unregistered_topic_stays_and_is_told(
    database: Database, schema: ExampleSchema, broker: Broker, make_event: MakeEvent, make_relay: MakeRelay, log_lines: Any
) -> None:
    await store(database, schema, make_event(1, topic="nowhere.v1"))
    async with running(make_relay(broker)):
        await until(lambda: "nowhere.v1" in log_lines.getvalue())
    assert await waiting(database, schema) == 1


async def test_an_event_whose_transaction_commits_late_is_not_lost(
    postgres_url: str,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    clock: FixedClock,
    telemetry: Telemetry,
    logger: Logger,
) -> None:
    database = Database(postgres_url)
    await schema.create(database)
    relay = Relay(database, broker, schema.outbox, clock=clock, telemetry=telemetry, logger=logger)
    async with database.begin() as late:
        await outbox.append(late, schema.outbox, [make_event(1)])  # has taken its sequence number
        await store(database, schema, make_event(2))
        assert await relay.drain() == 1
        await late.commit()
    assert await relay.drain() == 1
    assert {message.value for message in await everything(broker)} == {b"1", b"2"}
    await database.dispose()


async def test_of_two_replicas_one_publishes_at_a_time(
    postgres_url: str,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    clock: FixedClock,
    telemetry: Telemetry,
    logger: Logger,
) -> None:
    database = Database(postgres_url)
    await schema.create(database)
    await store(database, schema, make_event(1))
    entered, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        async def publish(self, messages: Sequence[Message]) -> None:
            entered.set()
            await go_on.wait()
            await broker.publish(messages)

    first, second = (
        Relay(database, to, schema.outbox, clock=clock, telemetry=telemetry, logger=logger)  # type: ignore[arg-type]
        for to in (Slow(), broker)
    )
    draining = asyncio.create_task(first.drain())
    await entered.wait()
    assert await second.drain() == 0
    go_on.set()
    assert await draining == 1
    assert len(await everything(broker)) == 1
    await database.dispose()


SERVICE_THAT_DIES = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from chassis import outbox
from chassis.database import Database
from chassis.events import Event
from chassis.testing.schema import ExampleSchema

async def main():
    schema = ExampleSchema()
    async with Database(sys.argv[1]).begin() as session:
        await outbox.append(session, schema.outbox, [Event(id="e1", source="/metering", type=sys.argv[3], subject="",
            time=datetime.now(UTC), topic=sys.argv[2], key="k", data=b"1", tenant_id="t1")])
        await session.commit()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_committed_before_kill_9_is_published_after_the_restart(
    database: Database, database_url: str, schema: ExampleSchema, broker: Broker, make_relay: MakeRelay
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVICE_THAT_DIES, database_url, NAME, TYPE, stderr=subprocess.DEVNULL
    )
    assert await process.wait() == -9
    subscription = await broker.subscribe("billing", [NAME])
    async with running(make_relay(broker)):
        assert [each.message.value for each in await subscription.poll(1, 20.0)] == [b"1"]


# --- consumer and inbox -------------------------------------------------------------------------------------------------


async def published(broker: Broker, *events: Event) -> None:
    await broker.publish([to_message(event) for event in events])


async def test_each_event_has_its_effect_once(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_consumer: MakeConsumer,
    have_effect: Handler,
) -> None:
    events = [make_event(number) for number in range(10)]
    await published(broker, *events, *events)
    consumer = make_consumer(have_effect)
    async with running(consumer):
        await caught_up(consumer)
    assert sorted(await effects(database, schema), key=int) == [str(number) for number in range(10)]


async def test_a_handler_that_commits_itself_has_its_effect_once(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_consumer: MakeConsumer,
    have_effect: Handler,
) -> None:
    attempts: list[str] = []

    async def use_case(session: AsyncSession, event: Event) -> None:
        attempts.append(event.id)
        await have_effect(session, event)
        await session.commit()
        if len(attempts) == 1:
            raise ConnectionResetError("after the commit")

    await published(broker, make_event(1))
    consumer = make_consumer(use_case)
    async with running(consumer):
        await caught_up(consumer)
    assert (await effects(database, schema), len(attempts)) == (["1"], 1)


async def test_two_groups_each_have_the_effect(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_consumer: MakeConsumer,
    have_effect: Handler,
) -> None:
    await published(broker, make_event(1))
    first, second = make_consumer(have_effect), make_consumer(have_effect, group="audit")
    async with running(first, second):
        await caught_up(first)
        await caught_up(second)
    assert await effects(database, schema) == ["1", "1"]


async def test_an_event_handled_and_not_committed_to_the_broker_has_no_second_effect(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_consumer: MakeConsumer,
    have_effect: Handler,
    clock: FixedClock,
) -> None:
    event = make_event(1)
    await published(broker, event)
    async with database.begin() as session:  # what a consumer leaves that dies before it commits its offset
        assert await inbox.claim(session, schema.inbox, group="billing", event=event, now=clock.now(), expires_at=clock.now())
        await have_effect(session, event)
        await session.commit()
    consumer = make_consumer(have_effect)
    async with running(consumer):
        await caught_up(consumer)
    assert await effects(database, schema) == ["1"]


async def test_a_type_nobody_here_handles_is_passed_over(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_consumer: MakeConsumer,
    have_effect: Handler,
) -> None:
    await published(broker, make_event(1, type=OTHER_TYPE), make_event(2))
    consumer = make_consumer(have_effect)
    async with running(consumer):
        await caught_up(consumer)
    assert await effects(database, schema) == ["2"]
    assert await everything(broker, DEAD) == []


class Refused(Refusal):
    kind = "invalid"
    reason = "QUANTITY_NEGATIVE"


class NotYet(Refusal):
    kind = "conflict"
    reason = "PARK_UNKNOWN_YET"


class Away(Refusal):
    kind = "unavailable"
    reason = "AWAY"


def failing_on(
    have_effect: Handler, error: Exception, *, times: int = 10**9, on: bytes = b"1"
) -> Callable[[AsyncSession, Event], Awaitable[None]]:
    left = times

    async def handle(session: AsyncSession, event: Event) -> None:
        nonlocal left
        await have_effect(session, event)
        if event.data == on and left > 0:
            left -= 1
            raise error

    return handle


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused("quantity must be >= 0 kWh, got -1.0"), b"QUANTITY_NEGATIVE"),
        (DecodeError("truncated"), b"NOT_DECODABLE"),
        (ZeroDivisionError("a bug"), b"ZeroDivisionError"),
        (NotYet("park 7 is unknown"), b"PARK_UNKNOWN_YET"),
    ],
)
async def test_poison_is_set_aside_with_its_reason_and_blocks_nothing(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_consumer: MakeConsumer,
    have_effect: Handler,
    error: Exception,
    reason: bytes,
) -> None:
    poison = make_event(1, key="same")
    await published(broker, make_event(0, key="same"), poison, make_event(2, key="same"))
    consumer = make_consumer(failing_on(have_effect, error), max_attempts=2)
    async with running(consumer):
        await caught_up(consumer)
    assert await effects(database, schema) == ["0", "2"]
    (dead,) = await everything(broker, DEAD)
    assert from_message(dead).id == poison.id
    assert (dead.value, dead.headers["dead-letter-reason"]) == (b"1", reason)
    assert dead.headers["dead-letter-topic"] == NAME.encode()
    assert dead.headers["dead-letter-offset"] == b"1"
    assert consumer.healthy


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Message(NAME, "k", b"1", {}), b"NOT_AN_EVENT"),
        (Message(NAME, "k", b"1", {"ce_id": b"\xff"}), b"NOT_AN_EVENT"),
        (Message(NAME, "k", b"1", {"ce_specversion": b"1.0", "ce_time": b"yesterday"}), b"NOT_AN_EVENT"),
    ],
)
async def test_what_is_not_an_event_is_set_aside(
    broker: Broker, make_consumer: MakeConsumer, have_effect: Handler, message: Message, reason: bytes
) -> None:
    await broker.publish([message])
    consumer = make_consumer(have_effect)
    async with running(consumer):
        await caught_up(consumer)
    assert [dead.headers["dead-letter-reason"] for dead in await everything(broker, DEAD)] == [reason]


async def test_a_type_its_topic_does_not_carry_is_set_aside(
    broker: Broker, make_event: MakeEvent, make_consumer: MakeConsumer, have_effect: Handler
) -> None:
    await published(broker, make_event(1, type="metering.events.v0.Read"))
    consumer = make_consumer(have_effect)
    async with running(consumer):
        await caught_up(consumer)
    assert [dead.headers["dead-letter-reason"] for dead in await everything(broker, DEAD)] == [b"TYPE_NOT_OF_TOPIC"]


@pytest.mark.parametrize("error", [Away("away"), OperationalError("SELECT", {}, Exception("server closed")), BrokerError("away")])
async def test_a_passing_failure_is_tried_again_and_never_set_aside(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_consumer: MakeConsumer,
    have_effect: Handler,
    error: Exception,
) -> None:
    await published(broker, make_event(1, key="same"), make_event(2, key="same"))
    consumer = make_consumer(failing_on(have_effect, error, times=3), max_attempts=1)
    async with running(consumer):
        await caught_up(consumer)
    assert await effects(database, schema) == ["1", "2"]
    assert await everything(broker, DEAD) == []


async def test_an_error_of_the_message_in_the_database_is_poison(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_consumer: MakeConsumer,
    have_effect: Handler,
) -> None:
    await published(broker, make_event(1), make_event(2))
    twice = failing_on(have_effect, IntegrityError("INSERT", {}, Exception("duplicate")))
    consumer = make_consumer(twice, max_attempts=2)
    async with running(consumer):
        await caught_up(consumer)
    assert await effects(database, schema) == ["2"]
    assert len(await everything(broker, DEAD)) == 1


async def test_a_stop_does_not_wait_for_a_failure_to_pass(
    broker: Broker, make_event: MakeEvent, make_consumer: MakeConsumer, have_effect: Handler, log_lines: Any
) -> None:
    await published(broker, make_event(1))
    consumer = make_consumer(failing_on(have_effect, Away("away")))
    async with asyncio.timeout(10):
        await consumer.start()
        await until(lambda: "event not handled" in log_lines.getvalue())
        await consumer.stop()
    assert consumer.healthy


async def test_a_flood_of_dead_letters_stops_the_consumer(
    broker: Broker, make_event: MakeEvent, make_consumer: MakeConsumer, have_effect: Handler
) -> None:
    await published(broker, *(make_event(1) for _ in range(10)))
    told: list[str] = []
    consumer = make_consumer(failing_on(have_effect, Refused("no")), dead_letter_limit=3, on_unhealthy=told.append)
    async with running(consumer):
        await until(lambda: not consumer.healthy)
    assert told == [consumer.unhealthy_reason]
    assert "more than 3 dead letters" in told[0]
    assert len(await everything(broker, DEAD)) == 3
    # What was not set aside waits for a better version of the handler.
    repaired = make_consumer(have_effect)
    async with running(repaired):
        assert await repaired.lag() == 7
        await caught_up(repaired)


class Forgetful:
    """A broker that does not keep a place as often as it is told to."""

    def __init__(self, inner: Broker, times: int) -> None:
        self._inner = inner
        self.left = times

    async def publish(self, messages: Sequence[Message]) -> None:
        await self._inner.publish(messages)

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        subscription = await self._inner.subscribe(group, topics)
        keep = subscription.commit

        async def commit(deliveries: Sequence[Delivery]) -> None:
            if self.left:
                self.left -= 1
                raise BrokerError("not kept")
            await keep(deliveries)

        subscription.commit = commit  # type: ignore[method-assign]
        return subscription

    async def close(self) -> None:
        await self._inner.close()


async def test_what_is_read_again_is_set_aside_once_and_uses_up_the_limit_once(
    broker: Broker, make_event: MakeEvent, make_consumer: MakeConsumer, have_effect: Handler
) -> None:
    await published(broker, *(make_event(1) for _ in range(3)))
    forgetful = Forgetful(broker, times=4)
    consumer = make_consumer(failing_on(have_effect, Refused("no")), dead_letter_limit=3, broker=forgetful)
    async with running(consumer):
        await until(lambda: not forgetful.left)
        await until(lambda: consumer.hears)
        await caught_up(consumer)
    assert consumer.healthy
    assert len(await everything(broker, DEAD)) == 3


async def test_the_place_of_poison_is_kept_before_the_next_event_is_handled(
    broker: Broker, make_event: MakeEvent, make_consumer: MakeConsumer, have_effect: Handler
) -> None:
    """A death while the rest of a batch is handled does not set it aside a second time."""
    await published(broker, make_event(1, key="park"), make_event(2, key="park"))
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def handle(session: AsyncSession, event: Event) -> None:
        if event.data == b"2":
            reached.set()
            await go_on.wait()
        await failing_on(have_effect, Refused("no"))(session, event)

    consumer = make_consumer(handle)
    async with running(consumer):
        try:
            async with asyncio.timeout(20):
                await reached.wait()
            assert await consumer.lag() == 1
        finally:
            go_on.set()
        await caught_up(consumer)


async def test_dead_letters_far_apart_are_no_flood(
    broker: Broker, make_event: MakeEvent, make_consumer: MakeConsumer, have_effect: Handler, clock: FixedClock
) -> None:
    consumer = make_consumer(failing_on(have_effect, Refused("no")), dead_letter_limit=1)
    async with running(consumer):
        for _ in range(3):
            await published(broker, make_event(1))
            await caught_up(consumer)
            clock.advance(timedelta(hours=1, seconds=1))
    assert consumer.healthy
    assert len(await everything(broker, DEAD)) == 3


async def test_the_inbox_forgets_what_cannot_come_again(
    database: Database,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    make_consumer: MakeConsumer,
    have_effect: Handler,
    clock: FixedClock,
) -> None:
    first = make_consumer(have_effect)
    await published(broker, make_event(1))
    async with running(first):
        await caught_up(first)
    clock.advance(timedelta(days=8))
    kept = make_consumer(have_effect)
    await published(broker, make_event(2))
    async with running(kept):
        await caught_up(kept)
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(schema.inbox)) == 2
    clock.advance(timedelta(days=2))
    pruning = make_consumer(have_effect)
    async with running(pruning):
        async with asyncio.timeout(10):
            while True:
                async with database.read() as session:
                    left = await session.scalar(select(func.count()).select_from(schema.inbox))
                if left == 1:
                    break
                await asyncio.sleep(0.005)


async def test_a_database_that_goes_away_is_waited_for(
    postgres_url: str,
    schema: ExampleSchema,
    broker: Broker,
    make_event: MakeEvent,
    clock: FixedClock,
    telemetry: Telemetry,
    logger: Logger,
    have_effect: Handler,
) -> None:
    database = Database(postgres_url)
    await schema.create(database)
    killed: list[int] = []

    async def lose_the_connection(session: AsyncSession, event: Event) -> None:
        await have_effect(session, event)
        if not killed:
            killed.append(1)
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            async with database.begin() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            await session.execute(text("SELECT 1"))

    await published(broker, make_event(1), make_event(2))
    consumer = Consumer(
        broker, group="billing", topics=[NAME], registry=REGISTRY, handlers={TYPE: lose_the_connection},
        database=database, table=schema.inbox, clock=clock, telemetry=telemetry, logger=logger, max_attempts=1,
    )  # fmt: skip
    async with running(consumer):
        await caught_up(consumer)
    assert sorted(await effects(database, schema)) == ["1", "2"]
    assert await everything(broker, DEAD) == []
    await database.dispose()


async def test_the_handler_continues_the_trace_of_the_fact(
    broker: Broker, make_event: MakeEvent, make_consumer: MakeConsumer, have_effect: Handler, telemetry: Telemetry
) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await published(broker, make_event(1, traceparent=traceparent))
    consumer = make_consumer(have_effect)
    async with running(consumer):
        await caught_up(consumer)
    (span,) = [span for span in telemetry.finished_spans() if span.name == f"{names.SPAN_EVENT_PROCESS} {NAME}"]
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
