"""What the use cases need of the outside: the account by aggregate, transactions over it, and the bundle that they are given."""

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from accounting.domain.accounts import MonthRange, SummedRow
from accounting.domain.batches import Candidates
from accounting.domain.disclosure import DisclosureRule
from accounting.domain.evidence import ChainHead, ChainLinks, ChainPart
from accounting.domain.factors import Basis, Factor, FactorBook
from accounting.domain.facts import Fact, SpanSum
from accounting.domain.findings import Answer, Finding
from accounting.domain.inventories import Inventory, InventoryLine
from accounting.domain.parks import AnnualFigures, Enterprise, Park, Source
from accounting.domain.plausibility import Extent, PastSpan
from accounting.domain.publication import Publication, RegionRelease, Withdrawal
from accounting.domain.record import Existing
from accounting.domain.reference import ReferenceTables
from accounting.domain.stored import RebuiltSums, StoredRecord
from kernel.access import Bounds


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the present moment, aware, in UTC."""
        ...


class Parks(Protocol):
    """Parks."""

    async def get(self, park_id: str) -> Park | None:
        """Returns a park of any tenant."""
        ...

    async def page(self, tenant_id: str, within: Bounds, after: str, limit: int) -> Sequence[Park]:
        """Returns parks of a tenant within bounds whose ids come after one."""
        ...

    async def published_page(self, tenant_id: str, within: Bounds, after: str, limit: int) -> Sequence[Park]:
        """Returns parks within bounds with a publication that was not withdrawn, whose ids come after one."""
        ...

    async def lock(self, park_id: str) -> ChainHead:
        """Makes this the only transaction that writes to the park's account; returns the head of its records."""
        ...

    async def head(self, park_id: str) -> ChainHead:
        """Returns the head of a park's records."""
        ...

    async def last_position(self, park_id: str) -> int:
        """Returns the position of a park's last record, 0 without any."""
        ...

    async def add(self, park: Park) -> None:
        """Stores a new park."""
        ...


class Enterprises(Protocol):
    """Enterprises of parks."""

    async def get(self, park_id: str, enterprise_id: str) -> Enterprise | None:
        """Returns an enterprise."""
        ...

    async def page(self, park_id: str, own: Set[str] | None, after: str, limit: int) -> Sequence[Enterprise]:
        """Returns enterprises, of those named in `own` unless it is None, whose ids come after one."""
        ...

    async def add(self, enterprise: Enterprise) -> None:
        """Stores a new enterprise."""
        ...


class Sources(Protocol):
    """Emission sources of parks."""

    async def page(self, park_id: str, own: Set[str] | None, after: str, limit: int) -> Sequence[Source]:
        """Returns sources, of the enterprises in `own` unless it is None, whose ids come after one."""
        ...

    async def named(self, park_id: str, source_ids: Sequence[str]) -> Mapping[str, Source]:
        """Returns those of the named sources that exist."""
        ...

    async def add(self, source: Source) -> None:
        """Stores a new source."""
        ...


