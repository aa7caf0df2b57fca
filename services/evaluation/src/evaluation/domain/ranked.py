"""Parks in order of their totals, with what their ranks depend on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evaluation.domain.comparison import PeerRank, peer_ranks, reachable_ranks
from evaluation.domain.ranking import Flip, RankIntervals, drawn_weights, flips, rank_intervals
from evaluation.domain.scoring import NodeScore
from parkcopies.parks import Park


@dataclass(frozen=True, slots=True)
class Ranking:
    """Parks with their totals, ranks and intervals, and by what they were ranked.

    Attributes:
        parks: best first, unscored ones last.
        ranks: of the scored ones.
        intervals: by the place in `parks` among the scored ones.
        reachable: best and worst rank that missing values leave, by the place in `parks`.
        flips: by indicator; empty unless all scored parks have the same indicators scored.
        weight_set_id: whose weights they are.
        synthetic: whether some thresholds are made up for a demonstration.
    """

    parks: Sequence[tuple[Park, NodeScore]]
    ranks: Mapping[str, PeerRank]
    intervals: RankIntervals
    reachable: Sequence[tuple[int, int]]
    flips: Sequence[tuple[str, Flip]]
    weight_set_id: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """Parks with their totals and the scores of their indicators, parks × indicators."""

    parks: Sequence[Park]
    totals: Sequence[NodeScore]
    matrix: NDArray[np.float64]

    @classmethod
    def of(cls, parks: Sequence[Park], found: Sequence[tuple[NodeScore, Sequence[float]]]) -> Self:
        """Puts together what `Totals.of` returns of each park."""
        return cls(parks, [total for total, _ in found], np.array([row for _, row in found]))


@dataclass(frozen=True, slots=True)
class Draws:
    """How weights are drawn."""

    draws: int
    seed: int
    spread_ratio: float


def ranked(
    scored: Sequence[Scored],
    by_leaf: Mapping[str, Fraction],
    drawn: Draws,
    name: str,
    synthetic: bool,
) -> Ranking:
    """Ranks parks.

    Args:
        scored: the parks with their totals.
        by_leaf: the weight of each indicator in the total, in the order of the columns.
        drawn: how weights are drawn.
        name: whose weights they are.
        synthetic: whether some thresholds are made up for a demonstration.

    Raises:
        RuleBroken: fewer than two of the parks have a score.
    """
    rows = chain.from_iterable(zip(each.parks, each.totals, each.matrix, strict=True) for each in scored)
    known: list[tuple[Any, ...]] = []
    unknown: list[tuple[Any, ...]] = []
    for row in rows:
        (unknown if row[1].score is None else known).append(row)
    known.sort(key=lambda each: (-(each[1].score or Fraction(0)), each[0].park_id))
    placed = peer_ranks({park.park_id: total.score or Fraction(0) for park, total, _ in known})
    weights = np.array([float(weight) for weight in by_leaf.values()])
    matrix = np.array([row for _, _, row in known])
    if drawn.spread_ratio:
        intervals = rank_intervals(matrix, drawn_weights(weights, drawn.draws, drawn.spread_ratio, drawn.seed))
    else:
        # Every draw is the ranking itself, and floats would tell parks apart that the exact scores do not.
        ranks = np.array([placed[park.park_id].rank for park, _, _ in known], dtype=np.int32)
        intervals = RankIntervals(ranks, ranks, ranks, (ranks == 1).astype(np.float64))
    alike = ~np.isnan(matrix[0])
    flipping: list[tuple[str, Flip]] = []
    if bool((np.isnan(matrix) == ~alike).all()) and weights[alike].sum() > 0:
        names = [leaf for leaf, there in zip(by_leaf, alike, strict=True) if there]
        flipping = list(zip(names, flips(matrix[:, alike], weights[alike] / weights[alike].sum()), strict=True))
    parks = [(park, total) for park, total, _ in (*known, *unknown)]
    reachable = reachable_ranks([(total.low, total.high) for _, total in parks])
    return Ranking(parks, placed, intervals, reachable, flipping, name, synthetic)
