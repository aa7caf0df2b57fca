"""The relay: publishes what waits in a service's outbox, at least once and in order."""

import asyncio
from datetime import datetime
from typing import Final

from opentelemetry.metrics import Observation
from sqlalchemy import Table, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import events, outbox
from chassis import telemetry_names as names
from chassis.broker import Broker, BrokerError
from chassis.clock import Clock
from chassis.database import Database, DatabaseUnavailable
from chassis.event_spans import sending
from chassis.events import Event
from chassis.logs import Logger
from chassis.telemetry import Telemetry
from chassis.tenancy import Platform

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 30.0
_OWN_WORK: Final = Platform("relay")


class Relay:
    """Moves events from one service's outbox to the broker.

    A batch is published first and deleted afterwards, so that a death in between repeats it and nothing is lost. Of several
    replicas on one PostgreSQL database one works at a time, held by a lock that ends with its transaction; an SQLite database has
    one relay because it has one process.
    """

    def __init__(
        self,
        database: Database,
        broker: Broker,
        table: Table,
        *,
        clock: Clock,
        telemetry: Telemetry,
        logger: Logger,
        batch: int = 500,
        poll_seconds: float = 1.0,
    ) -> None:
        """Stores the parts.

        Args:
            database: Of the service.
            broker: Where events go.
            table: Made by `outbox.outbox_table`.
            clock: For the lag.
            telemetry: Of the service.
            logger: Of the service.
            batch: Events published and deleted together, >= 1.
            poll_seconds: How long an event waits at most when nobody calls `notify`, as after a restart, > 0.
        """
        self._database = database
        self._broker = broker
        self._table = table
        self._clock = clock
        self._telemetry = telemetry
        self._logger = logger
        self._batch = batch
        self._poll_seconds = poll_seconds
        self._notified = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._oldest: datetime | None = None
        self._published = telemetry.counter(names.METRIC_OUTBOX_PUBLISHED)
        telemetry.observe(names.METRIC_OUTBOX_LAG, lambda: [Observation(self.lag_seconds)])

    @property
    def healthy(self) -> bool:
        """Whether it works: it was started, and has not ended by itself."""
        return self._task is not None and not self._task.done()

    @property
    def lag_seconds(self) -> float:
        """The age of the oldest event that was found waiting and is not yet published, in s; 0 when there is none."""
        return 0.0 if self._oldest is None else max(0.0, (self._clock.now() - self._oldest).total_seconds())

    def notify(self) -> None:
        """Tells that events were committed; called after a commit, in the event loop."""
        self._notified.set()

    async def start(self) -> None:
        """Begins to publish what waits and what comes."""
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="relay")

    async def stop(self) -> None:
        """Ends after the batch that is under way. What still waits is published after the next start."""
        self._stopping = True
        self._notified.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def drain(self) -> int:
        """Publishes everything that is committed now.

        Returns:
            How many events; 0 while another replica holds the lock.

        Raises:
            BrokerError: If the broker does not take them.
        """
        total = 0
        while count := await self._publish_batch():
            total += count
        return total

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping:
            self._notified.clear()
            try:
                if await self._publish_batch() == self._batch:
                    continue
                wait, pause = self._poll_seconds, _FIRST_PAUSE_SECONDS
            except (BrokerError, SQLAlchemyError, DatabaseUnavailable) as error:
                self._logger.warning("outbox not published", error=str(error), retry_seconds=pause)
                wait, pause = pause, min(pause * 2, _LONGEST_PAUSE_SECONDS)
            except Exception:
                # An event that can never be published, such as one to a topic nobody registered, stays at the head:
                # leaving it out would lose a fact, and the lag tells.
                self._logger.exception("outbox not published", retry_seconds=pause)
                wait, pause = pause, min(pause * 2, _LONGEST_PAUSE_SECONDS)
            await self._rest(wait)

    async def _rest(self, seconds: float) -> None:
        if self._stopping:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._notified.wait()
        except TimeoutError:
            return

    async def _publish_batch(self) -> int:
        if self._database.dialect == "sqlite":
            # Publishing inside the write transaction would hold up every writer of the file.
            async with self._database.read(_OWN_WORK) as session:
                waiting = await outbox.unpublished(session, self._table, self._batch)
            await self._publish([event for _, event in waiting])
            async with self._database.begin(_OWN_WORK) as session:
                return await self._delete(session, [sequence for sequence, _ in waiting])
        async with self._database.begin(_OWN_WORK) as session:
            if not await self._is_ours(session):
                return 0
            waiting = await outbox.unpublished(session, self._table, self._batch)
            await self._publish([event for _, event in waiting])
            return await self._delete(session, [sequence for sequence, _ in waiting])

    async def _is_ours(self, session: AsyncSession) -> bool:
        lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || :name, 0))")
        return bool(await session.scalar(lock, {"name": f".{self._table.name}.relay"}))

    async def _publish(self, waiting: list[Event]) -> None:
        if not waiting:
            self._oldest = None
            return
        self._oldest = waiting[0].time
        with sending(self._telemetry, waiting) as sent:
            await self._broker.publish([events.to_message(event) for event in sent])
        self._published.add(len(waiting))

    async def _delete(self, session: AsyncSession, sequences: list[int]) -> int:
        if sequences:
            await outbox.forget(session, self._table, sequences)
            await session.commit()
            self._oldest = None
        return len(sequences)