class YearlyFigures(Protocol):
    """What parks report of their years, by version."""

    async def in_force(self, park_id: str, year: int) -> AnnualFigures | None:
        """Returns the highest version of a year's figures."""
        ...

    async def page(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[AnnualFigures]:
        """Returns versions that come after a year and version."""
        ...

    async def add(self, figures: AnnualFigures) -> None:
        """Stores a new version of a year's figures."""
        ...


class Activity(Protocol):
    """Records of activity, with what is derived from them."""

    async def page(self, park_id: str, own: Set[str] | None, after: int, limit: int) -> Sequence[StoredRecord]:
        """Returns records, superseded ones too, of the enterprises in `own` unless it is None, whose positions come after one."""
        ...

    async def in_force(self, park_id: str, year: int, last_position: int, after: int, limit: int) -> Sequence[StoredRecord]:
        """Returns records of a year that were in force when `last_position` was the park's last, whose positions come after one,
        in order of position."""
        ...

    async def sources_of(self, park_id: str, record_ids: Sequence[str]) -> Mapping[str, str]:
        """Returns those of the record ids that are taken, and the source of each record."""
        ...

    async def stage(self, park: Park, wave: Candidates, *, near_bounds: bool) -> Existing:
        """Takes a wave in, and returns what the account knows of its rows; the sums that it touches if they may be near their
        bounds, or if it corrects records."""
        ...

    async def append(self, park: Park, accepted: Candidates, links: ChainLinks, recorded_time: datetime) -> Sequence[SpanSum]:
        """Stores the accepted rows of the staged wave with their links of the chain; returns the sums that it touched."""
        ...

    async def chained(self, park_id: str, after: int, upto: int) -> ChainPart:
        """Returns the records of positions after one up to another, with the digests that are stored for them."""
        ...

    async def newest_position(self, park_id: str) -> int:
        """Returns the highest position of a record, whatever the ledger says; 0 without any."""
        ...

    async def open_years(self, first_year: int, last_year: int) -> int:
        """Makes room for the records of some years where they are kept by year; returns how many years are new."""
        ...

    async def rebuild(self, park_id: str) -> RebuiltSums:
        """Computes keys and sums of a park anew from its records and puts them in place."""
        ...


class Sums(Protocol):
    """Sums of a park's records by source and span of months."""

    async def by_dimension(
        self, park_id: str, own: Set[str] | None, months: MonthRange, dimensions: Sequence[str]
    ) -> Sequence[SummedRow]:
        """Returns the sums, of the enterprises in `own` unless it is None, that touch a range of months, by dimensions and by what
        decides where they count."""
        ...

    async def page(self, park_id: str, after: tuple[str, int, int], limit: int) -> Sequence[SpanSum]:
        """Returns sums that come after a source, first and last month, in order of these; empty ones too."""
        ...

    async def history(self, park: Park, source_ids: Sequence[str], from_month: int) -> Mapping[str, Sequence[PastSpan]]:
        """Returns what sources of a park emitted in the spans that start in or after a month (YYYYMM)."""
        ...

    async def extents(self, park_id: str, source_ids: Sequence[str], from_month: int, threshold: Extent) -> Mapping[str, Extent]:
        """Returns how far spans of sources that start in or after a month (YYYYMM) reach; none of a source without any.

        Only of spans whose rate is that of the threshold or lower, or whose size is that of it or larger.
        """
        ...


class Factors(Protocol):
    """Factor rows that were published, and the bases that records were computed with."""

    async def bases_named(self, basis_ids: Sequence[str]) -> Mapping[str, Basis]:
        """Returns those of the named bases that are stored."""
        ...

    async def keep_bases(self, bases: Sequence[Basis]) -> None:
        """Stores the bases that records name, if they are new."""
        ...

    async def keep(self, factors: Sequence[Factor]) -> Sequence[Factor]:
        """Stores factor rows; returns those that are new."""
        ...


class Inventories(Protocol):
    """Closed inventories."""

    async def get(self, park_id: str, year: int, version: int | None = None) -> Inventory | None:
        """Returns an inventory of a year; without a version the one in force."""
        ...

    async def page(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[Inventory]:
        """Returns inventories that come after a year and version."""
        ...

    async def lines(self, park_id: str, year: int, version: int, after: int, limit: int) -> Sequence[InventoryLine]:
        """Returns lines of an inventory whose numbers come after one."""
        ...

    async def in_force(self, tenant_id: str, year: int) -> Sequence[tuple[str, int]]:
        """Returns the park and version of the inventories of a year that are in force, in order of park."""
        ...

    async def add(self, closed: Inventory, lines: Sequence[InventoryLine]) -> None:
        """Stores a new inventory."""
        ...


class Findings(Protocol):
    """Findings of verifications."""

    async def about(self, park_id: str, year: int, version: int) -> Sequence[Finding]:
        """Returns every finding about an inventory, in order of number, with answers and closing."""
        ...

    async def add(self, finding: Finding) -> None:
        """Stores a new finding."""
        ...

    async def add_answer(self, finding: Finding, answer: Answer) -> None:
        """Stores a new answer to a finding."""
        ...

    async def add_closing(self, finding: Finding) -> None:
        """Stores how a finding was closed."""
        ...


class Publications(Protocol):
    """What was published of inventories and of regions."""

    async def lock(self, tenant_id: str) -> None:
        """Makes this the only transaction that publishes for a tenant: two at once would not know of each other."""
        ...

    async def get(self, park_id: str, year: int, version: int) -> Publication | None:
        """Returns what is published of an inventory, withdrawn or not."""
        ...

    async def page(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[Publication]:
        """Returns publications that come after a year and version and were not withdrawn."""
        ...

    async def of_year(self, tenant_id: str, year: int) -> Sequence[Publication]:
        """Returns every publication of a year by any park of a tenant, withdrawn ones too."""
        ...

    async def add(self, made: Publication) -> None:
        """Stores a new publication."""
        ...

    async def add_withdrawal(self, made: Publication, withdrawal: Withdrawal) -> None:
        """Stores that a publication was withdrawn."""
        ...

    async def release(self, tenant_id: str, year: int) -> RegionRelease | None:
        """Returns the release of a year."""
        ...

    async def add_release(self, made: RegionRelease) -> None:
        """Stores a new release."""
        ...


class Jobs(Protocol):
    """Long tasks."""

    async def submit_rebuild(self, park: Park, owner: str) -> str:
        """Queues a rebuild of a park's sums; returns the job's id."""
        ...

    async def succeed(self, job_id: str, attempt: int, result: RebuiltSums) -> None:
        """Saves that a job has succeeded, with whatever else the transaction does.

        Raises:
            JobLost: Another attempt has the job, or it has ended.
        """
        ...


class Account(Protocol):
    """What is recorded, as it was at one moment. Ids compare exactly; pages come in ascending order of what they page by.

    What is opened for reading refuses to be written to.
    """

    @property
    def parks(self) -> Parks:
        """Parks."""
        ...

    @property
    def enterprises(self) -> Enterprises:
        """Enterprises of parks."""
        ...

    @property
    def sources(self) -> Sources:
        """Emission sources of parks."""
        ...

    @property
    def annual_figures(self) -> YearlyFigures:
        """What parks report of their years."""
        ...

    @property
    def activity(self) -> Activity:
        """Records of activity."""
        ...

    @property
    def sums(self) -> Sums:
        """Sums by source and span of months."""
        ...

    @property
    def factors(self) -> Factors:
        """Factors and bases."""
        ...

    @property
    def inventories(self) -> Inventories:
        """Closed inventories."""
        ...

    @property
    def findings(self) -> Findings:
        """Findings of verifications."""
        ...

    @property
    def publications(self) -> Publications:
        """What was published."""
        ...


class UnitOfWork(Account, Protocol):
    """One transaction that may write. What is not committed when its block ends never was."""

    @property
    def jobs(self) -> Jobs:
        """Long tasks."""
        ...

    def collect(self, fact: Fact) -> None:
        """Adds a fact that becomes known with the commit."""
        ...

    async def commit(self) -> None:
        """Makes everything durable, the facts included."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What the use cases work with.

    Attributes:
        read: opens a tenant's account for reading.
        write: opens a transaction of a tenant.
        write_as_platform: opens a transaction of the platform's own work, by the name of the work.
        book: the factors.
        reference: carriers, items, regions and known mistakes of units.
        rule: decides what of an inventory may be published.
        clock: tells the time.
    """

    read: Callable[[str], AbstractAsyncContextManager[Account]]
    write: Callable[[str], AbstractAsyncContextManager[UnitOfWork]]
    write_as_platform: Callable[[str], AbstractAsyncContextManager[UnitOfWork]]
    book: FactorBook
    reference: ReferenceTables
    rule: DisclosureRule
    clock: Clock
