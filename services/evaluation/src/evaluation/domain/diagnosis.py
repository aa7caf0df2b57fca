"""Diagnosis: what each indicator gives and loses, what a step of it gains, and the cheapest steps to a target."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from evaluation.domain.errors import RuleBroken, Unreachable
from evaluation.domain.scoring import Scores
from evaluation.domain.systems import TOTAL, decimal
from kernel.refusals import InvalidField

MAX_STEPS = 500
PLAN_LIMIT_S = 10.0
"""How long the cheapest steps are looked for; what is best by then is the plan."""

_ATTEMPTS_RATIO = (0.5, 0.25, 0.1, 0.1, 0.05)
"""Shares of the time, one per attempt: after the first, an answer was missed by the solver's tolerance alone."""

_SOLVED = 0
"""The solver's status of an answer that it has proven."""

_LARGEST = 10**6
_SOLVER_RATIO = Fraction(1, 10**9)
"""What the solver's floats leave open of a cost."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What an indicator does to the total, in points of the scale.

    Attributes:
        weight: among the scored indicators: w over Σ w of the known.
        points: that it gives: weight · score.
        lost: that it could still give: weight · (scale − score).
        gain_per_unit: points per unit of its value in the better direction, inside its thresholds; 0 at the best end, None for yes
            or no, where `lost` is the gain of a yes.
    """

    node_id: str
    weight: Fraction
    points: Fraction
    lost: Fraction
    gain_per_unit: Fraction | None


def contributions(scores: Scores) -> list[Contribution]:
    """Returns what each scored indicator gives and loses, most lost first.

    The points sum to the score of what is known. The gain of one unit is weight·scale/(Xmax − Xmin) between the thresholds; below
    the worse end a unit gains nothing until the threshold is reached, and the gain there is 0 too.

    Source: the derivative of [G] eq. (9) and (10).
    """
    known = sum((leaf.weight for leaf in scores.leaves.values() if leaf.score is not None), Fraction(0))
    scale = scores.system.scale
    found = []
    for leaf in scores.leaves.values():
        if leaf.score is None or known == 0:
            continue
        weight = leaf.weight / known
        gain: Fraction | None = None
        if leaf.threshold is not None and leaf.value is not None and leaf.node.kind != "boolean":
            low, high = leaf.threshold.minimum, leaf.threshold.maximum
            rising = low <= leaf.value < high if leaf.node.direction == "+" else low < leaf.value <= high
            gain = weight * scale / (high - low) if rising else Fraction(0)
        found.append(Contribution(leaf.node.node_id, weight, weight * leaf.score, weight * (scale - leaf.score), gain))
    return sorted(found, key=lambda each: (-each.lost, each.node_id))


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a park could do about an indicator.

    Attributes:
        step_id: its name among the steps.
        node_id: a scored indicator.
        change: of the value in the better direction that the whole step brings, in the indicator's unit, > 0; 1 for yes or no.
        cost_10k_cny: of the whole step, 10⁴ CNY, >= 0.
        divisible: whether half of it costs and brings half; never for yes or no.
    """

    step_id: str
    node_id: str
    change: Fraction
    cost_10k_cny: Fraction
    divisible: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps that reach a target: the cheapest, or the best that were found in the time.

    Attributes:
        taken: how much of each step, 0 to 1; those at 0 are left out.
        cost_10k_cny: of all.
        score: that they reach, computed exactly.
        cost_gap_10k_cny: how much cheaper another plan could be at most, by the solver's bound; 0 where none can.
    """

    taken: Mapping[str, Fraction]
    cost_10k_cny: Fraction
    score: Fraction
    cost_gap_10k_cny: Fraction = Fraction(0)

    @property
    def proven_optimal(self) -> bool:
        """Whether no plan is cheaper."""
        return self.cost_gap_10k_cny == 0


