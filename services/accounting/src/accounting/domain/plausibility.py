"""What looks implausible beside the last twelve months of its source, and is held until its sender confirms it."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf, log

import numpy as np

from accounting.domain.batches import Candidates
from accounting.domain.reference import UnitMistake

LONG_PERIOD_S = 7 * 86_400
"""Only records of a week or more are compared with the source's own history: shorter ones idle and peak by nature."""

HISTORY_S = 366 * 86_400
FEWEST_IN_HISTORY = 3
FAR_OFF = 10
NEAR_A_MISTAKE = 0.005
"""A ratio within half a per cent of a known mistake is held, though it is less than ten times off."""

HINT_OF_A_MISTAKE = 0.2
"""A value that is held anyway names the mistake that explains it within a fifth."""


@dataclass(frozen=True, slots=True)
class PastSpan:
    """What a source emitted in a span of months: milligrams over the seconds that its records cover."""

    start_s: int
    emissions_mg: int
    covered_s: int


def long_sources(candidates: Candidates) -> set[str]:
    """Returns the sources whose rows are long enough to compare with their history."""
    long = np.flatnonzero((candidates.end_s - candidates.start_s >= LONG_PERIOD_S) & ~candidates.confirmed)
    return {candidates.source_id[row] for row in long.tolist()}


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

    Returns:
        For each row held, how far it is off and what is likely, in English and in Chinese.

    Source: robustness rules, abuse 2.
    """
    verdicts: dict[int, tuple[str, str]] = {}
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


def _implausible(ratio: float, mistakes: Sequence[UnitMistake]) -> tuple[str, str] | None:
    nearest = min(mistakes, key=lambda mistake: abs(log(ratio / mistake.ratio)), default=None)
    error = abs(ratio / float(nearest.ratio) - 1) if nearest is not None else inf
    if error > NEAR_A_MISTAKE and 1 / FAR_OFF < ratio < FAR_OFF:
        return None
    # Far off is far off; the mistake is only a hint then, and months differ by more than half a per cent.
    likely = nearest if error <= HINT_OF_A_MISTAKE else None
    times = f"{ratio:.4g}"
    return (
        f"{times} times the median of the last 12 months" + (f" ({likely.meaning_en})" if likely else ""),
        f"近 12 个月中位数的 {times} 倍" + (f"({likely.meaning_zh})" if likely else ""),
    )
