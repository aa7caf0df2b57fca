"""Disorder among events: delivered again, ahead of their turn and in reverse, and events of no good between them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from chassis.broker import Broker, BrokerError, Message, Subscription
from chassis.events import Event, to_message
from tests.faults.intents import IntentLog

GROUP = "disorder"
MARKER = "x-poison-marker"
TOPICS = ("accounting.activity.v1", "accounting.park.v1")
_REMEMBERED = 400
_READ_AT_ONCE = 200
_READ_SECONDS = 0.3
# a consumer stops itself at a flood: more than 100 dead letters within the hour
MOST_POISON = 60


class Disorder:
    """Reads what is published, and publishes it again at random.

    Attributes:
        counts: Of what was done, for the report.
    """

    def __init__(self, random: Random, intents: IntentLog, parks: Sequence[str]) -> None:
        """Stores the parts.

        Args:
            random: Decides.
            intents: Takes each poison event before it is published.
            parks: Whose keys poison has, so that it lies in the way of good events.
        """
        self.counts: Counter[str] = Counter()
        self._random = random
        self._intents = intents
        self._parks = list(parks)
        self._heard: deque[Message] = deque(maxlen=_REMEMBERED)
        self._poison: list[Message] = []
        self._made = 0

    async def listen(self, subscription: Subscription) -> None:
        """Takes in what was published since the last time."""
        deliveries = await subscription.poll(_READ_AT_ONCE, _READ_SECONDS)
        self._heard.extend(delivery.message for delivery in deliveries if MARKER not in delivery.message.headers)
        await subscription.commit(deliveries)

    async def stir(self, broker: Broker, waiting: Sequence[Event]) -> None:
        """Publishes old events again, waiting ones in reverse before their relay does, and poison.

        Args:
            broker: Where.
            waiting: Events that stand in the outbox.

        Raises:
            BrokerError: It did not take them all. Poison is kept until it does.
        """
        again = self._random.sample(list(self._heard), min(len(self._heard), self._random.randint(1, 20)))
        early = [to_message(event) for event in reversed(waiting)]
        await broker.publish([*early, *again])
        self.counts["events delivered again"] += len(again)
        self.counts["events delivered early and in reverse"] += len(early)
        if self._made < MOST_POISON:
            self._poison.append(self._new_poison())
        await self.send_poison(broker)

    async def send_poison(self, broker: Broker) -> None:
        """Publishes the poison that the broker has not taken yet.

        Raises:
            BrokerError: It does not take it now either.
        """
        try:
            await broker.publish(self._poison)
        except BrokerError:
            self.counts["poison refused by a broker that was away"] += 1
            raise
        self._poison.clear()

    def _new_poison(self) -> Message:
        self._made += 1
        marker = f"poison-{self._made}"
        self._intents.write("poison", marker=marker)
        key = self._random.choice(self._parks)
        event = Event(
            id=marker,
            source="/nobody",
            type="parkcarbon.accounting.events.v1.ActivityRecorded",
            subject=key,
            time=datetime(2026, 1, 1, tzinfo=UTC),
            topic=TOPICS[0],
            key=key,
            data=b"\xff\xff\xff not protobuf",
            tenant_id="demo",
            park_id=key,
        )
        match self._made % 3:
            case 0:
                message = Message(TOPICS[0], key, b"no event at all")
            case 1:
                message = to_message(replace(event, type="parkcarbon.accounting.events.v1.FactorPublished"))
            case _:
                message = to_message(event)
        return replace(message, headers={**message.headers, MARKER: marker.encode()})
