"""Scores: formula (10) for an indicator, formula (9) for the tree, and what is missing.

A value or a threshold that is missing leaves its indicator unscored. A node then has three figures: the score of what is known, how
much of its weight that is, and the interval that the score can still reach. All of them are exact fractions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from evaluation.domain.errors import RuleBroken
from evaluation.domain.systems import ROOT, IndicatorSystem, Node, checked_weights, decimal
from evaluation.domain.thresholds import Threshold
from evaluation.domain.values import out_of_range

NO_VALUE = "value"
NO_THRESHOLD = "threshold"


@dataclass(frozen=True, slots=True)
class LeafScore:
    """The score of one indicator.

    Attributes:
        value: in the indicator's unit, or None.
        threshold: that it was scored by, or None.
        score: 0 to the system's scale, or None where it is missing.
        missing: value or threshold where there is no score, else empty.
        weight: in the total, αβγ.
    """

    node: Node
    value: Fraction | None
    threshold: Threshold | None
    score: Fraction | None
    missing: str
    weight: Fraction


@dataclass(frozen=True, slots=True)
class NodeScore:
    """The figures of a node.

    Attributes:
        node_id: the node; ROOT for the total.
        score: of what is known below it, or None where nothing is.
        low: what the score is if all that is missing turns out worst.
        high: if best.
        coverage: how much of its weight is scored, 0 to 1.
        weight: in the total.
    """

    node_id: str
    score: Fraction | None
    low: Fraction
    high: Fraction
    coverage: Fraction
    weight: Fraction


@dataclass(frozen=True, slots=True)
class Scores:
    """The scored tree: total, every node, every indicator."""

    system: IndicatorSystem
    nodes: Mapping[str, NodeScore]
    leaves: Mapping[str, LeafScore]

    @property
    def total(self) -> NodeScore:
        """The figures of the whole."""
        return self.nodes[ROOT]


def normalised(leaf: Node, value: Fraction, threshold: Threshold | None, scale: Fraction) -> Fraction:
    """Scores one value.

    Y = (X − Xmin)/(Xmax − Xmin)·(b − a) + a with a = 0 and b = scale, clipped to [a, b]; reversed where less is better. Yes is b,
    no is a, reversed likewise.

    Args:
        leaf: the indicator.
        value: in its unit; 1 or 0 for yes or no.
        threshold: needed for all kinds but yes-or-no.
        scale: b, above 0.

    Raises:
        RuleBroken: maximum and minimum of the threshold are equal.

    Source: [G] eq. (10), and the sentence before it for yes and no.
    """
    if leaf.kind == "boolean":
        share = value
    else:
        assert threshold is not None
        if threshold.maximum <= threshold.minimum:
            raise RuleBroken("THRESHOLD_EMPTY", leaf.node_id, decimal(threshold.maximum), decimal(threshold.minimum))
        share = (value - threshold.minimum) / (threshold.maximum - threshold.minimum)
        share = min(max(share, Fraction(0)), Fraction(1))
    return scale * (share if leaf.direction == "+" else 1 - share)


def score(
    system: IndicatorSystem,
    weights: Mapping[str, Fraction],
    thresholds: Mapping[str, Threshold],
    values: Mapping[str, Fraction],
) -> Scores:
    """Scores a tree.

    The score of a node is Σ w·x over the indicators below it that are scored, divided by Σ w over the same: w = Σ αᵢβⱼγₖxₖ where
    all are known. Its interval is what the score becomes if the unscored ones turn out 0 or `scale`, so that it holds whatever
    arrives later.

    Special cases: a node of which nothing is scored, or whose known indicators weigh nothing in it, has no score, coverage 0 and
    the interval from 0 to scale. A node that weighs nothing in the total has its figures all the same.

    Args:
        system: the tree.
        weights: of every node; sums of 1.
        thresholds: by indicator; a boolean needs none.
        values: by indicator, in its unit; what is left out is missing.

    Raises:
        RuleBroken: weights do not sum to 1, a value is of no indicator or out of its range.

    Source: [G] eq. (9), (10).
    """
    checked_weights(system, weights)
    for node_id, value in values.items():
        refusal = out_of_range(system.leaf(node_id), value)
        if refusal:
            raise RuleBroken("VALUE_REFUSED", node_id, decimal(value), refusal[1])
    ids = [ROOT, *(node.node_id for node in system.nodes)]
    in_total = {ROOT: Fraction(1)}
    for node in system.nodes:
        in_total[node.node_id] = in_total[node.parent_id] * weights[node.node_id]
    leaves = {leaf.node_id: _leaf(leaf, values, thresholds, system.scale, in_total[leaf.node_id]) for leaf in system.leaves}
    # Of each node, in shares of its own weight: children stand after their parents, so that the way back goes from below.
    known = dict.fromkeys(ids, Fraction(0))
    points = dict.fromkeys(ids, Fraction(0))
    for node in reversed(system.nodes):
        if node.is_leaf and (found := leaves[node.node_id].score) is not None:
            known[node.node_id], points[node.node_id] = Fraction(1), found
        known[node.parent_id] += weights[node.node_id] * known[node.node_id]
        points[node.parent_id] += weights[node.node_id] * points[node.node_id]
    nodes = {each: _node(each, in_total[each], known[each], points[each], system.scale) for each in ids}
    return Scores(system, nodes, leaves)


def _leaf(
    leaf: Node, values: Mapping[str, Fraction], thresholds: Mapping[str, Threshold], scale: Fraction, weight: Fraction
) -> LeafScore:
    value, threshold = values.get(leaf.node_id), thresholds.get(leaf.node_id)
    if value is None:
        return LeafScore(leaf, None, threshold, None, NO_VALUE, weight)
    if threshold is None and leaf.kind != "boolean":
        return LeafScore(leaf, value, None, None, NO_THRESHOLD, weight)
    return LeafScore(leaf, value, threshold, normalised(leaf, value, threshold, scale), "", weight)


def _node(node_id: str, weight: Fraction, known: Fraction, points: Fraction, scale: Fraction) -> NodeScore:
    if known == 0:
        return NodeScore(node_id, None, Fraction(0), scale, Fraction(0), weight)
    return NodeScore(node_id, points / known, points, points + (1 - known) * scale, known, weight)
