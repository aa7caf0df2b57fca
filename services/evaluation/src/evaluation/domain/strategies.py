"""Strategies for a park by its industry, its maturity and its weakest side.

Source: [S] §4.1 to 4.3; the table is data of the adapters, written anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

INDUSTRIES = ("electronics", "automotive", "new_energy")
MATURITIES = ("early", "mature")
SIDES = ("performance", "development", "impact")


@dataclass(frozen=True, slots=True)
class Strategy:
    """One line of advice."""

    strategy_id: str
    industry: str
    maturity: str
    side: str
    text_zh: str
    text_en: str
    source: str


def weakest_side(sides: Mapping[str, Fraction]) -> str:
    """Returns the side with the lowest score; of equal ones the first of performance, development, impact.

    Args:
        sides: scores by side, in one scale; at least one.
    """
    return min((side for side in SIDES if side in sides), key=lambda side: sides[side])


def strategies_for(table: Sequence[Strategy], industry: str, maturity: str, sides: Mapping[str, Fraction]) -> list[Strategy]:
    """Returns the advice for a park, that for its weakest side first.

    Special cases: an industry that the source does not treat has no advice.
    """
    fitting = [row for row in table if row.industry == industry and row.maturity == maturity and row.side in sides]
    return sorted(fitting, key=lambda row: (sides[row.side], SIDES.index(row.side), row.strategy_id))
