"""The tables that the account looks things up in: carriers, inventory items, regions, industries.

The rows are data of the adapters; these are their values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

SECTORS = ("energy", "industrial_processes", "agriculture", "land_use", "waste")
"""The five inventory sectors ([S]; IPCC 2006 volumes 2 to 5)."""

MAX_BOUND = 2**60
"""Milligrams. What is bounded by it can be doubled twice within 64 bits."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """What is used or released: a fuel, electricity, heat, or a greenhouse gas itself.

    Attributes:
        kind: fuel, electricity, heat or gas.
        gas: for kind gas the gas that it is, else empty.
        biogenic: its CO2 stands apart from the total.
    """

    code: str
    kind: str
    gas: str
    biogenic: bool
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """A leaf of the park's inventory tree ([G] eq. 3 to 7).

    Attributes:
        sign: 1 where the item emits, -1 where it is deducted in eq. 3.
        scopes: the scopes (1, 2, 3) that the item may have.
    """

    code: str
    sign: int
    scopes: frozenset[int]
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class UnitMistake:
    """A ratio between a value and the usual one that a known mistake explains."""

    ratio: Fraction
    meaning_zh: str
    meaning_en: str


@dataclass(frozen=True, slots=True)
class AmountBounds:
    """What a record, and the sum of a source over a span of months, stays below in size: milligrams CO2e and of standard coal.

    Raises:
        ValueError: a sum and one record beyond it would not fit into 64 bits.
    """

    emissions_mg: int
    energy_mgce: int

    def __post_init__(self) -> None:
        if not all(0 < bound <= MAX_BOUND for bound in (self.emissions_mg, self.energy_mgce)):
            raise ValueError(f"bounds of amounts are from 1 to {MAX_BOUND} mg, got {self}")


@dataclass(frozen=True, slots=True)
class ReferenceTables:
    """Everything that is looked up by code."""

    carriers: Mapping[str, Carrier]
    items: Mapping[str, InventoryItem]
    provinces: Mapping[str, str]
    industry_sections: Mapping[str, str]
    industry_divisions: Mapping[str, str]
    unit_mistakes: tuple[UnitMistake, ...]
    bounds: AmountBounds
