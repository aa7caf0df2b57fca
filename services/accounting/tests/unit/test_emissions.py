"""Quantities times exact ratios, and exact sums."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accounting.domain.emissions import MAX_MG, AmountOutOfRange, Ratio, exact_sums, milligrams

quantities = st.integers(-(10**18) + 1, 10**18 - 1)
denominators = st.one_of(st.integers(1, 2**46), st.sampled_from([1, 2, 10**6, 2**46 - 1, 2**46]))


def computed(quantity: list[int], ratios: list[Ratio], index: list[int] | None = None) -> list[int]:
    rows = np.zeros(len(quantity), dtype=np.intp) if index is None else np.array(index, dtype=np.intp)
    result: list[int] = milligrams(np.array(quantity, dtype=np.int64), rows, ratios).tolist()
    return result


def expected(quantity: int, ratio: Ratio) -> int:
    return round(Fraction(quantity) * Fraction(ratio.numerator, ratio.denominator))


@st.composite
def products(draw: st.DrawFn, least_denominator: int = 1, most_denominator: int = 2**46) -> tuple[int, Ratio]:
    """A quantity and a ratio whose product fits, often just so."""
    quantity = draw(quantities)
    denominator = draw(st.integers(least_denominator, most_denominator))
    largest = (MAX_MG - 1) * denominator // max(abs(quantity), 1)
    numerator = draw(st.one_of(st.integers(0, largest), st.integers(max(0, largest - 1000), largest)))
    return quantity, Ratio(numerator, denominator)


@given(products())
def test_product_is_the_exact_one_rounded_half_even(product: tuple[int, Ratio]) -> None:
    quantity, ratio = product
    assume(abs(expected(quantity, ratio)) < MAX_MG)
    assert computed([quantity], [ratio]) == [expected(quantity, ratio)]


@given(products(least_denominator=2**46 + 1, most_denominator=2**80))
def test_larger_denominators_give_the_same_by_python_integers(product: tuple[int, Ratio]) -> None:
    quantity, ratio = product
    assume(abs(expected(quantity, ratio)) < MAX_MG)
    assert computed([quantity], [ratio]) == [expected(quantity, ratio)]


@given(st.integers(-(2**61), 2**61 - 1), st.integers(1, 2**45))
def test_tie_goes_to_the_even_neighbour(whole: int, half_denominator: int) -> None:
    denominator = 2 * half_denominator
    # quantity 1 times ((whole * denominator + half_denominator) / denominator) is whole + 1/2; the sign is the quantity's
    numerator = abs(whole) * denominator + half_denominator
    sign = -1 if whole < 0 else 1
    even = abs(whole) + abs(whole) % 2
    assert computed([sign], [Ratio(numerator, denominator)]) == [sign * even]


@given(quantities, st.integers(-3, 3), st.integers(1, 2**45))
def test_one_part_beside_a_tie_is_no_tie(quantity: int, beside: int, half_denominator: int) -> None:
    assume(quantity != 0)
    denominator = 2 * half_denominator
    ratio = Ratio((7 * denominator + half_denominator + beside), denominator)
    assume(ratio.numerator > 0)
    assume(abs(expected(quantity, ratio)) < MAX_MG)
    assert computed([quantity], [ratio]) == [expected(quantity, ratio)]


@given(st.integers(2**64, 2**90), st.integers(1, 2**46), st.integers(-(10**6), 10**6))
def test_numerator_beyond_64_bits_is_exact(numerator: int, denominator: int, quantity: int) -> None:
    ratio = Ratio(numerator, denominator)
    assume(abs(expected(quantity, ratio)) < MAX_MG)
    assert computed([quantity], [ratio]) == [expected(quantity, ratio)]


def test_numerator_of_two_to_the_64_is_not_zero() -> None:
    assert computed([3, -3], [Ratio(2**64, 2**40)]) == [3 * 2**24, -3 * 2**24]


@pytest.mark.parametrize(
    ("quantity", "ratio", "milligram"),
    [
        pytest.param(1, Ratio(1, 2), 0, id="0.5_is_0"),
        pytest.param(3, Ratio(1, 2), 2, id="1.5_is_2"),
        pytest.param(-1, Ratio(1, 2), 0, id="minus_0.5_is_0"),
        pytest.param(-3, Ratio(1, 2), -2, id="minus_1.5_is_minus_2"),
        pytest.param(5, Ratio(5, 10), 2, id="2.5_is_2_unreduced"),
        pytest.param(0, Ratio(10**30, 7), 0, id="zero_of_anything_is_zero"),
        pytest.param(10**18 - 1, Ratio(1, 3), 333333333333333333, id="largest_quantity"),
        # 882 077.299 MWh x 0.581 t/MWh = 512 486.910719 t, the power of Ganzhou in 2020
        pytest.param(882_077_299_000, Ratio.of(Fraction(581_000_000)), 512_486_910_719_000, id="ganzhou_power_2020"),
    ],
)
def test_product(quantity: int, ratio: Ratio, milligram: int) -> None:
    assert computed([quantity], [ratio]) == [milligram]


def test_ratio_of_a_unit_is_a_millionth_of_it_in_lowest_terms() -> None:
    # 21.40348518 t per 10^4 Nm3 is 2 140 348.518 mg per Nm3
    assert Ratio.of(Fraction("2140348.518")) == Ratio(1_070_174_259, 500_000_000)


@given(st.lists(st.tuples(quantities, st.integers(0, 2)), min_size=1, max_size=50))
def test_each_row_takes_its_own_ratio(rows: list[tuple[int, int]]) -> None:
    ratios = [Ratio(581, 1000), Ratio(1_070_174_259, 500_000_000), Ratio(0, 1)]
    quantity, index = [row[0] for row in rows], [row[1] for row in rows]
    assert computed(quantity, ratios, index) == [expected(q, ratios[i]) for q, i in rows]


def test_rows_beyond_one_block_are_computed_too() -> None:
    quantity = [7 * number - 50_000 for number in range(20_000)]
    ratio = Ratio(355, 226)
    assert computed(quantity, [ratio]) == [expected(each, ratio) for each in quantity]


def test_nothing_gives_nothing() -> None:
    assert computed([], []) == []
    assert computed([], [Ratio(1, 2**50)]) == []


# --- range ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "ratio_for",
    [
        pytest.param(lambda milligram: Ratio(milligram, 1), id="whole"),
        pytest.param(lambda milligram: Ratio(milligram * 2**46, 2**46), id="largest_denominator"),
        pytest.param(lambda milligram: Ratio(milligram * 2**47, 2**47), id="python_integers"),
    ],
)
def test_last_milligram_in_range_is_kept_and_the_next_refused(sign: int, ratio_for: Callable[[int], Ratio]) -> None:
    assert computed([sign], [ratio_for(MAX_MG - 1)]) == [sign * (MAX_MG - 1)]
    with pytest.raises(AmountOutOfRange) as refused:
        computed([sign], [ratio_for(MAX_MG)])
    assert refused.value.rows == [0]


@given(quantities, st.integers(1, 2**80), st.integers(1, 2**46))
def test_result_is_exact_or_refused_and_never_wrapped(quantity: int, numerator: int, denominator: int) -> None:
    ratio = Ratio(numerator, denominator)
    if abs(expected(quantity, ratio)) < MAX_MG:
        assert computed([quantity], [ratio]) == [expected(quantity, ratio)]
    else:
        with pytest.raises(AmountOutOfRange):
            computed([quantity], [ratio])


@given(st.integers(2**62, 2**68), st.sampled_from([1, -1]), st.integers(0, 46))
def test_what_would_wrap_around_64_bits_is_refused(milligram: int, sign: int, power: int) -> None:
    with pytest.raises(AmountOutOfRange):
        computed([sign], [Ratio(milligram * 2**power, 2**power)])


def test_refusal_names_every_such_row_of_a_block_at_once() -> None:
    """One refusal per row would make a batch of abuses cost the square of its length."""
    with pytest.raises(AmountOutOfRange, match="rows \\[1, 3\\] give 4611686018427387904 mg or more") as refused:
        computed([1, 10**18 - 1, 2, -(10**18) + 1], [Ratio(10**6, 1)])
    assert refused.value.rows == [1, 3]


def test_refusal_in_a_later_block_names_the_row_of_the_whole() -> None:
    quantity = [1] * 9000
    quantity[8999] = 10**18 - 1
    with pytest.raises(AmountOutOfRange) as refused:
        computed(quantity, [Ratio(10**6, 1)])
    assert refused.value.rows == [8999]


def test_refusal_by_python_integers_names_every_row() -> None:
    with pytest.raises(AmountOutOfRange) as refused:
        computed([1, 10**18 - 1, 10**18 - 1], [Ratio(2**47 * 10**6, 2**47 + 1)])
    assert refused.value.rows == [1, 2]


# --- sums -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 4)), max_size=200))
def test_sums_are_those_of_integers_without_limit(rows: list[tuple[int, int]]) -> None:
    values = np.array([value for value, _ in rows], dtype=np.int64)
    group = np.array([group for _, group in rows], dtype=np.intp)
    assert exact_sums(values, group, 5) == [sum(value for value, of in rows if of == which) for which in range(5)]


def test_sum_beyond_64_bits_does_not_wrap() -> None:
    values = np.array([2**62 - 1] * 1000 + [-(2**62) + 1] * 3, dtype=np.int64)
    assert exact_sums(values, np.zeros(1003, dtype=np.intp), 1) == [997 * (2**62 - 1)]


@given(st.data(), st.lists(st.tuples(quantities, st.integers(0, 3)), min_size=1, max_size=60))
def test_totals_do_not_depend_on_order_or_on_batches(data: st.DataObject, rows: list[tuple[int, int]]) -> None:
    ratios = [Ratio(581, 1000), Ratio(1_070_174_259, 500_000_000), Ratio(1, 3), Ratio(2, 7)]

    def totals(part: list[tuple[int, int]]) -> list[int]:
        amounts = np.array(computed([q for q, _ in part], ratios, [i for _, i in part]), dtype=np.int64)
        return exact_sums(amounts, np.array([i for _, i in part], dtype=np.intp), 4)

    whole = totals(rows)
    assert totals(data.draw(st.permutations(rows))) == whole
    cut = data.draw(st.integers(0, len(rows)))
    assert [a + b for a, b in zip(totals(rows[:cut]), totals(rows[cut:]), strict=True)] == whole
