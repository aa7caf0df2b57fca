"""The broker of an embedded run: one SQLite file, one process, no server.

A publish that returned is on disk and survives the death of the process. Everything the file knows is done by one thread; those
who wait for messages are woken in the event loop, without polling. Used from one event loop.
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from chassis.broker import (
    MAX_MESSAGE_BYTES,
    BrokerError,
    Delivery,
    Message,
    MessageTooLarge,
    Subscription,
    partition_of,
)
from chassis.clock import Clock
from chassis.topics import TopicRegistry, UnknownTopic

_Result = TypeVar("_Result")
_Partition = tuple[str, int]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS partition (
    topic TEXT NOT NULL, number INTEGER NOT NULL, id INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL,
    UNIQUE (topic, number)
) STRICT;
CREATE TABLE IF NOT EXISTS message (
    partition_id INTEGER NOT NULL REFERENCES partition, "offset" INTEGER NOT NULL, stored_at REAL NOT NULL,
    key TEXT NOT NULL, headers TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (partition_id, "offset")
) STRICT;
CREATE TABLE IF NOT EXISTS position (
    "group" TEXT NOT NULL, partition_id INTEGER NOT NULL REFERENCES partition, next_offset INTEGER NOT NULL,
    PRIMARY KEY ("group", partition_id)
) STRICT, WITHOUT ROWID;
"""
# Retention is looked at this often; a message may outlive its retention by as much.
_PRUNE_EVERY: Final = timedelta(hours=1)


class LogInUse(BrokerError):
    """Another process has the file."""


