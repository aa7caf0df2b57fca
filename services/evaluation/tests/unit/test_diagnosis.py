"""Contributions, gains, the cheapest steps to a target, and why a year differs from the one before."""

# mypy: disable-error-code="comparison-overlap"
# A Fraction equals the whole number that it is, and an expected number reads better bare.

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.domain.comparison import peer_ranks, reachable_ranks, year_over_year
from evaluation.domain.diagnosis import Step, cheapest_plan, contributions, score_after
from evaluation.domain.errors import RuleBroken, Unreachable
from evaluation.domain.scoring import Scores, score
from kernel.refusals import InvalidField
from services.evaluation.tests.unit.trees import node, one_share, scored, steps_without_end, system, systems, threshold, two_leaves


def simple(a: str = "5", b: str = "5", direction: str = "+") -> Scores:
    tree = two_leaves("0.4", direction)
    limits = {"a": threshold("a", "0", "10"), "b": threshold("b", "0", "10")}
    return score(tree, tree.weights, limits, {"a": Fraction(a), "b": Fraction(b)})


@given(scored())
def test_points_sum_to_the_score_and_with_the_lost_ones_to_the_scale(found: Scores) -> None:
    parts = contributions(found)
    if found.total.score is None:
        assert parts == []
    else:
        assert sum(part.points for part in parts) == found.total.score
        assert sum(part.points + part.lost for part in parts) == found.system.scale


def test_the_gain_of_a_unit_is_what_a_unit_gains() -> None:
    found = {part.node_id: part for part in contributions(simple("5", "2"))}
    # 0.4 · 100/(10 − 0)
    assert found["a"].gain_per_unit == 4
    after = simple("6", "2")
    before = simple("5", "2")
    assert after.total.score is not None
    assert before.total.score is not None
    assert after.total.score - before.total.score == 4
    assert (found["a"].points, found["a"].lost) == (20, 20)


@pytest.mark.parametrize(
    ("value", "direction", "gain"),
    [("10", "+", 0), ("12", "+", 0), ("-1", "+", 0), ("0", "-", 0), ("10", "-", 4), ("11", "-", 0)],
    ids=["at_the_best_end", "beyond_it", "short_of_the_worst", "best_of_less", "worst_of_less", "beyond_the_worst_of_less"],
)
def test_nothing_is_gained_outside_of_the_thresholds(value: str, direction: str, gain: int) -> None:
    found = {part.node_id: part for part in contributions(simple(value, "5", direction))}
    assert found["a"].gain_per_unit == gain


def test_a_yes_or_no_has_no_gain_per_unit() -> None:
    tree = system(node("yes", "", Fraction(1), "boolean", "", "+"))
    only = contributions(score(tree, tree.weights, {}, {"yes": Fraction(0)}))[0]
    assert (only.gain_per_unit, only.lost) == (None, 100)


def step(step_id: str, node_id: str, change: str, cost: str, divisible: bool = False) -> Step:
    return Step(step_id, node_id, Fraction(change), Fraction(cost), divisible)


def test_the_cheapest_of_two_ways_is_taken() -> None:
    """From 50 to 58: a by 2 gains 8 for 30, b by 2 gains 12 for 20."""
    plan = cheapest_plan(simple(), [step("a2", "a", "2", "30"), step("b2", "b", "2", "20")], Fraction(58))
    assert (dict(plan.taken), plan.cost_10k_cny, plan.score) == ({"b2": 1}, 20, 62)


def test_half_of_a_divisible_step_costs_half() -> None:
    plan = cheapest_plan(simple(), [step("b2", "b", "2", "20", divisible=True)], Fraction(56))
    assert (dict(plan.taken), plan.cost_10k_cny, plan.score) == ({"b2": Fraction(1, 2)}, 10, 56)


def test_a_step_gains_nothing_beyond_the_best_end() -> None:
    """b can only rise from 5 to 10, whatever the step promises: 0.6·50 = 30 points at most."""
    with pytest.raises(Unreachable) as refused:
        cheapest_plan(simple(), [step("b50", "b", "50", "1")], Fraction(81))
    assert refused.value.facts()["allowed"] == "80"


