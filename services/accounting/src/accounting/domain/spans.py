"""Sums of one source over one span of months, and how far they may go.

Such a sum is the smallest that the account keeps, and the only one that has to fit into 64 bits: everything larger is added from it
without a limit. So it is bounded, and the row that would take it beyond its bound is refused.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from accounting.domain.batches import Candidates
from accounting.domain.reference import AmountBounds


class Span(NamedTuple):
    """Of which source, and over which months (YYYYMM, both inclusive)."""

    source_id: str
    first_month: int
    last_month: int


class SpanTotal(NamedTuple):
    """What records in force of a span add up to."""

    emissions_mg: int = 0
    energy_mgce: int = 0
    covered_s: int = 0
    records: int = 0

    def plus(self, other: "SpanTotal") -> "SpanTotal":
        """Returns the sum of both."""
        return SpanTotal(
            self.emissions_mg + other.emissions_mg,
            self.energy_mgce + other.energy_mgce,
            self.covered_s + other.covered_s,
            self.records + other.records,
        )

    def negated(self) -> "SpanTotal":
        """Returns what takes it away."""
        return SpanTotal(-self.emissions_mg, -self.energy_mgce, -self.covered_s, -self.records)


class Counted(NamedTuple):
    """A record in force as it counts: in which span, and with what."""

    span: Span
    total: SpanTotal


class Beyond(NamedTuple):
    """A sum that a row would take beyond its bound.

    Attributes:
        span: of which sum.
        unit: `t` for emissions, `tce` for energy.
        before: of the sum without the row, mg.
        bound: that the size of the sum stays below, mg.
    """

    span: Span
    unit: str
    before: int
    bound: int


def changes(rows: Candidates, corrected: Mapping[str, Counted]) -> Iterator[Mapping[Span, SpanTotal]]:
    """Returns for each row what it changes: its span gains it, and that of the record which it corrects loses that.

    Args:
        rows: the rows.
        corrected: the records in force that rows correct, by id.
    """
    for source_id, first, last, emissions_mg, energy_mgce, start, end, target in zip(
        rows.source_id,
        rows.first_month.tolist(),
        rows.last_month.tolist(),
        rows.emissions_mg.tolist(),
        rows.energy_mgce.tolist(),
        rows.start_s.tolist(),
        rows.end_s.tolist(),
        rows.supersedes,
        strict=True,
    ):
        change = {Span(source_id, first, last): SpanTotal(emissions_mg, energy_mgce, end - start, 1)}
        if target and (counted := corrected.get(target)) is not None:
            change[counted.span] = change.get(counted.span, SpanTotal()).plus(counted.total.negated())
        yield change


def sums_after(rows: Candidates, corrected: Mapping[str, Counted], before: Mapping[Span, SpanTotal]) -> Mapping[Span, SpanTotal]:
    """Returns the sums that rows touch as they are with all of them; exact, whatever the order.

    Args:
        rows: accepted rows.
        corrected: as `changes` takes it.
        before: every sum that the rows touch and that is there.
    """
    touched: dict[Span, SpanTotal] = {}
    for change in changes(rows, corrected):
        for span, total in change.items():
            touched[span] = touched.get(span, before.get(span, SpanTotal())).plus(total)
    return touched


def beyond(
    rows: Candidates, corrected: Mapping[str, Counted], before: Mapping[Span, SpanTotal], bounds: AmountBounds
) -> Mapping[int, Beyond]:
    """Finds the rows that would take a sum beyond its bound, in their order: what is refused is not counted for those after it.

    A sum that is beyond already, in a database of 0.1.0, may still be brought nearer to its bound.

    Args:
        rows: rows that nothing else speaks against.
        corrected: as `changes` takes it.
        before: every sum that the rows touch and that is there.
        bounds: of a source and span.

    Returns:
        By row, the sum that it would take beyond.
    """
    running: dict[Span, SpanTotal] = {}
    refused: dict[int, Beyond] = {}
    for row, change in enumerate(changes(rows, corrected)):
        after = {}
        for span, total in change.items():
            now = running.get(span, before.get(span, SpanTotal()))
            after[span] = now.plus(total)
            if (found := _beyond(span, now, after[span], bounds)) is not None:
                refused[row] = found
                break
        else:
            running |= after
    return refused


def _beyond(span: Span, before: SpanTotal, after: SpanTotal, bounds: AmountBounds) -> Beyond | None:
    for unit, bound, was, becomes in (
        ("t", bounds.emissions_mg, before.emissions_mg, after.emissions_mg),
        ("tce", bounds.energy_mgce, before.energy_mgce, after.energy_mgce),
    ):
        if abs(becomes) >= bound and abs(becomes) > abs(was):
            return Beyond(span, unit, was, bound)
    return None
