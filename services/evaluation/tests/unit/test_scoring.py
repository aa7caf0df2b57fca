"""Scores: formulas (9) and (10), what is missing, and the published figures."""

# mypy: disable-error-code="comparison-overlap"
# A Fraction equals the whole number that it is, and an expected number reads better bare.

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.adapters.indicator_files import ShippedTables
from evaluation.domain.errors import RuleBroken
from evaluation.domain.scoring import NO_THRESHOLD, NO_VALUE, Scores, normalised, score
from evaluation.domain.systems import ROOT, IndicatorSystem, decimal
from services.evaluation.tests.unit.trees import (
    fits,
    mixed_systems,
    node,
    scored,
    system,
    threshold,
    thresholds_of,
    two_leaves,
    values_of,
)

# [S] §4.1 to 4.3: performance 50 %, development 30 %, impact 20 %, and the printed total
PDI_PARKS = [
    ("electronics A", "2.94", "1.84", "3.65", "2.75"),
    ("electronics B", "3.08", "2.89", "1.70", "2.75"),
    ("electronics C", "3.21", "1.44", "1.90", "2.42"),
    ("electronics D", "1.76", "0.01", "0.00", "0.88"),
    ("automotive A", "3.55", "2.36", "2.45", "2.97"),
    ("automotive B", "2.96", "1.26", "3.10", "2.48"),
    ("automotive C", "2.20", "1.92", "0.45", "1.77"),
    ("automotive D", "2.51", "0.33", "0.00", "1.35"),
    ("new energy A", "2.94", "1.84", "3.65", "2.75"),
    ("new energy B", "2.94", "1.29", "0.40", "1.94"),
    ("new energy C", "1.81", "1.75", "1.45", "1.72"),
    ("new energy D", "2.50", "0.28", "1.80", "1.69"),
]


@pytest.mark.parametrize(("park", "performance", "development", "impact", "printed"), PDI_PARKS)
def test_the_published_pdi_parks_come_out_to_two_decimals(
    shipped: ShippedTables, park: str, performance: str, development: str, impact: str, printed: str
) -> None:
    pdi = shipped.systems["pdi"]
    values = {"performance": Fraction(performance), "development": Fraction(development), "impact": Fraction(impact)}
    found = score(pdi, pdi.weights, {row.node_id: row for row in shipped.thresholds["pdi"]}, values)
    assert found.total.score is not None
    assert Fraction(decimal(found.total.score, 2)) == Fraction(printed)


@pytest.mark.parametrize(
    ("value", "direction", "expected"),
    [
        pytest.param("25", "+", 25, id="(30 - 10)/(90 - 10) is a quarter; 25 of 0 to 100 is 25"),
        pytest.param("25", "-", 75, id="reversed_where_less_is_better"),
        pytest.param("-5", "+", 0, id="clipped_below"),
        pytest.param("105", "+", 100, id="clipped_above"),
        pytest.param("105", "-", 0, id="clipped_above_and_reversed"),
    ],
)
def test_a_value_is_normalised_by_formula_10(value: str, direction: str, expected: int) -> None:
    leaf = two_leaves(direction=direction).by_id["a"]
    assert normalised(leaf, Fraction(value), threshold("a", "0", "100"), Fraction(100)) == expected


def test_yes_is_100_and_no_is_0() -> None:
    tree = system(node("yes", "", Fraction(1, 2), "boolean", "", "+"), node("bad", "", Fraction(1, 2), "boolean", "", "-"))
    found = score(tree, tree.weights, {}, {"yes": Fraction(1), "bad": Fraction(1)})
    assert [found.leaves[each].score for each in ("yes", "bad")] == [100, 0]
    assert found.total.score == 50


def test_a_threshold_with_equal_ends_is_refused_with_its_indicator() -> None:
    tree = two_leaves()
    with pytest.raises(RuleBroken, match="the maximum of a must be greater than its minimum 1, got 1"):
        score(tree, tree.weights, {"a": threshold("a", "1", "1")}, {"a": Fraction(1)})


def test_a_percentage_of_140_is_refused_with_its_indicator(shipped: ShippedTables) -> None:
    guide = shipped.systems["guide-2021"]
    with pytest.raises(RuleBroken, match="the value 140 of 52 must be 0 to 100 %"):
        score(guide, guide.weights, {}, {"52": Fraction(140)})


def test_a_missing_value_is_not_a_zero() -> None:
    tree = two_leaves("0.4")
    found = score(tree, tree.weights, {"a": threshold("a", "0", "10"), "b": threshold("b", "0", "10")}, {"a": Fraction(5)})
    # 0.4 of the weight is known and scores 50; the rest can bring 0 to 60 points
    total = found.total
    assert (total.score, total.coverage, total.low, total.high) == (50, Fraction("0.4"), 20, 80)
    assert found.leaves["b"].missing == NO_VALUE


def test_an_indicator_without_a_threshold_is_unscored() -> None:
    tree = two_leaves("0.4")
    found = score(tree, tree.weights, {"a": threshold("a", "0", "10")}, {"a": Fraction(5), "b": Fraction(5)})
    assert found.leaves["b"].missing == NO_THRESHOLD
    assert found.leaves["b"].score is None
    assert found.total.coverage == Fraction("0.4")


def test_nothing_known_is_no_score_and_the_whole_interval() -> None:
    tree = two_leaves()
    total = score(tree, tree.weights, {}, {}).total
    assert (total.score, total.low, total.high, total.coverage) == (None, 0, 100, 0)


