"""Indicator systems: their trees, their weights, and the ones that are shipped."""

# mypy: disable-error-code="comparison-overlap"
# A Fraction equals the whole number that it is, and an expected number reads better bare.

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.adapters.indicator_files import ShippedTables
from evaluation.domain.errors import RuleBroken
from evaluation.domain.systems import (
    METHODS,
    ROOT,
    WeightSet,
    checked_system,
    checked_weight_set,
    checked_weights,
    decimal,
    equal_weights,
    leaf_weights,
    rounded_parts,
    rounded_weights,
)
from evaluation.domain.thresholds import (
    PLATFORM_DEFAULT,
    Threshold,
    ThresholdSet,
    checked_threshold_set,
    checked_thresholds,
    merged,
    peer_threshold,
)
from kernel.refusals import InvalidField, Refusal
from services.evaluation.tests.unit.trees import node, system, threshold, two_leaves


def test_the_guide_has_5_20_and_69_and_its_weights_sum_to_1_at_every_node(shipped: ShippedTables) -> None:
    guide = shipped.systems["guide-2021"]
    levels = [len(guide.children[ROOT]), sum(len(guide.children[top.node_id]) for top in guide.children[ROOT]), len(guide.leaves)]
    assert levels == [5, 20, 69]
    assert {sum(each.weight for each in nodes) for nodes in guide.children.values()} == {Fraction(1)}
    assert sum(leaf_weights(guide, guide.weights).values()) == 1
    # alpha 0.2 · beta 0.5 · gamma 0.2 of the annex
    assert leaf_weights(guide, guide.weights)["52"] == Fraction("0.02")


def test_every_shipped_indicator_is_described_in_both_languages(shipped: ShippedTables) -> None:
    for each in shipped.systems.values():
        assert each.source
        assert all(leaf.description_zh and leaf.description_en for leaf in each.leaves)


def test_only_what_cannot_leave_0_to_100_percent_has_a_threshold_of_the_platform(shipped: ShippedTables) -> None:
    guide = shipped.systems["guide-2021"]
    rows = shipped.thresholds["guide-2021"]
    assert {row.source for row in rows} == {PLATFORM_DEFAULT}
    assert {(row.minimum, row.maximum) for row in rows} == {(0, 100)}
    assert {row.node_id for row in rows} == {leaf.node_id for leaf in guide.leaves if leaf.kind == "share"}
    # growth of income, of enterprises, of output, of emerging enterprises, of employment, and the fall of emissions
    assert {leaf.node_id for leaf in guide.leaves if leaf.kind == "rate"} == {"20", "58", "59", "60", "61", "66"}


def test_equal_weights_are_equal_and_sum_to_1(shipped: ShippedTables) -> None:
    guide = shipped.systems["guide-2021"]
    weights = checked_weights(guide, equal_weights(guide))
    # five groups, of which the first has four, of which the first has six
    assert leaf_weights(guide, weights)["1"] == Fraction(1, 5) * Fraction(1, 4) * Fraction(1, 6)


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=40))
def test_rounded_weights_sum_to_exactly_1(weights: list[float]) -> None:
    rounded = rounded_weights(weights)
    assert sum(rounded) == 1
    total = sum(weights)
    assert all(abs(exact - weight / total) < 1.001e-6 for exact, weight in zip(rounded, weights, strict=True))


