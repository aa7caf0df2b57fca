"""What the gateway needs from outside."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.application.access.ports import AccessRegister, AuditRegister, PeopleRegister, TokenRegister
from gateway.application.feed.ports import ChangeRetention, Places, PlatformRegister, Webhooks
from gateway.application.library.ports import Documents
from gateway.application.push.ports import Files, Jobs, Profiles
from gateway.application.services import ServicePort
from gateway.domain.callers import Caller
from gateway.domain.feed.platforms import PlatformConnected
from gateway.domain.idempotency import HeldKey, IdempotencyKey, KeyState, StoredAnswer
from gateway.domain.push.activity import ActivityRows, BatchOutcome
from gateway.domain.push.jobs import Job


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


class Keys(Protocol):
    """Idempotency keys, within a transaction."""

    async def take(self, key: IdempotencyKey, now: datetime) -> KeyState | None:
        """Takes a key for the request that asks; returns what is known of it where another has it, None where it is taken now."""
        ...

    async def renew(self, held: HeldKey, now: datetime) -> None:
        """Says that the request which has the key is still under way."""
        ...

    async def keep(self, held: HeldKey, answer: StoredAnswer) -> bool:
        """Stores the answer under its key; returns False where another request has taken the key over meanwhile."""
        ...

    async def release(self, held: HeldKey) -> None:
        """Forgets a key that has no answer, so that the request can be sent again; not one that another request has taken over."""
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
    def places(self) -> Places:
        """Which region each park of the feed lies in, within this transaction."""
        ...

    @property
    def changes(self) -> ChangeRetention:
        """Where changes past their retention are removed, within this transaction."""
        ...

    @property
    def webhooks(self) -> Webhooks:
        """Webhooks and their deliveries, within this transaction."""
        ...

    @property
    def files(self) -> Files:
        """Files in chunks, within this transaction."""
        ...

    @property
    def jobs(self) -> Jobs:
        """The gateway's own jobs, within this transaction."""
        ...

    @property
    def profiles(self) -> Profiles:
        """Mapping profiles, within this transaction."""
        ...

    @property
    def keys(self) -> Keys:
        """Idempotency keys, within this transaction."""
        ...

    @property
    def documents(self) -> Documents:
        """The library, within this transaction."""
        ...

    def collect(self, fact: PlatformConnected) -> None:
        """Adds a fact that becomes known with the commit."""
        ...

    async def commit(self) -> None:
        """Makes everything permanent, the facts included."""
        ...


class UnitOfWorkFactory(Protocol):
    """Opens transactions that may write."""

    def __call__(self, tenant_id: str | None = None, *, work: str = ...) -> AbstractAsyncContextManager[UnitOfWork]:
        """Opens a transaction for a tenant, which sees no other's rows, or for the platform's own work, which has a name."""
        ...


class UnitsOfWork(UnitOfWorkFactory, Protocol):
    """Opens transactions."""

    def read(self, tenant_id: str | None) -> AbstractAsyncContextManager[UnitOfWork]:
        """Opens a transaction that sees one moment and writes nothing."""
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
    """Whether the gateway still receives the events of the services."""

    @property
    def hears(self) -> bool:
        """False while it waits for the broker, and once it has given up."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside that requests need, fulfilled."""

    accounting: AccountingPort
    evaluation: ServicePort
    database: DatabaseProbe
    events: EventsProbe


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the present moment, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class StorageServices:
    """What use cases over the gateway's own database need.

    Attributes:
        new_id: Names what has no name yet.
    """

    units: UnitsOfWork
    clock: Clock
    new_id: Callable[[], str]
