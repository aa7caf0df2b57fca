"""The exact arithmetic of the emission-factor method.

A record's emissions are a quantity times an exact ratio, rounded once, half-even, to a whole number of milligrams. Every total is a
sum of such integers, and so is the same on any engine, in any order and however the records were batched.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kernel.quantities import round_half_even

MAX_MG = 2**62
"""The arithmetic of a record ends at this count of milligrams (4.6·10⁹ t); what a record may hold is far less."""

_MAX_DENOMINATOR = 2**46
_ESTIMATE_ERROR = 2**12
# A dozen columns of this many rows stay in the processor's cache; with a million rows at once memory would be the limit.
_BLOCK_ROWS = 8192


class AmountOutOfRange(ValueError):
    """Products that do not fit: refused, never wrapped. `rows` are those found so far, counted from 0; more may follow them."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows
        super().__init__(f"rows {rows[:10]} give {MAX_MG} mg or more")


@dataclass(frozen=True, slots=True)
class Ratio:
    """Milligrams per millionth of a unit, exact: numerator / denominator, denominator > 0.

    >>> Ratio.of(Fraction(581_000))  # 0.581 kg per kWh
    Ratio(numerator=581, denominator=1000)
    """

    numerator: int
    denominator: int

    @classmethod
    def of(cls, milligrams_per_unit: Fraction) -> "Ratio":
        """Returns the ratio for a factor given per whole unit."""
        per_micro = milligrams_per_unit / 10**6
        return cls(per_micro.numerator, per_micro.denominator)


@dataclass(frozen=True, slots=True)
class _RatioTable:
    factor: NDArray[np.float64]
    numerator: NDArray[np.uint64]
    denominator: NDArray[np.int64]


def milligrams(quantity_micro: NDArray[np.int64], ratio_index: NDArray[np.intp], ratios: list[Ratio]) -> NDArray[np.int64]:
    """Computes round_half_even(quantity · ratio) for each row, exactly.

    The product does not fit 64 bits, but its remainder does. An estimate e of q·N/M in floating point is wrong by less than
    2¹² where |q·N/M| < 2⁶², so the true remainder q·N − e·M is smaller than 2⁶¹ when M ≤ 2⁴⁶, and arithmetic modulo 2⁶⁴ gives it
    without error. The remainder then tells how far e is off and whether it is a tie. Ratios with a larger denominator go by
    Python's integers.

    Args:
        quantity_micro: millionths of a unit, shape (n,), |q| < 10¹⁸.
        ratio_index: which ratio each row uses, shape (n,).
        ratios: milligrams per millionth.

    Returns:
        Milligrams, shape (n,).

    Raises:
        AmountOutOfRange: results of 2⁶² mg or more, of either sign; names at least those of the first block that has one.

    Source: [P] eq. (1), [G] eq. (1); rounding: IEEE 754-2019 §4.3.1 roundTiesToEven.

    >>> half = Ratio(1, 2)
    >>> milligrams(np.array([1, 3, 5, -3]), np.zeros(4, dtype=np.intp), [half]).tolist()
    [0, 2, 2, -2]
    """
    quantity = np.ascontiguousarray(quantity_micro, dtype=np.int64)
    if any(ratio.denominator > _MAX_DENOMINATOR for ratio in ratios):
        return _milligrams_in_python(quantity, ratio_index, ratios)
    table = _RatioTable(
        factor=np.array([ratio.numerator / ratio.denominator for ratio in ratios], dtype=np.float64),
        numerator=np.array([ratio.numerator % 2**64 for ratio in ratios], dtype=np.uint64),
        denominator=np.array([ratio.denominator for ratio in ratios], dtype=np.int64),
    )
    result = np.empty(len(quantity), dtype=np.int64)
    for start in range(0, len(quantity), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        _milligrams_of_block(quantity[block], ratio_index[block], table, result[block], start)
    return result


def _milligrams_of_block(
    quantity: NDArray[np.int64], index: NDArray[np.intp], table: _RatioTable, result: NDArray[np.int64], first_row: int
) -> None:
    estimate = np.rint(quantity * table.factor[index])
    # The estimate may be off at the limit itself, so what is near it is decided by the exact result below.
    if estimate.size and max(estimate.max(), -estimate.min()) >= MAX_MG + _ESTIMATE_ERROR:
        raise AmountOutOfRange((first_row + np.flatnonzero(np.abs(estimate) >= MAX_MG + _ESTIMATE_ERROR)).tolist())
    result[:] = estimate
    denominator = table.denominator[index]
    product = quantity.view(np.uint64) * table.numerator[index]
    remainder = (product - result.view(np.uint64) * denominator.view(np.uint64)).view(np.int64)
    correction = np.rint(remainder / denominator).astype(np.int64)
    result += correction
    remainder -= correction * denominator
    twice = 2 * remainder
    odd = (result & 1).astype(np.bool_)
    result += (twice > denominator) | ((twice == denominator) & odd)
    result -= (twice < -denominator) | ((twice == -denominator) & odd)
    if result.size and max(result.max(), -result.min()) >= MAX_MG:
        raise AmountOutOfRange((first_row + np.flatnonzero(np.abs(result) >= MAX_MG)).tolist())


def _milligrams_in_python(
    quantity_micro: NDArray[np.int64], ratio_index: NDArray[np.intp], ratios: list[Ratio]
) -> NDArray[np.int64]:
    amounts = [
        round_half_even(Fraction(quantity * ratios[index].numerator, ratios[index].denominator))
        for quantity, index in zip(quantity_micro.tolist(), ratio_index.tolist(), strict=True)
    ]
    if too_large := [row for row, amount in enumerate(amounts) if abs(amount) >= MAX_MG]:
        raise AmountOutOfRange(too_large)
    return np.array(amounts, dtype=np.int64)


def exact_sums(values: NDArray[np.int64], group: NDArray[np.intp], groups: int) -> list[int]:
    """Adds integers by group, exactly, whatever their number and order.

    Each value is split into its upper and lower 32 bits; the halves add up without loss in 64 bits for fewer than 2³¹ rows, and are
    joined as Python integers, which have no limit.

    Args:
        values: shape (n,), n < 2³¹.
        group: group of each row, 0 <= group < groups, shape (n,).
        groups: how many groups there are.

    Returns:
        The sum of each group, length `groups`.

    >>> exact_sums(np.array([2**62, 2**62, 2**62, -5]), np.array([0, 0, 0, 1]), 2)
    [13835058055282163712, -5]
    """
    upper = np.zeros(groups, dtype=np.int64)
    lower = np.zeros(groups, dtype=np.int64)
    np.add.at(upper, group, values >> 32)
    np.add.at(lower, group, values & 0xFFFFFFFF)
    return [(high << 32) + low for high, low in zip(upper.tolist(), lower.tolist(), strict=True)]
