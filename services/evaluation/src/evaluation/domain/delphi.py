"""Weights by rounds of expert estimates: Delphi.

Each round every expert gives every item points of importance, sees the round's summary, and may change their mind. The rounds end
when the estimates agree and no longer move.

Sources: [S] slide 2.1 (PDI's weights are by Delphi); Kendall, Babington Smith (1939), Ann. Math. Statist. 10:275, for W.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, rankdata

from kernel.refusals import InvalidField

MIN_EXPERTS = 2


@dataclass(frozen=True, slots=True)
class Agreement:
    """When rounds may end.

    Attributes:
        variation_below: greatest coefficient of variation of an item.
        shift_below: greatest change of an item's mean weight since the round before.
        significance_below: of Kendall's W.
    """

    variation_below: float = 0.25
    shift_below: float = 0.01
    significance_below: float = 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """Summary of one round.

    Attributes:
        weights: mean shares of each item; sum to 1.
        medians: of the points given.
        variation: coefficient of variation by item, sd/mean with n − 1.
        quartile_range: by item.
        concordance: Kendall's W, 0 to 1, corrected for ties.
        significance: the chance of such a W without agreement.
        shift: greatest change of a weight since the round before; None in the first.
        converged: whether all limits of the agreement are kept.
    """

    weights: NDArray[np.float64]
    medians: NDArray[np.float64]
    variation: NDArray[np.float64]
    quartile_range: NDArray[np.float64]
    concordance: float
    significance: float
    shift: float | None
    converged: bool


def summarised(rounds: Sequence[Sequence[Sequence[float]]], items: Sequence[str], agreement: Agreement) -> list[Round]:
    """Returns the summary of each round of points.

    Kendall's W = (12·S − 3·m²·n·(n+1)²) / (m²·n·(n²−1) − m·ΣT) with S the sum of squared rank sums and T = Σ(t³ − t) over an
    expert's ties; m·(n−1)·W is chi-square with n − 1 degrees of freedom.

    Special cases: with one item, or where every expert ties everything, W is 0 and nothing is significant; a first round never
    converges, as nothing shows that it stays.

    Args:
        rounds: points above 0 by round, expert and item; at least two experts a round.
        items: what is weighed.
        agreement: when to end.

    Raises:
        InvalidField: too few experts, rows of unequal length, or points that are not above 0.
    """
    found: list[Round] = []
    for number, given in enumerate(rounds, start=1):
        points = _checked(given, items, number)
        shares = points / points.sum(axis=1, keepdims=True)
        weights = shares.mean(axis=0)
        variation = points.std(axis=0, ddof=1) / points.mean(axis=0)
        lower, upper = np.percentile(points, [25, 75], axis=0)
        concordance, significance = kendalls_w(points)
        shift = float(np.abs(weights - found[-1].weights).max()) if found else None
        converged = (
            shift is not None
            and shift < agreement.shift_below
            and bool((variation < agreement.variation_below).all())
            and significance < agreement.significance_below
        )
        medians = np.median(points, axis=0)
        found.append(Round(weights, medians, variation, upper - lower, concordance, significance, shift, converged))
    return found


def _checked(given: Sequence[Sequence[float]], items: Sequence[str], number: int) -> NDArray[np.float64]:
    field = f"rounds[{number}]"
    if len(given) < MIN_EXPERTS:
        raise InvalidField(field, str(len(given)), f"at least {MIN_EXPERTS} experts", f"至少 {MIN_EXPERTS} 位专家")
    for index, row in enumerate(given, start=1):
        if len(row) != len(items):
            raise InvalidField(f"{field}.expert[{index}]", str(len(row)), f"{len(items)} points", f"{len(items)} 个分值")
        for item, points in zip(items, row, strict=True):
            if not (np.isfinite(points) and points > 0):
                raise InvalidField(f"{field}.expert[{index}].{item}", f"{points:g}", "points above 0", "大于 0 的分值")
    return np.array(given, dtype=np.float64)


def kendalls_w(points: NDArray[np.float64]) -> tuple[float, float]:
    """Returns Kendall's coefficient of concordance of a table of experts × items, and its significance; see `summarised`."""
    experts, items = points.shape
    ranks = np.apply_along_axis(rankdata, 1, points)
    ties = sum(float(((counts := np.unique(row, return_counts=True)[1]) ** 3 - counts).sum()) for row in ranks)
    squares = float((ranks.sum(axis=0) ** 2).sum())
    below = experts**2 * items * (items**2 - 1) - experts * ties
    if below <= 0:
        return 0.0, 1.0
    concordance = (12 * squares - 3 * experts**2 * items * (items + 1) ** 2) / below
    return concordance, float(chi2.sf(experts * (items - 1) * concordance, items - 1))
