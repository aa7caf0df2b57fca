"""Measures I1 to I4 with Kafka on: rows over HTTP until the change feed has them; `python -m benchmarks.ingest_kafka.run`."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from benchmarks.cluster import Cluster, postgresql
from benchmarks.ingest.run import BATCHES, ROUNDS, ROWS, Ours, copied, literal, mapped, staged
from benchmarks.pairing import Side, compare, paired, write_results
from benchmarks.readings import METERS, SEED, Reading, Readings, as_csv, as_json
from benchmarks.standing import platform
from chassis.kafka_broker import KafkaBroker
from chassis.kafka_settings import KafkaSettings
from chassis.logs import Level, Renderer, configure
from chassis.testing.kafka import VERSION, KafkaMissing, KafkaServer, running_kafka
from gateway.main import topic_registry

FACTS_OF_A_BATCH = 2
"""ActivityRecorded with its thousand rows, EmissionsCalculated with the sums that they touched."""
HEARD_SECONDS = 120


def heard(url: str) -> int:
    """Returns how many facts of activity the change feed has."""
    with psycopg.connect(url) as connection:
        connection.execute("SET parkcarbon.platform = 'bench'")
        row = connection.execute("SELECT count(*) FROM change WHERE topic = 'accounting.activity.v1'").fetchone()
    return row[0] if row else 0


def main() -> None:
    """Runs the comparison and writes the results; without Kafka it says what is missing."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-ingest-kafka-")))
        try:
            kafka = stack.enter_context(running_kafka())
        except KafkaMissing as missing:
            raise SystemExit(str(missing)) from missing
        cluster = stack.enter_context(postgresql())
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        measure(cluster, kafka, folder, runner)


def measure(cluster: Cluster, kafka: KafkaServer, folder: Path, runner: asyncio.Runner) -> None:
    """Measures the rows of the table."""
    url, feed_url = cluster.database(), cluster.database()
    logger = configure("bench", level=Level.ERROR, renderer=Renderer.TERMINAL)

    async def opened() -> KafkaBroker:
        broker = KafkaBroker(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), topic_registry(), logger=logger)
        await broker.prepare()
        return broker

    broker = runner.run(opened())
    running = platform(folder, cluster.database(), feed_url, broker=broker)
    ours = Ours(runner, runner.run(running.__aenter__()).gateway.http_address)
    readings = Readings("k")

    def push(bodies: Sequence[bytes]) -> None:
        wanted = heard(feed_url) + FACTS_OF_A_BATCH * len(bodies)
        ours.push(bodies, "application/json")

        async def until_heard() -> None:
            async with asyncio.timeout(HEARD_SECONDS):
                while await asyncio.to_thread(heard, feed_url) < wanted:  # noqa: ASYNC110 - another connection's rows
                    await asyncio.sleep(0.05)

        runner.run(until_heard())

    def side(name: str, form: Callable[[Sequence[Reading]], Any], write: Callable[[Sequence[Any]], None], batches: int) -> Side:
        waiting = iter([[form(rows) for rows in readings.batches(batches, ROWS)] for _ in range(ROUNDS + 1)])

        def run() -> int:
            write(next(waiting))
            return batches * ROWS

        return Side(name, run)

    name = "HTTP JSON until the feed has it"
    costs = paired(
        [
            side(name, as_json, push, BATCHES),
            side("msgspec, COPY, stage, ON CONFLICT", as_json, staged(url), BATCHES),
            side("COPY of CSV bytes", as_csv, copied(url), BATCHES),
            side("pydantic, ORM add_all", as_json, mapped(url), BATCHES // 3),
            side("literal INSERT, 100 rows each", as_json, literal(url), BATCHES // 3),
        ],
        rounds=ROUNDS,
        server_pid=cluster.pid,
    )
    runner.run(running.__aexit__(None, None, None))
    divisors = {
        "I1": ("msgspec, COPY, stage, ON CONFLICT", 0.50, 0.80),
        "I2": ("COPY of CSV bytes", 0.12, 0.22),
        "I3": ("pydantic, ORM add_all", 4.0, 6.0),
        "I4": ("literal INSERT, 100 rows each", 0.9, 1.3),
    }
    write_results(
        Path(__file__).parent,
        rows=[
            compare(number, costs[name], costs[divisor], floor=floor, target=target)
            for number, (divisor, floor, target) in divisors.items()
        ],
        costs=costs.values(),
        packages=["psycopg", "sqlalchemy", "kafka-python", "msgspec", "fastapi", "uvicorn", "grpcio"],
        facts={"seed": SEED, "postgresql": cluster.version, "kafka": VERSION, "meters": METERS},
    )


if __name__ == "__main__":
    main()