def cheapest_plan(scores: Scores, steps: Sequence[Step], target: Fraction, limit_s: float = PLAN_LIMIT_S) -> Plan:
    """Returns the combination of steps of least cost whose score is at least a target; a mixed-integer programme, solved.

    Where the time does not suffice, it is the best plan found by then, and says how much cheaper another one could be at most.

    min Σ cᵢ·xᵢ with Σ wₖ·yₖ >= target − score, yₖ <= Σ gᵢ·xᵢ over the steps of indicator k (less what it is beyond its
    worse threshold), yₖ <= scale − its score, 0 <= xᵢ <= 1, xᵢ
    whole where a step cannot be divided; g is what a step gains between the thresholds. Steps of one indicator add up.

    Special cases: a value beyond its worse threshold first has to come back to it, and that part of a step gains nothing; a target
    that is reached already costs nothing. The share of a divisible step is given in millionths, rounded up.

    Args:
        scores: of the park as it is.
        steps: up to 500, each of a scored indicator.
        target: in points of the scale, at most the scale.
        limit_s: how long to look for a cheaper plan, > 0; checks of what was found come on top of it.

    Raises:
        InvalidField: too many steps, or one whose change or cost breaks its rule.
        RuleBroken: nothing is scored, a step names an indicator that is unknown or unscored, or the target is above the scale.
        Unreachable: all steps together reach less.
    """
    present = scores.total.score
    scale = scores.system.scale
    if present is None:
        raise RuleBroken("NOTHING_SCORED", TOTAL)
    checked = _checked_steps(scores, steps)
    if not 0 <= target <= scale:
        raise RuleBroken("TARGET_OUT_OF_RANGE", decimal(present, 4), decimal(target), decimal(scale))
    if target <= present:
        return Plan({}, Fraction(0), present)
    best = score_after(scores, checked, {step.step_id: Fraction(1) for step in checked})
    if best < target:
        raise Unreachable(decimal(target, 4), decimal(best, 4))
    wanted, lower_10k_cny = target - present, Fraction(0)
    for attempt, ratio in enumerate(_ATTEMPTS_RATIO):
        found = _solved(scores, checked, wanted, limit_s * ratio)
        if attempt == 0:
            lower_10k_cny = found.lower_10k_cny
        for rounding in (round, ceil):
            taken = _in_millionths(checked, found.shares, rounding)
            reached = score_after(scores, checked, taken)
            if reached >= target:
                if attempt == 0 and found.proven:
                    return Plan(taken, _cost(checked, taken), reached)
                return _unproven(scores, checked, taken, target, lower_10k_cny)
        # the solver takes a target for reached that is missed by its tolerance
        wanted += 2 * (target - reached) + Fraction(1, 10**6)
    return _unproven(scores, checked, {step.step_id: Fraction(1) for step in checked}, target, lower_10k_cny)


def _cost(steps: Sequence[Step], taken: Mapping[str, Fraction]) -> Fraction:
    return sum((taken.get(step.step_id, Fraction(0)) * step.cost_10k_cny for step in steps), Fraction(0))


def _unproven(
    scores: Scores, steps: Sequence[Step], taken: Mapping[str, Fraction], target: Fraction, lower_10k_cny: Fraction
) -> Plan:
    """Returns a plan without the steps that it does not need, the dearest left out first, and its distance from the bound."""
    needed = dict(taken)
    by_node: dict[str, list[Step]] = {}
    for step in steps:
        by_node.setdefault(step.node_id, []).append(step)
    rise = {node_id: _rise(scores, node_id, of_node, needed) for node_id, of_node in by_node.items()}
    spare = (scores.total.score or Fraction(0)) + sum(rise.values()) - target
    for step in sorted(steps, key=lambda each: -each.cost_10k_cny):
        if step.step_id not in needed or step.cost_10k_cny == 0:
            continue
        without = {step_id: share for step_id, share in needed.items() if step_id != step.step_id}
        lost = rise[step.node_id] - _rise(scores, step.node_id, by_node[step.node_id], without)
        if lost <= spare:
            needed, spare = without, spare - lost
            rise[step.node_id] -= lost
    cost = _cost(steps, needed)
    # A divisible step is given in millionths, which no bound of the solver's knows of.
    rounded = sum((step.cost_10k_cny for step in steps if step.divisible and step.step_id in needed), Fraction(0)) / 10**6
    gap = cost - lower_10k_cny
    return Plan(needed, cost, target + spare, gap if gap > rounded + cost * _SOLVER_RATIO else Fraction(0))


