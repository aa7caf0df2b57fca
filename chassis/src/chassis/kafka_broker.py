"""The broker of a deployment: Apache Kafka, spoken to by kafka-python.

The library is synchronous. What is published goes through one thread, so that messages of one key stay in order. Each
subscription has a thread that never stops to poll, so that a member keeps its place in the group however long a handler takes.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final, TypeVar

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    TopicAlreadyExistsError,
)
from kafka.net.compat import KafkaNetClient

from chassis.broker import MAX_MESSAGE_BYTES, BrokerError, Message, MessageTooLarge, Subscription
from chassis.kafka_settings import KafkaSettings
from chassis.kafka_subscription import KafkaSubscription, broker_error, milliseconds
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
        subscription = KafkaSubscription(
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
            raise broker_error(error) from error

    def _connection(self) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {
            "bootstrap_servers": settings.bootstrap_servers.split(","),
            "client_id": settings.client_id,
            "bootstrap_timeout_ms": milliseconds(settings.connect_seconds),
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
            admin.wait_for_topics([topic.name for topic in wanted], timeout_ms=milliseconds(self._settings.connect_seconds))
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
        wait_ms = milliseconds(self._settings.publish_seconds)
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
        session_ms = milliseconds(self._settings.session_seconds)
        consumer = self._connected(
            self._open_consumer,
            group_id=group,
            group_instance_id=self._settings.instance_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Of two topics with as many partitions a member has the same ones, and so all events of a park.
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(milliseconds(_HEARTBEAT_SECONDS), session_ms // 3),
            request_timeout_ms=milliseconds(self._settings.publish_seconds),
            fetch_max_bytes=_FETCH_BYTES,
            metadata_max_age_ms=milliseconds(_METADATA_SECONDS),
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        consumer.subscribe(list(topics), listener=listener)
        # A member that leads its group before it knows the partitions gives out none of them at first.
        if unknown := [topic for topic in topics if not consumer.partitions_for_topic(topic)]:
            consumer.close(autocommit=False, timeout_ms=milliseconds(_CLOSE_SECONDS))
            raise BrokerError(f"Kafka does not tell the partitions of {', '.join(unknown)}")
        return consumer


def _retention_ms(topic: Topic) -> str:
    return str(timedelta(days=topic.retention_days) // timedelta(milliseconds=1))


def _path(path: object) -> str | None:
    return None if path is None else str(path)
