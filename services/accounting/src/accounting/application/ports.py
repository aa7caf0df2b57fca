"""What the use cases need of the outside."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from accounting.domain.accounts import MonthRange, SummedRow
from accounting.domain.batches import Candidates
from accounting.domain.factors import Basis, Factor
from accounting.domain.facts import Fact, SpanSum
from accounting.domain.findings import Answer, Finding
from accounting.domain.inventories import Inventory, InventoryLine
from accounting.domain.parks import AnnualFigures, Enterprise, Park, Source
from accounting.domain.plausibility import PastSpan
from accounting.domain.publication import Publication, RegionRelease, Withdrawal
from accounting.domain.record import Existing
from accounting.domain.stored import RebuiltSums, StoredRecord
from kernel.access import Bounds


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the present moment, aware, in UTC."""
        ...


class Account(Protocol):
    """What is recorded, as it was at one moment. Ids compare exactly; pages come in ascending order of what they page by."""

    async def park(self, park_id: str) -> Park | None:
        """Returns a park of any tenant."""
        ...

    async def parks(self, tenant_id: str, within: Bounds, after: str, limit: int) -> Sequence[Park]:
        """Returns parks of a tenant within bounds whose ids come after one."""
        ...

    async def enterprise(self, park_id: str, enterprise_id: str) -> Enterprise | None:
        """Returns an enterprise."""
        ...

    async def enterprises(self, park_id: str, own: Set[str] | None, after: str, limit: int) -> Sequence[Enterprise]:
        """Returns enterprises, of those named in `own` unless it is None, whose ids come after one."""
        ...

    async def sources(self, park_id: str, own: Set[str] | None, after: str, limit: int) -> Sequence[Source]:
        """Returns sources, of the enterprises in `own` unless it is None, whose ids come after one."""
        ...

    async def sources_named(self, park_id: str, source_ids: Sequence[str]) -> Mapping[str, Source]:
        """Returns those of the named sources that exist."""
        ...

    async def figures_in_force(self, park_id: str, year: int) -> AnnualFigures | None:
        """Returns the highest version of a year's figures."""
        ...

    async def figures(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[AnnualFigures]:
        """Returns versions that come after a year and version."""
        ...

    async def records(self, park_id: str, own: Set[str] | None, after: int, limit: int) -> Sequence[StoredRecord]:
        """Returns records, superseded ones too, of the enterprises in `own` unless it is None, whose positions come after one."""
        ...

    async def summed(
        self, park_id: str, own: Set[str] | None, months: MonthRange, dimensions: Sequence[str]
    ) -> Sequence[SummedRow]:
        """Returns the sums, of the enterprises in `own` unless it is None, that touch a range of months, by dimensions and by what
        decides where they count."""
        ...

    async def sums(self, park_id: str, after: tuple[str, int, int], limit: int) -> Sequence[SpanSum]:
        """Returns sums that come after a source, first and last month, in order of these; empty ones too."""
        ...

    async def last_position(self, park_id: str) -> int:
        """Returns the position of a park's last record, 0 without any."""
        ...

    async def history(self, park_id: str, source_ids: Sequence[str], from_month: int) -> Mapping[str, Sequence[PastSpan]]:
        """Returns what sources emitted in the spans that start in or after a month (YYYYMM)."""
        ...

    async def sources_of_records(self, park_id: str, record_ids: Sequence[str]) -> Mapping[str, str]:
        """Returns those of the record ids that are taken, and the source of each record."""
        ...

    async def records_in_force(self, park_id: str, year: int, last_position: int, after: int, limit: int) -> Sequence[StoredRecord]:
        """Returns records of a year that were in force when `last_position` was the park's last, whose positions come after one,
        in order of position."""
        ...

    async def bases_named(self, basis_ids: Sequence[str]) -> Mapping[str, Basis]:
        """Returns those of the named bases that are stored."""
        ...

    async def inventory(self, park_id: str, year: int, version: int | None = None) -> Inventory | None:
        """Returns an inventory of a year; without a version the one in force."""
        ...

    async def inventories(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[Inventory]:
        """Returns inventories that come after a year and version."""
        ...

    async def inventory_lines(self, park_id: str, year: int, version: int, after: int, limit: int) -> Sequence[InventoryLine]:
        """Returns lines of an inventory whose numbers come after one."""
        ...

    async def findings(self, park_id: str, year: int, version: int) -> Sequence[Finding]:
        """Returns every finding about an inventory, in order of number, with answers and closing."""
        ...

    async def inventories_in_force(self, tenant_id: str, year: int) -> Sequence[tuple[str, int]]:
        """Returns the park and version of the inventories of a year that are in force, in order of park."""
        ...

    async def publication(self, park_id: str, year: int, version: int) -> Publication | None:
        """Returns what is published of an inventory, withdrawn or not."""
        ...

    async def publications(self, park_id: str, after: tuple[int, int], limit: int) -> Sequence[Publication]:
        """Returns publications that come after a year and version and were not withdrawn."""
        ...

    async def publications_of_year(self, tenant_id: str, year: int) -> Sequence[Publication]:
        """Returns every publication of a year by any park of a tenant, withdrawn ones too."""
        ...

    async def published_parks(self, tenant_id: str, within: Bounds, after: str, limit: int) -> Sequence[Park]:
        """Returns parks within bounds with a publication that was not withdrawn, whose ids come after one."""
        ...

    async def region_release(self, tenant_id: str, year: int) -> RegionRelease | None:
        """Returns the release of a year."""
        ...


class UnitOfWork(Account, Protocol):
    """One transaction. What is not committed when the block ends never was."""

    async def __aenter__(self) -> Self:
        """Begins."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends; rolls back what was not committed."""
        ...

    async def add_park(self, park: Park) -> None:
        """Stores a new park."""
        ...

    async def add_enterprise(self, enterprise: Enterprise) -> None:
        """Stores a new enterprise."""
        ...

    async def add_source(self, source: Source) -> None:
        """Stores a new source."""
        ...

    async def add_figures(self, figures: AnnualFigures) -> None:
        """Stores a new version of a year's figures."""
        ...

    async def lock(self, park_id: str) -> int:
        """Makes this the only transaction that writes to the park's account; returns the last position in it."""
        ...

    async def stage(self, park: Park, wave: Candidates) -> Existing:
        """Takes a wave in, and returns what the account knows of its rows."""
        ...

    async def append(self, park: Park, accepted: Candidates, last_position: int, recorded_time: datetime) -> Sequence[SpanSum]:
        """Stores the accepted rows of the staged wave from last_position + 1 on; returns the sums that it touched."""
        ...

    async def keep_bases(self, bases: Sequence[Basis]) -> None:
        """Stores the bases that records name, if they are new."""
        ...

    async def keep_factors(self, factors: Sequence[Factor]) -> Sequence[Factor]:
        """Stores factor rows; returns those that are new."""
        ...

    async def add_inventory(self, inventory: Inventory, lines: Sequence[InventoryLine]) -> None:
        """Stores a new inventory."""
        ...

    async def add_finding(self, finding: Finding) -> None:
        """Stores a new finding."""
        ...

    async def add_answer(self, finding: Finding, answer: Answer) -> None:
        """Stores a new answer to a finding."""
        ...

    async def add_closing(self, finding: Finding) -> None:
        """Stores how a finding was closed."""
        ...

    async def lock_publications(self, tenant_id: str) -> None:
        """Makes this the only transaction that publishes for a tenant: two at once would not know of each other."""
        ...

    async def add_publication(self, publication: Publication) -> None:
        """Stores a new publication."""
        ...

    async def add_withdrawal(self, publication: Publication, withdrawal: Withdrawal) -> None:
        """Stores that a publication was taken back."""
        ...

    async def add_region_release(self, release: RegionRelease) -> None:
        """Stores a new release."""
        ...

    async def open_years(self, first_year: int, last_year: int) -> int:
        """Makes room for the records of some years where they are kept by year; returns how many years are new."""
        ...

    async def rebuild(self, park_id: str) -> RebuiltSums:
        """Computes keys, sums and last position of a park anew from its records and puts them in place."""
        ...

    async def submit_rebuild(self, park: Park, owner: str) -> str:
        """Queues a rebuild as a job; returns the job's id."""
        ...

    def collect(self, fact: Fact) -> None:
        """Adds a fact that becomes known with the commit."""
        ...

    async def commit(self) -> None:
        """Makes everything durable, the facts included."""
        ...
