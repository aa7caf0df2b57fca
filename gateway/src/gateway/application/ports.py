"""What the gateway needs from outside."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.application.access.ports import AccessRegister, AuditRegister, PeopleRegister, TokenRegister
from gateway.application.evaluation import EvaluationPort
from gateway.application.feed.ports import ChangeFeed, ChangeRetention, PlatformRegister, Webhooks
from gateway.application.inventories import InventoryPort
from gateway.application.library.ports import Documents
from gateway.application.push.ports import Files, Jobs, Profiles
from gateway.domain.account import (
    ActivityRecord,
    AnnualFigures,
    Emissions,
    Enterprise,
    Factor,
    FactorSet,
    NewAnnualFigures,
    NewEnterprise,
    NewPark,
    NewSource,
    Park,
    RecordedFigures,
    Source,
    YearIndicators,
)
from gateway.domain.callers import Caller
from gateway.domain.feed.platforms import PlatformConnected
from gateway.domain.idempotency import IdempotencyKey, KeyState, StoredAnswer
from gateway.domain.paging import Page, Paging, Registered
from gateway.domain.push.activity import ActivityRows, BatchOutcome
from gateway.domain.push.jobs import Job


class AccountingPort(Protocol):
    """The accounting service. Every method acts for `caller` and inside its tenant, and is safe to repeat.

    Every method raises AccountingRefused with accounting's own reason, or Unavailable when it does not answer.
    """

    async def create_park(self, caller: Caller, park: NewPark) -> Registered[Park]:
        """Registers a park; the same again is answered as before."""
        ...

    async def get_park(self, caller: Caller, park_id: str) -> Park:
        """Returns a park."""
        ...

    async def list_parks(self, caller: Caller, paging: Paging) -> Page[Park]:
        """Returns parks in order of id."""
        ...

    async def create_enterprise(self, caller: Caller, park_id: str, enterprise: NewEnterprise) -> Registered[Enterprise]:
        """Registers an enterprise; the same again is answered as before."""
        ...

    async def list_enterprises(self, caller: Caller, park_id: str, paging: Paging) -> Page[Enterprise]:
        """Returns enterprises in order of id."""
        ...

    async def create_source(self, caller: Caller, park_id: str, source: NewSource) -> Registered[Source]:
        """Registers an emission source; the same again is answered as before."""
        ...

    async def list_sources(self, caller: Caller, park_id: str, paging: Paging) -> Page[Source]:
        """Returns emission sources in order of id."""
        ...

    async def record_annual_figures(self, caller: Caller, park_id: str, year: int, figures: NewAnnualFigures) -> RecordedFigures:
        """Records the figures of a year as a new version, unless the same are in force."""
        ...

    async def list_annual_figures(self, caller: Caller, park_id: str, paging: Paging) -> Page[AnnualFigures]:
        """Returns every version, by year, then by version."""
        ...

    async def record_activity(self, caller: Caller, park_id: str, rows: ActivityRows) -> BatchOutcome:
        """Records a batch in one transaction and returns one outcome per row."""
        ...

    async def list_activity_records(self, caller: Caller, park_id: str, paging: Paging) -> Page[ActivityRecord]:
        """Returns records in the order in which they were accepted."""
        ...

    async def query_emissions(
        self, caller: Caller, park_id: str, from_month: str, to_month: str, group_by: Sequence[str]
    ) -> Emissions:
        """Returns exact totals of [from_month, to_month), both YYYY-MM."""
        ...

    async def get_indicators(self, caller: Caller, park_id: str, year: int) -> YearIndicators:
        """Returns the figures of a year."""
        ...

    async def list_factor_sets(self, caller: Caller, paging: Paging) -> Page[FactorSet]:
        """Returns the factor sets in order of id."""
        ...

    async def list_factors(self, caller: Caller, set_id: str, paging: Paging) -> Page[Factor]:
        """Returns the factors of a set in order of id."""
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

    async def renew(self, key: IdempotencyKey, now: datetime) -> None:
        """Says that the request which has the key is still under way."""
        ...

    async def keep(self, key: IdempotencyKey, answer: StoredAnswer) -> None:
        """Stores the answer under its key."""
        ...

    async def release(self, key: IdempotencyKey) -> None:
        """Forgets a key that has no answer, so that the request can be sent again."""
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
    evaluation: EvaluationPort
    changes: ChangeFeed
    database: DatabaseProbe
    events: EventsProbe
    inventories: InventoryPort


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
