"""Pairwise comparison: published examples to their printed digits, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.adapters.indicator_files import ShippedTables
from evaluation.domain.ahp import (
    GEOMETRIC_MEAN,
    Expert,
    Matrix,
    RandomIndex,
    aggregated,
    checked_matrix,
    complete,
    priorities,
)
from evaluation.domain.errors import RuleBroken

DRINKS = ("coffee", "wine", "tea", "beer", "soda", "milk", "water")
DRINK_JUDGEMENTS = (
    "coffee/wine 9, coffee/tea 5, coffee/beer 2, coffee/soda 1, coffee/milk 1, water/coffee 2, water/wine 9, water/tea 9, "
    "water/beer 3, water/soda 2, water/milk 3, tea/wine 3, beer/wine 9, beer/tea 3, beer/milk 1, soda/wine 9, soda/tea 4, "
    "soda/beer 2, soda/milk 2, milk/wine 9, milk/tea 3"
)
CITY_CRITERIA = ("Culture", "Family", "Housing", "Jobs", "Transport")
CITY_JUDGEMENTS = (
    "Culture/Housing 3, Culture/Transport 5, Family/Culture 5, Family/Housing 7, Family/Transport 7, Housing/Transport 3, "
    "Jobs/Culture 2, Jobs/Housing 4, Jobs/Transport 7, Family/Jobs 1"
)


def matrix_of(text: str, items: tuple[str, ...]) -> Matrix:
    rows: list[list[float | None]] = [[None] * len(items) for _ in items]
    for judgement in text.split(", "):
        pair, value = judgement.rsplit(" ", 1)
        first, second = pair.split("/")
        rows[items.index(first)][items.index(second)] = float(Fraction(value))
    return checked_matrix(rows, items)


@pytest.mark.parametrize(("table", "ratio"), [("saaty-2008", 0.021806), ("saaty-1980", 0.022302), ("donegan-dodd-1991", 0.023515)])
def test_saatys_drinks_have_the_published_weights_and_ratio(shipped: ShippedTables, table: str, ratio: float) -> None:
    """Saaty 2008, Int. J. Services Sciences 1:83 prints .177 .019 .042 .116 .190 .129 .327 and CR .022."""
    found = priorities(matrix_of(DRINK_JUDGEMENTS, DRINKS), shipped.random_indices[table])
    assert found.weights.round(4).tolist() == [0.1775, 0.0191, 0.0418, 0.1164, 0.1896, 0.1288, 0.3268]
    assert found.principal_eigenvalue == pytest.approx(7.17662904, abs=5e-9)
    assert found.consistency_index == pytest.approx(0.02943817, abs=5e-9)
    assert found.consistency_ratio == pytest.approx(ratio, abs=5e-7)
    assert found.consistent
    assert found.reconsider is None


def test_geometric_means_of_the_drinks_differ_in_the_third_digit(shipped: ShippedTables) -> None:
    found = priorities(matrix_of(DRINK_JUDGEMENTS, DRINKS), shipped.random_indices["saaty-2008"], method=GEOMETRIC_MEAN)
    assert found.weights.round(4).tolist() == [0.1787, 0.0185, 0.0422, 0.1165, 0.1911, 0.1286, 0.3243]


@pytest.mark.parametrize(("table", "ratio"), [("saaty-2008", 0.0507), ("saaty-1980", 0.0503)])
def test_saatys_city_criteria_have_the_published_weights(shipped: ShippedTables, table: str, ratio: float) -> None:
    """Saaty 2005; λ 5.22523522."""
    found = priorities(matrix_of(CITY_JUDGEMENTS, CITY_CRITERIA), shipped.random_indices[table])
    assert found.weights.round(4).tolist() == [0.1522, 0.4335, 0.0716, 0.3050, 0.0378]
    assert found.principal_eigenvalue == pytest.approx(5.22523522, abs=5e-9)
    assert round(found.consistency_ratio, 4) == ratio


def test_saatys_leader_has_the_published_weights(shipped: ShippedTables) -> None:
    """Criteria experience, education, charisma, age; and three candidates by experience."""
    table = shipped.random_indices["saaty-2008"]
    criteria = matrix_of("x/e 4, x/c 3, x/a 7, e/c 1/3, e/a 3, c/a 5", ("x", "e", "c", "a"))
    found = priorities(criteria, table)
    assert found.weights.round(4).tolist() == [0.5476, 0.1266, 0.2699, 0.0559]
    assert round(found.consistency_ratio, 3) == 0.044
    by_experience = priorities(matrix_of("Moll/Nell 1/4, Moll/Sue 4, Nell/Sue 9", ("Moll", "Nell", "Sue")), table)
    assert by_experience.weights.round(3).tolist() == [0.217, 0.717, 0.066]
    assert round(by_experience.consistency_ratio, 3) == 0.035


def test_the_missing_judgement_of_bozoki_is_filled_in(shipped: ShippedTables) -> None:
    """Bozóki et al. 2010: a/b 1, a/c 5, a/d 2, b/c 3, b/d 4, c/d missing → c/d .730297."""
    found = priorities(matrix_of("a/b 1, a/c 5, a/d 2, b/c 3, b/d 4", ("a", "b", "c", "d")), shipped.random_indices["saaty-1980"])
    assert found.completed[2, 3] == pytest.approx(0.730297, abs=5e-7)
    assert found.weights.round(4).tolist() == [0.3738, 0.3920, 0.0985, 0.1357]


def test_filling_in_minimises_the_eigenvalue() -> None:
    items = tuple("abcdef")
    matrix = matrix_of("a/b 2, b/c 5, c/d 1/3, d/e 4, e/f 1/2, a/d 7, b/e 3, c/f 1/5", items)
    full = complete(matrix)
    least = np.linalg.eigvals(full).real.max()
    for i in range(6):
        for j in range(i + 1, 6):
            if np.isnan(matrix[i, j]):
                for factor in (0.97, 1.03):
                    moved = full.copy()
                    moved[i, j] *= factor
                    moved[j, i] /= factor
                    assert np.linalg.eigvals(moved).real.max() >= least - 1e-9


def test_the_judgement_that_contradicts_the_others_is_pointed_at(shipped: ShippedTables) -> None:
    """a is twice b, b twice c, c twice d: a is eight times d, and was judged a fifth of it."""
    found = priorities(matrix_of("a/b 2, b/c 2, c/d 2, a/c 4, b/d 4, a/d 1/5", tuple("abcd")), shipped.random_indices["saaty-1980"])
    assert found.consistency_ratio >= 0.1
    assert not found.consistent
    assert found.reconsider is not None
    assert (found.reconsider.first, found.reconsider.second) == (0, 3)
    assert found.reconsider.judgement == pytest.approx(0.2)
    assert found.reconsider.suggested == pytest.approx(8)
    assert found.reconsider.ratio_after < 0.1


def test_one_or_two_items_never_contradict_themselves(shipped: ShippedTables) -> None:
    table = shipped.random_indices["saaty-1980"]
    assert priorities(checked_matrix([[1]], ["a"]), table).weights.tolist() == [1]
    found = priorities(matrix_of("a/b 3", ("a", "b")), table)
    assert found.weights.tolist() == pytest.approx([0.75, 0.25])
    assert found.consistency_ratio == 0


@given(st.lists(st.floats(0.12, 1.0), min_size=3, max_size=8))
def test_judgements_without_contradiction_give_their_weights_back(weights: list[float]) -> None:
    table = RandomIndex("any", dict.fromkeys(range(3, 16), 1.0), "a test")
    rows: list[list[float | None]] = [[a / b for b in weights] for a in weights]
    for method in ("eigenvector", GEOMETRIC_MEAN):
        found = priorities(checked_matrix(rows, [str(index) for index in range(len(weights))]), table, method=method)
        assert found.weights.tolist() == pytest.approx([weight / sum(weights) for weight in weights], abs=1e-6)
        assert found.consistency_ratio == pytest.approx(0, abs=1e-6)


REFUSED = [
    pytest.param([[1, 3], [0.5, 1]], "MATRIX_NOT_RECIPROCAL", "judgement b/a must be the reciprocal 0.333333", id="not_reciprocal"),
    pytest.param([[1, 12], [1 / 12, 1]], "JUDGEMENT_OUT_OF_RANGE", "judgement a/b must be 1/9 to 9, got 12", id="twelve"),
    pytest.param([[1, 0], [None, 1]], "JUDGEMENT_OUT_OF_RANGE", "judgement a/b must be 1/9 to 9, got 0", id="zero"),
    pytest.param([[1, -3], [None, 1]], "JUDGEMENT_OUT_OF_RANGE", "judgement a/b must be 1/9 to 9, got -3", id="negative"),
    pytest.param([[2, 3], [None, 1]], "JUDGEMENT_OUT_OF_RANGE", "judgement a/a must be 1, got 2", id="diagonal"),
    pytest.param([[1, 3]], "MATRIX_SHAPE", "must be a square of 2 rows, got 1 × 2", id="not_square"),
    pytest.param([[1, None], [None, 1]], "MATRIX_NOT_CONNECTED", "b stands apart", id="nothing_compared"),
]


@pytest.mark.parametrize(("rows", "reason", "sentence"), REFUSED)
def test_a_matrix_that_is_none_is_refused_with_its_cell(rows: list[list[float | None]], reason: str, sentence: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        checked_matrix(rows, ["a", "b"])
    assert refused.value.reason == reason
    assert sentence in str(refused.value)


def test_a_reciprocal_rounded_to_three_digits_is_taken() -> None:
    assert checked_matrix([[1, 3], [0.333, 1]], ["a", "b"])[1, 0] == pytest.approx(1 / 3)


def test_a_table_of_random_indices_that_ends_too_early_is_refused(shipped: ShippedTables) -> None:
    items = tuple("abcdefgh")
    matrix = matrix_of(", ".join(f"a/{item} 2" for item in items[1:]), items)
    with pytest.raises(RuleBroken, match="donegan-dodd-1991 goes up to n = 7, got n = 8"):
        priorities(matrix, shipped.random_indices["donegan-dodd-1991"])


def test_experts_meet_at_the_geometric_mean_and_groups_count_by_weight() -> None:
    def expert(name: str, group: str, judgement: float) -> Expert:
        return Expert(name, group, checked_matrix([[1, judgement], [None, 1]], ["a", "b"]))

    # sqrt(2 · 8) = 4
    together = aggregated([expert("e1", "academy", 2), expert("e2", "academy", 8)], {})
    assert together[0, 1] == pytest.approx(4)
    # the group of two counts as much as the group of one: sqrt(4 · 1) = 2; with weights 3 to 1, 4^(3/4) = 2.828427
    experts = [expert("e1", "academy", 2), expert("e2", "academy", 8), expert("e3", "industry", 1)]
    assert aggregated(experts, {})[0, 1] == pytest.approx(2)
    assert aggregated(experts, {"academy": 3.0})[0, 1] == pytest.approx(4**0.75)
    assert aggregated(experts, {})[0, 1] * aggregated(experts, {})[1, 0] == pytest.approx(1)


def test_a_judgement_that_one_expert_left_out_is_that_of_the_others() -> None:
    items = tuple("abc")
    some = Expert("e1", "g", matrix_of("a/b 2, b/c 2", items))
    all_given = Expert("e2", "g", matrix_of("a/b 2, b/c 2, a/c 6", items))
    assert aggregated([some, all_given], {})[0, 2] == pytest.approx(6)
    assert np.isnan(aggregated([some], {})[0, 2])
