"""The consumer: hands each event to its handler, once in effect however often it is delivered."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError
from opentelemetry.trace import SpanKind
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import inbox
from chassis import telemetry_names as names
from chassis.broker import Broker, BrokerError, Delivery, Message, Subscription
from chassis.clock import Clock
from chassis.database import Database, DatabaseUnavailable
from chassis.errors import kind_of
from chassis.events import Event, NotAnEvent, from_message
from chassis.logs import Logger
from chassis.telemetry import Telemetry
from chassis.tenancy import Platform, Tenant
from chassis.topics import TopicRegistry, dead_letter_topic
from kernel.refusals import Kind

_Result = TypeVar("_Result")
Handler = Callable[[AsyncSession, Event], Awaitable[None]]
"""Has the effect of an event, in the transaction it is given, one for the event's tenant. It may commit that transaction, as
a use case does; otherwise the consumer commits it. It must not open another write transaction on the same database."""

_BATCH: Final = 100
_POLL_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 30.0
# A start waits no longer for the group: after a kill the dead member holds its place for as long as a session.
_JOIN_SECONDS: Final = 2.0
_PRUNE_EVERY: Final = timedelta(hours=1)
# An event is kept by its topic for the retention, and by the broker a little longer; after both it cannot come again.
_INBOX_MARGIN: Final = timedelta(days=2)
_MAX_REASON_CHARACTERS: Final = 500
_DEAD_LETTER: Final = "dead_letter"
_OWN_WORK: Final = Platform("inbox")


class _Poison(Exception):
    """A message that no repetition makes fit to handle."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class _Stopped(Exception):
    """The consumer was stopped while it waited to try again."""


