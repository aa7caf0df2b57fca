"""Answers of the accounting service as frozen values. Every decimal is exact; every name carries its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Park:
    """A registered park."""

    park_id: str
    tenant_id: str
    name_zh: str
    name_en: str
    region_code: str
    time_zone: str
    factor_set_id: str
    registered_time: datetime
    latitude_deg: Decimal | None = None
    longitude_deg: Decimal | None = None


@dataclass(frozen=True)
class Enterprise:
    """A registered enterprise of a park."""

    enterprise_id: str
    name_zh: str
    name_en: str
    industry_code: str
    registered_time: datetime
    park_id: str | None = None
    credit_code: str | None = None


@dataclass(frozen=True)
class Source:
    """A registered emission source. Without `enterprise_id` it belongs to the park itself."""

    source_id: str
    name_zh: str
    name_en: str
    item: str
    scope: int
    carrier: str
    gas: str
    sector: str
    settlement_basis: str
    registered_time: datetime
    park_id: str | None = None
    enterprise_id: str | None = None


@dataclass(frozen=True)
class AnnualFigures:
    """One version of the figures of a year; the highest version is in force.

    `changed` is only in the answer to recording: False when the figures in force said the same.
    """

    year: int
    version: int
    recorded_time: datetime
    gross_output_10k_cny: Decimal | None = None
    value_added_10k_cny: Decimal | None = None
    gdp_10k_cny: Decimal | None = None
    employees_persons: Decimal | None = None
    land_area_km2: Decimal | None = None
    leading_industries_share_pct: Decimal | None = None
    changed: bool | None = None


@dataclass(frozen=True)
class ActivityRecord:
    """An accepted record. `basis_id` names the factors it was computed with; `superseded_by` is None while it is in force."""

    record_id: str
    source_id: str
    period_start_time: datetime
    period_end_time: datetime
    quantity: Decimal
    unit: str
    emissions_t_co2e: Decimal
    energy_tce: Decimal
    basis_id: str
    position: int
    recorded_time: datetime
    supersedes: str | None = None
    superseded_by: str | None = None


@dataclass(frozen=True)
class EmissionsSum:
    """An exact sum of records."""

    emissions_t_co2e: Decimal
    energy_tce: Decimal
    records: int


@dataclass(frozen=True)
class EmissionsGroup:
    """An exact sum of the records that share `keys`, such as {"scope": "2", "carrier": "electricity"}."""

    keys: Mapping[str, str]
    emissions_t_co2e: Decimal
    energy_tce: Decimal
    records: int


@dataclass(frozen=True)
class Emissions:
    """Totals of a park within [from_month, to_month). Removals, biogenic CO2 and straddling records stand apart."""

    park_id: str
    from_month: str
    to_month: str
    group_by: tuple[str, ...]
    factor_set_id: str
    groups: tuple[EmissionsGroup, ...]
    total: EmissionsSum
    removals: EmissionsSum
    biogenic: EmissionsSum
    straddling: EmissionsSum


@dataclass(frozen=True)
class Indicator:
    """A figure with its unit and formula. Without a value, `missing` says what it would need."""

    name: str
    value: Decimal | None
    unit: str
    formula: str
    missing: str | None = None


@dataclass(frozen=True)
class MixShare:
    """The share of one carrier in the year's energy."""

    carrier: str
    energy_tce: Decimal
    share_pct: Decimal


@dataclass(frozen=True)
class Indicators:
    """A park's own figures of one year."""

    park_id: str
    year: int
    factor_set_id: str
    electricity_conversion: str
    records: int
    indicators: tuple[Indicator, ...]
    energy_mix: tuple[MixShare, ...]

    def value(self, name: str) -> Decimal | None:
        """Returns the value of the indicator of that name, None when it is missing or not among them."""
        return next((indicator.value for indicator in self.indicators if indicator.name == name), None)


@dataclass(frozen=True)
class FactorSet:
    """A named, dated set of factors; a park is computed with one."""

    set_id: str
    name_zh: str
    name_en: str
    grid_level: str = ""
    electricity_basis: str = ""
    gwp_table: str = ""
    published_date: str = ""
    source: str = ""
    note: str = ""


@dataclass(frozen=True)
class Factor:
    """One published value with its source. `valid_to_date` is exclusive and None while the value is the newest."""

    factor_id: str
    table_id: str
    quantity: str
    value: Decimal
    unit: str
    carrier: str = ""
    gas: str = ""
    region: str = ""
    basis: str = ""
    valid_from_date: str = ""
    valid_to_date: str | None = None
    published_date: str = ""
    confidence: str = ""
    source: str = ""
    checked_where: str = ""
    note: str = ""