SHARE = Fraction(1, 2)
BROKEN = [
    pytest.param([], "INVALID_FIELD", "nodes", id="a_system_without_nodes"),
    pytest.param([node("a", "", Fraction("0.9"), "count", "pieces", "+")], "WEIGHTS_NOT_ONE", "total", id="weights_of_0.9"),
    pytest.param(
        [node("g", "", Fraction(1)), node("a", "g", SHARE, "count", "x", "+"), node("b", "g", Fraction("0.6"), "count", "x", "+")],
        "WEIGHTS_NOT_ONE",
        "g",
        id="weights_of_1.1_below_a_node",
    ),
    pytest.param([node("a", "", Fraction(2), "count", "x", "+")], "WEIGHT_MISSING", "a", id="a_weight_of_2"),
    pytest.param(
        [node("a", "", SHARE, "count", "x", "+"), node("a", "", SHARE, "count", "x", "+")], "NODE_TWICE", "a", id="an_id_twice"
    ),
    pytest.param([node("a", "b", Fraction(1), "count", "x", "+")], "TREE_BROKEN", "a", id="a_parent_that_is_not_there"),
    pytest.param([node("a", "a", Fraction(1), "count", "x", "+")], "TREE_BROKEN", "a", id="a_node_above_itself"),
    pytest.param(
        [node("a", "", Fraction(1), "count", "x", "+"), node("b", "a", Fraction(1), "count", "x", "+")],
        "TREE_BROKEN",
        "b",
        id="an_indicator_above_another",
    ),
    pytest.param([node("a", "", Fraction(1))], "LEAF_WITHOUT_KIND", "a", id="a_leaf_without_a_kind"),
    pytest.param([node("a", "", Fraction(1), "number", "x", "+")], "LEAF_WITHOUT_KIND", "a", id="a_kind_that_is_none"),
    pytest.param([node("a", "", Fraction(1), "count", "x", "up")], "INVALID_FIELD", "nodes[a].direction", id="a_direction"),
    pytest.param([node("a", "", Fraction(1), "share", "t", "+")], "INVALID_FIELD", "nodes[a].unit", id="a_share_in_tonnes"),
    pytest.param([node("a", "", Fraction(1), "boolean", "t", "+")], "INVALID_FIELD", "nodes[a].unit", id="a_yes_in_tonnes"),
]


