"""Quantities as exact counts of millionths, and the rounding that every figure shares.

A quantity is written as plain ASCII decimal text and kept as an integer count of millionths of its unit (10⁻⁶), which a 64-bit
column holds for up to 10¹² units. Nothing here is a float: `0.1 + 0.2` is `0.3`.
"""

import re
from fractions import Fraction

MICRO = 10**6
"""Millionths per unit: the resolution of a quantity."""

MAX_INTEGER_DIGITS = 12
MAX_DECIMALS = 6
DECIMAL_RULE = (
    f"plain decimal text of at most {MAX_INTEGER_DIGITS} digits before and {MAX_DECIMALS} after the point, such as 882077.299"
)
"""The rule of `parse_micro` in words, for messages."""

_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,6}))?", re.ASCII)


class NotADecimal(ValueError):
    """Text that is not a plain decimal. Keeps what was found."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"{found[:80]!r} is not {DECIMAL_RULE}")


def parse_micro(text: str) -> int:
    """Returns the count of millionths that plain decimal text states; exact.

    Refused: exponents, signs other than one leading minus, minus zero, thousands separators, full-width or other non-ASCII digits,
    NaN, infinities, leading zeros, more than 12 digits before or 6 after the point. Range: |result| < 10¹⁸, inside 64 bits.

    Raises:
        NotADecimal: the text breaks the rule.

    >>> parse_micro("882077.299")
    882077299000
    >>> parse_micro("-0.5")
    -500000
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise NotADecimal(text)
    sign, whole, decimals = match.groups()
    micro = int(whole + decimals.ljust(MAX_DECIMALS, "0")) if decimals else int(whole) * MICRO
    if sign:
        if micro == 0:
            raise NotADecimal(text)
        return -micro
    return micro


def format_scaled(count: int, decimals: int) -> str:
    """Writes an integer count of 10⁻ᵈ as plain decimal text without trailing zeros; the inverse of parsing.

    Args:
        count: the count, any size and sign.
        decimals: d >= 0, how many decimals one count stands for.

    >>> format_scaled(882077299000, 6)
    '882077.299'
    >>> format_scaled(-5, 1)
    '-0.5'
    """
    sign = "-" if count < 0 else ""
    digits = str(abs(count)).rjust(decimals + 1, "0")
    whole, fraction = (digits[:-decimals], digits[-decimals:].rstrip("0")) if decimals else (digits, "")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def round_half_even(value: Fraction) -> int:
    """Returns the integer nearest to an exact ratio; a tie goes to the even neighbour (IEEE 754 roundTiesToEven).

    >>> [round_half_even(Fraction(n, 2)) for n in (1, 3, 5, -1, -3)]
    [0, 2, 2, 0, -2]
    """
    return round(value)


def format_ratio(numerator: int | Fraction, denominator: int | Fraction, decimals: int) -> str:
    """Writes numerator/denominator rounded half-even to a number of decimals, trailing zeros kept.

    Args:
        numerator: any exact number.
        denominator: an exact number other than 0.
        decimals: >= 0.

    Raises:
        ZeroDivisionError: the denominator is 0.

    >>> format_ratio(887873, 7070000, 6)
    '0.125583'
    """
    count = round_half_even(Fraction(numerator) / Fraction(denominator) * 10**decimals)
    sign = "-" if count < 0 else ""
    digits = str(abs(count)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"