def test_a_value_short_of_its_worst_end_has_to_come_back_first() -> None:
    """a stands at −5: the first step of 5 gains nothing, both together gain 0.4·50 = 20 of the score of 30."""
    steps = [step("a5", "a", "5", "1"), step("a5-again", "a", "5", "1"), step("b2", "b", "2", "100")]
    plan = cheapest_plan(simple("-5"), steps, Fraction(50))
    assert set(plan.taken) == {"a5", "a5-again"}
    assert (plan.cost_10k_cny, plan.score) == (2, 50)


def test_a_target_that_is_reached_costs_nothing() -> None:
    assert cheapest_plan(simple(), [], Fraction(50)).cost_10k_cny == 0


def test_less_is_better_is_a_change_in_the_better_direction() -> None:
    plan = cheapest_plan(simple("5", "5", "-"), [step("less", "a", "1", "7")], Fraction(54))
    assert plan.score == 54


@pytest.mark.parametrize(
    ("steps", "target", "error"),
    [
        pytest.param([step("x", "c", "1", "1")], "60", RuleBroken, id="an_unknown_indicator"),
        pytest.param([step("x", "a", "0", "1")], "60", InvalidField, id="a_step_without_a_change"),
        pytest.param([step("x", "a", "1", "-1")], "60", InvalidField, id="a_negative_cost"),
        pytest.param([step("x", "a", "1", "1"), step("x", "b", "1", "1")], "60", RuleBroken, id="a_step_twice"),
        pytest.param([], "101", RuleBroken, id="a_target_above_the_scale"),
        pytest.param([step("x", "a", "1", "-1")], "60", InvalidField, id="a_step_that_brings_money"),
        pytest.param([step("x", "a", "1", "1")] * 2, "60", RuleBroken, id="a_step_twice"),
        pytest.param([], "60", Unreachable, id="no_steps"),
    ],
)
def test_steps_that_cannot_be_weighed_are_refused(steps: list[Step], target: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        cheapest_plan(simple(), steps, Fraction(target))


def test_a_step_of_what_has_no_score_is_refused_with_what_is_missing() -> None:
    tree = two_leaves("0.4")
    limits = {"a": threshold("a", "0", "10")}
    found = score(tree, tree.weights, limits, {"a": Fraction(5), "b": Fraction(5)})
    with pytest.raises(RuleBroken, match=r"indicator b has no score.*its threshold is missing"):
        cheapest_plan(found, [step("x", "b", "1", "1")], Fraction(60))
    with pytest.raises(RuleBroken, match="total has no score"):
        cheapest_plan(score(tree, tree.weights, limits, {}), [step("x", "a", "1", "1")], Fraction(60))


def test_a_yes_cannot_be_had_by_halves_or_twice() -> None:
    tree = system(node("yes", "", Fraction(1), "boolean", "", "+"))
    found = score(tree, tree.weights, {}, {"yes": Fraction(0)})
    assert cheapest_plan(found, [step("x", "yes", "1", "5")], Fraction(60)).score == 100
    for wrong, field in ((step("x", "yes", "1", "5", divisible=True), "divisible"), (step("x", "yes", "2", "5"), "change")):
        with pytest.raises(InvalidField, match=field):
            cheapest_plan(found, [wrong], Fraction(60))


def test_what_costs_nothing_is_taken_before_what_costs() -> None:
    plan = cheapest_plan(simple(), [step("free", "a", "2", "0"), step("dear", "b", "2", "20")], Fraction(58))
    assert (dict(plan.taken), plan.cost_10k_cny) == ({"free": 1}, 0)


def drawn_steps(found: Scores, data: st.DataObject) -> tuple[list[Step], Fraction, list[Fraction]]:
    """Returns up to five steps, a target, and what each combination costs that reaches it."""
    amounts = st.fractions(min_value=Fraction(1, 2), max_value=300, max_denominator=4)
    leaves = [leaf.node_id for leaf in found.system.leaves]
    steps = [
        Step(f"s{index}", data.draw(st.sampled_from(leaves)), data.draw(amounts), Fraction(data.draw(st.integers(0, 50))), False)
        for index in range(data.draw(st.integers(0, 5)))
    ]
    target = Fraction(data.draw(st.integers(0, 100)))
    ways = [
        {each.step_id: Fraction(1) for each, taken in zip(steps, choice, strict=True) if taken}
        for choice in product((False, True), repeat=len(steps))
    ]
    reaching = [
        sum((each.cost_10k_cny for each in steps if each.step_id in taken), Fraction(0))
        for taken in ways
        if score_after(found, steps, taken) >= target
    ]
    return steps, target, reaching


@given(scored(some_missing=False), st.data())
def test_the_plan_is_the_cheapest_of_all_combinations(found: Scores, data: st.DataObject) -> None:
    steps, target, reaching = drawn_steps(found, data)
    if not reaching:
        with pytest.raises(Unreachable):
            cheapest_plan(found, steps, target)
        return
    plan = cheapest_plan(found, steps, target)
    assert plan.score >= target
    assert plan.score == score_after(found, steps, plan.taken)
    assert plan.cost_10k_cny == min(reaching)
    assert plan.proven_optimal


@given(scored(some_missing=False), st.data())
def test_a_plan_without_time_reaches_the_target_and_tells_how_far_from_the_cheapest_it_may_be(
    found: Scores, data: st.DataObject
) -> None:
    steps, target, reaching = drawn_steps(found, data)
    if not reaching:
        return
    plan = cheapest_plan(found, steps, target, limit_s=1e-9)
    assert plan.score >= target
    assert plan.score == score_after(found, steps, plan.taken)
    assert plan.cost_10k_cny == sum(each.cost_10k_cny for each in steps if each.step_id in plan.taken)
    assert plan.cost_10k_cny - plan.cost_gap_10k_cny <= min(reaching) <= plan.cost_10k_cny


@pytest.mark.parametrize("count", [40, 120, 500])
def test_a_plan_that_no_solver_solves_is_answered_with_its_gap(count: int) -> None:
    """Nearly equal costs per point, and a target between two sums: to prove the cheapest is to try them all."""
    found, target = one_share("50"), Fraction("78.000001")
    steps = steps_without_end(count)
    plan = cheapest_plan(found, steps, target, limit_s=1.0)
    assert plan.score == score_after(found, steps, plan.taken) >= target
    assert not plan.proven_optimal
    # No point costs less than the cheapest one, and a plan wastes less than its dearest step.
    least = 28 * min(each.cost_10k_cny / each.change for each in steps)
    dearest = max(each.cost_10k_cny for each in steps)
    assert least - 1 <= plan.cost_10k_cny - plan.cost_gap_10k_cny <= plan.cost_10k_cny <= least + dearest


def test_dear_and_cheap_steps_are_weighed_against_each_other() -> None:
    """Costs are brought to the size that the solver can handle, and small ones still count."""
    steps = [step("dear", "a", "2", "900000000"), step("cheap", "b", "2", "0.02"), step("dearer", "b", "2", "0.04")]
    plan = cheapest_plan(simple(), steps, Fraction(60))
    assert (dict(plan.taken), plan.cost_10k_cny) == ({"cheap": 1}, Fraction("0.02"))


@given(st.data())
def test_the_split_of_a_change_sums_exactly(data: st.DataObject) -> None:
    tree = data.draw(systems())
    before, after = data.draw(scored(tree)), data.draw(scored(tree))
    if before.total.score is None or after.total.score is None:
        return
    split = year_over_year(before, after)
    assert split.change == after.total.score - before.total.score
    assert split.value + split.weight + split.threshold + split.coverage == split.change
    if not split.only_before and not split.only_after:
        assert split.coverage == 0


@given(scored(some_missing=False), st.data())
def test_only_what_changed_has_an_effect(found: Scores, data: st.DataObject) -> None:
    tree = found.system
    weights = {each: leaf.weight for each, leaf in found.leaves.items()}
    assert sum(weights.values()) == 1
    thresholds = {each: leaf.threshold for each, leaf in found.leaves.items() if leaf.threshold is not None}
    values = {each: leaf.value for each, leaf in found.leaves.items() if leaf.value is not None}
    own = score(tree, tree.weights, thresholds, values)
    moved = {each: value + data.draw(st.integers(-50, 50)) for each, value in values.items()}
    by_value = year_over_year(own, score(tree, tree.weights, thresholds, moved))
    assert (by_value.value, by_value.weight, by_value.threshold, by_value.coverage) == (by_value.change, 0, 0, 0)
    by_weight = year_over_year(own, found)
    assert (by_weight.weight, by_weight.value, by_weight.threshold, by_weight.coverage) == (by_weight.change, 0, 0, 0)
    other = {
        each: threshold(each, str(row.minimum - 1), str(row.maximum + data.draw(st.integers(0, 9))))
        for each, row in thresholds.items()
    }
    by_threshold = year_over_year(own, score(tree, tree.weights, other, values))
    assert (by_threshold.threshold, by_threshold.value, by_threshold.weight) == (by_threshold.change, 0, 0)


def test_an_indicator_that_is_scored_in_one_year_only_is_coverage() -> None:
    tree = two_leaves("0.4")
    limits = {"a": threshold("a", "0", "10"), "b": threshold("b", "0", "10")}
    before = score(tree, tree.weights, limits, {"a": Fraction(5)})
    after = score(tree, tree.weights, limits, {"a": Fraction(6), "b": Fraction(5)})
    split = year_over_year(before, after)
    # 50 → 0.4·60 + 0.6·50 = 54; a alone went from 50 to 60
    assert (split.change, split.value, split.coverage) == (4, 10, -6)
    assert (list(split.only_before), list(split.only_after)) == ([], ["b"])


def test_a_year_of_which_nothing_is_known_is_not_compared() -> None:
    tree = two_leaves()
    with pytest.raises(RuleBroken, match="before has no score"):
        year_over_year(score(tree, tree.weights, {}, {}), simple())


def test_standings_count_equal_ones_half() -> None:
    found = peer_ranks({"p-1": Fraction(90), "p-2": Fraction(70), "p-3": Fraction(70), "p-4": Fraction(10)})
    assert {park: (each.rank, each.percentile) for park, each in found.items()} == {
        "p-1": (1, 100),
        "p-2": (2, 50),
        "p-3": (2, 50),
        "p-4": (4, 0),
    }
    assert peer_ranks({"p-1": Fraction(1), "p-2": Fraction(2)}, better="-")["p-1"].rank == 1


def test_missing_values_leave_a_park_every_rank_that_they_can_bring() -> None:
    """The first is sure to be ahead of the last; the one of which nothing is known can still be anywhere."""
    points = [(60, 70), (50, 65), (0, 100), (10, 50), (5, 9)]
    intervals = [(Fraction(low), Fraction(high)) for low, high in points]
    assert reachable_ranks(intervals) == [(1, 3), (1, 4), (1, 5), (2, 4), (4, 5)]
    assert reachable_ranks([(Fraction(7), Fraction(7))] * 3) == [(1, 3)] * 3


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=6), st.data())
def test_whatever_arrives_a_rank_lies_in_its_reach(bounds: list[tuple[int, int]], data: st.DataObject) -> None:
    intervals = [(Fraction(min(each)), Fraction(max(each))) for each in bounds]
    found = [data.draw(st.fractions(min_value=low, max_value=high, max_denominator=7)) for low, high in intervals]
    for score_found, (best, worst) in zip(found, reachable_ranks(intervals), strict=True):
        assert best <= 1 + sum(other > score_found for other in found) <= worst


def test_a_group_of_one_is_refused() -> None:
    with pytest.raises(RuleBroken, match="at least 2 parks with values, got 1"):
        peer_ranks({"p-1": Fraction(90)})
