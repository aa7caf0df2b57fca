"""The broker of a deployment: Apache Kafka, spoken to by kafka-python.

The library is synchronous. What is published goes through one thread, so that messages of one key stay in order. Each
subscription has a thread that never stops to poll, so that a member keeps its place in the group however long a handler takes.
"""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, TypeVar

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    MessageSizeTooLargeError,
    RebalanceInProgressError,
    TopicAlreadyExistsError,
    UnknownMemberIdError,
)
from kafka.net.compat import KafkaNetClient

from chassis.broker import MAX_MESSAGE_BYTES, BrokerError, Delivery, Message, MessageTooLarge, Subscription
from chassis.kafka_settings import KafkaSettings
from chassis.logs import Logger
from chassis.topics import Topic, TopicRegistry, dead_letter_topic

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


class TopicMismatch(Exception):
    """A topic exists with fewer partitions than the registry says; adding some would move keys, so a person decides."""

    def __init__(self, topic: str, found: int, wanted: int) -> None:
        """Stores the topic and both numbers of partitions."""
        super().__init__(f"topic {topic!r} has {found} partitions in Kafka and {wanted} in the registry")
        self.topic = topic
        self.found = found
        self.wanted = wanted


class KafkaBroker:
    """A `Broker` on Apache Kafka. Connects when it is first used; topics that are missing are created then."""

    def __init__(
        self,
        settings: KafkaSettings,
        topics: TopicRegistry,
        *,
        logger: Logger,
        open_consumer: Callable[..., Any] = KafkaConsumer,
    ) -> None:
        """Stores the parts.

        Args:
            settings: Where Kafka is, and how to speak to it.
            topics: The topics that exist.
            logger: Of the service.
            open_consumer: Makes a consumer of the options it is given; tests put one here that stalls.
        """
        self._settings = settings
        self._topics = topics
        self._logger = logger
        self._open_consumer = open_consumer
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kafka-producer")
        self._producer: Any = None
        self._present: set[str] = set()
        self._preparing: asyncio.Task[None] | None = None
        self._closed = False

    async def begin(self, patience_seconds: float) -> None:
        """Begins to `prepare`, and waits for that for a while only: what is missing later is created when it is used.

        Args:
            patience_seconds: >= 0.

        Raises:
            TopicMismatch: If Kafka says so in that time; later it is logged, and whoever uses the topic is told.
        """
        self._preparing = asyncio.create_task(self._prepare_once(), name="kafka topics")
        done, _ = await asyncio.wait({self._preparing}, timeout=patience_seconds)
        if done:
            self._preparing.result()
        else:
            self._logger.warning("broker not reached yet")

    async def _prepare_once(self) -> None:
        try:
            await self.prepare()
        except BrokerError as error:
            self._logger.warning("broker not reached", error=str(error))
        except TopicMismatch as error:
            self._logger.error("topics differ from the registry", error=str(error))
            raise

    async def prepare(self) -> None:
        """Creates what is missing of the registry's topics and of the dead-letter topics of their listed consumers.

        Raises:
            TopicMismatch: If a topic has fewer partitions than the registry says.
            BrokerError: If Kafka cannot be reached.
        """
        names = [topic.name for topic in self._topics]
        names += [dead_letter_topic(topic.name, group) for topic in self._topics for group in topic.consumers]
        await self._run(lambda: self._ensure(names))

    async def publish(self, messages: Sequence[Message]) -> None:
        """Stores messages on all replicas in sync. As `Broker.publish`.

        When it fails, what was stored is a beginning of what was given, per partition.
        """
        for message in messages:
            self._topics.get(message.topic)
            size = len(message.value) + len(message.key)
            if size > MAX_MESSAGE_BYTES:
                raise MessageTooLarge(message.topic, size, MAX_MESSAGE_BYTES)
        if messages:
            await self._run(lambda: self._send(messages))

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """Joins a group, and returns once it has its partitions. As `Broker.subscribe`."""
        for topic in topics:
            self._topics.get(topic)
        await self._run(lambda: self._ensure(topics))
        subscription = _Subscription(
            group, lambda listener: self._consumer(group, topics, listener), settings=self._settings, logger=self._logger
        )
        await subscription.join()
        return subscription

    async def close(self) -> None:
        """Gives what is under way a moment to end, then ends the connections and threads. Twice is once."""
        if not self._closed:
            await self._run(self._close_producer)
            self._closed = True
            self._thread.shutdown()
            if self._preparing is not None:
                await asyncio.gather(self._preparing, return_exceptions=True)

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        if self._closed:
            raise BrokerError("the broker is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except KafkaError as error:
            raise _broker_error(error) from error

    def _connection(self) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {
            "bootstrap_servers": settings.bootstrap_servers.split(","),
            "client_id": settings.client_id,
            "bootstrap_timeout_ms": _ms(settings.connect_seconds),
            "reconnect_backoff_max_ms": 1_000,
            "security_protocol": settings.security_protocol,
            "ssl_cafile": _path(settings.ca_file),
            "ssl_certfile": _path(settings.certificate_file),
            "ssl_keyfile": _path(settings.key_file),
        }
        if settings.sasl_mechanism is not None and settings.sasl_password is not None:
            options["sasl_mechanism"] = settings.sasl_mechanism
            options["sasl_plain_username"] = settings.sasl_user
            options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
        return options

    def _connected(self, make: Callable[..., Any], **options: Any) -> Any:
        opened: list[KafkaNetClient] = []

        def client(**configs: Any) -> KafkaNetClient:
            opened.append(KafkaNetClient(**configs))
            return opened[-1]

        try:
            return make(**self._connection(), kafka_client=client, **options)
        except BaseException:
            # What kafka-python 3.0.12 could not connect would keep its thread for as long as the process runs.
            for each in opened:
                each.close()
            raise

    # --- topics -------------------------------------------------------------------------------------------------------------

    def _ensure(self, names: Iterable[str]) -> None:
        wanted = [self._topics.get(name) for name in dict.fromkeys(names) if name not in self._present]
        if not wanted:
            return
        admin = self._connected(KafkaAdminClient)
        try:
            found = self._partitions(admin, wanted)
            for topic in wanted:
                if topic.name not in found:
                    self._create(admin, topic)
            admin.wait_for_topics([topic.name for topic in wanted], timeout_ms=_ms(self._settings.connect_seconds))
            found = self._partitions(admin, wanted)
            for topic in wanted:
                if found[topic.name] < topic.partitions:
                    raise TopicMismatch(topic.name, found[topic.name], topic.partitions)
            self._keep_as_long_as_registered(admin, wanted)
        finally:
            admin.close()
        self._present.update(topic.name for topic in wanted)

    def _partitions(self, admin: Any, topics: Sequence[Topic]) -> Mapping[str, int]:
        described = admin.describe_topics([topic.name for topic in topics])
        return {each["name"]: len(each["partitions"]) for each in described if each["error_code"] == 0}

    def _create(self, admin: Any, topic: Topic) -> None:
        replicas = self._settings.replication_factor
        configs = {_RETENTION: _retention_ms(topic)}
        if replicas >= 3:
            # With one replica in sync enough, an acknowledged message could be lost with the machine that has it.
            configs[_LEAST_IN_SYNC] = "2"
        options = {"num_partitions": topic.partitions, "replication_factor": replicas, "configs": configs}
        try:
            admin.create_topics({topic.name: options})
            self._logger.info("topic created", topic=topic.name, partitions=topic.partitions)
        except TopicAlreadyExistsError:
            # Another service was faster.
            return

    def _keep_as_long_as_registered(self, admin: Any, topics: Sequence[Topic]) -> None:
        asked = [ConfigResource("TOPIC", topic.name, [_RETENTION]) for topic in topics]
        configs = admin.describe_configs(asked, config_filter="all").get("topic", {})
        for topic in topics:
            found = configs.get(topic.name, {}).get(_RETENTION, {}).get("value")
            if found is None:
                self._logger.info("retention not shown", topic=topic.name)  # to a user without the right to see it
            elif found != _retention_ms(topic):
                self._logger.warning("retention altered", topic=topic.name, found_ms=found, wanted_ms=_retention_ms(topic))
                admin.alter_configs([ConfigResource("TOPIC", topic.name, {_RETENTION: _retention_ms(topic)})])

    # --- publishing ---------------------------------------------------------------------------------------------------------

    def _send(self, messages: Sequence[Message]) -> None:
        self._ensure({message.topic for message in messages})
        if self._producer is None:
            self._producer = self._open_producer()
        producer = self._producer
        try:
            sent = [
                producer.send(message.topic, message.value, message.key.encode(), list(message.headers.items()))
                for message in messages
            ]
            producer.flush(timeout=self._settings.publish_seconds)
            for future in sent:
                if not future.succeeded():
                    raise future.exception or BrokerError("Kafka did not confirm a message")
        except MessageSizeTooLargeError as error:
            self._give_up_producer()
            largest = max(messages, key=lambda message: len(message.value))
            raise MessageTooLarge(largest.topic, len(largest.value) + len(largest.key), MAX_MESSAGE_BYTES) from error
        except BaseException:
            self._give_up_producer()
            raise

    def _open_producer(self) -> Any:
        wait_ms = _ms(self._settings.publish_seconds)
        return self._connected(
            KafkaProducer,
            acks="all",
            enable_idempotence=True,
            batch_size=_BATCH_BYTES,
            linger_ms=_LINGER_MS,
            max_request_size=_MAX_REQUEST_BYTES,
            max_block_ms=wait_ms,
            request_timeout_ms=wait_ms,
            # Longer than a caller waits: batches must not run out one by one, the later ones after the earlier.
            delivery_timeout_ms=4 * wait_ms,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )

    def _give_up_producer(self) -> None:
        """Drops what is not sent: the caller publishes it again, and the old copies must not come after the new."""
        producer, self._producer = self._producer, None
        # `close(timeout=0)` of kafka-python 3.0.12 raises before it closes as long as something waits to be sent.
        producer._sender.force_close()
        producer._sender.join(_CLOSE_SECONDS)
        producer.close(timeout=_CLOSE_SECONDS)

    def _close_producer(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            producer.close(timeout=_CLOSE_SECONDS)

    def _consumer(self, group: str, topics: Sequence[str], listener: ConsumerRebalanceListener) -> Any:
        session_ms = _ms(self._settings.session_seconds)
        consumer = self._connected(
            self._open_consumer,
            group_id=group,
            group_instance_id=self._settings.instance_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Of two topics with as many partitions a member has the same ones, and so all events of a park.
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(_ms(_HEARTBEAT_SECONDS), session_ms // 3),
            request_timeout_ms=_ms(self._settings.publish_seconds),
            fetch_max_bytes=_FETCH_BYTES,
            metadata_max_age_ms=_ms(_METADATA_SECONDS),
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        consumer.subscribe(list(topics), listener=listener)
        # A member that leads its group before it knows the partitions gives out none of them at first.
        if unknown := [topic for topic in topics if not consumer.partitions_for_topic(topic)]:
            consumer.close(autocommit=False, timeout_ms=_ms(_CLOSE_SECONDS))
            raise BrokerError(f"Kafka does not tell the partitions of {', '.join(unknown)}")
        return consumer


class _Subscription:
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
                consumer.close(autocommit=False, timeout_ms=_ms(_CLOSE_SECONDS))
        except BrokerError as error:
            failure = error
        except KafkaError as error:
            failure = _broker_error(error)
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
                _answer(answer, error=_broker_error(error))
            except Exception as error:
                _answer(answer, error=error)
        if self._held.is_full():
            self._watch.forget()
            with suppress(KeyError):  # a partition that is taken away meanwhile
                consumer.pause(*consumer.assignment())
        elif paused := consumer.paused():
            with suppress(KeyError):
                consumer.resume(*paused)
        found = consumer.poll(timeout_ms=_ms(self._poll_seconds()), max_records=_HELD_MESSAGES // 2)
        _go_on_joining(consumer)
        if found:
            self._held.put({at: [_delivery(record) for record in records] for at, records in found.items()}, consumer.assignment())
            self._wake()
        if not self._joined and self._held.assigned:
            self._joined = True
            self._wake()
        if self._joined and self._watch.is_due(self._settings.stall_seconds / 2):
            stalled = self._watch.stalled(consumer, _ms(self._settings.connect_seconds))
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
        consumer.close(autocommit=False, timeout_ms=_ms(_CLOSE_SECONDS))
        self._held.clear()
        self._watch.forget()
        return self._open(_Rebalance(self._held))

    def _commit(self, consumer: Any, positions: Mapping[TopicPartition, int]) -> None:
        owned = consumer.assignment()
        offsets = {at: OffsetAndMetadata(offset, "", -1) for at, offset in positions.items() if at in owned}
        if not offsets:
            return
        try:
            consumer.commit(offsets, timeout_ms=_ms(self._settings.publish_seconds))
            self._held.committed.update({at: offset.offset for at, offset in offsets.items()})
        except (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError) as error:
            # The partitions are moving; whoever has them next begins at what was committed before.
            self._logger.info("offsets not committed", error=str(error))

    def _lag(self, consumer: Any) -> int:
        wait_ms = _ms(self._settings.connect_seconds)
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


def _broker_error(error: KafkaError) -> BrokerError:
    return BrokerError(f"Kafka: {type(error).__name__}: {error}")


def _retention_ms(topic: Topic) -> str:
    return str(timedelta(days=topic.retention_days) // timedelta(milliseconds=1))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _path(path: object) -> str | None:
    return None if path is None else str(path)