class EmbeddedLog:
    """A `Broker` in one file. Topics and their partitions come from the registry."""

    def __init__(self, path: Path, topics: TopicRegistry, *, clock: Clock) -> None:
        """Opens the file, or creates it.

        Args:
            path: Of the SQLite file; its folder has to exist.
            topics: The topics that exist.
            clock: Tells when messages have outlived their retention.

        Raises:
            LogInUse: If another process has it open.
        """
        self._topics = topics
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedded-log")
        self._members: dict[str, list[_Member]] = {}
        self._rebalancing = asyncio.Lock()
        self._ends: dict[_Partition, int] = {}
        self._ids: dict[_Partition, int] = {}
        self._pruned_at = clock.now()
        self._closed = False
        try:
            self._connection = self._thread.submit(self._open, path).result()
        except sqlite3.OperationalError as error:
            self._thread.shutdown()
            raise LogInUse(f"the log {path} cannot be opened: {error}") from error

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, timeout=0.0)
        try:
            # Held until the process ends, however it ends: a second process could neither wake our readers nor share
            # the offsets kept in memory.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
            for topic, number, identifier, end in connection.execute("SELECT topic, number, id, next_offset FROM partition"):
                self._ids[topic, number] = identifier
                self._ends[topic, number] = end
        except BaseException:
            connection.close()
            raise
        return connection

    async def publish(self, messages: Sequence[Message]) -> None:
        """Stores messages in one transaction: all of them, or none. As `Broker.publish`."""
        placed: list[tuple[_Partition, Message]] = []
        for message in messages:
            topic = self._topics.get(message.topic)
            size = len(message.value) + len(message.key)
            if size > MAX_MESSAGE_BYTES:
                raise MessageTooLarge(message.topic, size, MAX_MESSAGE_BYTES)
            placed.append(((message.topic, partition_of(message.key, topic.partitions)), message))
        if placed:
            loop = asyncio.get_running_loop()
            await self._run(lambda: self._store(placed, loop))

    def _store(self, placed: Sequence[tuple[_Partition, Message]], loop: asyncio.AbstractEventLoop) -> None:
        now = self._clock.now()
        ends: dict[_Partition, int] = {}
        rows: list[tuple[int, int, float, str, str, bytes]] = []
        for partition, message in placed:
            identifier = self._identifier(partition)
            offset = ends.get(partition, self._ends[partition])
            headers = json.dumps({name: value.decode("latin-1") for name, value in message.headers.items()})
            rows.append((identifier, offset, now.timestamp(), message.key, headers, message.value))
            ends[partition] = offset + 1
        with self._transaction():
            self._connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._connection.executemany(
                "UPDATE partition SET next_offset = ? WHERE id = ?",
                [(end, self._ids[partition]) for partition, end in ends.items()],
            )
        self._ends.update(ends)
        # From here and not from `publish`, whose caller may have given up waiting.
        loop.call_soon_threadsafe(self._wake)
        if now - self._pruned_at >= _PRUNE_EVERY:
            self._pruned_at = now
            self._prune(now)

    def _wake(self) -> None:
        for members in self._members.values():
            for member in members:
                member.woken.set()

    def _identifier(self, partition: _Partition) -> int:
        known = self._ids.get(partition)
        if known is None:
            row = self._connection.execute(
                "INSERT INTO partition (topic, number, next_offset) VALUES (?, ?, 0) RETURNING id", partition
            ).fetchone()
            known = self._ids[partition] = row[0]
            self._ends[partition] = 0
        return known

    def _prune(self, now: datetime) -> None:
        for (topic, _), identifier in self._ids.items():
            try:
                kept = timedelta(days=self._topics.get(topic).retention_days)
            except UnknownTopic:
                # The topic has left the registry; its messages stay readable for who turns the clock back.
                continue
            self._connection.execute(
                "DELETE FROM message WHERE partition_id = ? AND stored_at < ?", (identifier, (now - kept).timestamp())
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite itself has rolled back after some errors, such as a full disk.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """Joins a group. As `Broker.subscribe`."""
        for topic in topics:
            self._topics.get(topic)
        member = _Member(self, group, topics)
        self._members.setdefault(group, []).append(member)
        await self._rebalance(group)
        return member

    async def leave(self, member: "_Member") -> None:
        """Takes a member out of its group, whose other members take over."""
        if member in self._members.get(member.group, ()):
            self._members[member.group].remove(member)
            await self._rebalance(member.group)

    async def _rebalance(self, group: str) -> None:
        async with self._rebalancing:
            members = self._members[group]
            owners: dict[_Partition, _Member] = {}
            for topic in sorted({topic for member in members for topic in member.topics}):
                readers = [member for member in members if topic in member.topics]
                for number in range(self._topics.get(topic).partitions):
                    owners[topic, number] = readers[number % len(readers)]
            committed = await self._run(lambda: self._positions(group, owners))
            for member in members:
                own = [partition for partition, owner in owners.items() if owner is member]
                # What a member keeps goes on where it is; what it takes over begins where the group has committed.
                member.next_offsets = {at: member.next_offsets.get(at, committed[at]) for at in own}
                member.woken.set()

    def _positions(self, group: str, partitions: Iterable[_Partition]) -> dict[_Partition, int]:
        found = {}
        for partition in partitions:
            row = self._connection.execute(
                'SELECT next_offset FROM position WHERE "group" = ? AND partition_id = ?',
                (group, self._identifier(partition)),
            ).fetchone()
            found[partition] = row[0] if row is not None else 0
        return found

    async def read(self, starts: Mapping[_Partition, int], limit: int) -> Sequence[Delivery]:
        """Returns up to `limit` messages of the given partitions from the given offsets on."""
        return await self._run(lambda: self._read(starts, limit))

    def _read(self, starts: Mapping[_Partition, int], limit: int) -> Sequence[Delivery]:
        found: list[Delivery] = []
        for (topic, number), start in starts.items():
            rows = self._connection.execute(
                'SELECT "offset", key, headers, value FROM message WHERE partition_id = ? AND "offset" >= ?'
                ' ORDER BY "offset" LIMIT ?',
                (self._ids[topic, number], start, limit - len(found)),
            )
            for offset, key, encoded, value in rows:
                headers = {name: text.encode("latin-1") for name, text in json.loads(encoded).items()}
                found.append(Delivery(Message(topic, key, value, headers), number, offset))
        return found

    def end(self, partition: _Partition) -> int:
        """Returns the offset that the next message of a partition will have."""
        return self._ends.get(partition, 0)

    async def store_positions(self, group: str, positions: Mapping[_Partition, int]) -> None:
        """Records where a group has come to."""

        def store() -> None:
            with self._transaction():
                self._connection.executemany(
                    "INSERT INTO position VALUES (?, ?, ?)"
                    ' ON CONFLICT ("group", partition_id) DO UPDATE SET next_offset = excluded.next_offset',
                    [(group, self._ids[at], offset) for at, offset in positions.items()],
                )

        await self._run(store)

    async def count_uncommitted(self, group: str, partitions: Iterable[_Partition]) -> int:
        """Returns how many messages of the partitions a group has not committed."""

        def count() -> int:
            total = 0
            for partition, offset in self._positions(group, partitions).items():
                row = self._connection.execute(
                    'SELECT count(*) FROM message WHERE partition_id = ? AND "offset" >= ?',
                    (self._ids[partition], offset),
                ).fetchone()
                total += row[0]
            return total

        return await self._run(count)

    async def close(self) -> None:
        """Closes the file and ends the thread. Twice is once."""
        if not self._closed:
            await self._run(self._connection.close)
            self._closed = True
            self._thread.shutdown()

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        if self._closed:
            raise BrokerError("the log is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.OperationalError as error:  # such as a full disk
            raise BrokerError(f"the log cannot be written or read: {error}") from error


class _Member:
    """A member of a group, and where it has come to in each of its partitions."""

    def __init__(self, log: EmbeddedLog, group: str, topics: Sequence[str]) -> None:
        self.group = group
        self.topics = frozenset(topics)
        self.next_offsets: dict[_Partition, int] = {}
        self.woken = asyncio.Event()
        self._log = log
        self._closed = False

    async def poll(self, max_messages: int, timeout_seconds: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + timeout_seconds
        while True:
            if self._closed:
                raise BrokerError("the subscription is closed")
            self.woken.clear()
            ends = {at: self._log.end(at) for at, start in self.next_offsets.items() if start < self._log.end(at)}
            if ends:
                deliveries = await self._log.read({at: self.next_offsets[at] for at in ends}, max_messages)
                kept = [each for each in deliveries if (each.message.topic, each.partition) in self.next_offsets]
                self._advance(ends, kept, complete=len(deliveries) < max_messages)
                if kept:
                    return kept
            try:
                async with asyncio.timeout_at(ends_at):
                    await self.woken.wait()
            except TimeoutError:
                return []

    def _advance(self, ends: Mapping[_Partition, int], deliveries: Sequence[Delivery], *, complete: bool) -> None:
        seen = {(each.message.topic, each.partition): each.offset + 1 for each in deliveries}
        for partition in ends:
            if partition not in self.next_offsets:
                continue
            if partition in seen:
                # A partition that has been read goes to the end of the queue, so that none waits for the others for ever.
                del self.next_offsets[partition]
                self.next_offsets[partition] = seen[partition]
            elif complete:
                self.next_offsets[partition] = ends[partition]  # what stood here has outlived its retention

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        positions = {(each.message.topic, each.partition): each.offset + 1 for each in deliveries}
        owned = {at: offset for at, offset in positions.items() if at in self.next_offsets}
        if owned and not self._closed:
            await self._log.store_positions(self.group, owned)

    async def lag(self) -> int:
        return await self._log.count_uncommitted(self.group, list(self.next_offsets))

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.woken.set()
            await self._log.leave(self)