class Consumer:
    """Reads topics as one member of a group.

    What becomes of a message:

    - handled before: skipped;
    - of a type that its topic carries and nobody here handles: skipped;
    - not a CloudEvent, of a type that its topic does not carry, refused by its handler as `invalid`, or not decodable: to
      the dead-letter topic, with the reason in its headers, at once;
    - its handler fails as `unavailable` or `exhausted`, or the database or the broker does: tried again until it works, with
      growing pauses, as this says nothing about the message;
    - its handler fails otherwise: tried `max_attempts` times, then to the dead-letter topic.

    More than `dead_letter_limit` dead letters within `dead_letter_window` stop the consumer and make it unhealthy: then it
    is not the messages that are wrong.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        group: str,
        topics: Sequence[str],
        registry: TopicRegistry,
        handlers: Mapping[str, Handler],
        database: Database,
        table: Table,
        clock: Clock,
        telemetry: Telemetry,
        logger: Logger,
        max_attempts: int = 5,
        dead_letter_limit: int = 100,
        dead_letter_window: timedelta = timedelta(hours=1),
        on_unhealthy: Callable[[str], None] | None = None,
    ) -> None:
        """Stores the parts.

        Args:
            broker: Where events come from.
            group: The service that reads.
            topics: What it reads.
            registry: Says which types a topic carries and how long it keeps them.
            handlers: By full name of the message.
            database: Where effects go.
            table: Made by `inbox.inbox_table`, in that database.
            clock: For the inbox and the window of dead letters.
            telemetry: Of the service.
            logger: Of the service.
            max_attempts: For a failure that may lie with the message, >= 1.
            dead_letter_limit: The most dead letters within the window, >= 0.
            dead_letter_window: See there.
            on_unhealthy: Called with the reason when the consumer stops itself.
        """
        self._broker = broker
        self._group = group
        self._topics = tuple(topics)
        self._registry = registry
        self._handlers = dict(handlers)
        self._database = database
        self._table = table
        self._clock = clock
        self._telemetry = telemetry
        self._logger = logger.bind(group=group)
        self._max_attempts = max_attempts
        self._dead_letter_limit = dead_letter_limit
        self._dead_letter_window = dead_letter_window
        self._on_unhealthy = on_unhealthy
        # When what was set aside, the oldest first. What is read again, as its place was not kept, is no further dead letter.
        self._dead_letters: dict[tuple[str, int, int], datetime] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._subscription: Subscription | None = None
        self._joined = asyncio.Event()
        self._pruned_at: datetime | None = None
        self._unhealthy = ""
        self._handled = telemetry.counter(names.METRIC_EVENTS_HANDLED)

    @property
    def healthy(self) -> bool:
        """Whether the consumer has not stopped itself."""
        return not self._unhealthy

    @property
    def hears(self) -> bool:
        """Whether it is a member of its group; not while it waits for the broker, and not once it has stopped itself."""
        return self.healthy and self._subscription is not None

    @property
    def unhealthy_reason(self) -> str:
        """Why the consumer stopped itself, "" while it has not."""
        return self._unhealthy

    async def start(self) -> None:
        """Begins to join the group and to read; a broker that cannot be reached is waited for in the background.

        Raises:
            UnknownTopic: If a topic is not in the registry.
        """
        for topic in self._topics:
            self._registry.get(topic)
            # An increase is only seen from a value that was there before.
            self._handled.add(0, {names.ATTRIBUTE_MESSAGING_DESTINATION: topic, names.ATTRIBUTE_OUTCOME: _DEAD_LETTER})
        self._stopping.clear()
        self._joined.clear()
        self._task = asyncio.create_task(self._run(), name=f"consumer {self._group}")
        with suppress(TimeoutError):
            async with asyncio.timeout(_JOIN_SECONDS):
                await self._joined.wait()

    async def stop(self) -> None:
        """Ends after the event that is under way, and leaves the group."""
        self._stopping.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def lag(self) -> int:
        """Returns how many messages wait to be handled; 0 before the group is joined.

        Raises:
            BrokerError: If the broker cannot be reached.
        """
        return await self._subscription.lag() if self._subscription is not None else 0

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        try:
            while not self._stopping.is_set():
                try:
                    if self._subscription is None:
                        self._subscription = await self._unless_stopped(self._broker.subscribe(self._group, self._topics))
                        self._joined.set()
                    deliveries = await self._unless_stopped(self._subscription.poll(_BATCH, _POLL_SECONDS))
                    await self._handle_all(self._subscription, deliveries)
                    await self._prune()
                    pause = _FIRST_PAUSE_SECONDS
                except (BrokerError, DatabaseUnavailable) as error:
                    # What was read and not committed is read again by a new member.
                    self._logger.warning("events not read", error=str(error), retry_seconds=pause)
                    await self._leave()
                    await self._rest(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        except _Stopped:
            return
        except Exception as error:
            self._give_up(f"the consumer failed: {type(error).__name__}")
            self._logger.exception("consumer failed")
        finally:
            self._joined.set()
            await self._leave()

    async def _leave(self) -> None:
        if self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            try:
                await subscription.close()
            except BrokerError as error:
                self._logger.warning("group not left", error=str(error))

    async def _unless_stopped(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        working = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise _Stopped
            return working.result()
        finally:
            for task in (working, stopped):
                task.cancel()
            await asyncio.gather(working, stopped, return_exceptions=True)

    async def _handle_all(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        done: list[Delivery] = []
        try:
            for delivery in deliveries:
                if self._stopping.is_set():
                    break
                outcome = await self._handle_or_set_aside(delivery)
                done.append(delivery)
                if outcome == _DEAD_LETTER:
                    # The inbox does not know it: the later its place is kept, the likelier a death sets it aside twice.
                    await subscription.commit(done)
        finally:
            if done:
                await subscription.commit(done)

    async def _handle_or_set_aside(self, delivery: Delivery) -> str:
        message = delivery.message
        try:
            event = self._read(message)
            handler = self._handlers.get(event.type)
            outcome = "skipped" if handler is None else await self._handle(event, handler)
        except _Poison as poison:
            await self._set_aside(delivery, poison)
            outcome = _DEAD_LETTER
        self._handled.add(1, {names.ATTRIBUTE_MESSAGING_DESTINATION: message.topic, names.ATTRIBUTE_OUTCOME: outcome})
        return outcome

    def _read(self, message: Message) -> Event:
        try:
            event = from_message(message)
        except NotAnEvent as error:
            raise _Poison("NOT_AN_EVENT", str(error)) from error
        if event.type not in self._registry.get(message.topic).messages:
            raise _Poison("TYPE_NOT_OF_TOPIC", f"{message.topic} does not carry {event.type}")
        return event

    async def _handle(self, event: Event, handler: Handler) -> str:
        pause = _FIRST_PAUSE_SECONDS
        failures = 0
        while True:
            try:
                with self._telemetry.span(
                    f"{names.SPAN_EVENT_PROCESS} {event.topic}",
                    traceparent=event.traceparent,
                    kind=SpanKind.CONSUMER,
                    attributes={
                        names.ATTRIBUTE_EVENT_ID: event.id,
                        names.ATTRIBUTE_EVENT_TYPE: event.type,
                        names.ATTRIBUTE_MESSAGING_DESTINATION: event.topic,
                        names.ATTRIBUTE_MESSAGING_OPERATION: names.SPAN_EVENT_PROCESS,
                        names.ATTRIBUTE_MESSAGING_GROUP: self._group,
                    },
                ):
                    return await self._handle_once(event, handler)
            except DecodeError as error:
                raise _Poison("NOT_DECODABLE", f"{event.type}: {error}") from error
            except Exception as error:
                kind = kind_of(error)
                if kind is Kind.INVALID:
                    raise _Poison(getattr(error, "reason", "INVALID"), str(error)) from error
                if not _is_transient(error, kind):
                    failures += 1
                    if failures >= self._max_attempts:
                        raise _Poison(getattr(error, "reason", type(error).__name__), str(error)) from error
                self._logger.warning(
                    "event not handled",
                    event_id=event.id,
                    event_type=event.type,
                    error=str(error),
                    retry_seconds=pause,
                    exc_info=kind is None,
                )
            await self._rest(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _handle_once(self, event: Event, handler: Handler) -> str:
        now = self._clock.now()
        kept = timedelta(days=self._registry.get(event.topic).retention_days) + _INBOX_MARGIN
        async with self._database.begin(Tenant(event.tenant_id)) as session:
            new = await inbox.claim(session, self._table, group=self._group, event=event, now=now, expires_at=now + kept)
            if not new:
                return "repeated"
            await handler(session, event)
            await session.commit()
        return "handled"

    async def _set_aside(self, delivery: Delivery, poison: _Poison) -> None:
        now = self._clock.now()
        place = (delivery.message.topic, delivery.partition, delivery.offset)
        for other in [each for each, at in self._dead_letters.items() if now - at > self._dead_letter_window]:
            del self._dead_letters[other]
        if place in self._dead_letters:
            return
        if len(self._dead_letters) >= self._dead_letter_limit:
            self._give_up(f"more than {self._dead_letter_limit} dead letters within {self._dead_letter_window}")
            raise _Stopped
        message = delivery.message
        headers = {
            **message.headers,
            "dead-letter-reason": poison.reason.encode(),
            "dead-letter-message": str(poison)[:_MAX_REASON_CHARACTERS].encode(),
            "dead-letter-topic": message.topic.encode(),
            "dead-letter-partition": str(delivery.partition).encode(),
            "dead-letter-offset": str(delivery.offset).encode(),
            "dead-letter-time": now.isoformat().encode(),
        }
        topic = dead_letter_topic(message.topic, self._group)
        await self._broker.publish([Message(topic, message.key, message.value, headers)])
        # Counted once it is stored: a broker that is away makes no flood.
        self._dead_letters[place] = now
        self._logger.error("event set aside", topic=message.topic, offset=delivery.offset, reason=poison.reason, error=str(poison))

    def _give_up(self, reason: str) -> None:
        self._unhealthy = reason
        self._stopping.set()
        self._logger.error("consumer stopped", reason=reason)
        if self._on_unhealthy is not None:
            self._on_unhealthy(reason)

    async def _prune(self) -> None:
        now = self._clock.now()
        if self._pruned_at is not None and now - self._pruned_at < _PRUNE_EVERY:
            return
        self._pruned_at = now
        async with self._database.begin(_OWN_WORK) as session:
            await inbox.prune(session, self._table, group=self._group, now=now)
            await session.commit()

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise _Stopped


def _is_transient(error: Exception, kind: Kind | None) -> bool:
    return kind in (Kind.UNAVAILABLE, Kind.EXHAUSTED) or isinstance(error, BrokerError)
