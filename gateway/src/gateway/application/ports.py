"""What the gateway needs from outside."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.application.access_ports import AccessRegister
from gateway.application.people_ports import PeopleRegister
from gateway.application.services import ServicePort
from gateway.domain.account import Job
from gateway.domain.activity import ActivityRows, BatchOutcome
from gateway.domain.audit import Entry, KeptEntry
from gateway.domain.callers import Caller
from gateway.domain.changes import Change, HeardChange
from gateway.domain.platforms import PlatformConnected
from gateway.domain.tokens import Grant


class AccountingPort(ServicePort, Protocol):
    """The accounting service, with what is more than a question: batches of rows, and long tasks."""

    async def record_activity(self, caller: Caller, park_id: str, rows: ActivityRows) -> BatchOutcome:
        """Records a batch in one transaction and returns one outcome per row."""
        ...

    async def rebuild_sums(self, caller: Caller, park_id: str) -> Job:
        """Starts the job that computes a park's sums anew."""
        ...

    async def get_job(self, caller: Caller, job_id: str) -> Job:
        """Returns a job."""
        ...

    async def check(self) -> None:
        """Returns when accounting serves.

        Raises:
            Unavailable: It does not.
        """
        ...


class TokenStore(Protocol):
    """Which caller a token stands for."""

    async def find(self, sha256: str) -> Caller | None:
        """Returns the caller of a token that is in force, by the token's digest."""
        ...


class TokenRegister(Protocol):
    """Where tokens are granted, inside a unit of work."""

    async def put(self, grant: Grant) -> None:
        """Grants a token, or changes whom a granted one stands for."""
        ...


class ChangeLog(Protocol):
    """Where changes are appended, inside a transaction that someone else commits."""

    async def append(self, change: HeardChange) -> Change:
        """Gives the change the tenant's next position, under a lock that lasts until the transaction ends."""
        ...


class ChangeFeed(Protocol):
    """Where changes are read."""

    async def read(self, caller: Caller, *, after: int, limit: int) -> Sequence[Change]:
        """Returns at most `limit` changes of the parks that the caller reaches with a position above `after`, ascending.

        Raises:
            CursorExpired: `after` is not 0, and what came next is no longer kept.
        """
        ...

    async def newest(self, tenant_id: str) -> int:
        """Returns the last position of a tenant, 0 before the first."""
        ...


class ChangeRetention(Protocol):
    """Where changes are forgotten, inside a unit of work."""

    async def tenants(self) -> Sequence[str]:
        """Returns every tenant that has a feed."""
        ...

    async def forget_before(self, tenant_id: str, moment: datetime, limit: int) -> int:
        """Forgets the oldest changes of a tenant, at most `limit`, up to the first that is not before a moment; says how many."""
        ...


class AuditRegister(Protocol):
    """The audit log and what callers have used of their minutes, inside a unit of work."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Stores entries."""
        ...

    async def entries(self, tenant_id: str, after: int, limit: int, subject: str, park_id: str) -> Sequence[KeptEntry]:
        """Returns entries of a tenant whose positions come after one; of a caller and a park, unless they are ""."""
        ...

    async def remove_before(self, moment: datetime, limit: int) -> Mapping[str, int]:
        """Deletes entries before a moment, of the oldest `limit`; returns how many of each tenant."""
        ...

    async def reserve(self, tenant_id: str, subject: str, start_s: int, share: int) -> int:
        """Adds a share to what a caller has used of a minute; returns what it has used with it."""
        ...


class PlatformRegister(Protocol):
    """Which platforms are connected, inside a unit of work."""

    async def add(self, platform: PlatformConnected) -> bool:
        """Stores a platform; returns False when it was there."""
        ...


class UnitOfWork(Protocol):
    """One transaction of the gateway's database; without `commit` nothing of it stays."""

    @property
    def tokens(self) -> TokenRegister:
        """The tokens, within this transaction."""
        ...

    @property
    def access(self) -> AccessRegister:
        """Callers, their keys and what was given out for them, within this transaction."""
        ...

    @property
    def audit(self) -> AuditRegister:
        """The audit log and quotas, within this transaction."""
        ...

    @property
    def people(self) -> PeopleRegister:
        """People and their sessions, within this transaction."""
        ...

    @property
    def platforms(self) -> PlatformRegister:
        """Connected platforms, within this transaction."""
        ...

    @property
    def changes(self) -> ChangeRetention:
        """Where changes are forgotten, within this transaction."""
        ...

    def collect(self, fact: PlatformConnected) -> None:
        """Adds a fact that becomes known with the commit."""
        ...

    async def commit(self) -> None:
        """Makes everything permanent, the facts included."""
        ...


class UnitsOfWork(Protocol):
    """Opens transactions."""

    def __call__(self, tenant_id: str | None = None, *, work: str = "grants") -> AbstractAsyncContextManager[UnitOfWork]:
        """Opens a transaction for a tenant, which sees no other's rows, or for the platform's own work, which has a name."""
        ...


class DatabaseProbe(Protocol):
    """Whether the gateway's database answers."""

    async def check(self) -> None:
        """Returns when it does.

        Raises:
            Unavailable: It does not.
        """
        ...


class EventsProbe(Protocol):
    """Whether the gateway still hears what the services tell."""

    @property
    def hears(self) -> bool:
        """False while it waits for the broker, and once it has given up."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside that requests need, fulfilled."""

    accounting: AccountingPort
    evaluation: ServicePort
    changes: ChangeFeed
    database: DatabaseProbe
    events: EventsProbe
