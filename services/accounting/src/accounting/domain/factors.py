"""Factors as dated data, and what one unit of a carrier emits by a set of them.

A factor row is one published value with its unit, the period of activity it applies to, and the date since when it could be known.
A set is named and closed: what it does not hold is missing, and nothing is borrowed from another set. A basis is what a set says
about one carrier, gas and unit in one period: exact milligrams of CO2e and of standard coal per millionth of the unit, with the
rows that it was made from, so that every figure can be computed again.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from accounting.domain.emissions import Ratio
from accounting.domain.errors import FactorSetNotFound
from accounting.domain.reference import Carrier
from kernel.refusals import InvalidField
from kernel.units import Unit, conversion, find_unit

CARBON_TO_CO2 = Fraction(44, 12)
"""Mass of CO2 per mass of carbon, as [P] eq. (4) writes it."""

END_OF_TIME_S = 2**62
"""The end of a span that is still open."""

_GAS_SUFFIX = re.compile(r"(?P<unit>mg|kg|t|g)(?:C|CO2e?|CH4|N2O)")


@dataclass(frozen=True, slots=True)
class Factor:
    """One published value.

    Attributes:
        factor_id: a digest of the row, so that another value is another factor.
        quantity: net_calorific_value, carbon_content, oxidation_rate, emission_factor, standard_coal or gwp.
        region: empty, CN, a grid region, or a province's two digits.
        basis: which of several published kinds, such as average; empty where there is one.
        value: decimal text as printed.
        unit: as printed, such as GJ/t.
        valid_from: first day of activity that it applies to.
        valid_to: the day after the last; None while it is the newest.
        published: the day since when it could be known.
    """

    factor_id: str
    table_id: str
    quantity: str
    carrier: str
    gas: str
    region: str
    basis: str
    value: str
    unit: str
    valid_from: date
    valid_to: date | None
    published: date
    confidence: str
    source: str
    checked_where: str
    note: str

    def amount(self) -> Fraction:
        """Returns the value as an exact number, of its unit."""
        return Fraction(self.value)


@dataclass(frozen=True, slots=True)
class FactorSet:
    """A named, closed choice of tables. `grid_level` says which region's electricity factor a park takes."""

    set_id: str
    name_zh: str
    name_en: str
    tables: tuple[str, ...]
    grid_level: str
    electricity_basis: str
    gwp_table: str
    published: date
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class Basis:
    """What one unit of a carrier emits and weighs in coal, with its origin.

    Attributes:
        basis_id: a digest of set, gas, unit and rows: the same inputs give the same id everywhere.
        unit: code of the unit that the ratios are for.
        emissions: milligrams CO2e per millionth of the unit.
        energy: milligrams of standard coal per millionth of the unit; zero for a greenhouse gas, which is no energy, and for the
            CH4 and N2O of a fuel, whose energy counts with its CO2.
        factor_ids: the rows that it was made from.
    """

    basis_id: str
    set_id: str
    carrier: str
    gas: str
    unit: str
    emissions: Ratio
    energy: Ratio
    factor_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BasisSpan:
    """A basis and the half-open range of seconds since 1970 that it applies to."""

    start_s: int
    end_s: int
    basis: Basis


class FactorMissing(LookupError):
    """The set says nothing that this needs. Keeps what is missing, in both languages."""

    def __init__(self, set_id: str, carrier: str, what: str, what_zh: str) -> None:
        self.set_id = set_id
        self.carrier = carrier
        self.what = what
        self.sentence_zh = f"因子集 {set_id} 没有 {carrier} 的{what_zh}"
        super().__init__(f"factor set {set_id} has no {what} for {carrier}")


@dataclass(frozen=True, slots=True)
class GridRegions:
    """Which grid region a place belongs to, by the longest prefix of its GB/T 2260 code."""

    by_prefix: Mapping[str, str]

    def region_of(self, region_code: str) -> str | None:
        """Returns the grid region of a six-digit code, or None where no published factor covers the place."""
        for length in range(len(region_code), 0, -1):
            if (region := self.by_prefix.get(region_code[:length])) is not None:
                return region
        return None