def _in_millionths(steps: Sequence[Step], shares: Sequence[float], rounding: Callable[[Fraction], int]) -> dict[str, Fraction]:
    taken = {}
    for step, share in zip(steps, shares, strict=True):
        exact = Fraction(rounding(Fraction(share) * 10**6), 10**6) if step.divisible else Fraction(round(share))
        if exact > 0:
            taken[step.step_id] = min(exact, Fraction(1))
    return taken


def score_after(scores: Scores, steps: Sequence[Step], taken: Mapping[str, Fraction]) -> Fraction:
    """Returns the score of what is known once shares of steps are taken, exactly.

    Args:
        scores: of the park as it is; something of it is scored.
        steps: of scored indicators.
        taken: share of each step by its id, 0 to 1; what is left out is not taken.
    """
    total = scores.total.score or Fraction(0)
    by_node: dict[str, list[Step]] = {}
    for step in steps:
        by_node.setdefault(step.node_id, []).append(step)
    return total + sum((_rise(scores, node_id, of_node, taken) for node_id, of_node in by_node.items()), Fraction(0))


def _rise(scores: Scores, node_id: str, steps: Sequence[Step], taken: Mapping[str, Fraction]) -> Fraction:
    """Returns the points of the total that steps of one indicator bring together."""
    leaf = scores.leaves[node_id]
    assert leaf.score is not None
    gained = sum((taken[step.step_id] * _gain(scores, step) for step in steps if step.step_id in taken), Fraction(0))
    after = min(max(_raw(scores, node_id) + gained, Fraction(0)), scores.system.scale)
    return leaf.weight / _known(scores) * (after - leaf.score)


def _known(scores: Scores) -> Fraction:
    """The weight of what is scored, in the total."""
    return sum((leaf.weight for leaf in scores.leaves.values() if leaf.score is not None), Fraction(0))


def _raw(scores: Scores, node_id: str) -> Fraction:
    """The score by formula (10) before it is clipped."""
    leaf = scores.leaves[node_id]
    assert leaf.score is not None
    assert leaf.value is not None
    if leaf.threshold is None:
        return leaf.score
    share = (leaf.value - leaf.threshold.minimum) / (leaf.threshold.maximum - leaf.threshold.minimum)
    return scores.system.scale * (share if leaf.node.direction == "+" else 1 - share)


def _gain(scores: Scores, step: Step) -> Fraction:
    """Points of the indicator's own score that a whole step brings, before clipping."""
    threshold = scores.leaves[step.node_id].threshold
    if threshold is None:
        return scores.system.scale * step.change
    return scores.system.scale * step.change / (threshold.maximum - threshold.minimum)


def _checked_steps(scores: Scores, steps: Sequence[Step]) -> list[Step]:
    if len(steps) > MAX_STEPS:
        raise InvalidField("steps", str(len(steps)), f"at most {MAX_STEPS} steps", f"至多 {MAX_STEPS} 项措施")
    seen: set[str] = set()
    for step in steps:
        if step.step_id in seen:
            raise RuleBroken("NODE_TWICE", step.step_id)
        seen.add(step.step_id)
        scores.system.leaf(step.node_id)
        leaf = scores.leaves[step.node_id]
        if leaf.score is None:
            raise RuleBroken("INDICATOR_NOT_SCORED", step.node_id, leaf.missing)
        if leaf.node.kind == "boolean":
            if step.change != 1:
                raise InvalidField(f"steps[{step.step_id}].change", decimal(step.change), "1 for a yes or no", "1(是/否类指标)")
            if step.divisible:
                raise InvalidField(f"steps[{step.step_id}].divisible", "true", "false for a yes or no", "false(是/否类指标)")
        if step.change <= 0:
            raise InvalidField(
                f"steps[{step.step_id}].change", decimal(step.change), "above 0, in the better direction", "大于 0(向好方向)"
            )
        if step.cost_10k_cny < 0:
            raise InvalidField(f"steps[{step.step_id}].cost_10k_cny", decimal(step.cost_10k_cny), ">= 0", "不小于 0")
    return list(steps)


