"""Ranking of parks, and how sure it is: rank intervals over drawn weights, and the weights at which ranks flip.

Scores of many parks are matrices: parks × indicators times indicators × draws. Here they are floats, as no figure of them is
booked; the exact score of a park is `scoring`'s.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Scored = NDArray[np.float64]
"""parks × indicators, 0 to the scale; NaN where an indicator of a park is unscored."""

_CHUNK_CELLS = 4_000_000
"""Parks × draws that are held at once: 32 MB of scores, so that a region of any size fits."""


def scores(scored: Scored, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the score of each park: Σ w·x / Σ w over its scored indicators; NaN where none is.

    Args:
        scored: parks × indicators.
        weights: of each indicator in the total; sum to 1.

    Source: [G] eq. (9).
    """
    known = ~np.isnan(scored)
    weighed = known @ weights
    total = np.where(known, scored, 0.0) @ weights
    result: NDArray[np.float64] = np.divide(total, weighed, out=np.full(len(scored), np.nan), where=weighed > 0)
    return result


def ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns ranks from 1 for the highest; equal scores share the better rank; NaN comes last.

    >>> ranks(np.array([70.0, 90.0, 70.0, np.nan])).tolist()
    [2, 1, 2, 4]
    """
    ranked: NDArray[np.int64] = rankdata(np.where(np.isnan(values), np.inf, -values), method="min").astype(np.int64)
    return ranked


def drawn_weights(weights: NDArray[np.float64], draws: int, spread_ratio: float, seed: int) -> NDArray[np.float64]:
    """Draws weights around given ones: each times an independent uniform number in [1 − spread, 1 + spread], then normalised.

    Args:
        weights: of each indicator in the total; sum to 1.
        draws: how many, >= 1.
        spread_ratio: 0 to 1; 0.2 means that an expert is sure of a weight to a fifth of it.
        seed: the same seed gives the same draws.

    Returns:
        draws × indicators; every row sums to 1.
    """
    chance = np.random.default_rng(seed)
    drawn = weights * chance.uniform(1 - spread_ratio, 1 + spread_ratio, (draws, len(weights)))
    total: NDArray[np.float64] = drawn / drawn.sum(axis=1, keepdims=True)
    return total


@dataclass(frozen=True, slots=True)
class RankIntervals:
    """Where each park ranks over the draws, by park.

    Attributes:
        low: the better end: a share (1 − level)/2 of the draws ranks it better than this.
        median: the middle.
        high: the worse end.
        first_share: how often it ranks first, 0 to 1.
    """

    low: NDArray[np.int32]
    median: NDArray[np.int32]
    high: NDArray[np.int32]
    first_share: NDArray[np.float64]


def rank_intervals(scored: Scored, drawn: NDArray[np.float64], *, level_ratio: float = 0.9) -> RankIntervals:
    """Ranks the parks once for each draw of weights, and returns the interval that holds a share of each park's ranks.

    A park's score in a draw is Σ w·x / Σ w over its scored indicators. Parks that score the same in every indicator share the
    better rank. A park of which nothing is scored ranks last throughout.

    Args:
        scored: parks × indicators.
        drawn: draws × indicators; rows sum to 1.
        level_ratio: the share of ranks inside the interval, above 0 and below 1; its ends are ranks that occurred.

    Returns:
        Ranks from 1.
    """
    alike, place, members = _distinct(scored)
    kinds, draws = len(alike), len(drawn)
    rank_by_draw = np.empty((draws, kinds), dtype=np.int32)
    numbers = np.arange(1, kinds + 1, dtype=np.int32)
    for start, block in _score_blocks(alike, drawn):
        order = np.argsort(block, axis=1)
        if kinds < len(scored):
            there = members[order]
            numbers = np.cumsum(there, axis=1, dtype=np.int32) - there + 1
        np.put_along_axis(rank_by_draw[start : start + len(block)], order, np.broadcast_to(numbers, block.shape), axis=1)
    first_share = (rank_by_draw == 1).mean(axis=0)
    tail = (1 - level_ratio) / 2
    ends = [int(np.floor(tail * (draws - 1))), (draws - 1) // 2, int(np.ceil((1 - tail) * (draws - 1)))]
    by_park = np.ascontiguousarray(rank_by_draw.T)
    by_park.partition(sorted(set(ends)), axis=1)
    low, median, high = (by_park[place, end] for end in ends)
    return RankIntervals(low, median, high, first_share[place])


def _distinct(scored: Scored) -> tuple[Scored, NDArray[np.intp], NDArray[np.int32]]:
    """Returns the rows that differ, which of them each park has, and how many parks have each.

    Rows that are alike have the same score; a matrix product may say otherwise in the last digit, and by where they stand.
    """
    places: dict[bytes, int] = {}
    place = np.array([places.setdefault(row.tobytes(), len(places)) for row in scored], dtype=np.intp)
    first = np.unique(place, return_index=True)[1]
    return scored[first], place, np.bincount(place).astype(np.int32)


def _score_blocks(scored: Scored, drawn: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yields negated scores, draws × parks, so that the ascending order is from the best; unscored parks are +inf."""
    known = ~np.isnan(scored)
    complete = bool(known.all())
    points = np.ascontiguousarray(np.where(known, -scored, 0.0).T)
    mask = None if complete else np.ascontiguousarray(known.T.astype(np.float64))
    step = max(1, _CHUNK_CELLS // max(1, len(scored)))
    for start in range(0, len(drawn), step):
        weights = drawn[start : start + step]
        block = weights @ points
        if mask is not None:
            weighed = weights @ mask
            block = np.divide(block, weighed, out=np.full_like(block, np.inf), where=weighed > 0)
        yield start, block


@dataclass(frozen=True, slots=True)
class Flip:
    """How far the weight of an indicator moves before two neighbours in the ranking change places.

    Attributes:
        indicator: its place among the weights.
        change: of the weight, the others scaled to keep the sum of 1; None where no weight from 0 to 1 flips anything.
        above: the park that loses its place.
        below: the park that takes it.
    """

    indicator: int
    change: float | None
    above: int
    below: int


def flips(scored: Scored, weights: NDArray[np.float64]) -> list[Flip]:
    """Returns the least change of each weight that makes two parks change places; all indicators of all parks are scored.

    With wₖ + δ and the others times (1 − wₖ − δ)/(1 − wₖ), the difference of two scores is linear in δ: D(δ) = D + δ·(dₖ − D)/(1 −
    wₖ), D their difference and dₖ that of indicator k. The first to change places are neighbours, since straight lines that cross
    first are next to each other there.

    Special cases: neighbours that are equal flip at 0; a weight of 1 has nothing to scale and flips nothing.

    Args:
        scored: parks × indicators, two parks at least, no NaN.
        weights: sum to 1.

    Returns:
        One for each indicator; `change` is the one nearest to 0.
    """
    total = scored @ weights
    order = np.argsort(-total, kind="stable")
    above, below = order[:-1], order[1:]
    difference = total[above] - total[below]
    found = []
    for indicator, weight in enumerate(weights):
        slope = (
            (scored[above, indicator] - scored[below, indicator] - difference) / (1 - weight)
            if weight < 1
            else np.zeros_like(difference)
        )
        change = np.divide(-difference, slope, out=np.full_like(difference, np.inf), where=slope != 0)
        change[difference == 0] = 0.0
        change[(change < -weight) | (change > 1 - weight)] = np.inf
        pair = int(np.argmin(np.abs(change)))
        if np.isfinite(change[pair]):
            found.append(Flip(indicator, float(change[pair]), int(above[pair]), int(below[pair])))
        else:
            found.append(Flip(indicator, None, -1, -1))
    return found
