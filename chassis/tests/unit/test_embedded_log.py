import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.broker import BrokerError, Message, partition_of
from chassis.clock import FixedClock, SystemClock
from chassis.embedded_log import EmbeddedLog, LogInUse
from chassis.topics import Topic, TopicRegistry

NAME = "metering.reading.v1"
REGISTRY = TopicRegistry(
    [
        Topic(
            name=NAME,
            owner="metering",
            key="park_id",
            partitions=2,
            retention_days=7,
            messages=(),
            producers=(),
            consumers=(),
        )
    ]
)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        # Apache Kafka, UtilsTest.testMurmur2.
        pytest.param("21", -973932308, id="two_bytes"),
        pytest.param("foobar", -790332482, id="six_bytes"),
        pytest.param("a-little-bit-long-string", -985981536, id="whole_words"),
        pytest.param("a-little-bit-longer-string", -1486304829, id="two_over"),
        pytest.param("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971, id="long"),
        pytest.param("abc", 479470107, id="three_bytes"),
    ],
)
def test_the_partition_of_a_key_is_that_of_kafkas_own_hash(key: str, hashed: int) -> None:
    assert partition_of(key, 2**31) == hashed & 0x7FFFFFFF


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "log.sqlite3", REGISTRY, clock=SystemClock())
    with pytest.raises(LogInUse, match=r"log\.sqlite3"):
        EmbeddedLog(tmp_path / "log.sqlite3", REGISTRY, clock=SystemClock())
    await log.close()
    again = EmbeddedLog(tmp_path / "log.sqlite3", REGISTRY, clock=SystemClock())
    await again.close()


PUBLISHER = """
import asyncio, sys
from pathlib import Path
from chassis.broker import Message
from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.topics import TopicRegistry

async def main():
    log = EmbeddedLog(Path(sys.argv[1]), TopicRegistry.from_json(sys.stdin.readline()), clock=SystemClock())
    number = 0
    while True:
        await log.publish([Message("metering.reading.v1", "k", str(number).encode())])
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite3"
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PUBLISHER, str(path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert publisher.stdin is not None
    assert publisher.stdout is not None
    publisher.stdin.write(b'{"topics":[' + next(iter(REGISTRY)).model_dump_json().encode() + b"]}\n")
    await publisher.stdin.drain()
    for _ in range(50):
        await publisher.stdout.readline()
    publisher.kill()
    acknowledged = 50 + len((await publisher.stdout.read()).splitlines())
    await publisher.wait()
    log = EmbeddedLog(path, REGISTRY, clock=SystemClock())
    subscription = await log.subscribe("g", [NAME])
    found: list[int] = []
    while batch := await subscription.poll(1000, 0.0):
        found += [int(each.message.value) for each in batch]
    # The last one may be stored and not yet printed.
    assert found[:acknowledged] == list(range(acknowledged))
    assert len(found) <= acknowledged + 1
    await log.close()


async def test_a_message_outlives_its_retention_by_no_more_than_the_next_publish(tmp_path: Path, clock: FixedClock) -> None:
    log = EmbeddedLog(tmp_path / "log.sqlite3", REGISTRY, clock=clock)
    reader = await log.subscribe("g", [NAME])
    await log.publish([Message(NAME, "k", b"old")] * 3)
    clock.advance(timedelta(days=7, seconds=1))
    await log.publish([Message(NAME, "k", b"new")])
    found = await reader.poll(10, 0.0)
    assert [(each.message.value, each.offset) for each in found] == [(b"new", 3)]
    assert await reader.lag() == 1
    await log.close()


async def test_a_reader_behind_a_partition_that_was_emptied_goes_on(tmp_path: Path, clock: FixedClock) -> None:
    log = EmbeddedLog(tmp_path / "log.sqlite3", REGISTRY, clock=clock)
    await log.publish([Message(NAME, "k", b"old")])
    clock.advance(timedelta(days=8))
    other = next(key for key in map(str, range(9)) if partition_of(key, 2) != partition_of("k", 2))
    await log.publish([Message(NAME, other, b"new")])
    reader = await log.subscribe("g", [NAME])
    assert [each.message.value for each in await reader.poll(10, 0.0)] == [b"new"]
    assert await reader.poll(10, 0.0) == []
    await log.close()


async def test_a_full_disk_is_an_error_of_the_broker_and_loses_nothing_before(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "log.sqlite3", REGISTRY, clock=SystemClock())
    await log.publish([Message(NAME, "k", b"1")])
    # As many pages as there are: SQLite answers as on a full disk.
    await log._run(lambda: log._connection.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(BrokerError, match="full"):
        await log.publish([Message(NAME, "k", b"x" * 100_000)])
    await log._run(lambda: log._connection.execute("PRAGMA max_page_count = 1000000"))
    await log.publish([Message(NAME, "k", b"2")])
    reader = await log.subscribe("g", [NAME])
    assert [(each.message.value, each.offset) for each in await reader.poll(9, 0.0)] == [(b"1", 0), (b"2", 1)]
    await log.close()


async def test_a_closed_log_says_so(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "log.sqlite3", REGISTRY, clock=SystemClock())
    reader = await log.subscribe("g", [NAME])
    await reader.close()
    await log.close()
    with pytest.raises(BrokerError, match="closed"):
        await reader.poll(1, 0.0)
    with pytest.raises(BrokerError, match="closed"):
        await log.publish([Message(NAME, "k", b"1")])
