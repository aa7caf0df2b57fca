"""Totals in whole numbers are those of the tree in fractions."""

from fractions import Fraction
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.domain.errors import RuleBroken
from evaluation.domain.scoring import score
from evaluation.domain.systems import decimal
from evaluation.domain.totals import Totals
from evaluation.domain.values import counting, millionths
from services.evaluation.tests.unit.trees import mixed_systems, node, system, threshold, thresholds_of, two_leaves, values_of


@given(st.data())
def test_a_total_is_that_of_the_scored_tree_exactly(data: st.DataObject) -> None:
    tree = data.draw(mixed_systems())
    thresholds = data.draw(thresholds_of(tree, some_missing=True))
    # as they are kept: in decimals
    values = {name: Fraction(decimal(value)) for name, value in data.draw(values_of(tree)).items()}
    whole = score(tree, tree.weights, thresholds, values)
    total, scored = Totals(tree, tree.weights, thresholds).of({name: int(value * 10**6) for name, value in values.items()})
    assert total == whole.total
    for leaf, found in zip(whole.leaves.values(), scored, strict=True):
        assert isnan(found) if leaf.score is None else found == pytest.approx(float(leaf.score), abs=1e-9)


def test_a_value_of_no_indicator_is_passed_over_and_weights_are_checked() -> None:
    tree = two_leaves("0.4")
    limits = {"a": threshold("a", "0", "10")}
    assert Totals(tree, tree.weights, limits).of({"a": 5_000_000, "gone": 1})[0].score == Fraction(50)
    with pytest.raises(RuleBroken, match="must sum to 1"):
        Totals(tree, {"a": Fraction(1), "b": Fraction(1)}, limits)


def test_a_threshold_that_no_decimal_states_is_taken_exactly() -> None:
    tree = system(node("a", "", Fraction(1), "rate", "%", "+"))
    limits = {"a": threshold("a", "1/3", "4/3")}
    assert Totals(tree, tree.weights, limits).of({"a": 500_000})[0].score == Fraction(100, 6)


@given(st.fractions(min_value=-(10**18), max_value=10**18, max_denominator=10**7))
def test_a_kept_value_is_read_back_exactly(value: Fraction) -> None:
    assert Fraction(millionths(decimal(value)), 10**6) == Fraction(decimal(value))


def test_a_derived_value_counts_before_a_manual_one() -> None:
    assert counting({"52": "45", "53": "7"}, {"52": "12"}) == {"52": "12", "53": "7"}
