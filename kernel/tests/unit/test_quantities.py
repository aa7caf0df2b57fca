from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.quantities import NotADecimal, format_ratio, format_scaled, parse_micro, round_half_even


@pytest.mark.parametrize(
    ("text", "micro"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("0.000001", 1),
        ("-2.5", -2_500_000),
        ("999999999999.999999", 999_999_999_999_999_999),
    ],
)
def test_plain_decimals_are_counted_exactly(text: str, micro: int) -> None:
    assert parse_micro(text) == micro


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("NaN", id="nan"),
        pytest.param("Infinity", id="infinity"),
        pytest.param("-inf", id="negative_infinity"),
        pytest.param("-0", id="minus_zero"),
        pytest.param("-0.000", id="minus_zero_with_decimals"),
        pytest.param("1e3", id="exponent"),
        pytest.param("1e400", id="exponent_beyond_floats"),
        pytest.param("1e-400", id="exponent_below_floats"),
        pytest.param("1,234", id="thousands_separator"),
        pytest.param("１２", id="full_width_digits"),
        pytest.param("٣", id="arabic_indic_digit"),
        pytest.param("+1", id="plus_sign"),
        pytest.param("01", id="leading_zero"),
        pytest.param(".5", id="no_integer_part"),
        pytest.param("1.", id="no_decimals_after_the_point"),
        pytest.param(" 1", id="space"),
        pytest.param("1\n", id="newline"),
        pytest.param("0x10", id="hexadecimal"),
        pytest.param("1_000", id="underscore"),
        pytest.param("1234567890123", id="thirteen_digits"),
        pytest.param("0.1234567", id="seven_decimals"),
        pytest.param("9" * 400, id="four_hundred_digits"),
    ],
)
def test_anything_else_is_refused_and_named(text: str) -> None:
    with pytest.raises(NotADecimal) as refused:
        parse_micro(text)
    assert refused.value.found == text


@given(st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1))
def test_text_and_count_are_inverse(micro: int) -> None:
    assert parse_micro(format_scaled(micro, 6)) == micro


@given(st.integers(), st.integers(min_value=1))
def test_rounding_is_the_nearest_integer_with_ties_to_even(numerator: int, denominator: int) -> None:
    rounded = round_half_even(Fraction(numerator, denominator))
    distance = abs(Fraction(numerator, denominator) - rounded)
    assert distance <= Fraction(1, 2)
    assert distance < Fraction(1, 2) or rounded % 2 == 0


def test_a_ratio_keeps_its_decimals() -> None:
    assert format_ratio(1, 8, 2) == "0.12"
    assert format_ratio(3, 8, 2) == "0.38"
    assert format_ratio(-1, 3, 0) == "0"
    assert format_ratio(1, 1, 3) == "1.000"
    with pytest.raises(ZeroDivisionError):
        format_ratio(1, 0, 2)
