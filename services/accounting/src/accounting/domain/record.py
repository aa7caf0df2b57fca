"""The decision on a wave of candidates, given what is stored: accepted, duplicate or rejected."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from accounting.domain.accounts import month_key
from accounting.domain.batches import Candidates
from accounting.domain.ordering import overlapping
from accounting.domain.problems import RowProblem
from accounting.domain.reference import AmountBounds
from accounting.domain.spans import Beyond, Counted, Span, SpanTotal, beyond
from kernel.periods import format_instant
from kernel.quantities import format_scaled
from kernel.refusals import shown


class Outcome(StrEnum):
    """What became of a row."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Content:
    """What makes two rows with one id the same record."""

    source_id: str
    start_s: int
    end_s: int
    quantity_micro: int
    unit: str
    supersedes: str


@dataclass(frozen=True, slots=True)
class StoredPeriod:
    """A record in force that is in the way."""

    record_id: str
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Existing:
    """What the account knows of a wave; each by row of the wave.

    Attributes:
        same_id: the content of the stored record of that id.
        overlaps: a record in force of the same source, other than the one that the row corrects, whose period overlaps.
        targets: for corrections the superseder of the record they name, empty while it is in force; absent when there is none.
        corrected: what the records that corrections name count as, by id.
        sums: every sum that the wave touches and that is there; None where none of them can come near its bound.
    """

    same_id: Mapping[int, Content]
    overlaps: Mapping[int, StoredPeriod]
    targets: Mapping[int, str]
    corrected: Mapping[str, Counted] = dataclasses.field(default_factory=dict)
    sums: Mapping[Span, SpanTotal] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Rows of the wave that are accepted, that are duplicates, and the problems of the others."""

    accepted: NDArray[np.intp]
    duplicates: Sequence[int]
    problems: Mapping[int, tuple[str, str, str, str, str | None]]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of each row of a batch, and the park's position after it."""

    outcomes: Sequence[Outcome]
    problems: Mapping[int, RowProblem]
    last_position: int


def content_of(candidates: Candidates, row: int) -> Content:
    """Returns what identifies a candidate's content."""
    return Content(
        source_id=candidates.source_id[row],
        start_s=int(candidates.start_s[row]),
        end_s=int(candidates.end_s[row]),
        quantity_micro=int(candidates.quantity_micro[row]),
        unit=candidates.unit[row],
        supersedes=candidates.supersedes[row],
    )


def decide(wave: Candidates, existing: Existing, zone: ZoneInfo, bounds: AmountBounds) -> Decision:
    """Says which rows of a wave are accepted.

    In this order: a row whose id is stored is a duplicate or a conflict; a row that repeats an id of the wave shares the fate of
    the first or conflicts with it; a correction needs its target in force; a row must not overlap a record in force or an earlier
    row, nor take the sum of its source and span of months beyond its bound.

    Args:
        wave: rows whose targets, if in the batch, were decided before.
        existing: what the account knows of them.
        zone: for messages.
        bounds: of the sum of a source over a span of months.

    Returns:
        The decision; problems as reason, field, found, allowed, allowed in Chinese.
    """
    problems: dict[int, tuple[str, str, str, str, str | None]] = {}
    duplicates: list[int] = []
    for row, stored in existing.same_id.items():
        if (conflict := _conflict(stored, content_of(wave, row), zone)) is None:
            duplicates.append(row)
        else:
            problems[row] = conflict
    repeats = _repeats(wave, zone, problems, settled={*duplicates, *problems})
    _check_targets(wave, existing, problems, settled={*duplicates, *problems, *repeats})
    settled = {*duplicates, *problems, *repeats}
    for row, stored_period in existing.overlaps.items():
        if row not in settled:
            found, allowed = _period(wave, row, zone), _record_text(stored_period, zone)
            problems[row] = ("PERIOD_OVERLAPS", "period_start", found, f"record {allowed}", f"记录 {allowed}")
    rest = np.setdiff1d(np.arange(len(wave), dtype=np.intp), np.array(sorted({*problems, *settled}), dtype=np.intp))
    clashes = overlapping(wave.take(rest))
    for place, other in clashes.items():
        row, earlier = int(rest[place]), int(rest[other])
        record = StoredPeriod(wave.record_id[earlier], int(wave.start_s[earlier]), int(wave.end_s[earlier]))
        found, allowed = _period(wave, row, zone), _record_text(record, zone)
        problems[row] = ("PERIOD_OVERLAPS", "period_start", found, f"record {allowed}", f"记录 {allowed}")
    fitting = np.delete(rest, list(clashes)) if clashes else rest
    if existing.sums is not None:
        too_much = beyond(wave.take(fitting), existing.corrected, existing.sums, bounds)
        for place, sum_beyond in too_much.items():
            row = int(fitting[place])
            problems[row] = ("AMOUNT_OUT_OF_RANGE", "quantity", _quantity(wave, row), *_room(sum_beyond))
        fitting = np.delete(fitting, list(too_much)) if too_much else fitting
    for row, first in repeats.items():
        if first in problems:
            problems[row] = problems[first]
        else:
            duplicates.append(row)
    return Decision(fitting, duplicates, problems)


