"""The task that writes the audit log."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from gateway.application.access.audit import append_entries
from gateway.application.ports import UnitOfWorkFactory
from gateway.domain.access.audit import Entry

_AT_ONCE = 500
_GATHERED_SECONDS = 0.2
_MOST_WAITING = 20_000


class AuditWriter:
    """Writes entries, many in one transaction.

    An entry of a change is stored before its answer goes out; entries of readings follow within moments, and those that wait when
    the process is killed are lost. When the log cannot be written, answers go out all the same, and `failed` is called.
    """

    def __init__(self, units: UnitOfWorkFactory, failed: Callable[[int, Exception], None]) -> None:
        """Waits for entries.

        Args:
            units: Where entries go.
            failed: Is called with how many entries could not be stored, and why.
        """
        self._units = units
        self._failed = failed
        self._waiting: list[tuple[Entry, asyncio.Future[None] | None]] = []
        self._arrived = asyncio.Event()
        self._urgent = asyncio.Event()
        self._stopping = False
        self._writing: asyncio.Task[None] | None = None

    def note(self, entry: Entry) -> None:
        """Keeps an entry soon."""
        if len(self._waiting) >= _MOST_WAITING:
            self._failed(1, RuntimeError("too many entries wait"))
            return
        self._waiting.append((entry, None))
        self._arrived.set()

    async def keep(self, entry: Entry) -> None:
        """Returns when an entry is kept, or cannot be."""
        if not self.healthy:
            return
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, kept))
        self._arrived.set()
        self._urgent.set()
        await kept

    @property
    def healthy(self) -> bool:
        """Whether it works: it was started, and has not ended by itself."""
        return self._writing is not None and not self._writing.done()

    async def start(self) -> None:
        """Begins to write."""
        self._writing = asyncio.create_task(self._write(), name="gateway audit")

    async def stop(self) -> None:
        """Writes what waits, and ends."""
        if self._writing is not None:
            self._stopping = True
            self._arrived.set()
            self._urgent.set()
            await self._writing
            self._writing = None

    async def _write(self) -> None:
        try:
            await self._write_all()
        finally:
            # However it ends, nobody waits for what is not written any more.
            _release(self._waiting)

    async def _write_all(self) -> None:
        while True:
            await self._arrived.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), _GATHERED_SECONDS)
            self._arrived.clear()
            self._urgent.clear()
            # What arrives meanwhile is gathered anew: readings that never pause must not have a transaction for every few of them.
            for _ in range(0, len(self._waiting), _AT_ONCE):
                part, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
                await self._keep(part)
            if self._stopping and not self._waiting:
                return

    async def _keep(self, part: Sequence[tuple[Entry, asyncio.Future[None] | None]]) -> None:
        try:
            await append_entries(self._units, [entry for entry, _ in part])
        except Exception as error:
            self._failed(len(part), error)
        finally:
            _release(part)


def _release(part: Sequence[tuple[Entry, asyncio.Future[None] | None]]) -> None:
    for _, kept in part:
        if kept is not None and not kept.done():
            kept.set_result(None)
