"""What looks implausible beside the last twelve months of its source, and is held until its sender confirms it."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accounting.domain.batches import Candidates
from accounting.domain.reference import AmountBounds, UnitMistake

LONG_PERIOD_S = 7 * 86_400
"""A record of a week or more is compared with the source's own history by itself. Shorter ones idle and peak by nature, so they are
compared together, and as if they had lasted a week at least."""

DAY_S = 86_400

HISTORY_S = 366 * 86_400
FEWEST_IN_HISTORY = 3
FAR_OFF = 10
NEAR_A_MISTAKE = 0.005
"""A ratio within half a per cent of a known mistake is held, though it is less than ten times off."""

HINT_OF_A_MISTAKE = 0.2
"""A value that is held anyway names the mistake that explains it within a fifth."""

HINT_BY_A_DAY = 0.6
"""Days of one source differ by more than its months do."""


@dataclass(frozen=True, slots=True)
class PastSpan:
    """What a source emitted in a span of months: milligrams over the seconds that its records cover.

    Attributes:
        month: YYYYMM where the span is one month, else 0.
    """

    start_s: int
    emissions_mg: int
    covered_s: int
    month: int = 0


class Extent(NamedTuple):
    """How far the spans of a source reach: a look that says of most sources that nothing of them needs a closer one.

    Attributes:
        lowest_rate: of the spans that emitted anything, whole milligrams per second, rounded down; None without such a span.
        emissions_mg: the largest size of a span; energy_mgce: the same.
    """

    lowest_rate: int | None
    emissions_mg: int
    energy_mgce: int


def doubtful_sources(candidates: Candidates, extents: Mapping[str, Extent]) -> set[str]:
    """Returns the sources of which `held` may hold a row, so that it needs their history.

    These are the sources with long rows, and those with a short row whose rate is ten times the lowest of the past or more: what
    is less is less than ten times the median, too. Confirmed rows are never held.

    Args:
        candidates: the rows.
        extents: of the account, by source; at least of the spans that reach the `threshold`.
    """
    rows, rates = _short_rates(candidates)
    long = (candidates.end_s - candidates.start_s >= LONG_PERIOD_S) & _to_judge(candidates)
    found = {candidates.source_id[row] for row in np.flatnonzero(long).tolist()}
    lowest = {source: extent.lowest_rate for source, extent in extents.items() if extent.lowest_rate is not None}
    if not lowest:
        return found
    fast = rates >= FAR_OFF * min(lowest.values())
    for row, rate in zip(rows[fast].tolist(), rates[fast].tolist(), strict=True):
        source = candidates.source_id[row]
        if source in lowest and rate >= FAR_OFF * lowest[source]:
            found.add(source)
    return found


def _to_judge(candidates: Candidates) -> NDArray[np.bool_]:
    asked: NDArray[np.bool_] = ~candidates.confirmed & (candidates.emissions_mg > 0)
    return asked


def _short_rates(candidates: Candidates) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Returns the short rows that may be held, and what each emits, mg per second."""
    length_s = candidates.end_s - candidates.start_s
    rows = np.flatnonzero((length_s < LONG_PERIOD_S) & _to_judge(candidates))
    return rows, candidates.emissions_mg[rows] / length_s[rows]


def threshold(candidates: Candidates, bounds: AmountBounds) -> Extent:
    """Returns from where on a span of the past matters for rows: as slow as that or slower, or as large as that or larger.

    `doubtful_sources` and `near_bounds` answer the same without the spans that are neither. Rounded to the safe side.

    Args:
        candidates: the rows.
        bounds: of a sum of a source and span.
    """
    _, rates = _short_rates(candidates)
    return Extent(
        int(1.001 * rates.max(initial=0.0) / FAR_OFF) + 1,
        max(int(0.998 * bounds.emissions_mg - _size(candidates.emissions_mg)), 0),
        max(int(0.998 * bounds.energy_mgce - _size(candidates.energy_mgce)), 0),
    )


