"""What every broker promises: the embedded log and a real Apache Kafka."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from chassis.broker import MAX_MESSAGE_BYTES, Broker, Delivery, Message, MessageTooLarge, Subscription, partition_of
from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog, LogInUse
from chassis.kafka_broker import KafkaBroker
from chassis.kafka_settings import KafkaSettings
from chassis.logs import Logger
from chassis.testing.kafka import KafkaServer
from chassis.topics import Topic, TopicRegistry, UnknownTopic, dead_letter_topic

OpenBroker = Callable[[], Awaitable[Broker]]
READINGS, SINGLE = "metering.reading.v1", "metering.single.v1"


def topic(name: str, partitions: int) -> Topic:
    return Topic(
        name=name,
        owner="metering",
        key="park_id",
        partitions=partitions,
        retention_days=7,
        messages=("metering.Read",),
        producers=("metering",),
        consumers=("billing",),
    )


REGISTRY = TopicRegistry([topic(READINGS, 6), topic(SINGLE, 1)])


def embedded(folder: Path) -> OpenBroker:
    async def open_again() -> Broker:
        return EmbeddedLog(folder / "log.sqlite3", REGISTRY, clock=SystemClock())

    return open_again


def kafka(server: KafkaServer, logger: Logger) -> OpenBroker:
    """Opens a broker on the session's Kafka, with topics of the test's own behind the names that the test uses."""
    apart = Apart(uuid4().hex)

    async def open_again() -> Broker:
        settings = KafkaSettings(bootstrap_servers=server.bootstrap_servers, session_seconds=2.0)
        return apart.of(KafkaBroker(settings, apart.registry(REGISTRY), logger=logger))

    return open_again


class Apart:
    """Keeps tests on one Kafka apart: what a test calls a topic or a group has another name there."""

    def __init__(self, mark: str) -> None:
        self._mark = f"t{mark}-"

    def registry(self, registry: TopicRegistry) -> TopicRegistry:
        return TopicRegistry(each.model_copy(update={"name": self._mark + each.name}) for each in registry)

    def of(self, broker: Broker) -> Broker:
        return ApartBroker(broker, self._mark)


class ApartBroker:
    def __init__(self, broker: Broker, mark: str) -> None:
        self._broker, self._mark = broker, mark

    async def publish(self, messages: Sequence[Message]) -> None:
        await self._broker.publish([replace(each, topic=self._mark + each.topic) for each in messages])

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        inner = await self._broker.subscribe(self._mark + group, [self._mark + topic for topic in topics])
        return ApartSubscription(inner, self._mark)

    async def close(self) -> None:
        await self._broker.close()


class ApartSubscription:
    def __init__(self, subscription: Subscription, mark: str) -> None:
        self._subscription, self._mark = subscription, mark

    async def poll(self, max_messages: int, timeout_seconds: float) -> Sequence[Delivery]:
        return [
            replace(each, message=replace(each.message, topic=each.message.topic.removeprefix(self._mark)))
            for each in await self._subscription.poll(max_messages, timeout_seconds)
        ]

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        await self._subscription.commit(
            [replace(each, message=replace(each.message, topic=self._mark + each.message.topic)) for each in deliveries]
        )

    async def lag(self) -> int:
        return await self._subscription.lag()

    async def close(self) -> None:
        await self._subscription.close()


@pytest.fixture(params=["embedded", "kafka"])
def broker_factory(request: pytest.FixtureRequest, tmp_path: Path, logger: Logger) -> OpenBroker:
    """Opens the same broker as often as it is called."""
    if request.param == "embedded":
        return embedded(tmp_path)
    return kafka(request.getfixturevalue("kafka_server"), logger)


@pytest.fixture
async def broker(broker_factory: OpenBroker) -> AsyncIterator[Broker]:
    opened = await broker_factory()
    yield opened
    await opened.close()


@asynccontextmanager
async def subscribed(broker: Broker, group: str = "billing", *topics: str) -> AsyncIterator[Subscription]:
    subscription = await broker.subscribe(group, topics or (READINGS,))
    try:
        yield subscription
    finally:
        await subscription.close()


def messages(count: int, *, keys: int = 4, topic: str = READINGS) -> list[Message]:
    return [Message(topic, f"park-{at % keys}", str(at).encode()) for at in range(count)]


async def take(subscription: Subscription, count: int) -> list[Delivery]:
    found: list[Delivery] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += await subscription.poll(count - len(found), 1.0)
    return found


def values(deliveries: Sequence[Delivery]) -> set[int]:
    return {int(delivery.message.value) for delivery in deliveries}


async def test_a_message_arrives_as_it_was_published(broker: Broker) -> None:
    sent = Message(READINGS, "园区-1", b"\x00\xff", {"ce_id": b"1", "ce_subject": "园区".encode(), "raw": b"\xfe\x00"})
    await broker.publish([sent])
    async with subscribed(broker) as subscription:
        assert [delivery.message for delivery in await take(subscription, 1)] == [sent]


async def test_nothing_published_is_nothing(broker: Broker) -> None:
    await broker.publish([])
    async with subscribed(broker) as subscription:
        assert await subscription.poll(10, 0.0) == []


async def test_what_was_published_is_there_after_reopening(broker_factory: OpenBroker) -> None:
    first = await broker_factory()
    await first.publish(messages(20))
    await first.close()
    second = await broker_factory()
    async with subscribed(second) as subscription:
        assert values(await take(subscription, 20)) == set(range(20))
    await second.close()


async def test_offsets_go_on_after_reopening(broker_factory: OpenBroker) -> None:
    first = await broker_factory()
    await first.publish(messages(1, topic=SINGLE))
    await first.close()
    second = await broker_factory()
    await second.publish(messages(1, topic=SINGLE))
    async with subscribed(second, "billing", SINGLE) as subscription:
        assert [delivery.offset for delivery in await take(subscription, 2)] == [0, 1]
    await second.close()


async def test_messages_of_one_key_stay_in_order(broker: Broker) -> None:
    sent = messages(200)
    await asyncio.gather(*(broker.publish(sent[at : at + 50]) for at in range(0, 200, 50)))
    async with subscribed(broker) as subscription:
        received = await take(subscription, 200)
    for key in {message.key for message in sent}:
        own = [int(each.message.value) for each in received if each.message.key == key]
        assert own == sorted(own)


async def test_offsets_of_a_partition_count_up_without_gaps(broker: Broker) -> None:
    await broker.publish(messages(50))
    async with subscribed(broker) as subscription:
        received = await take(subscription, 50)
    for partition in {each.partition for each in received}:
        offsets = [each.offset for each in received if each.partition == partition]
        assert offsets == list(range(len(offsets)))


async def test_a_key_has_the_partition_that_kafkas_clients_give_it(broker: Broker) -> None:
    await broker.publish(messages(40, keys=20))
    async with subscribed(broker) as subscription:
        for delivery in await take(subscription, 40):
            assert delivery.partition == partition_of(delivery.message.key, 6)


async def test_what_was_not_committed_comes_again(broker: Broker) -> None:
    await broker.publish(messages(10))
    async with subscribed(broker) as dies:
        await take(dies, 10)
    async with subscribed(broker) as lives:
        assert values(await take(lives, 10)) == set(range(10))


async def test_what_was_not_committed_comes_again_after_reopening(broker_factory: OpenBroker) -> None:
    first = await broker_factory()
    await first.publish(messages(10, topic=SINGLE))
    subscription = await first.subscribe("billing", (SINGLE,))
    await subscription.commit((await take(subscription, 10))[:4])
    await subscription.close()
    await first.close()
    second = await broker_factory()
    async with subscribed(second, "billing", SINGLE) as again:
        assert values(await take(again, 6)) == set(range(4, 10))
    await second.close()


async def test_what_was_committed_does_not_come_again(broker: Broker) -> None:
    await broker.publish(messages(10))
    async with subscribed(broker) as first:
        await first.commit(await take(first, 10))
    await broker.publish([Message(READINGS, "park-0", b"10")])
    async with subscribed(broker) as second:
        assert values(await take(second, 1)) == {10}
        assert await second.poll(10, 0.0) == []


async def test_a_commit_covers_what_stands_before_it_in_its_partition(broker: Broker) -> None:
    await broker.publish(messages(10, topic=SINGLE))
    async with subscribed(broker, "billing", SINGLE) as first:
        await first.commit([(await take(first, 10))[6]])
    async with subscribed(broker, "billing", SINGLE) as second:
        assert values(await take(second, 3)) == {7, 8, 9}


async def test_groups_do_not_see_each_other(broker: Broker) -> None:
    await broker.publish(messages(10))
    async with subscribed(broker, "billing") as billing, subscribed(broker, "audit") as audit:
        await billing.commit(await take(billing, 10))
        assert values(await take(audit, 10)) == set(range(10))


async def test_a_group_that_comes_later_begins_at_the_oldest(broker: Broker) -> None:
    await broker.publish(messages(5))
    async with subscribed(broker, "late") as late:
        await broker.publish([Message(READINGS, "park-0", b"5")])
        assert values(await take(late, 6)) == set(range(6))


async def test_members_of_a_group_share_the_partitions(broker: Broker) -> None:
    async with subscribed(broker) as first, subscribed(broker) as second:
        await broker.publish(messages(60, keys=30))
        found: list[tuple[int, Delivery]] = []
        async with asyncio.timeout(20):
            while len(found) < 60:
                found += [(1, each) for each in await first.poll(60, 0.1)]
                found += [(2, each) for each in await second.poll(60, 0.1)]
        assert values([each for _, each in found]) == set(range(60))
        owners = {(each.partition, member) for member, each in found}
        assert len(owners) == len({partition for partition, _ in owners}) == 6
        assert {member for _, member in owners} == {1, 2}


async def test_the_partitions_of_a_member_that_leaves_move_to_the_others(broker: Broker) -> None:
    first = await broker.subscribe("billing", (READINGS,))
    second = await broker.subscribe("billing", (READINGS,))
    await broker.publish(messages(60, keys=30))
    await first.poll(60, 5.0)
    await first.close()
    found = await take(second, 60)
    assert values(found) == set(range(60))
    await second.close()


async def test_a_commit_after_a_partition_has_moved_takes_nothing_from_its_new_reader(broker: Broker) -> None:
    await broker.publish(messages(60, keys=30))
    old = await broker.subscribe("billing", (READINGS,))
    read = await take(old, 60)
    new = await broker.subscribe("billing", (READINGS,))
    moved: list[Delivery] = []
    async with asyncio.timeout(20):
        while not moved:
            moved += await new.poll(60, 0.1)
            await old.poll(60, 0.0)
    await old.commit(read)
    await new.close()
    await old.close()
    async with subscribed(broker) as last:
        taken = {each.partition for each in moved}
        expected = [each for each in read if each.partition in taken]
        assert values(expected) <= values(await take(last, len(expected)))


async def test_a_waiting_reader_is_woken(broker: Broker) -> None:
    async with subscribed(broker) as subscription:
        waiting = asyncio.create_task(take(subscription, 1))
        await asyncio.sleep(0)
        await broker.publish(messages(1))
        assert values(await waiting) == {0}


async def test_a_poll_that_is_cancelled_loses_nothing(broker: Broker) -> None:
    await broker.publish(messages(10))
    async with subscribed(broker) as subscription:
        found: list[Delivery] = []
        for _ in range(5):
            polling = asyncio.create_task(subscription.poll(2, 5.0))
            await asyncio.sleep(0)
            polling.cancel()
            await asyncio.wait({polling})
            if not polling.cancelled():  # it was over before
                found += polling.result()
        if len(found) < 10:
            found += await take(subscription, 10 - len(found))
        assert values(found) == set(range(10))


async def test_no_more_come_at_once_than_asked_for(broker: Broker) -> None:
    await broker.publish(messages(10))
    async with subscribed(broker) as subscription:
        assert len(await subscription.poll(3, 5.0)) <= 3


async def test_no_partition_waits_for_ever_for_another(broker: Broker) -> None:
    busy, quiet = "park-0", next(key for key in map(str, range(100)) if partition_of(key, 6) != partition_of("park-0", 6))
    await broker.publish([Message(READINGS, busy, b"0") for _ in range(50)] + [Message(READINGS, quiet, b"1")])
    async with subscribed(broker) as subscription:
        found = [each.message.key for _ in range(10) for each in await subscription.poll(2, 1.0)]
    assert quiet in found


async def test_what_one_opening_publishes_another_reads(broker_factory: OpenBroker, request: pytest.FixtureRequest) -> None:
    """As two processes do, which need not have heard of each other."""
    if request.node.callspec.params["broker_factory"] == "embedded":
        reason = "the embedded log serves one process: its offsets and its sleeping readers are in that process's memory"
        request.applymarker(pytest.mark.xfail(strict=True, raises=LogInUse, reason=reason))
    async with AsyncExitStack() as opened:
        first = await broker_factory()
        opened.push_async_callback(first.close)
        second = await broker_factory()
        opened.push_async_callback(second.close)
        await first.publish(messages(10))
        async with subscribed(second) as subscription:
            assert values(await take(subscription, 10)) == set(range(10))


async def test_an_unknown_topic_is_refused(broker: Broker) -> None:
    with pytest.raises(UnknownTopic, match="no such"):
        await broker.subscribe("billing", ("no such",))
    with pytest.raises(UnknownTopic, match="no such"):
        await broker.publish([*messages(1), Message("no such", "k", b"")])
    async with subscribed(broker) as subscription:
        assert await subscription.poll(10, 0.0) == []


async def test_a_dead_letter_topic_is_implied(broker: Broker) -> None:
    name = dead_letter_topic(READINGS, "billing")
    await broker.publish([Message(name, "k", b"1", {"dead-letter-reason": b"NOT_AN_EVENT"})])
    async with subscribed(broker, "operators", name) as subscription:
        assert (await take(subscription, 1))[0].message.headers == {"dead-letter-reason": b"NOT_AN_EVENT"}


async def test_a_message_of_the_largest_size_arrives_and_a_larger_is_refused(broker: Broker) -> None:
    largest = Message(SINGLE, "k", b"x" * (MAX_MESSAGE_BYTES - 1))
    with pytest.raises(MessageTooLarge, match="1000001"):
        await broker.publish([largest, Message(SINGLE, "k", b"x" * MAX_MESSAGE_BYTES)])
    await broker.publish([largest])
    async with subscribed(broker, "billing", SINGLE) as subscription:
        received = await take(subscription, 1)
        assert [each.message for each in received] == [largest]


async def test_the_lag_counts_what_is_not_committed(broker: Broker) -> None:
    await broker.publish(messages(10, topic=SINGLE))
    async with subscribed(broker, "billing", SINGLE) as subscription:
        assert await subscription.lag() == 10
        received = await take(subscription, 10)
        assert await subscription.lag() == 10
        await subscription.commit(received[:7])
        assert await subscription.lag() == 3


async def test_closing_twice_is_closing_once(broker: Broker) -> None:
    subscription = await broker.subscribe("billing", (READINGS,))
    await subscription.close()
    await subscription.close()
    await broker.close()
    await broker.close()
