"""Units of measure as exact ratios to the base of their dimension.

The table is `units.csv` beside this module: one row per unit with its source. Two units convert only within one dimension. A cubic
metre without a reference state is not a normal cubic metre: 1 Nm³ at 0 °C fills about 1.07 m³ at 20 °C, so `m3` and `Nm3` are
different dimensions and never convert silently. Coal equivalent is a dimension of its own, because electricity becomes coal
equivalent in two ways (calorific 当量, equivalent 等价) that no unit can tell apart.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files


class UnitError(ValueError):
    """A unit that is unknown or of another dimension. Keeps what was found and what is allowed."""

    def __init__(self, found: str, allowed: tuple[str, ...]) -> None:
        self.found = found
        self.allowed = allowed
        super().__init__(f"unit {found!r} is not one of {', '.join(allowed)}")


class UnitUnknown(UnitError):
    """No unit of that name is in the table."""


class UnitOfAnotherDimension(UnitError):
    """The unit exists but measures something else, such as kg for electricity."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One row of the table.

    Attributes:
        code: the spelling that is stored and answered, such as `MWh`.
        dimension: what it measures; units convert only within it.
        ratio: how many base units (J, kg, Nm3, m3, kgce) one of it is; exact.
    """

    code: str
    dimension: str
    ratio: Fraction
    name_zh: str
    name_en: str
    source: str


@cache
def _by_spelling() -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    with (files("kernel") / "units.csv").open("r", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            unit = Unit(
                code=row["code"],
                dimension=row["dimension"],
                ratio=Fraction(int(row["numerator"]), int(row["denominator"])),
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                source=row["source"],
            )
            for spelling in (unit.code, *filter(None, row["aliases"].split(";"))):
                if spelling in units:
                    raise ValueError(f"units.csv names {spelling!r} twice")
                units[spelling] = unit
    return units


def all_units() -> Iterator[Unit]:
    """Yields every unit once, in the order of the table."""
    yield from dict.fromkeys(_by_spelling().values())


def unit_codes(dimension: str) -> tuple[str, ...]:
    """Returns the codes of the units of one dimension, in the order of the table; empty for an unknown dimension."""
    return tuple(unit.code for unit in all_units() if unit.dimension == dimension)


def find_unit(spelling: str, dimension: str | None = None) -> Unit:
    """Returns the unit that a spelling names: its code or a listed alias, to the letter.

    Case matters, because mWh is not MWh. Nothing is trimmed or guessed.

    Args:
        spelling: a code or alias, such as `MWh` or `万kWh`.
        dimension: when given, the unit must measure this.

    Raises:
        UnitUnknown: no such spelling.
        UnitOfAnotherDimension: the unit measures something else.

    >>> find_unit("万kWh", "energy").code
    '10k kWh'
    """
    unit = _by_spelling().get(spelling)
    if unit is None:
        allowed = unit_codes(dimension) if dimension else tuple(unit.code for unit in all_units())
        raise UnitUnknown(spelling, allowed)
    if dimension is not None and unit.dimension != dimension:
        raise UnitOfAnotherDimension(spelling, unit_codes(dimension))
    return unit


def conversion(from_unit: Unit, to_unit: Unit) -> Fraction:
    """Returns how many `to_unit` one `from_unit` is; exact.

    Raises:
        UnitOfAnotherDimension: the two measure different things.

    >>> conversion(find_unit("MWh"), find_unit("kWh"))
    Fraction(1000, 1)
    """
    if from_unit.dimension != to_unit.dimension:
        raise UnitOfAnotherDimension(from_unit.code, unit_codes(to_unit.dimension))
    return from_unit.ratio / to_unit.ratio