class FactorBook:
    """Every set and row that is shipped, and the bases that follow from them.

    Args:
        factors: all rows.
        sets: all sets.
        regions: places of the grid.
    """

    def __init__(self, factors: Iterable[Factor], sets: Iterable[FactorSet], regions: GridRegions) -> None:
        self._rows: dict[tuple[str, str, str, str], list[Factor]] = {}
        self._by_table: dict[str, list[Factor]] = {}
        for row in factors:
            self._rows.setdefault((row.table_id, row.quantity, row.carrier, row.gas), []).append(row)
            self._by_table.setdefault(row.table_id, []).append(row)
        self._sets = {each.set_id: each for each in sorted(sets, key=lambda each: each.set_id)}
        self._regions = regions
        self._spans: dict[tuple[str, str, str, str, str, str], list[BasisSpan]] = {}
        self._bases: dict[str, Basis] = {}

    @property
    def sets(self) -> Sequence[FactorSet]:
        """Every set, in order of id."""
        return tuple(self._sets.values())

    def factor_set(self, set_id: str) -> FactorSet:
        """Returns a set by id.

        Raises:
            FactorSetNotFound: no such set.
        """
        try:
            return self._sets[set_id]
        except KeyError:
            raise FactorSetNotFound(set_id, ", ".join(self._sets)) from None

    def factors_of(self, set_id: str) -> Sequence[Factor]:
        """Returns the rows of a set in order of id, those of its GWP table included."""
        chosen = self.factor_set(set_id)
        rows = [row for table in (*chosen.tables, chosen.gwp_table) for row in self._by_table.get(table, [])]
        return sorted(rows, key=lambda row: row.factor_id)

    def all_factors(self) -> Sequence[Factor]:
        """Returns every row in order of id."""
        return sorted((row for rows in self._by_table.values() for row in rows), key=lambda row: row.factor_id)

    def sets_using(self, table_id: str) -> tuple[str, ...]:
        """Returns the ids of the sets that a table belongs to."""
        return tuple(each.set_id for each in self._sets.values() if table_id in (*each.tables, each.gwp_table))

    def bases_named(self, basis_ids: Collection[str]) -> Sequence[Basis]:
        """Returns bases that this book has computed, by id."""
        return [self._bases[basis_id] for basis_id in sorted(basis_ids)]

    def check_covers(self, set_id: str, carrier: Carrier, gas: str, region_code: str) -> None:
        """Passes when the set can compute the carrier.

        Raises:
            InvalidField: it has no factor for it.
        """
        try:
            self._needed(self.factor_set(set_id), carrier, gas, region_code)
        except FactorMissing as missing:
            raise InvalidField(
                "carrier",
                carrier.code,
                f"a carrier that the park's factor set covers: {missing}",
                f"园区因子集所涵盖的品种:{missing.sentence_zh}",
            ) from missing

    def spans(
        self, set_id: str, carrier: Carrier, gas: str, region_code: str, unit_spelling: str, zone: ZoneInfo
    ) -> Sequence[BasisSpan]:
        """Returns the bases of a carrier in a unit over time, in order and without overlap.

        A fuel weighs its standard coal coefficient, or where the set has none for it N over the heat of standard coal. It weighs so
        with its CO2 alone: the same fuel counted again for its CH4 or N2O is no more energy.

        The formulas, per unit: a fuel emits N·V·O·44/12 ([P] eq. 3 and 4: heat value, carbon per heat, oxidation rate), or N times
        a factor per heat where the set gives one; electricity and heat emit their factor ([P] eq. 5); gases other than CO2 are
        multiplied by GWP ([G] eq. 1), and a greenhouse gas itself emits its GWP.
        Where a place has two published factors for different years, each has its span; a gap between spans is a period without one.

        Args:
            set_id: the set.
            carrier: what is used.
            gas: which gas is counted.
            region_code: six digits; electricity is chosen by it and by the set's grid level.
            unit_spelling: the unit of the quantities.
            zone: the zone in which the factors' days are cut.

        Raises:
            FactorMissing: the set has no factor for the carrier and gas, or its factors never apply at the same time.
            UnitError: the unit is unknown or of another dimension than the set's factors.
        """
        known = (set_id, carrier.code, gas, region_code, unit_spelling, zone.key)
        if (found := self._spans.get(known)) is not None:
            return found
        chosen = self.factor_set(set_id)
        series = self._needed(chosen, carrier, gas, region_code)
        unit = find_unit(unit_spelling, self._denominator(series[0][0]).dimension)
        edges = sorted({day for rows in series for row in rows for day in (row.valid_from, row.valid_to) if day is not None})
        spans: list[BasisSpan] = []
        for index, start in enumerate(edges):
            in_force = [next((row for row in rows if _applies(row, start)), None) for rows in series]
            present = [row for row in in_force if row is not None]
            if len(present) == len(series):
                end = edges[index + 1] if index + 1 < len(edges) else None
                basis = self._basis(chosen, carrier, gas, unit, present)
                start_s, end_s = _midnight(start, zone), _midnight(end, zone) if end else END_OF_TIME_S
                if spans and spans[-1].end_s == start_s and spans[-1].basis == basis:
                    start_s = spans.pop().start_s
                spans.append(BasisSpan(start_s, end_s, basis))
        if not spans:
            raise FactorMissing(set_id, carrier.code, "factors that apply at one time", "同时有效的因子")
        self._bases |= {span.basis.basis_id: span.basis for span in spans}
        self._spans[known] = spans
        return spans

    def _needed(self, chosen: FactorSet, carrier: Carrier, gas: str, region_code: str) -> list[list[Factor]]:
        """The series of rows that the formula of this carrier takes, in a fixed order."""

        def series(
            what: str, what_zh: str, quantity: str, carrier_code: str, of_gas: str, tables: Sequence[str] = chosen.tables
        ) -> list[Factor]:
            rows = [row for table in tables for row in self._rows.get((table, quantity, carrier_code, of_gas), [])]
            if carrier.kind == "electricity":
                place = self._grid_region(chosen, region_code)
                wanted = chosen.electricity_basis if quantity == "emission_factor" else ""
                rows = [row for row in rows if row.region in ("", place) and (not wanted or row.basis in ("", wanted))]
            if not rows:
                raise FactorMissing(chosen.set_id, carrier.code, what, what_zh)
            return rows

        def warming() -> list[Factor]:
            return series(f"global warming potential of {gas}", f" {gas} 全球变暖潜势", "gwp", "", gas, (chosen.gwp_table,))

        def emission_factor() -> list[Factor]:
            return series(f"emission factor of {gas}", f" {gas} 排放因子", "emission_factor", carrier.code, gas)

        needed: list[list[Factor]] = []
        if carrier.kind == "gas":
            return [warming()]
        if carrier.kind == "fuel":
            needed.append(series("net calorific value", "低位发热量", "net_calorific_value", carrier.code, ""))
            if gas != "CO2" or self._has(chosen, "emission_factor", carrier.code, gas):
                needed.append(emission_factor())
            else:
                needed.append(series("carbon content", "单位热值含碳量", "carbon_content", carrier.code, "CO2"))
                needed.append(series("oxidation rate", "碳氧化率", "oxidation_rate", carrier.code, "CO2"))
        else:
            needed.append(emission_factor())
        if gas == "CO2":
            needed.append(self._coal_series(chosen, carrier, self._denominator(needed[0][0]).dimension))
        else:
            needed.append(warming())
        return needed

    def _coal_series(self, chosen: FactorSet, carrier: Carrier, counted: str) -> list[Factor]:
        """The carrier's own coefficient; for a fuel without one per what is counted, the heat of standard coal."""
        rows = [row for table in chosen.tables for row in self._rows.get((table, "standard_coal", carrier.code, ""), [])]
        fitting = [row for row in rows if self._denominator(row).dimension == counted]
        if not fitting and carrier.kind == "fuel":
            fitting = [row for table in chosen.tables for row in self._rows.get((table, "standard_coal", "", ""), [])]
        if not fitting:
            raise FactorMissing(
                chosen.set_id, carrier.code, f"standard coal coefficient per unit of {counted}", f"折标准煤系数(按 {counted} 计)"
            )
        return fitting

    def _has(self, chosen: FactorSet, quantity: str, carrier_code: str, gas: str) -> bool:
        return any((table, quantity, carrier_code, gas) in self._rows for table in chosen.tables)

    def _grid_region(self, chosen: FactorSet, region_code: str) -> str:
        if chosen.grid_level == "provincial":
            return region_code[:2]
        if chosen.grid_level == "regional":
            return self._regions.region_of(region_code) or "none"
        return "CN"

    @staticmethod
    def _denominator(row: Factor) -> Unit:
        if row.quantity == "gwp":
            return find_unit("kg")
        return find_unit(row.unit.split("/")[1])

    def _basis(self, chosen: FactorSet, carrier: Carrier, gas: str, unit: Unit, rows: list[Factor]) -> Basis:
        by_quantity = {row.quantity: row for row in rows}
        first = rows[0]
        if carrier.kind == "gas":
            kilograms_per_unit = conversion(unit, find_unit("kg")) * by_quantity["gwp"].amount()
        elif carrier.kind == "fuel":
            megajoules_per_unit = _per_unit(first, "MJ", unit)
            if "carbon_content" in by_quantity:
                carbon = _per_unit(by_quantity["carbon_content"], "kg", find_unit("MJ"))
                oxidised = by_quantity["oxidation_rate"].amount() / 100
                kilograms_per_unit = megajoules_per_unit * carbon * oxidised * CARBON_TO_CO2
            else:
                of_gas = _per_unit(by_quantity["emission_factor"], "kg", find_unit("MJ"))
                kilograms_per_unit = megajoules_per_unit * of_gas
        else:
            kilograms_per_unit = _per_unit(first, "kg", unit)
        if carrier.kind != "gas" and "gwp" in by_quantity:
            kilograms_per_unit *= by_quantity["gwp"].amount()
        coal_kg_per_unit = Fraction(0)
        if (coal := by_quantity.get("standard_coal")) is not None:
            coal_kg_per_unit = (
                _per_unit(coal, "kgce", unit)
                if coal.carrier
                else _per_unit(first, "MJ", unit) / _per_unit(coal, "MJ", find_unit("kgce"))
            )
        milligrams_per_kilogram = 10**6
        factor_ids = tuple(row.factor_id for row in rows)
        return Basis(
            basis_id=_digest(chosen.set_id, carrier.code, gas, unit.code, *factor_ids),
            set_id=chosen.set_id,
            carrier=carrier.code,
            gas=gas,
            unit=unit.code,
            emissions=Ratio.of(kilograms_per_unit * milligrams_per_kilogram),
            energy=Ratio.of(coal_kg_per_unit * milligrams_per_kilogram),
            factor_ids=factor_ids,
        )


def _applies(row: Factor, day: date) -> bool:
    return row.valid_from <= day and (row.valid_to is None or day < row.valid_to)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=10).hexdigest()


def factor_digest(*parts: str) -> str:
    """Returns the id of a factor row: a digest of its table, key, value, unit, periods and publication."""
    return _digest(*parts)


def _per_unit(row: Factor, numerator: str, per: Unit) -> Fraction:
    """A row's value as `numerator` per `per`, exact: 389.31 GJ/10k_Nm3 is 38.931 MJ per Nm3."""
    over, under = row.unit.split("/")
    labelled = _GAS_SUFFIX.fullmatch(over)
    return (
        row.amount()
        * conversion(find_unit(labelled["unit"] if labelled else over), find_unit(numerator))
        * conversion(per, find_unit(under))
    )
