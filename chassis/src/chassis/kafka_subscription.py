"""A subscription of Kafka: a thread that never stops to poll, and what it holds until somebody takes it."""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from kafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from chassis.broker import BrokerError, Delivery, Message
from chassis.kafka_settings import KafkaSettings
from chassis.logs import Logger

_Result = TypeVar("_Result")

# What a message may hold besides key and value stays below what Kafka takes by default (1,048,588 bytes).
_MAX_REQUEST_BYTES: Final = 1_048_576
_BATCH_BYTES: Final = 256 * 1024
# Batches leave when they are full or when the caller flushes; without the wait the first message of each goes alone.
_LINGER_MS: Final = 50
_FETCH_BYTES: Final = 16 * 1024 * 1024
# Beyond these a subscription stops to fetch until half is taken.
_HELD_MESSAGES: Final = 1_000
_HELD_BYTES: Final = 32 * 1024 * 1024
_SHORTEST_POLL_SECONDS: Final = 0.002
_LONGEST_POLL_SECONDS: Final = 0.2
_HEARTBEAT_SECONDS: Final = 1.0
_METADATA_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 5.0
_RETENTION: Final = "retention.ms"
_LEAST_IN_SYNC: Final = "min.insync.replicas"


class KafkaSubscription:
    """A member of a group: a thread that polls, and what it holds for the event loop."""

    def __init__(
        self, group: str, open_consumer: Callable[[ConsumerRebalanceListener], Any], *, settings: KafkaSettings, logger: Logger
    ) -> None:
        self._group = group
        self._open = open_consumer
        self._settings = settings
        self._logger = logger.bind(group=group)
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._held = _Held()
        self._asked: queue.SimpleQueue[tuple[Callable[[Any], Any], Future[Any]]] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._ended = False
        self._failure: BrokerError | None = None
        self._joined = False
        self._closed = False
        self._taken_at: float | None = None
        self._watch = _Watch()
        self._thread = threading.Thread(target=self._run, name=f"kafka-{group}", daemon=True)

    async def join(self) -> None:
        """Waits for the partitions.

        Raises:
            BrokerError: If that takes too long, or Kafka cannot be reached.
        """
        self._thread.start()
        # The group waits as long as a session for a member that died.
        seconds = self._settings.connect_seconds + 2 * self._settings.session_seconds
        try:
            async with asyncio.timeout(seconds):
                while not self._joined:
                    self._woken.clear()
                    if self._failure is not None:
                        raise self._failure
                    await self._woken.wait()
        except TimeoutError as error:
            self._closed = True
            raise BrokerError(f"group {self._group!r} was not joined within {seconds} s") from error
        except BaseException:
            self._closed = True
            raise

    async def poll(self, max_messages: int, timeout_seconds: float) -> Sequence[Delivery]:
        self._taken_at = None
        ends_at = self._loop.time() + timeout_seconds
        while True:
            if self._closed:
                raise BrokerError("the subscription is closed")
            self._woken.clear()
            if self._failure is not None:
                raise self._failure
            if found := self._held.take(max_messages):
                self._taken_at = time.monotonic()
                return found
            try:
                async with asyncio.timeout_at(ends_at):
                    await self._woken.wait()
            except TimeoutError:
                return []

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        positions: dict[TopicPartition, int] = {}
        for each in deliveries:
            at = TopicPartition(each.message.topic, each.partition)
            positions[at] = max(positions.get(at, 0), each.offset + 1)
        if positions and not self._closed:
            await self._ask(lambda consumer: self._commit(consumer, positions))

    async def lag(self) -> int:
        return await self._ask(self._lag)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._woken.set()
            await asyncio.to_thread(self._thread.join, 2 * _CLOSE_SECONDS)

    async def _ask(self, work: Callable[[Any], _Result]) -> _Result:
        answer: Future[_Result] = Future()
        with self._gate:
            if self._ended:
                raise self._failure or BrokerError("the subscription is closed")
            self._asked.put((work, answer))
        return await asyncio.wrap_future(answer)

    # --- in the thread ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        failure: BrokerError | None = None
        try:
            consumer = self._open(_Rebalance(self._held))
            try:
                while not self._closed:
                    consumer = self._turn(consumer)
            finally:
                consumer.close(autocommit=False, timeout_ms=milliseconds(_CLOSE_SECONDS))
        except BrokerError as error:
            failure = error
        except KafkaError as error:
            failure = broker_error(error)
        except Exception as error:
            # Whatever the library fails with, a new member can go on where this one has committed.
            self._logger.exception("subscription failed")
            failure = BrokerError(f"the subscription of {self._group!r} failed: {type(error).__name__}: {error}")
        with self._gate:
            self._ended = True
            self._failure = failure
        while not self._asked.empty():
            _, answer = self._asked.get()
            _answer(answer, error=failure or BrokerError("the subscription is closed"))
        self._wake()

    def _turn(self, consumer: Any) -> Any:
        while not self._asked.empty():
            work, answer = self._asked.get()
            try:
                _answer(answer, work(consumer))
            except KafkaError as error:
                _answer(answer, error=broker_error(error))
            except Exception as error:
                _answer(answer, error=error)
        if self._held.is_full():
            self._watch.forget()
            with suppress(KeyError):  # a partition that is taken away meanwhile
                consumer.pause(*consumer.assignment())
        elif paused := consumer.paused():
            with suppress(KeyError):
                consumer.resume(*paused)
        found = consumer.poll(timeout_ms=milliseconds(self._poll_seconds()), max_records=_HELD_MESSAGES // 2)
        _go_on_joining(consumer)
        if found:
            self._held.put({at: [_delivery(record) for record in records] for at, records in found.items()}, consumer.assignment())
            self._wake()
        if not self._joined and self._held.assigned:
            self._joined = True
            self._wake()
        if self._joined and self._watch.is_due(self._settings.stall_seconds / 2):
            stalled = self._watch.stalled(consumer, milliseconds(self._settings.connect_seconds))
            if stalled:
                return self._rebuild(consumer, stalled)
        return consumer

    def _poll_seconds(self) -> float:
        # Nothing wakes a poll when a commit is asked for. While one is to be expected, the poll is as short as keeps the wait
        # for it small beside the handling before it.
        taken_at = self._taken_at
        if taken_at is None:
            return _LONGEST_POLL_SECONDS
        return min(_LONGEST_POLL_SECONDS, max(_SHORTEST_POLL_SECONDS, (time.monotonic() - taken_at) / 4))

    def _rebuild(self, consumer: Any, stalled: Sequence[TopicPartition]) -> Any:
        """Returns a new consumer in place of one that gets nothing although there is something.

        Consumers of kafka-python 3.0 have been seen so: https://github.com/dpkp/kafka-python/issues/3106
        """
        self._logger.warning("consumer stalled", partitions=[f"{at.topic}/{at.partition}" for at in stalled])
        consumer.close(autocommit=False, timeout_ms=milliseconds(_CLOSE_SECONDS))
        self._held.clear()
        self._watch.forget()
        return self._open(_Rebalance(self._held))

    def _commit(self, consumer: Any, positions: Mapping[TopicPartition, int]) -> None:
        owned = consumer.assignment()
        offsets = {at: OffsetAndMetadata(offset, "", -1) for at, offset in positions.items() if at in owned}
        if not offsets:
            return
        try:
            consumer.commit(offsets, timeout_ms=milliseconds(self._settings.publish_seconds))
            self._held.committed.update({at: offset.offset for at, offset in offsets.items()})
        except (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError) as error:
            # The partitions are moving; whoever has them next begins at what was committed before.
            self._logger.info("offsets not committed", error=str(error))

    def _lag(self, consumer: Any) -> int:
        wait_ms = milliseconds(self._settings.connect_seconds)
        assigned = sorted(consumer.assignment())
        ends = consumer.end_offsets(assigned, timeout_ms=wait_ms)
        for at in assigned:
            if at not in self._held.committed:
                committed = consumer.committed(at, timeout_ms=wait_ms)
                begins = {} if committed is not None else consumer.beginning_offsets([at], timeout_ms=wait_ms)
                self._held.committed[at] = begins.get(at, committed)
        committed_to = dict(self._held.committed)
        return sum(max(0, end - committed_to.get(at, end)) for at, end in ends.items())

    def _wake(self) -> None:
        # In a loop that is closed nobody waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._woken.set)


class _Held:
    """What is known of the partitions that a member has, and what was fetched of them and not yet taken.

    Filled in one thread, taken in another, dropped in a third.

    Attributes:
        assigned: Whether the group has ever given out its partitions.
        committed: Where the group has come to, as far as that was asked or said.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[TopicPartition, deque[Delivery]] = {}
        self._messages = 0
        self._bytes = 0
        self._full = False
        self.assigned = False
        self.committed: dict[TopicPartition, int] = {}

    def put(self, found: Mapping[TopicPartition, Sequence[Delivery]], assigned: Iterable[TopicPartition]) -> None:
        owned = set(assigned)
        with self._lock:
            for at, deliveries in found.items():
                if at in owned:
                    self._waiting.setdefault(at, deque()).extend(deliveries)
                    self._messages += len(deliveries)
                    self._bytes += sum(len(each.message.value) for each in deliveries)

    def take(self, limit: int) -> list[Delivery]:
        found: list[Delivery] = []
        with self._lock:
            while self._waiting and len(found) < limit:
                at = next(iter(self._waiting))
                deliveries = self._waiting.pop(at)
                while deliveries and len(found) < limit:
                    found.append(deliveries.popleft())
                if deliveries:
                    # A partition that was read goes to the end of the queue, so that none waits for the others for ever.
                    self._waiting[at] = deliveries
            self._messages -= len(found)
            self._bytes -= sum(len(each.message.value) for each in found)
        return found

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        with self._lock:
            for at in partitions:
                self.committed.pop(at, None)
                dropped = self._waiting.pop(at, deque())
                self._messages -= len(dropped)
                self._bytes -= sum(len(each.message.value) for each in dropped)

    def clear(self) -> None:
        self.drop({*self._waiting, *self.committed})

    def is_full(self) -> bool:
        with self._lock:
            share = 2 if self._full else 1
            self._full = self._messages >= _HELD_MESSAGES // share or self._bytes >= _HELD_BYTES // share
            return self._full


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    """Drops what is held of partitions that are taken away: their next reader begins where the group has committed."""

    def __init__(self, held: _Held) -> None:
        self._held = held

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._held.drop(revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - the library's signature
        # Nothing is dropped here: what was fetched of them may be held already.
        self._held.assigned = True


class _Watch:
    """Tells when partitions have something to read and the place in them has not moved between two looks."""

    def __init__(self) -> None:
        self._looked_at = time.monotonic()
        self._behind: dict[TopicPartition, int | None] = {}

    def forget(self) -> None:
        self._behind = {}

    def is_due(self, every_seconds: float) -> bool:
        return time.monotonic() - self._looked_at >= every_seconds

    def stalled(self, consumer: Any, wait_ms: int) -> Sequence[TopicPartition]:
        before, self._behind = self._behind, {}
        self._looked_at = time.monotonic()
        assigned = consumer.assignment()
        ends = consumer.end_offsets(list(assigned), timeout_ms=wait_ms) if assigned else {}
        for at, end in ends.items():
            if end > 0 and at in consumer.assignment():
                position = consumer.position(at, timeout_ms=wait_ms)
                if position is None or position < end:
                    self._behind[at] = position
        return sorted(at for at, position in self._behind.items() if at in before and before[at] == position)


def _go_on_joining(consumer: Any) -> None:
    """Reminds a consumer of a join that it forgot.

    When new metadata made the leader of a group join again, and that takes longer than a poll, kafka-python 3.0.12 takes the join
    for done at the next poll: it has no partitions any more and sends no heartbeats.
    """
    coordinator = consumer._coordinator
    if coordinator.rejoining and not coordinator.need_rejoin():
        coordinator.request_rejoin()


def _delivery(record: Any) -> Delivery:
    # Of another's making a key may be anything; what it was counts less than that the message can be set aside.
    key = "" if record.key is None else record.key.decode("utf-8", "replace")
    headers = {name: value or b"" for name, value in record.headers}
    return Delivery(Message(record.topic, key, record.value or b"", headers), record.partition, record.offset)


def _answer(answer: Future[Any], result: Any = None, *, error: Exception | None = None) -> None:
    # Who asked may have given up waiting.
    if not answer.set_running_or_notify_cancel():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)


def broker_error(error: KafkaError) -> BrokerError:
    """Returns a failure of the library as the broker's own."""
    return BrokerError(f"Kafka: {type(error).__name__}: {error}")


def milliseconds(seconds: float) -> int:
    """Returns seconds as the library takes them."""
    return round(seconds * 1000)
