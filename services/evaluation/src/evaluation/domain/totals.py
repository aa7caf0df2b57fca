"""Totals of many parks by one system: the root of `scoring.score` for each, in whole numbers.

A fraction at every step costs a park's tree tens of milliseconds, and ten thousand parks minutes. Here weights and thresholds are
brought over common denominators once, so that an indicator costs two multiplications; the result is the same, exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm, nan

from evaluation.domain.scoring import NodeScore
from evaluation.domain.systems import ROOT, IndicatorSystem, checked_weights, leaf_weights
from evaluation.domain.thresholds import Threshold

MICRO = 10**6
"""Values are whole millionths of the indicator's unit."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Where the score of one indicator runs, in whole numbers: min(max(value·factor − start, 0), width)/width of the scale."""

    factor: int
    start: int
    width: int
    more_is_better: bool
    weight: int
    """In the total, over the denominator of all."""

    points: int
    """What 1/width of it brings to the total, over the denominator of all."""


class Totals:
    """Scores parks by one system, weights and thresholds."""

    def __init__(self, system: IndicatorSystem, weights: Mapping[str, Fraction], thresholds: Mapping[str, Threshold]) -> None:
        """Brings weights and thresholds over common denominators.

        Args:
            system: the tree.
            weights: of every node; sums of 1.
            thresholds: by indicator; a boolean needs none, and what else has none stays unscored.

        Raises:
            RuleBroken: weights do not sum to 1.
        """
        checked_weights(system, weights)
        in_total = leaf_weights(system, weights)
        self._scale = system.scale
        self._places = {leaf.node_id: place for place, leaf in enumerate(system.leaves)}
        self._whole = lcm(*(weight.denominator for weight in in_total.values()))
        lines: dict[str, tuple[int, int, int]] = {}
        for leaf in system.leaves:
            row = thresholds.get(leaf.node_id)
            if leaf.kind == "boolean":
                lines[leaf.node_id] = 1, 0, MICRO
            elif row is not None:
                unit = lcm(MICRO, row.minimum.denominator, row.maximum.denominator)
                lines[leaf.node_id] = unit // MICRO, int(row.minimum * unit), int((row.maximum - row.minimum) * unit)
        self._width = lcm(*(width for _, _, width in lines.values()))
        self._lines = {}
        for node_id, (factor, start, width) in lines.items():
            weight = int(in_total[node_id] * self._whole)
            points = weight * (self._width // width)
            self._lines[node_id] = _Line(factor, start, width, system.by_id[node_id].direction == "+", weight, points)

    def of(self, values_micro: Mapping[str, int]) -> tuple[NodeScore, list[float]]:
        """Returns a park's total, and the score of each indicator in the order of the system, NaN where it is unscored.

        Args:
            values_micro: by indicator, in millionths of its unit; what is left out is missing.
        """
        known = points = 0
        scale = float(self._scale)
        scored = [nan] * len(self._places)
        for node_id, value_micro in values_micro.items():
            line = self._lines.get(node_id)
            if line is None:
                continue
            above = min(max(value_micro * line.factor - line.start, 0), line.width)
            if not line.more_is_better:
                above = line.width - above
            known += line.weight
            points += above * line.points
            scored[self._places[node_id]] = scale * (above / line.width)
        if known == 0:
            return NodeScore(ROOT, None, Fraction(0), self._scale, Fraction(0), Fraction(1)), scored
        reached, coverage = Fraction(points, self._whole * self._width), Fraction(known, self._whole)
        low = self._scale * reached
        total = NodeScore(ROOT, low / coverage, low, low + (1 - coverage) * self._scale, coverage, Fraction(1))
        return total, scored
