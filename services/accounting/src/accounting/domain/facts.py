"""What happened, with numbers: stored in the transaction of the change and published from there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounting.domain.factors import Factor
from accounting.domain.findings import Answer, Finding
from accounting.domain.inventories import Inventory
from accounting.domain.parks import AnnualFigures, Enterprise, Park, Source
from accounting.domain.publication import Publication, Withdrawal


@dataclass(frozen=True, slots=True)
class ParkRegistered:
    """A park was registered."""

    park: Park


@dataclass(frozen=True, slots=True)
class EnterpriseRegistered:
    """An enterprise was registered."""

    enterprise: Enterprise


@dataclass(frozen=True, slots=True)
class SourceRegistered:
    """A source was registered; `counted_as` says where its emissions count."""

    source: Source
    counted_as: str


@dataclass(frozen=True, slots=True)
class AnnualFiguresRecorded:
    """The figures of a year were recorded; an earlier version is superseded."""

    figures: AnnualFigures


@dataclass(frozen=True, slots=True)
class ActivityRecorded:
    """A batch of at most MAX_EVENT_ROWS records was accepted, by column."""

    park_id: str
    tenant_id: str
    first_position: int
    record_id: Sequence[str]
    source_id: Sequence[str]
    period_start_s: Sequence[int]
    period_end_s: Sequence[int]
    quantity_micro: Sequence[int]
    unit: Sequence[str]
    emissions_mg: Sequence[int]
    energy_mgce: Sequence[int]
    basis_id: Sequence[str]
    supersedes: Sequence[str]
    recorded_time: datetime


@dataclass(frozen=True, slots=True)
class SpanSum:
    """The sum of one source over one span of months: YYYYMM of its first and last month."""

    source_id: str
    first_month: int
    last_month: int
    emissions_mg: int
    energy_mgce: int
    records: int


@dataclass(frozen=True, slots=True)
class EmissionsCalculated:
    """The sums that a batch touched, as they are after it."""

    park_id: str
    tenant_id: str
    last_position: int
    sums: Sequence[SpanSum]
    calculated_time: datetime


@dataclass(frozen=True, slots=True)
class FactorPublished:
    """A factor row became available to the sets that use its table."""

    factor: Factor
    set_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class InventoryClosed:
    """The inventory of a year was closed; a version above 1 restates it."""

    inventory: Inventory


@dataclass(frozen=True, slots=True)
class InventoryPublished:
    """Totals of an inventory were published."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class PublicationWithdrawn:
    """A publication was taken back."""

    publication: Publication
    withdrawal: Withdrawal


@dataclass(frozen=True, slots=True)
class FindingWritten:
    """A verifier wrote a finding."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class FindingAnswered:
    """The park's management answered a finding."""

    finding: Finding
    answer: Answer


@dataclass(frozen=True, slots=True)
class FindingClosed:
    """A verifier closed a finding, which carries how."""

    finding: Finding


Fact = (
    ParkRegistered
    | EnterpriseRegistered
    | SourceRegistered
    | AnnualFiguresRecorded
    | ActivityRecorded
    | EmissionsCalculated
    | FactorPublished
    | InventoryClosed
    | InventoryPublished
    | PublicationWithdrawn
    | FindingWritten
    | FindingAnswered
    | FindingClosed
)

MAX_EVENT_ROWS = 1_000
"""Rows of one event, so that it stays under 512 KiB."""