@dataclass(frozen=True)
class InventoryPart:
    """What a closed inventory has of one kind of gas, scope and so on."""

    dimension: str
    key: str
    emissions_t_co2e: Decimal
    energy_tce: Decimal
    records: int


@dataclass(frozen=True)
class Inventory:
    """A closed inventory of a year; removals and biogenic CO2 stand apart from the total of the scopes.

    Attributes:
        state: in_force or restated.
        reason: Why it was closed again.
        parts: Only where one inventory is asked for, as `factors`.
    """

    park_id: str
    inventory_id: str
    year: int
    version: int
    state: str
    factor_set_id: str
    last_position: int
    records: int
    records_sha256: str
    content_sha256: str
    closed_by: str
    closed_time: datetime
    emissions_t_co2e: Decimal
    scope_1_t_co2e: Decimal
    scope_2_t_co2e: Decimal
    scope_3_t_co2e: Decimal
    removals_t_co2e: Decimal
    biogenic_t_co2e: Decimal
    energy_tce: Decimal
    reason: str | None = None
    parts: tuple[InventoryPart, ...] = ()
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True)
class InventoryLine:
    """The sum over the records of one enterprise, scope, item, carrier and gas; no enterprise is the park itself."""

    line: int
    scope: int
    item: str
    carrier: str
    gas: str
    sector: str
    counted_as: str
    emissions_t_co2e: Decimal
    energy_tce: Decimal
    records: int
    enterprise_id: str | None = None


@dataclass(frozen=True)
class Difference:
    """Where a replay found another value than what was closed."""

    what: str
    key: str | None = None
    closed: str | None = None
    replayed: str | None = None


@dataclass(frozen=True)
class Replay:
    """What computing a closed inventory again has found."""

    equal: bool
    records: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class FindingReply:
    """The reply of the park's management to a finding; `restated_in` is the inventory that restates the year because of it."""

    number: int
    text: str
    evidence: tuple[str, ...]
    answered_by: str
    answered_time: datetime
    restated_in: str | None = None


@dataclass(frozen=True)
class FindingClosing:
    """How a finding ended: resolved, accepted or unresolved."""

    conclusion: str
    text: str
    closed_by: str
    closed_time: datetime


@dataclass(frozen=True)
class Finding:
    """A finding about a closed inventory, with everything that was added to it.

    Attributes:
        kind: misstatement, nonconformity or observation.
        state: open, answered or closed.
        item: What it is about, as `enterprise_id` and `record_id`; None where it is about something else.
    """

    park_id: str
    inventory_id: str
    finding_id: str
    number: int
    kind: str
    material: bool
    text: str
    evidence: tuple[str, ...]
    written_by: str
    written_time: datetime
    state: str
    answers: tuple[FindingReply, ...]
    item: str | None = None
    enterprise_id: str | None = None
    record_id: str | None = None
    closing: FindingClosing | None = None


@dataclass(frozen=True)
class PublishedCell:
    """A published sum.

    Attributes:
        dimension: total, scope, industry or region; `key` is which one, empty for the total.
        status: shown, or the rule that the sum would break; then it has no amount.
    """

    dimension: str
    key: str
    status: str
    emissions_t_co2e: Decimal | None = None


@dataclass(frozen=True)
class Publication:
    """What of an inventory is published."""

    park_id: str
    inventory_id: str
    year: int
    version: int
    state: str
    breakdowns: tuple[str, ...]
    cells: tuple[PublishedCell, ...]
    rule_id: str
    published_time: datetime


@dataclass(frozen=True)
class Withdrawal:
    """That a publication is shown no more; `changed` is False when it was withdrawn before."""

    withdrawn_time: datetime
    changed: bool


@dataclass(frozen=True)
class RegionRelease:
    """The sums of a year by region."""

    year: int
    rule_id: str
    released_time: datetime
    cells: tuple[PublishedCell, ...]


@dataclass(frozen=True)
class PublishedPark:
    """A park of which something is published."""

    park_id: str
    name_zh: str
    name_en: str
    region_code: str


@dataclass(frozen=True)
class PublishedEmissions:
    """A published sum of a park, with the publication that it is of."""

    inventory_id: str
    year: int
    version: int
    state: str
    rule_id: str
    published_time: datetime
    dimension: str
    key: str
    status: str
    emissions_t_co2e: Decimal | None = None


@dataclass(frozen=True)
class RegionEmissions:
    """The released sums of a region and of the regions in it."""

    region_code: str
    year: int
    rule_id: str
    released_time: datetime
    emissions: tuple[PublishedCell, ...]
