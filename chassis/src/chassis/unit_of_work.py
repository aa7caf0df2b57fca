"""The unit of work: one transaction, and the facts that become known with its commit."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import outbox
from chassis.database import Database
from chassis.events import Event
from chassis.tenancy import Scope

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Outbox(Generic[F]):
    """Where the facts of a service go.

    Attributes:
        table: Made by `outbox.outbox_table`.
        encode: Makes an event of a fact.
        committed: Called after each commit, so that the relay looks at once.
    """

    table: Table
    encode: Callable[[F], Event]
    committed: Callable[[], None]


class UnitOfWork(Generic[F]):
    """One transaction that may write; what is not committed when its block ends never was.

    A service derives its own, which hands the session to what it keeps things in: see `opened`.
    """

    def __init__(self, database: Database, scope: Scope, facts: Outbox[F]) -> None:
        """Stores the parts; the transaction begins with the `async with` block.

        Args:
            database: Of the service.
            scope: For whom the transaction is.
            facts: Where facts go.
        """
        self._database = database
        self._scope = scope
        self._outbox = facts
        self._facts: list[F] = []
        self._after_commit: list[Callable[[], None]] = []
        self._transaction: AbstractAsyncContextManager[AsyncSession] | None = None
        self._session: AsyncSession | None = None

    def opened(self, session: AsyncSession) -> None:
        """Called once the transaction has begun; a service makes what it keeps things in from the session here."""

    async def __aenter__(self) -> Self:
        """Begins the transaction."""
        self._transaction = self._database.begin(self._scope)
        self._session = await self._transaction.__aenter__()
        self.opened(self._session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the transaction; rolls back what was not committed."""
        if self._transaction is not None:
            await self._transaction.__aexit__(kind, error, traceback)

    def collect(self, fact: F) -> None:
        """Adds a fact that becomes known with the commit."""
        self._facts.append(fact)

    def after_commit(self, done: Callable[[], None]) -> None:
        """Adds what is called after every commit of this transaction."""
        self._after_commit.append(done)

    async def commit(self) -> None:
        """Makes everything durable, the facts included."""
        assert self._session is not None, "a transaction begins with its block"
        await outbox.append(self._session, self._outbox.table, [self._outbox.encode(fact) for fact in self._facts])
        await self._session.commit()
        self._facts.clear()
        self._outbox.committed()
        for done in self._after_commit:
            done()