def near_bounds(candidates: Candidates, extents: Iterable[Extent], bounds: AmountBounds) -> bool:
    """Tells whether rows could take a sum of a source and span to its bound, whichever of them are accepted.

    Args:
        candidates: the rows.
        extents: of the sources that the rows are of, and of every span that they are in; at least of those that reach the
            `threshold`.
        bounds: of such a sum.
    """
    known = list(extents)
    emissions_mg = max((extent.emissions_mg for extent in known), default=0) + _size(candidates.emissions_mg)
    energy_mgce = max((extent.energy_mgce for extent in known), default=0) + _size(candidates.energy_mgce)
    # Added in floating point, which is wrong by far less than the thousandth that it is given.
    return emissions_mg >= 0.999 * bounds.emissions_mg or energy_mgce >= 0.999 * bounds.energy_mgce


def _size(amounts: NDArray[np.int64]) -> float:
    return float(np.abs(amounts.astype(np.float64)).sum())


def held(
    candidates: Candidates, history: Mapping[str, Sequence[PastSpan]], mistakes: Sequence[UnitMistake]
) -> dict[int, tuple[str, str]]:
    """Finds rows whose rate is implausible beside the source's own last twelve months.

    The rate is emissions per second, so that months of different length compare and a change of unit alone does not matter. It is
    compared with the median of the source's rates that start within the 366 days before, from the account and from this batch, when
    there are at least three. A row is held when it is ten times off or more, or when the ratio is within half a per cent of a known
    mistake of units. Zero is a plausible rate. A row that the sender confirms is not held. Rows are taken in order of their start,
    and one that is held is no history for the next: a unit that changes in mid-series is held to the end of the batch.

    Args:
        candidates: the rows.
        history: spans of the account by source.
        mistakes: ratios with what they mean.

    Short rows are judged by the day (UTC) on which they start: together, as rows of meters idle at night and peak by nature. A day
    whose rate is ten times the usual is held when it would still be so were its amount that of a week, or when the month that it is
    of would be, with what the account and this batch have of it already, over the time that it covers but a week at least. So a
    source that runs a few days in the month passes, while a wrong unit is held on its first day, and in single readings before the
    month emits ten usual ones. Little is never held: a short row that idles is no mistake.

    Returns:
        For each row held, how far it is off and what is likely, in English and in Chinese.

    Source: robustness rules, abuse 2.
    """
    verdicts = _held_short(candidates, history, mistakes)
    pasts: dict[str, _Past] = {}
    length_s = candidates.end_s - candidates.start_s
    long = np.flatnonzero(length_s >= LONG_PERIOD_S)
    for row in long[np.argsort(candidates.start_s[long], kind="stable")].tolist():
        source, start = candidates.source_id[row], int(candidates.start_s[row])
        rate = int(candidates.emissions_mg[row]) / int(length_s[row])
        if (past := pasts.get(source)) is None:
            past = pasts[source] = _Past(history.get(source, ()))
        usual = None if candidates.confirmed[row] or rate <= 0 else past.median_before(start)
        if usual is not None and (verdict := _implausible(rate / usual, mistakes)) is not None:
            verdicts[row] = verdict
        else:
            past.add(start, rate)
    return verdicts


