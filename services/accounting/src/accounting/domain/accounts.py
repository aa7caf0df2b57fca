"""Totals and figures of the account, as exact sums and ratios of them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from accounting.domain.parks import FIRST_YEAR, AnnualFigures, figure
from accounting.domain.reference import ReferenceTables
from kernel.periods import Month
from kernel.quantities import format_ratio, format_scaled
from kernel.refusals import InvalidField

DIMENSIONS = ("year", "month", "scope", "item", "carrier", "gas", "sector", "enterprise", "source")
MAX_DIMENSIONS = 4
TOTAL, REMOVAL, BIOGENIC = "total", "removal", "biogenic"
MG_PER_T_DECIMALS = 9
"""A milligram is 10⁻⁹ t: counts of milligrams are tonnes with nine decimals."""

_RATIO_DECIMALS = 6
_MONTH = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sum:
    """An exact sum over records: milligrams CO2e, milligrams of standard coal, how many records."""

    emissions_mg: int = 0
    energy_mgce: int = 0
    records: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.emissions_mg + other.emissions_mg, self.energy_mgce + other.energy_mgce, self.records + other.records)


@dataclass(frozen=True, slots=True)
class SummedRow:
    """A sum as the account gives it: the asked dimensions, and what decides where it counts."""

    keys: tuple[str, ...]
    item: str
    carrier: str
    gas: str
    straddles: bool
    sum: Sum


@dataclass(frozen=True, slots=True)
class Emissions:
    """A grouped total. What is removed, biogenic or only partly inside the range stands apart and is in no total."""

    groups: Sequence[tuple[tuple[str, ...], Sum]]
    total: Sum
    removals: Sum
    biogenic: Sum
    straddling: Sum


@dataclass(frozen=True, slots=True)
class MonthRange:
    """A half-open range of months."""

    first: Month
    end: Month


@dataclass(frozen=True, slots=True)
class Indicator:
    """A figure with its unit and formula; a value of None cannot be given, and `missing` says why."""

    name: str
    value: str | None
    unit: str
    formula: str
    missing: str = ""
    missing_zh: str = ""


@dataclass(frozen=True, slots=True)
class MixShare:
    """The share of one carrier in the year's energy."""

    carrier: str
    energy_tce: str
    share_pct: str


@dataclass(frozen=True, slots=True)
class YearlyAccount:
    """The account's own figures of one year."""

    indicators: Sequence[Indicator]
    energy_mix: Sequence[MixShare]
    records: int


def _month(field: str, text: str) -> Month:
    match = _MONTH.fullmatch(text)
    if match is None or int(match[1]) < FIRST_YEAR:
        raise InvalidField(field, text, f"YYYY-MM or YYYY from {FIRST_YEAR} on", f"不早于 {FIRST_YEAR} 年的 YYYY-MM 或 YYYY")
    return Month(int(match[1]), int(match[2] or 1))


def valid_range(from_month: str, to_month: str) -> MonthRange:
    """Returns the half-open range that two texts name, YYYY-MM each, or YYYY for January of that year.

    Raises:
        InvalidField: a text is no month, or the range is empty.
    """
    first, end = _month("from_month", from_month), _month("to_month", to_month)
    if end <= first:
        raise InvalidField("to_month", to_month, f"a month after {first}", f"晚于 {first} 的月份")
    return MonthRange(first, end)


def valid_dimensions(group_by: Sequence[str]) -> tuple[str, ...]:
    """Returns the dimensions in the order asked for.

    Raises:
        InvalidField: one is unknown or named twice, or there are too many.
    """
    for dimension in group_by:
        if dimension not in DIMENSIONS:
            known = ", ".join(DIMENSIONS)
            raise InvalidField("group_by", dimension, f"of {known}", f"以下维度之一:{known}")
    if len(set(group_by)) != len(group_by) or len(group_by) > MAX_DIMENSIONS:
        raise InvalidField(
            "group_by",
            ",".join(group_by),
            f"at most {MAX_DIMENSIONS} dimensions, none twice",
            f"至多 {MAX_DIMENSIONS} 个不重复的维度",
        )
    return tuple(group_by)


def counted_as(item: str, carrier: str, gas: str, reference: ReferenceTables) -> str:
    """Returns where what a source emits counts: total; removal for what is deducted; biogenic where its CO2 stands apart.

    Source: [G] eq. (3); GHG Protocol Corporate Standard ch. 4.
    """
    if reference.items[item].sign < 0:
        return REMOVAL
    return BIOGENIC if reference.carriers[carrier].biogenic and gas == "CO2" else TOTAL


def grouped(rows: Iterable[SummedRow], reference: ReferenceTables) -> Emissions:
    """Adds up sums by their keys.

    E_park is the sum of the items that emit; carbon fixed in products, sinks and CCUS, and biogenic CO2, are given beside it.

    Source: [G] eq. (3) to (7); GHG Protocol Corporate Standard ch. 4 (biogenic CO2 outside the scopes).
    """
    groups: dict[tuple[str, ...], Sum] = {}
    total, removals, biogenic, straddling = Sum(), Sum(), Sum(), Sum()
    for row in rows:
        counted = counted_as(row.item, row.carrier, row.gas, reference)
        if row.straddles:
            straddling += row.sum
        elif counted == REMOVAL:
            removals += row.sum
        elif counted == BIOGENIC:
            # The fuel is energy like any other; only its CO2 stands apart.
            biogenic += replace(row.sum, energy_mgce=0)
            energy = Sum(energy_mgce=row.sum.energy_mgce)
            total += energy
            groups[row.keys] = groups.get(row.keys, Sum()) + energy
        else:
            total += row.sum
            groups[row.keys] = groups.get(row.keys, Sum()) + row.sum
    return Emissions(sorted(groups.items()), total, removals, biogenic, straddling)


