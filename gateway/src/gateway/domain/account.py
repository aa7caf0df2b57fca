"""What accounting knows, as the gateway passes it on. Decimals are text and are never computed with here.

The attributes carry the names of the HTTP API, so that an answer is written from them as they stand.
"""

from dataclasses import dataclass
from typing import Literal

SettlementBasis = Literal["bill", "meter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPark:
    """A park to register. Degrees are WGS 84 decimals, None when unknown."""

    park_id: str
    name_zh: str
    name_en: str
    region_code: str
    time_zone: str
    latitude_deg: str | None
    longitude_deg: str | None
    factor_set_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Park(NewPark):
    """A registered park."""

    tenant_id: str
    registered_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEnterprise:
    """An enterprise to register in a park."""

    enterprise_id: str
    name_zh: str
    name_en: str
    industry_code: str
    credit_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise(NewEnterprise):
    """A registered enterprise."""

    park_id: str
    registered_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """An emission source to register in a park; a source without an enterprise is the park's own."""

    source_id: str
    enterprise_id: str | None
    name_zh: str
    name_en: str
    item: str
    scope: int
    carrier: str
    gas: str
    sector: str
    settlement_basis: SettlementBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(NewSource):
    """A registered source."""

    park_id: str
    registered_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAnnualFigures:
    """The figures of a year that intensities divide by; None: not reported."""

    gross_output_10k_cny: str | None
    value_added_10k_cny: str | None
    gdp_10k_cny: str | None
    employees_persons: str | None
    land_area_km2: str | None
    leading_industries_share_pct: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnualFigures(NewAnnualFigures):
    """One version of a year's figures; the highest version is in force."""

    park_id: str
    year: int
    version: int
    recorded_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFigures:
    """The figures in force now; `changed` is False when the same were in force before."""

    figures: AnnualFigures
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityRecord:
    """An accepted record. `position` counts from 1 in each park."""

    record_id: str
    source_id: str
    period_start_time: str
    period_end_time: str
    quantity: str
    unit: str
    emissions_t_co2e: str
    energy_tce: str
    basis_id: str
    supersedes: str | None
    superseded_by: str | None
    position: int
    recorded_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmissionsGroup:
    """One group of a total; `keys` are in the order of the dimensions asked for."""

    keys: tuple[str, ...]
    emissions_t_co2e: str
    energy_tce: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Emissions:
    """Exact totals of a span of months. Removals, biogenic CO2 and straddling records are in neither `groups` nor `total`."""

    groups: tuple[EmissionsGroup, ...]
    total: EmissionsGroup
    removals: EmissionsGroup
    biogenic: EmissionsGroup
    straddling: EmissionsGroup
    factor_set_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A figure with its unit; without a value, `missing` says why, in English and in Chinese."""

    name: str
    value: str | None
    unit: str
    missing: str | None
    missing_zh: str | None
    formula: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MixShare:
    """One carrier's share of the year's energy."""

    carrier: str
    energy_tce: str
    share_pct: str


@dataclass(frozen=True, slots=True, kw_only=True)
class YearIndicators:
    """The figures of one year."""

    indicators: tuple[Indicator, ...]
    energy_mix: tuple[MixShare, ...]
    factor_set_id: str
    electricity_conversion: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorSet:
    """A named, dated set of factors."""

    set_id: str
    name_zh: str
    name_en: str
    grid_level: str
    electricity_basis: str
    gwp_table: str
    published_date: str
    source: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One published value; `valid_to_date` is exclusive and None while it is the newest."""

    factor_id: str
    table_id: str
    quantity: str
    carrier: str
    gas: str
    region: str
    basis: str
    value: str
    unit: str
    valid_from_date: str
    valid_to_date: str | None
    published_date: str
    confidence: str
    source: str
    checked_where: str
    note: str


def exact_tonnes(milligrams: int) -> str:
    """Returns milligrams in tonnes, exactly: mg / 10^9 without trailing zeros.

    >>> exact_tonnes(887_873_800_000_000), exact_tonnes(0), exact_tonnes(-1)
    ('887873.8', '0', '-0.000000001')
    """
    whole, rest = divmod(abs(milligrams), 10**9)
    text = f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if milligrams < 0 else text