@dataclass(frozen=True, slots=True)
class _Solved:
    """What the solver says.

    Attributes:
        shares: of each step, 0 to 1.
        lower_10k_cny: no plan costs less.
        proven: whether no plan is cheaper than this one.
    """

    shares: Sequence[float]
    lower_10k_cny: Fraction
    proven: bool


def _solved(scores: Scores, steps: Sequence[Step], missing: Fraction, limit_s: float) -> _Solved:
    nodes = list(dict.fromkeys(step.node_id for step in steps))
    below = [node_id for node_id in nodes if _raw(scores, node_id) < 0]
    known = _known(scores)
    # Columns: the share x of each step, the rise y of each indicator's own score, and for each indicator beyond its worse threshold
    # whether it is brought back (z), since only then it rises: y <= room·z and y <= Σ g·x + raw·z.
    first_rise, first_back = len(steps), len(steps) + len(nodes)
    width = first_back + len(below)
    costs = np.zeros(width)
    # The solver gives up on figures of very different size; gains are small numbers.
    unit_10k_cny = max(max(step.cost_10k_cny for step in steps) / _LARGEST, Fraction(1))
    costs[:first_rise] = [float(step.cost_10k_cny / unit_10k_cny) for step in steps]
    reach = np.zeros((1, width))
    rows = np.zeros((len(nodes) + len(below), width))
    upper = np.ones(width)
    for place, node_id in enumerate(nodes):
        leaf = scores.leaves[node_id]
        assert leaf.score is not None
        room = float(scores.system.scale - leaf.score)
        reach[0, first_rise + place] = float(leaf.weight / known)
        upper[first_rise + place] = room
        rows[place, first_rise + place] = 1.0
        for index, step in enumerate(steps):
            if step.node_id == node_id:
                rows[place, index] = -float(_gain(scores, step))
        if node_id in below:
            back = below.index(node_id)
            rows[place, first_back + back] = -float(_raw(scores, node_id))
            rows[len(nodes) + back, [first_rise + place, first_back + back]] = 1.0, -room
    whole = np.ones(width)
    whole[[index for index, step in enumerate(steps) if step.divisible]] = 0
    whole[first_rise:first_back] = 0
    constraints = [LinearConstraint(reach, lb=float(missing)), LinearConstraint(rows, ub=0.0)]
    bounds = Bounds(np.zeros(width), upper)
    found = milp(
        costs, constraints=constraints, bounds=bounds, integrality=whole, options={"mip_rel_gap": 0.0, "time_limit": limit_s}
    )
    proven = found.status == _SOLVED
    lower = [0.0]
    if proven:
        lower.append(found.fun)
    elif found.x is not None and found.mip_dual_bound is not None:
        lower.append(found.mip_dual_bound)
    if not proven:
        # A search that ends early may not have come as far as the programme without whole steps, which takes no time.
        relaxed = milp(costs, constraints=constraints, bounds=bounds, options={"time_limit": limit_s})
        lower += [relaxed.fun] if relaxed.status == _SOLVED else []
    lower_10k_cny = Fraction(max(lower)) * unit_10k_cny
    if found.x is None:
        # Only the solver's tolerance can make it so: all steps together were seen to reach the target.
        return _Solved([1.0] * len(steps), lower_10k_cny, proven=False)
    shares: list[float] = np.clip(found.x[:first_rise], 0.0, 1.0).tolist()
    return _Solved(shares, lower_10k_cny, proven)
