"""Processes that are kept running: killed by the driver, started again by their supervisor, as an orchestrator does."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_ASK_SECONDS = 0.05
_PAUSE_SECONDS = 0.3
_END_SECONDS = 30.0


class Supervised:
    """One process that is started again whenever it ends, until `end`.

    Attributes:
        name: For the report.
        kills: How often it was killed while it was ready.
        freezes: How often it was stopped for a while, and went on with what it believed before.
        ended_itself: How often it ended without being told, as when its database was away while it started.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        is_ready: Callable[[], Awaitable[bool]],
        before_start: Callable[[], Awaitable[None]] | None = None,
        user: str | None = None,
    ) -> None:
        """Stores what to run.

        Args:
            name: For the report.
            command: Program and arguments.
            environment: All of it.
            log: Takes both outputs.
            is_ready: Says whether it does its work; asked until it does.
            before_start: Awaited before every start, when no such process runs.
            user: Whom it runs as; None is the user of this process.
        """
        self.name = name
        self.kills = 0
        self.freezes = 0
        self.ended_itself = 0
        self._command = list(command)
        self._environment = dict(environment)
        self._log = log
        self._is_ready = is_ready
        self._before_start = before_start
        self._user = user
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._told = False
        self._ending = False
        self._pause = _PAUSE_SECONDS
        self._supervising: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether it runs and does its work."""
        return self._ready.is_set() and self._process is not None and self._process.returncode is None

    def start(self) -> None:
        """Begins to keep it running."""
        self._ending = False
        self._supervising = asyncio.create_task(self._supervise(), name=f"supervise {self.name}")

    async def wait_ready(self, seconds: float) -> None:
        """Waits until it does its work.

        Raises:
            TimeoutError: It does not.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            raise TimeoutError(f"{self.name} is not ready after {seconds:g} s: {self.tail()}") from None

    def kill(self, down_seconds: float) -> None:
        """Kills it (SIGKILL); it is started again after a pause."""
        assert self._process is not None
        self.kills += 1
        self._told = True
        self._pause = down_seconds
        self._ready.clear()
        self._signal(signal.SIGKILL)

    def freeze(self, seconds: float) -> None:
        """Stops it (SIGSTOP) for a while: to the others it is dead, and afterwards it does not know.

        Of a server with processes of its own in other sessions, as PostgreSQL's, only the first stops: nobody new is let in.

        Args:
            seconds: Until SIGCONT, > 0.
        """
        self.freezes += 1
        process = self._process
        self._signal(signal.SIGSTOP)

        def go_on() -> None:
            # not whatever was started in its place meanwhile
            if process is not None:
                _signal(process, signal.SIGCONT)

        asyncio.get_running_loop().call_later(seconds, go_on)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends it for good, by SIGKILL when it does not end by itself. Twice is once."""
        self._ending = self._told = True
        self._signal(number)
        self._signal(signal.SIGCONT)
        if self._supervising is not None:
            _, waiting = await asyncio.wait({self._supervising}, timeout=_END_SECONDS)
            if waiting:
                self._signal(signal.SIGKILL)
            await self._supervising
            self._supervising = None

    def tail(self, characters: int = 2000) -> str:
        """Returns the end of its outputs."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-characters:] if self._log.exists() else ""

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            _signal(self._process, number)

    async def _supervise(self) -> None:
        while not self._ending:
            if self._before_start is not None:
                await self._before_start()
            self._told = False
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True, user=self._user, cwd="/"
                )
            asking = asyncio.create_task(self._ask())
            await self._process.wait()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            self._ready.clear()
            if not self._told:
                self.ended_itself += 1
            if not self._ending:
                await asyncio.sleep(self._pause)
            self._pause = _PAUSE_SECONDS

    async def _ask(self) -> None:
        # another process's state: there is no event of this one's to wait for
        while not await self._is_ready():  # noqa: ASYNC110
            await asyncio.sleep(_ASK_SECONDS)
        self._ready.set()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Signals a process and its children; nothing where it has ended, which the loop may not have heard yet."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