def _held_short(
    candidates: Candidates, history: Mapping[str, Sequence[PastSpan]], mistakes: Sequence[UnitMistake]
) -> dict[int, tuple[str, str]]:
    length_s = candidates.end_s - candidates.start_s
    short = np.flatnonzero((length_s < LONG_PERIOD_S) & ~candidates.confirmed & (candidates.emissions_mg >= 0))
    days: dict[tuple[int, str], list[int]] = {}
    for row, day in zip(short.tolist(), (candidates.start_s[short] // DAY_S).tolist(), strict=True):
        if candidates.source_id[row] in history:
            days.setdefault((day, candidates.source_id[row]), []).append(row)
    verdicts: dict[int, tuple[str, str]] = {}
    pasts: dict[str, _Past] = {}
    months: dict[tuple[str, int], tuple[int, int]] = {}
    for (day, source), rows in sorted(days.items()):
        spans = history[source]
        past = pasts.setdefault(source, _Past(spans))
        usual = past.median_before(day * DAY_S)
        if usual is None:
            continue
        amount, length = sum(candidates.emissions_mg[rows].tolist()), sum(length_s[rows].tolist())
        month = source, int(candidates.first_month[rows[0]])
        if month not in months:
            here = [(span.emissions_mg, span.covered_s) for span in spans if span.month == month[1]]
            months[month] = here[0] if here else (0, 0)
        before, covered = months[month]
        most = FAR_OFF * usual
        day_is_off = amount >= most * max(length, LONG_PERIOD_S)
        month_is_off = before + amount >= most * max(covered + length, LONG_PERIOD_S)
        if amount >= most * length and (day_is_off or month_is_off):
            off_en, off_zh = _times(amount / length / usual, mistakes, hint_fraction=HINT_BY_A_DAY)
            emitting = [row for row in rows if candidates.emissions_mg[row] > 0]
            verdicts |= dict.fromkeys(emitting, (f"of a day that is {off_en}", f"{off_zh},按当日各行合计"))
        else:
            months[month] = before + amount, covered + length
    return verdicts


class _Past:
    """The rates of one source in the 366 days before a moment that only moves on; kept sorted, so that a row costs little."""

    def __init__(self, spans: Sequence[PastSpan]) -> None:
        self._coming = [(span.start_s, span.emissions_mg / span.covered_s) for span in spans if span.covered_s > 0]
        heapify(self._coming)
        self._inside: deque[tuple[int, float]] = deque()
        self._rates: list[float] = []

    def add(self, start_s: int, rate_mg_per_s: float) -> None:
        heappush(self._coming, (start_s, rate_mg_per_s))

    def median_before(self, start_s: int) -> float | None:
        while self._coming and self._coming[0][0] < start_s:
            at, rate = heappop(self._coming)
            if rate > 0:
                self._inside.append((at, rate))
                insort(self._rates, rate)
        while self._inside and self._inside[0][0] < start_s - HISTORY_S:
            _, rate = self._inside.popleft()
            del self._rates[bisect_left(self._rates, rate)]
        if len(self._rates) < FEWEST_IN_HISTORY:
            return None
        # The list is sorted already; statistics.median would sort it again for each row.
        middle = len(self._rates) // 2
        return self._rates[middle] if len(self._rates) % 2 else (self._rates[middle - 1] + self._rates[middle]) / 2


def _nearest(ratio: float, mistakes: Sequence[UnitMistake]) -> tuple[UnitMistake | None, float]:
    """The known mistake that comes nearest to a ratio, and by which part the ratio differs from it."""
    nearest = min(mistakes, key=lambda mistake: abs(log(ratio / mistake.ratio)), default=None)
    return nearest, abs(ratio / float(nearest.ratio) - 1) if nearest is not None else inf


def _implausible(ratio: float, mistakes: Sequence[UnitMistake]) -> tuple[str, str] | None:
    _, error = _nearest(ratio, mistakes)
    return None if error > NEAR_A_MISTAKE and 1 / FAR_OFF < ratio < FAR_OFF else _times(ratio, mistakes)


def _times(ratio: float, mistakes: Sequence[UnitMistake], hint_fraction: float = HINT_OF_A_MISTAKE) -> tuple[str, str]:
    """How far off it is, and the mistake that is likely: that which explains it within a part of it."""
    nearest, error = _nearest(ratio, mistakes)
    # Far off is far off; the mistake is only a hint then, and months differ by more than half a per cent.
    likely = nearest if error <= hint_fraction else None
    times = f"{ratio:.4g}"
    return (
        f"{times} times the median of the last 12 months" + (f" ({likely.meaning_en})" if likely else ""),
        f"近 12 个月中位数的 {times} 倍" + (f"({likely.meaning_zh})" if likely else ""),
    )