def yearly_account(by_scope_and_carrier: Emissions, figures: AnnualFigures | None) -> YearlyAccount:
    """Computes the account's own figures of one year.

    r = E / G for each intensity; a ratio whose denominator is not reported or is zero is missing, never zero or infinite.

    Args:
        by_scope_and_carrier: the year's total, grouped by scope, then carrier.
        figures: the year's reported figures, or None.

    Returns:
        Emissions in t, energy in tce, both exact; ratios to six decimals, half-even; shares of energy in per cent.

    Source: [P] eq. (1), (2); [P] §4.2; 发改环资〔2025〕910号 (carbon per unit of energy).
    """
    total = by_scope_and_carrier.total
    scopes: dict[str, int] = {"1": 0, "2": 0, "3": 0}
    carriers: dict[str, int] = {}
    for (scope, carrier), each in by_scope_and_carrier.groups:
        scopes[scope] += each.emissions_mg
        carriers[carrier] = carriers.get(carrier, 0) + each.energy_mgce
    indicators = [Indicator("emissions_t_co2e", format_scaled(total.emissions_mg, MG_PER_T_DECIMALS), "t", "E = Σ Dᵢ·Fᵢ")]
    indicators += [
        Indicator(f"emissions_scope_{scope}_t_co2e", format_scaled(amount, MG_PER_T_DECIMALS), "t", f"E{scope} = Σ Dᵢ·Fᵢ")
        for scope, amount in scopes.items()
    ]
    removed = by_scope_and_carrier.removals.emissions_mg
    indicators += [
        Indicator("removals_t_co2e", format_scaled(removed, MG_PER_T_DECIMALS), "t", "carbon in products + sinks + CCUS"),
        Indicator("energy_tce", format_scaled(total.energy_mgce, MG_PER_T_DECIMALS), "tce", "Σ Nᵢ·kᵢ"),
        _ratio("emissions_intensity_t_per_10k_cny", total.emissions_mg, figures, "gross_output_10k_cny", "r = E / G"),
        _ratio("energy_intensity_tce_per_10k_cny", total.energy_mgce, figures, "gross_output_10k_cny", "energy / G"),
        _ratio("emissions_per_value_added_t_per_10k_cny", total.emissions_mg, figures, "value_added_10k_cny", "E / value added"),
        _ratio("emissions_per_gdp_t_per_10k_cny", total.emissions_mg, figures, "gdp_10k_cny", "E / GDP"),
        _ratio("emissions_per_employee_t", total.emissions_mg, figures, "employees_persons", "E / employees"),
        _ratio("emissions_per_land_area_t_per_km2", total.emissions_mg, figures, "land_area_km2", "E / land area"),
    ]
    if total.energy_mgce > 0:
        carbon = format_ratio(total.emissions_mg, total.energy_mgce, _RATIO_DECIMALS)
        indicators.append(Indicator("carbon_per_energy_t_per_tce", carbon, "t/tce", "E / energy"))
    else:
        indicators.append(
            Indicator(
                "carbon_per_energy_t_per_tce", None, "t/tce", "E / energy", "energy of the year is 0 tce", "本年能源消费量为 0 tce"
            )
        )
    mix = [
        MixShare(carrier, format_scaled(amount, MG_PER_T_DECIMALS), format_ratio(100 * amount, total.energy_mgce, 2))
        for carrier, amount in sorted(carriers.items())
        if amount and total.energy_mgce
    ]
    return YearlyAccount(indicators, mix, total.records)


_UNIT_OF = {
    "gross_output_10k_cny": "10k CNY",
    "value_added_10k_cny": "10k CNY",
    "gdp_10k_cny": "10k CNY",
    "employees_persons": "person",
    "land_area_km2": "km2",
}


def _ratio(name: str, amount_mg: int, figures: AnnualFigures | None, denominator: str, formula: str) -> Indicator:
    over = "tce" if name.startswith("energy") else "t"
    unit = f"{over}/{_UNIT_OF[denominator]}"
    value = figure(figures, denominator)
    if value is None:
        return Indicator(name, None, unit, formula, f"{denominator} of the year is not reported", f"本年的 {denominator} 未填报")
    if value == 0:
        return Indicator(name, None, unit, formula, f"{denominator} of the year is 0", f"本年的 {denominator} 为 0")
    tonnes = Fraction(amount_mg, 10**MG_PER_T_DECIMALS)
    return Indicator(name, format_ratio(tonnes, Fraction(value), _RATIO_DECIMALS), unit, formula)


def month_key(first_month: int, last_month: int) -> str:
    """Writes a span of months: 2020-01, or 2020-01..2020-12 for records that are not of one month.

    >>> month_key(202001, 202001), month_key(202001, 202012)
    ('2020-01', '2020-01..2020-12')
    """
    first, last = Month.from_number(first_month), Month.from_number(last_month)
    return str(first) if first == last else f"{first}..{last}"
