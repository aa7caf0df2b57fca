"""What happened, with numbers: stored in the transaction of the change and published from there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from accounting.domain.batches import Candidates
from accounting.domain.evidence import ChainHead, ChainLinks
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
    """A batch of at most MAX_EVENT_ROWS records was accepted, by column; `head` is that of the park's chain after the last."""

    park_id: str
    tenant_id: str
    first_position: int
    head: ChainHead
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


def recorded(park: Park, accepted: Candidates, links: ChainLinks, now: datetime) -> Iterator[ActivityRecorded]:
    """Returns the facts of accepted rows and of what they add to the chain: as many as events hold them."""
    for start in range(0, len(accepted), MAX_EVENT_ROWS):
        end = start + MAX_EVENT_ROWS
        yield ActivityRecorded(
            park_id=park.park_id,
            tenant_id=park.tenant_id,
            first_position=links.before.position + start + 1,
            head=links.at(min(end, len(accepted))),
            record_id=accepted.record_id[start:end],
            source_id=accepted.source_id[start:end],
            period_start_s=_numbers(accepted.start_s[start:end]),
            period_end_s=_numbers(accepted.end_s[start:end]),
            quantity_micro=_numbers(accepted.quantity_micro[start:end]),
            unit=accepted.unit[start:end],
            emissions_mg=_numbers(accepted.emissions_mg[start:end]),
            energy_mgce=_numbers(accepted.energy_mgce[start:end]),
            basis_id=accepted.basis_id[start:end],
            supersedes=accepted.supersedes[start:end],
            recorded_time=now,
        )


def _numbers(column: NDArray[np.int64]) -> Sequence[int]:
    numbers: list[int] = column.tolist()
    return numbers