def _repeats(
    wave: Candidates, zone: ZoneInfo, problems: dict[int, tuple[str, str, str, str, str | None]], settled: set[int]
) -> dict[int, int]:
    """Rows that repeat an id of the wave with the same content, with the first of them; conflicts become problems."""
    if len(set(wave.record_id)) == len(wave):
        return {}
    first_of: dict[str, int] = {}
    repeats = {}
    for row, record_id in enumerate(wave.record_id):
        first = first_of.setdefault(record_id, row)
        if first == row or row in settled:
            continue
        if (conflict := _conflict(content_of(wave, first), content_of(wave, row), zone)) is None:
            repeats[row] = first
        else:
            problems[row] = conflict
    return repeats


def _check_targets(
    wave: Candidates, existing: Existing, problems: dict[int, tuple[str, str, str, str, str | None]], settled: set[int]
) -> None:
    taken: dict[str, str] = {}
    for row, target in enumerate(wave.supersedes):
        if not target or row in settled:
            continue
        superseded_by = existing.targets.get(row)
        if superseded_by is None:
            problems[row] = ("SUPERSEDES_UNKNOWN", "supersedes", target, "the id of an accepted record", "已接收记录的编号")
        elif superseded_by or target in taken:
            problems[row] = ("ALREADY_SUPERSEDED", "supersedes", target, superseded_by or taken[target], None)
        elif row not in existing.overlaps:
            taken[target] = wave.record_id[row]


def _conflict(stored: Content, given: Content, zone: ZoneInfo) -> tuple[str, str, str, str, str | None] | None:
    if stored == given:
        return None
    described = (
        (
            "quantity",
            f"{format_scaled(given.quantity_micro, 6)} {given.unit}",
            f"{format_scaled(stored.quantity_micro, 6)} {stored.unit}",
        ),
        ("source_id", given.source_id, stored.source_id),
        ("period_start", format_instant(given.start_s, zone), format_instant(stored.start_s, zone)),
        ("period_end", format_instant(given.end_s, zone), format_instant(stored.end_s, zone)),
        ("supersedes", given.supersedes, stored.supersedes),
    )
    for field, found, recorded in described:
        if found != recorded:
            return "RECORD_ID_CONFLICT", field, f"{field} {found}", f"{field} {recorded}", None
    return None


def _quantity(wave: Candidates, row: int) -> str:
    return f"{format_scaled(int(wave.quantity_micro[row]), 6)} {wave.unit[row]}"


def _room(found: Beyond) -> tuple[str, str]:
    """What a source may have in a span of months, in both languages."""
    source, months = shown(found.span.source_id), month_key(found.span.first_month, found.span.last_month)
    bound, before = (f"{format_scaled(amount, 9)} {found.unit}" for amount in (found.bound, found.before))
    return (
        f"records of source {source} in {months} are less than {bound} together and {before} without this one; correct the quantity"
        " or its unit, or the records that are there",
        f"排放源 {source} 在 {months} 的记录合计应少于 {bound},不含本条已有 {before};请更正数量或单位,或更正已有记录",
    )


def _period(wave: Candidates, row: int, zone: ZoneInfo) -> str:
    return f"{format_instant(int(wave.start_s[row]), zone)} – {format_instant(int(wave.end_s[row]), zone)}"


def _record_text(record: StoredPeriod, zone: ZoneInfo) -> str:
    return f"{shown(record.record_id)} ({format_instant(record.start_s, zone)} – {format_instant(record.end_s, zone)})"