@pytest.mark.parametrize(("nodes", "reason", "where"), BROKEN)
def test_a_system_that_breaks_a_rule_is_refused_with_its_node(nodes: list, reason: str, where: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(Refusal) as refused:
        system(*nodes)
    assert refused.value.reason == reason
    facts = refused.value.facts()
    assert where in (facts.get("node"), facts.get("field"))


def test_the_sum_that_was_found_is_told() -> None:
    with pytest.raises(RuleBroken, match=r"the weights of the children of total must sum to 1, got 0\.9") as refused:
        system(node("a", "", Fraction("0.9"), "count", "x", "+"))
    assert refused.value.facts()["message_zh"] == "total 各下级指标的权重之和应为 1,实际为 0.9"


def test_a_scale_or_basis_that_means_nothing_is_refused() -> None:
    with pytest.raises(InvalidField, match="scale"):
        checked_system(replace(two_leaves(), scale=Fraction(0)))
    with pytest.raises(InvalidField, match="basis"):
        checked_system(replace(two_leaves(), basis="points"))


def test_weights_of_unknown_or_forgotten_nodes_are_refused() -> None:
    tree = two_leaves()
    with pytest.raises(RuleBroken, match="node c is not in the system"):
        checked_weights(tree, {"a": SHARE, "b": SHARE, "c": SHARE})
    with pytest.raises(RuleBroken, match="node b must have a weight"):
        checked_weights(tree, {"a": Fraction(1)})


BAD_THRESHOLDS = [
    pytest.param(
        threshold("a", "5", "5"), "THRESHOLD_EMPTY", "the maximum of a must be greater than its minimum 5, got 5", id="equal"
    ),
    pytest.param(
        threshold("a", "6", "5"), "THRESHOLD_EMPTY", "the maximum of a must be greater than its minimum 6, got 5", id="turned"
    ),
    pytest.param(threshold("x", "0", "5"), "NODE_UNKNOWN", "node x is not in the system; small has 3 indicators", id="unknown"),
    pytest.param(threshold("yes", "0", "1"), "NODE_UNKNOWN", "yes-or-no", id="of_a_boolean"),
    pytest.param(threshold("s", "0", "140"), "VALUE_REFUSED", "the value 140 of s must be from 0 to 100 %", id="share_of_140"),
    pytest.param(Threshold("a", Fraction(0), Fraction(1), " "), "THRESHOLD_WITHOUT_SOURCE", "name its source", id="unnamed"),
]


@pytest.mark.parametrize(("row", "reason", "sentence"), BAD_THRESHOLDS)
def test_a_threshold_that_tells_nothing_apart_is_refused(row: Threshold, reason: str, sentence: str) -> None:
    third = Fraction(1, 3)
    tree = system(
        node("a", "", third, "amount", "t", "+"),
        node("yes", "", third, "boolean", "", "+"),
        node("s", "", third, "share", "%", "+"),
    )
    with pytest.raises(RuleBroken) as refused:
        checked_thresholds(tree, [row])
    assert refused.value.reason == reason
    assert sentence in str(refused.value)


def test_a_threshold_set_needs_an_origin_and_each_indicator_once() -> None:
    tree = two_leaves()
    given = ThresholdSet("demo", "small", "t-1", "synthetic", "made up", (threshold("a", "0", "1"),))
    assert checked_threshold_set(tree, given) is given
    # "platform" too: what a tenant stores is not the platform's
    for origin in ("guess", "platform"):
        with pytest.raises(InvalidField, match="region, park, peers, synthetic"):
            checked_threshold_set(tree, replace(given, origin=origin))
    with pytest.raises(InvalidField, match="at least one threshold"):
        checked_threshold_set(tree, replace(given, rows=()))
    with pytest.raises(RuleBroken, match="node a is given twice"):
        checked_threshold_set(tree, replace(given, rows=given.rows * 2))


def test_a_later_layer_of_thresholds_replaces_an_earlier_one() -> None:
    layers = merged([threshold("a", "0", "1"), threshold("b", "0", "1")], [threshold("a", "0", "2")])
    assert {row.node_id: row.maximum for row in layers} == {"a": 2, "b": 1}


def test_named_peers_make_a_threshold_and_one_peer_or_equal_ones_do_not() -> None:
    tree = two_leaves()
    made = peer_threshold(tree, "a", {"p-2": Fraction(7), "p-1": Fraction(3), "p-3": Fraction(5)}, 2022)
    assert (made.minimum, made.maximum, made.source) == (3, 7, "minimum and maximum of 3 parks in 2022: p-1, p-2, p-3")
    with pytest.raises(RuleBroken, match="at least 2 parks with values, got 1"):
        peer_threshold(tree, "a", {"p-1": Fraction(3)}, 2022)
    with pytest.raises(RuleBroken, match="all have 3"):
        peer_threshold(tree, "a", {"p-1": Fraction(3), "p-2": Fraction(3)}, 2022)
    many = peer_threshold(tree, "a", {f"park-{number}": Fraction(number) for number in range(200)}, 2022)
    assert many.source.startswith("minimum and maximum of 200 parks in 2022: park-0, ")
    assert (len(many.source), many.source[-1]) == (500, "…")


def test_the_names_of_weights_that_need_no_set_are_taken() -> None:
    tree = two_leaves()
    given = WeightSet("experts", tree.system_id, "t-1", "ahp", "experts", tree.weights)
    assert checked_weight_set(tree, given) is given
    for taken in METHODS:
        with pytest.raises(InvalidField, match="a name other than"):
            checked_weight_set(tree, replace(given, set_id=taken))


@given(st.lists(st.fractions(max_denominator=10**9, min_value=-1000, max_value=1000), max_size=12))
def test_rounded_parts_sum_to_the_rounded_whole(parts: list[Fraction]) -> None:
    rounded = rounded_parts(parts)
    assert sum(rounded) == Fraction(decimal(sum(parts, Fraction(0))))
    assert all(abs(exact - part) < Fraction(1, 10**6) for exact, part in zip(rounded, parts, strict=True))
    assert all(exact == part for exact, part in zip(rounded, parts, strict=True) if (part * 10**6).denominator == 1)
