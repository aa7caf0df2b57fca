"""The tasks that run beside the requests: sending webhooks, and removing what is past its retention or no longer needed."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from chassis.database import DatabaseUnavailable
from chassis.logs import Logger
from gateway.application.feed.webhooks import WebhookServices, deliver_next
from gateway.application.push.jobs import sweep_files
from gateway.application.retention import Retention, apply_retention


class WebhookDispatcher:
    """Sends until it is stopped. A delivery under way is given up by a stop, and sent again by whoever takes the webhook next."""

    def __init__(self, webhook_services: WebhookServices, *, logger: Logger, poll_seconds: float = 2.0, at_a_time: int = 4) -> None:
        """Sends nothing yet.

        Args:
            webhook_services: What webhooks need.
            logger: For failures.
            poll_seconds: How long it rests when none is due, > 0.
            at_a_time: Webhooks that are sent to at a time: a target that hangs holds up no other.
        """
        self._services = webhook_services
        self._logger = logger
        self._poll_seconds = poll_seconds
        self._at_a_time = at_a_time
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def healthy(self) -> bool:
        """Whether it works: it was started, and has not ended by itself."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def start(self) -> None:
        """Begins to send."""
        self._tasks = [asyncio.create_task(self._run(), name="webhooks") for _ in range(self._at_a_time)]

    async def stop(self) -> None:
        """Sends no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _run(self) -> None:
        while True:
            try:
                while await deliver_next(self._services):
                    pass
            except (SQLAlchemyError, DatabaseUnavailable) as error:
                self._logger.warning("webhooks not read", error=str(error), retry_seconds=self._poll_seconds)
            await asyncio.sleep(self._poll_seconds)


class RetentionWorker:
    """Applies the retention at the start and then every hour, until it is stopped."""

    def __init__(self, retention: Retention, *, logger: Logger, pause_seconds: float = 3600.0) -> None:
        """Removes nothing yet.

        Args:
            retention: What is removed, and after how long.
            logger: For what was removed, and for failures.
            pause_seconds: Between two times, > 0.
        """
        self._retention = retention
        self._logger = logger
        self._pause_seconds = pause_seconds
        self._task: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether it works: it was started, and has not ended by itself."""
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        """Begins to apply the retention."""
        self._task = asyncio.create_task(self._run(), name="retention")

    async def stop(self) -> None:
        """Removes no more; a transaction under way is undone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                entries, changes = await apply_retention(self._retention)
                files = await sweep_files(self._retention.units, self._retention.clock)
                if entries or changes or files:
                    self._logger.info("removed past retention", audit_entries=entries, changes=changes, files=files)
            except (SQLAlchemyError, DatabaseUnavailable) as error:
                self._logger.warning("retention not applied", error=str(error), retry_seconds=self._pause_seconds)
            await asyncio.sleep(self._pause_seconds)
