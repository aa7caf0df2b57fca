"""The part that forgets what is old, again and again."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from chassis.database import DatabaseUnavailable
from chassis.logs import Logger
from gateway.application.retention import Retention, forget_old


class Forgetting:
    """Forgets at the start and then every hour, until it is stopped."""

    def __init__(self, retention: Retention, *, logger: Logger, pause_seconds: float = 3600.0) -> None:
        """Forgets nothing yet.

        Args:
            retention: What is forgotten, and after how long.
            logger: For what was forgotten, and for failures.
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
        """Begins to forget."""
        self._task = asyncio.create_task(self._run(), name="retention")

    async def stop(self) -> None:
        """Forgets no more; a transaction under way is undone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                entries, changes = await forget_old(self._retention)
                if entries or changes:
                    self._logger.info("forgotten", audit_entries=entries, changes=changes)
            except (SQLAlchemyError, DatabaseUnavailable) as error:
                self._logger.warning("nothing forgotten", error=str(error), retry_seconds=self._pause_seconds)
            await asyncio.sleep(self._pause_seconds)