@given(scored())
def test_every_score_lies_in_its_interval_and_that_in_the_scale(found: Scores) -> None:
    for each in found.nodes.values():
        assert 0 <= each.low <= each.high <= found.system.scale
        assert 0 <= each.coverage <= 1
        if each.score is not None:
            assert each.low <= each.score <= each.high


@given(st.data())
def test_a_score_never_falls_when_an_indicator_gets_better(data: st.DataObject) -> None:
    tree = data.draw(mixed_systems())
    thresholds, values = data.draw(thresholds_of(tree)), data.draw(values_of(tree))
    before = score(tree, tree.weights, thresholds, values)
    for node_id, value in values.items():
        other = data.draw(fits(tree.by_id[node_id]))
        better = max(value, other) if tree.by_id[node_id].direction == "+" else min(value, other)
        after = score(tree, tree.weights, thresholds, {**values, node_id: better})
        for above in tree.above(node_id):
            old, new = before.nodes[above].score, after.nodes[above].score
            if old is None:
                # whatever is known of it weighs nothing
                assert new is None
            else:
                assert new is not None
                assert new >= old


@given(st.data())
def test_a_score_does_not_depend_on_the_order_of_anything(data: st.DataObject) -> None:
    tree = data.draw(mixed_systems())
    thresholds, values = data.draw(thresholds_of(tree)), data.draw(values_of(tree))
    chance = random.Random(data.draw(st.integers(0, 10**6)))

    def shuffled(given: dict) -> dict:  # type: ignore[type-arg]
        items = list(given.items())
        chance.shuffle(items)
        return dict(items)

    depths = {each.node_id: len(list(tree.above(each.node_id))) for each in tree.nodes}
    mixed = list(tree.nodes)
    chance.shuffle(mixed)
    again: IndicatorSystem = system(*sorted(mixed, key=lambda each: depths[each.node_id]))
    first = score(tree, tree.weights, thresholds, values)
    second = score(again, again.weights, shuffled(thresholds), shuffled(values))
    assert first.nodes == second.nodes
    assert first.leaves == second.leaves


@given(st.data())
def test_the_interval_holds_the_score_after_a_value_arrives(data: st.DataObject) -> None:
    """Values and thresholds arrive one after another, in any order, and each interval lies in the one before."""
    tree = data.draw(mixed_systems())
    thresholds, values = data.draw(thresholds_of(tree, some_missing=True)), data.draw(values_of(tree))
    all_thresholds = {**data.draw(thresholds_of(tree)), **thresholds}
    missing: list[tuple[str, str]] = [("value", leaf.node_id) for leaf in tree.leaves if leaf.node_id not in values]
    missing += [("threshold", node_id) for node_id in all_thresholds if node_id not in thresholds]
    before = score(tree, tree.weights, thresholds, values)
    for what, node_id in data.draw(st.permutations(missing)):
        if what == "value":
            values = {**values, node_id: data.draw(fits(tree.by_id[node_id]))}
        else:
            thresholds = {**thresholds, node_id: all_thresholds[node_id]}
        after = score(tree, tree.weights, thresholds, values)
        for each, later in zip(before.nodes.values(), after.nodes.values(), strict=True):
            assert each.low <= later.low <= later.high <= each.high
            assert later.score is None or each.low <= later.score <= each.high
            assert later.coverage >= each.coverage
        before = after
    assert before.total.coverage == 1
    assert before.total.low == before.total.score == before.total.high


def test_a_node_that_weighs_nothing_in_the_total_has_its_own_figures() -> None:
    half = Fraction(1, 2)
    tree = system(
        node("counted", "", Fraction(1)),
        node("ignored", "", Fraction(0)),
        node("a", "counted", Fraction(1), "share", "%", "+"),
        node("b", "ignored", half, "share", "%", "+"),
        node("c", "ignored", half, "share", "%", "+"),
    )
    limits = {each: threshold(each, "0", "100") for each in "abc"}
    found = score(tree, tree.weights, limits, {"a": Fraction(30), "b": Fraction(80)}).nodes
    assert (found[ROOT].score, found[ROOT].low, found[ROOT].high, found[ROOT].coverage) == (30, 30, 30, 1)
    # b is known and scores 80, c is half of the node
    ignored = found["ignored"]
    assert (ignored.score, ignored.low, ignored.high, ignored.coverage, ignored.weight) == (80, 40, 90, half, 0)


def test_a_system_of_one_indicator_and_one_of_eight_levels_are_scored() -> None:
    one = system(node("a", "", Fraction(1), "share", "%", "+"))
    assert score(one, one.weights, {"a": threshold("a", "0", "100")}, {"a": Fraction(37)}).total.score == 37
    levels = [node(f"n{depth}", f"n{depth - 1}" if depth else "", Fraction(1)) for depth in range(7)]
    deep = system(*levels, node("a", "n6", Fraction(1), "share", "%", "-"))
    found = score(deep, deep.weights, {"a": threshold("a", "0", "100")}, {"a": Fraction(37)})
    assert {each.score for each in found.nodes.values()} == {Fraction(63)}
    with pytest.raises(RuleBroken, match="at most 8 levels"):
        system(*levels, node("n7", "n6", Fraction(1)), node("a", "n7", Fraction(1), "share", "%", "-"))


def test_very_large_amounts_are_scored_exactly() -> None:
    tree = system(node("a", "", Fraction(1), "amount", "CNY", "+"))
    limits = {"a": threshold("a", "0", "9999999999999999.999999")}
    found = score(tree, tree.weights, limits, {"a": Fraction("3333333333333333.333333")}).total.score
    assert found == Fraction(100, 3)
