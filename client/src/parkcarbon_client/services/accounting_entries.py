"""What a program sends to the accounting service: parks, sources, figures, rows, findings. Members that are None are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class NewFinding:
    """A finding about a closed inventory.

    Attributes:
        kind: misstatement, nonconformity or observation.
        material: Whether it could change what a reader of the inventory decides.
        item: What it is about, as `enterprise_id` and `record_id`; "" for something else.
        evidence: Ids of documents.
    """

    finding_id: str
    kind: str
    material: bool
    text: str
    item: str = ""
    enterprise_id: str = ""
    record_id: str = ""
    evidence: Sequence[str] = ()


@dataclass(frozen=True)
class NewPark:
    """A park to register. Ids are 1 to 64 characters of A-Z a-z 0-9 . _ -, first a letter or digit.

    Args:
        park_id: Chosen by the caller, unique on the platform.
        name_zh: Chinese name.
        name_en: English name.
        region_code: Six digits of GB/T 2260.
        factor_set_id: Which factor set computes every record of the park.
        time_zone: IANA name; months and years are cut in it.
        latitude_deg: WGS 84, -90 to 90, at most 6 decimals.
        longitude_deg: WGS 84, -180 to 180, at most 6 decimals.
    """

    park_id: str
    name_zh: str
    name_en: str
    region_code: str
    factor_set_id: str
    time_zone: str = "Asia/Shanghai"
    latitude_deg: Decimal | None = None
    longitude_deg: Decimal | None = None


@dataclass(frozen=True)
class NewEnterprise:
    """An enterprise to register in a park.

    Args:
        enterprise_id: Chosen by the caller, unique in the park.
        name_zh: Chinese name.
        name_en: English name.
        industry_code: GB/T 4754-2017, such as C39 or C3985.
        credit_code: Unified social credit code of GB 32100, 18 characters.
    """

    enterprise_id: str
    name_zh: str
    name_en: str
    industry_code: str
    credit_code: str | None = None


@dataclass(frozen=True)
class NewSource:
    """An emission source to register; a meter is a source.

    Args:
        source_id: Chosen by the caller, unique in the park.
        name_zh: Chinese name.
        name_en: English name.
        item: A leaf of the inventory tree, such as enterprise.fuel_combustion.
        scope: 1, 2 or 3.
        carrier: What is used, such as electricity or natural_gas.
        settlement_basis: "bill" or "meter".
        enterprise_id: None for a source of the park itself.
        gas: CO2, CH4, N2O, or the gas that the carrier is.
        sector: energy, industrial_processes, agriculture, land_use or waste.
    """

    source_id: str
    name_zh: str
    name_en: str
    item: str
    scope: int
    carrier: str
    settlement_basis: str
    enterprise_id: str | None = None
    gas: str = "CO2"
    sector: str = "energy"


@dataclass(frozen=True)
class YearFigures:
    """The figures of a year that intensities divide by; None is not reported.

    Args:
        gross_output_10k_cny: Gross industrial output, 10^4 CNY, > 0.
        value_added_10k_cny: Industrial value added, 10^4 CNY, > 0.
        gdp_10k_cny: Gross domestic product, 10^4 CNY, > 0.
        employees_persons: Employees, persons, > 0.
        land_area_km2: Area, km2, > 0.
        leading_industries_share_pct: Share of the leading industries, per cent, 0 to 100 inclusive.
    """

    gross_output_10k_cny: Decimal | None = None
    value_added_10k_cny: Decimal | None = None
    gdp_10k_cny: Decimal | None = None
    employees_persons: Decimal | None = None
    land_area_km2: Decimal | None = None
    leading_industries_share_pct: Decimal | None = None


@dataclass(frozen=True)
class ActivityRow:
    """One row of activity data: how much of what was used, from when to when.

    Args:
        record_id: Chosen by the caller. The same id with the same content counts once; with other content it is refused.
        source_id: Where it was used.
        period_start: Inclusive. A date means midnight in the park's time zone; a datetime needs an offset.
        period_end: Exclusive.
        quantity: In `unit`, exact.
        unit: Such as kWh, MWh, t.
        supersedes: The id of the record that this row corrects.
        confirmed: True says that an implausible quantity is meant.
    """

    record_id: str
    source_id: str
    period_start: datetime | date
    period_end: datetime | date
    quantity: Decimal
    unit: str
    supersedes: str | None = None
    confirmed: bool | None = None
