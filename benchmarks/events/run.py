"""Measures the way of events out of a service: K1. Run as `python -m benchmarks.events.run`."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from kafka import KafkaProducer

from benchmarks.cluster import postgresql
from benchmarks.pairing import Side, compare, paired, write_results
from benchmarks.readings import SEED
from chassis import outbox
from chassis.broker import Message
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.events import Event, to_message
from chassis.kafka_broker import KafkaBroker
from chassis.kafka_settings import KafkaSettings
from chassis.logs import Level, Logger, configure
from chassis.relay import Relay
from chassis.telemetry import Telemetry, TelemetrySettings
from chassis.testing.kafka import VERSION, KafkaMissing, KafkaServer, running_kafka
from chassis.testing.schema import ExampleSchema
from chassis.topics import Topic, TopicRegistry

EVENTS = 5_000
EVENT_BYTES = 1_000
PARKS = 200
ROUNDS = 5
WARM_UP = 10
TYPE = "bench.events.v1.Measured"
TOPIC = Topic(
    name="bench.measured.v1",
    owner="bench",
    key="park_id",
    partitions=12,
    retention_days=1,
    messages=(TYPE,),
    producers=("bench",),
    consumers=(),
)


def events(chance: random.Random) -> list[Event]:
    """Returns events as a service stores them."""
    return [
        Event(
            id=f"{number:08d}-{chance.randrange(10**12):012d}",
            source="/bench",
            type=TYPE,
            subject=f"parks/{number % PARKS}/records",
            time=datetime(2026, 1, 1, tzinfo=UTC),
            topic=TOPIC.name,
            key=f"park-{number % PARKS}",
            data=chance.randbytes(EVENT_BYTES),
            tenant_id="bench",
            park_id=f"park-{number % PARKS}",
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        for number in range(EVENTS)
    ]


class Outboxes:
    """One filled outbox per round, so that filling them is not measured."""

    def __init__(self, schema: ExampleSchema, broker: KafkaBroker, logger: Logger) -> None:
        self._schema = schema
        self._broker = broker
        self._logger = logger
        self._telemetry = Telemetry("bench", TelemetrySettings())
        self._filled: list[tuple[Database, Relay]] = []
        self._emptied: list[Database] = []

    async def fill(self, url: str, waiting: Sequence[Event]) -> None:
        """Stores events in a new database."""
        database = Database(url)
        await self._schema.create(database)
        async with database.begin() as session:
            await outbox.append(session, self._schema.outbox, waiting)
            await session.commit()
        relay = Relay(
            database,
            self._broker,
            self._schema.outbox,
            clock=SystemClock(),
            telemetry=self._telemetry,
            logger=self._logger,
        )
        self._filled.append((database, relay))

    async def drain(self) -> int:
        """Publishes everything of one outbox."""
        database, relay = self._filled.pop()
        self._emptied.append(database)
        count = await relay.drain()
        assert count == EVENTS
        return count

    async def close(self) -> None:
        """Ends the databases."""
        for database in self._emptied:
            await database.dispose()


def send_and_flush(producer: Any, messages: Sequence[Message]) -> int:
    """Does what the shortest script does: sends everything, then waits for all of it."""
    for message in messages:
        producer.send(message.topic, message.value, message.key.encode(), list(message.headers.items()))
    producer.flush()
    return len(messages)


def main() -> None:
    """Runs the comparison and writes the results."""
    try:
        with running_kafka() as kafka, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            measure(kafka, runner)
    except KafkaMissing as missing:
        raise SystemExit(str(missing)) from missing


def measure(kafka: KafkaServer, runner: asyncio.Runner) -> None:
    """Measures both sides in turns against one broker."""
    logger = configure("bench", level=Level.WARNING)
    registry = TopicRegistry([TOPIC])
    waiting = events(random.Random(SEED))
    ready = [to_message(event) for event in waiting]
    with postgresql() as cluster:
        broker = KafkaBroker(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), registry, logger=logger)
        runner.run(broker.prepare())
        outboxes = Outboxes(ExampleSchema(), broker, logger)
        for _ in range(ROUNDS + 1):
            runner.run(outboxes.fill(cluster.database(), waiting))
        bare = KafkaProducer(bootstrap_servers=[kafka.bootstrap_servers])
        for _ in range(WARM_UP):  # a Java server is slow, and busy compiling itself, for its first tens of thousands of messages
            send_and_flush(bare, ready)
        costs = paired(
            [
                Side("outbox in PostgreSQL -> CloudEvents -> Kafka", lambda: runner.run(outboxes.drain())),
                Side("bare kafka-python send + flush, ready-made", lambda: send_and_flush(bare, ready)),
            ],
            rounds=ROUNDS,
            server_pid=cluster.pid,
        )
        bare.close()
        runner.run(outboxes.close())
        runner.run(broker.close())
        ours, barest = costs.values()
        write_results(
            Path(__file__).parent,
            rows=[compare("K1", ours, barest, floor=0.60, target=0.95)],
            costs=costs.values(),
            packages=["kafka-python", "cloudevents", "sqlalchemy", "psycopg", "uvloop"],
            facts={
                "seed": SEED,
                "kafka": VERSION,
                "postgresql": cluster.version,
                "events_per_round": EVENTS,
                "event_bytes": EVENT_BYTES,
            },
        )


if __name__ == "__main__":
    main()
