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
    fractions,
    node,
    scored,
    system,
    systems,
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
    tree = data.draw(systems())
    thresholds, values = data.draw(thresholds_of(tree)), data.draw(values_of(tree))
    before = score(tree, tree.weights, thresholds, values)
    for node_id, value in values.items():
        step = data.draw(st.fractions(min_value=0, max_value=100, max_denominator=10))
        better = value + step if tree.by_id[node_id].direction == "+" else value - step
        after = score(tree, tree.weights, thresholds, {**values, node_id: better})
        for above in tree.above(node_id):
            old, new = before.nodes[above].score, after.nodes[above].score
            assert old is not None
            assert new is not None
            assert new >= old


@given(st.data())
def test_a_score_does_not_depend_on_the_order_of_anything(data: st.DataObject) -> None:
    tree = data.draw(systems())
    thresholds, values = data.draw(thresholds_of(tree)), data.draw(values_of(tree))
    chance = random.Random(data.draw(st.integers(0, 10**6)))

    def shuffled(given: dict) -> dict:  # type: ignore[type-arg]
        items = list(given.items())
        chance.shuffle(items)
        return dict(items)

    tops, rest = [each for each in tree.nodes if each.parent_id == ROOT], [each for each in tree.nodes if each.parent_id != ROOT]
    chance.shuffle(tops)
    chance.shuffle(rest)
    again: IndicatorSystem = system(*tops, *rest)
    first = score(tree, tree.weights, thresholds, values)
    second = score(again, again.weights, shuffled(thresholds), shuffled(values))
    assert first.nodes == second.nodes
    assert first.leaves == second.leaves


@given(st.data())
def test_the_interval_holds_the_score_after_a_value_arrives(data: st.DataObject) -> None:
    tree = data.draw(systems())
    thresholds, values = data.draw(thresholds_of(tree)), data.draw(values_of(tree))
    arriving = {leaf.node_id: data.draw(fractions) for leaf in tree.leaves if leaf.node_id not in values}
    before = score(tree, tree.weights, thresholds, values)
    after = score(tree, tree.weights, thresholds, {**values, **arriving})
    for node_id, each in before.nodes.items():
        later = after.nodes[node_id]
        assert later.score is not None
        assert each.low <= later.score <= each.high
        assert each.low <= later.low <= later.high <= each.high
    assert after.total.coverage == 1
