"""Comparison: a park with its peers, and a year with the year before."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

from evaluation.domain.errors import RuleBroken
from evaluation.domain.scoring import LeafScore, Scores, normalised
from evaluation.domain.systems import IndicatorSystem, Node

MIN_GROUP = 2
FACTORS = ("value", "weight", "threshold")


@dataclass(frozen=True, slots=True)
class PeerRank:
    """The rank of a park among its peers, itself included.

    Attributes:
        rank: from 1 for the best; equal ones share the better rank.
        of: how many are compared.
        percentile: per cent of the others that it is better than, an equal one counting half.
    """

    rank: int
    of: int
    percentile: Fraction


def peer_ranks(values: Mapping[str, Fraction], *, better: str = "+", what: str = "the ranking") -> dict[str, PeerRank]:
    """Returns the rank of each park.

    percentile = 100·(worse + equal/2)/(n − 1), so that the best of all has 100 and the worst 0.

    Args:
        values: of each park by its id.
        better: + where more is better.
        what: the node that is compared, for messages.

    Raises:
        RuleBroken: a group of one compares nothing.
    """
    if len(values) < MIN_GROUP:
        raise RuleBroken("PEERS_TOO_FEW", what, str(len(values)), str(MIN_GROUP))
    sign = 1 if better == "+" else -1
    ordered = sorted(sign * value for value in values.values())
    found = {}
    for park_id, value in values.items():
        worse = bisect_left(ordered, sign * value)
        equal = bisect_right(ordered, sign * value) - worse - 1
        others = len(values) - 1
        found[park_id] = PeerRank(1 + others - worse - equal, len(values), 100 * (worse + Fraction(equal, 2)) / others)
    return found


def reachable_ranks(intervals: Sequence[tuple[Fraction, Fraction]]) -> list[tuple[int, int]]:
    """Returns the best and the worst rank that each park can still have, whatever missing values turn out to be.

    Best: behind those only whose worst score is above its best one. Worst: before those only whose best score is below its worst.

    Args:
        intervals: lowest and highest score of each park.
    """
    lows, highs = sorted(low for low, _ in intervals), sorted(high for _, high in intervals)
    return [(1 + len(lows) - bisect_right(lows, high), len(highs) - bisect_left(highs, low)) for low, high in intervals]


@dataclass(frozen=True, slots=True)
class LeafChange:
    """Why an indicator's points changed; the effects sum to the change exactly."""

    node_id: str
    value: Fraction
    weight: Fraction
    threshold: Fraction


@dataclass(frozen=True, slots=True)
class YearOverYear:
    """Why a score changed: `change` = value + weight + threshold + coverage, exactly.

    Attributes:
        change: of the score of what is known, points.
        value: by values that changed.
        weight: by weights that changed.
        threshold: by thresholds that changed.
        coverage: by indicators that are scored in one of the two only.
        leaves: the three effects of each indicator that is scored in both.
        only_before: scored in the earlier one only.
        only_after: scored in the later one only.
    """

    change: Fraction
    value: Fraction
    weight: Fraction
    threshold: Fraction
    coverage: Fraction
    leaves: Sequence[LeafChange]
    only_before: Sequence[str]
    only_after: Sequence[str]


def year_over_year(before: Scores, after: Scores) -> YearOverYear:
    """Splits the change of a score into values, weights, thresholds and coverage.

    Over the indicators scored in both, points are w·x(v, t)/Σw; the effect of a factor is its mean effect over the six orders in
    which value, weight and threshold can be exchanged (Shapley), which leaves no remainder. What is scored in one of the two only
    is apart, as coverage: the difference of the two scores from those over the common indicators.

    Special cases: without common indicators all of the change is coverage. Scores of different scale are compared in points all the
    same, so systems must be versions of one another.

    Raises:
        RuleBroken: nothing is scored in one of the two.

    Source: Shapley (1953); Sun (1998), Energy Economics 20:85, who splits a remainder jointly.
    """
    scored_before = {node_id for node_id, leaf in before.leaves.items() if leaf.score is not None}
    scored_after = {node_id for node_id, leaf in after.leaves.items() if leaf.score is not None}
    for name, each in (("before", before), ("after", after)):
        if each.total.score is None:
            raise RuleBroken("NOTHING_SCORED", name)
    assert before.total.score is not None
    assert after.total.score is not None
    common = [node_id for node_id in after.leaves if node_id in scored_before and node_id in scored_after]
    first, last = _shares(before, common), _shares(after, common)
    leaves = [
        _leaf_change(before.leaves[node_id], after.leaves[node_id], first[node_id], last[node_id], before.system, after.system)
        for node_id in common
        if first or last
    ]
    value = sum((leaf.value for leaf in leaves), Fraction(0))
    weight = sum((leaf.weight for leaf in leaves), Fraction(0))
    threshold = sum((leaf.threshold for leaf in leaves), Fraction(0))
    change = after.total.score - before.total.score
    return YearOverYear(
        change,
        value,
        weight,
        threshold,
        change - value - weight - threshold,
        leaves,
        sorted(scored_before - scored_after),
        sorted(scored_after - scored_before),
    )


def _shares(scores: Scores, common: Sequence[str]) -> dict[str, Fraction]:
    total = sum((scores.leaves[node_id].weight for node_id in common), Fraction(0))
    return {node_id: scores.leaves[node_id].weight / total if total else Fraction(0) for node_id in common}


def _leaf_change(
    before: LeafScore, after: LeafScore, first: Fraction, last: Fraction, system: IndicatorSystem, later: IndicatorSystem
) -> LeafChange:
    def points(state: frozenset[str]) -> Fraction:
        """Points with the factors named in `state` as they are after, the others as before."""
        value = after.value if "value" in state else before.value
        ruled, scale = (after, later.scale) if "threshold" in state else (before, system.scale)
        assert value is not None
        return (last if "weight" in state else first) * _scored(ruled.node, value, ruled, scale)

    effects = dict.fromkeys(FACTORS, Fraction(0))
    orders = list(permutations(FACTORS))
    for order in orders:
        state: frozenset[str] = frozenset()
        for factor in order:
            effects[factor] += points(state | {factor}) - points(state)
            state |= {factor}
    return LeafChange(after.node.node_id, *(effects[factor] / len(orders) for factor in FACTORS))


def _scored(node: Node, value: Fraction, leaf: LeafScore, scale: Fraction) -> Fraction:
    return normalised(node, value, leaf.threshold, scale)
