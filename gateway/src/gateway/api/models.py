"""The small bodies that callers send, checked member by member, and the shapes of every answer for the API's description."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from gateway.api.schemas.model import Answer, Code, DecimalText, Id, Name, RequestBody, example_of


class NewParkBody(RequestBody):
    """A park to register."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "park_id": "ganzhou-etdz",
                    "name_zh": "赣州经济技术开发区",
                    "name_en": "Ganzhou Economic and Technological Development Zone",
                    "region_code": "360700",
                    "time_zone": "Asia/Shanghai",
                    "latitude_deg": "25.8292",
                    "longitude_deg": "114.9336",
                    "factor_set_id": "wang-2024",
                }
            ]
        }
    )

    park_id: Id
    name_zh: Name
    name_en: Name
    region_code: Code
    time_zone: Code = "Asia/Shanghai"
    latitude_deg: DecimalText | None = None
    longitude_deg: DecimalText | None = None
    factor_set_id: Id


class NewEnterpriseBody(RequestBody):
    """An enterprise to register in a park."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "enterprise_id": "e-0001",
                    "name_zh": "示例电子有限公司",
                    "name_en": "Example Electronics",
                    "industry_code": "C3985",
                }
            ]
        }
    )

    enterprise_id: Id
    name_zh: Name
    name_en: Name
    industry_code: Code
    credit_code: Code | None = None


class NewSourceBody(RequestBody):
    """An emission source to register in a park; without an enterprise it is the park's own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source_id": "electricity-bill",
                    "name_zh": "购入电力",
                    "name_en": "Purchased electricity",
                    "item": "enterprise.purchased_energy",
                    "scope": 2,
                    "carrier": "electricity",
                    "gas": "CO2",
                    "sector": "energy",
                    "settlement_basis": "bill",
                }
            ]
        }
    )

    source_id: Id
    enterprise_id: Id | None = None
    name_zh: Name
    name_en: Name
    item: Code
    scope: Annotated[int, Field(ge=1, le=3)]
    carrier: Code
    gas: Code = "CO2"
    sector: Code = "energy"
    settlement_basis: Literal["bill", "meter"]


class AnnualFiguresBody(RequestBody):
    """The figures of a year; what is left out or null is not reported."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"gross_output_10k_cny": "11620000", "leading_industries_share_pct": "28.21"}]}
    )

    gross_output_10k_cny: DecimalText | None = None
    value_added_10k_cny: DecimalText | None = None
    gdp_10k_cny: DecimalText | None = None
    employees_persons: DecimalText | None = None
    land_area_km2: DecimalText | None = None
    leading_industries_share_pct: DecimalText | None = None


_PARK: dict[str, Any] = {
    "park_id": "ganzhou-etdz",
    "tenant_id": "ganzhou",
    "name_zh": "赣州经济技术开发区",
    "name_en": "Ganzhou Economic and Technological Development Zone",
    "region_code": "360700",
    "time_zone": "Asia/Shanghai",
    "factor_set_id": "wang-2024",
    "registered_time": "2026-11-21T02:00:00Z",
}
_ENTERPRISE: dict[str, Any] = {
    "park_id": "ganzhou-etdz",
    "enterprise_id": "e-0001",
    "name_zh": "示例电子有限公司",
    "name_en": "Example Electronics",
    "industry_code": "C3985",
    "registered_time": "2026-11-21T02:00:00Z",
}
_SOURCE: dict[str, Any] = {
    "park_id": "ganzhou-etdz",
    "source_id": "electricity-bill",
    "name_zh": "购入电力",
    "name_en": "Purchased electricity",
    "item": "enterprise.purchased_energy",
    "scope": 2,
    "carrier": "electricity",
    "gas": "CO2",
    "sector": "energy",
    "settlement_basis": "bill",
    "registered_time": "2026-11-21T02:00:00Z",
}
_FIGURES: dict[str, Any] = {
    "park_id": "ganzhou-etdz",
    "year": 2022,
    "version": 1,
    "gross_output_10k_cny": "11620000",
    "leading_industries_share_pct": "28.21",
    "recorded_time": "2026-11-21T02:00:00Z",
}
_RECORD: dict[str, Any] = {
    "record_id": "ganzhou-2022-electricity",
    "source_id": "electricity-bill",
    "period_start_time": "2021-12-31T16:00:00Z",
    "period_end_time": "2022-12-31T16:00:00Z",
    "quantity": "1200000",
    "unit": "MWh",
    "emissions_t_co2e": "697200",
    "energy_tce": "147480",
    "basis_id": "b-1",
    "position": 1,
    "recorded_time": "2026-11-21T02:00:00Z",
}
_SUM: dict[str, Any] = {"emissions_t_co2e": "887873.8", "energy_tce": "151000", "records": 3}
_NOTHING: dict[str, Any] = {"emissions_t_co2e": "0", "energy_tce": "0", "records": 0}
_FACTOR_SET: dict[str, Any] = {
    "set_id": "wang-2024",
    "name_zh": "王等 2024",
    "name_en": "Wang et al. 2024",
    "grid_level": "national",
    "electricity_basis": "location",
    "gwp_table": "gwp_ar5",
    "published_date": "2024-01-01",
    "source": "DOI 10.16516/j.ceec.2023-311",
    "note": "",
}
_FACTOR: dict[str, Any] = {
    "factor_id": "wang-2024/electricity",
    "table_id": "wang_2024",
    "quantity": "emission_factor",
    "carrier": "electricity",
    "gas": "CO2",
    "region": "CN",
    "basis": "",
    "value": "0.581",
    "unit": "kg/kWh",
    "valid_from_date": "2020-01-01",
    "published_date": "2024-01-01",
    "confidence": "printed",
    "source": "DOI 10.16516/j.ceec.2023-311, table 4",
    "checked_where": "",
    "note": "",
}


class ParkAnswer(Answer):
    """A registered park."""

    model_config = example_of(_PARK)

    park_id: str
    tenant_id: str
    name_zh: str
    name_en: str
    region_code: str
    time_zone: str
    latitude_deg: str | None = None
    longitude_deg: str | None = None
    factor_set_id: str
    registered_time: str


class ParksAnswer(Answer):
    """Parks in order of id."""

    model_config = example_of({"parks": [_PARK], "next_page_token": ""})

    parks: list[ParkAnswer]
    next_page_token: str


class EnterpriseAnswer(Answer):
    """A registered enterprise."""

    model_config = example_of(_ENTERPRISE)

    park_id: str
    enterprise_id: str
    name_zh: str
    name_en: str
    industry_code: str
    credit_code: str | None = None
    registered_time: str


class EnterprisesAnswer(Answer):
    """Enterprises in order of id."""

    model_config = example_of({"enterprises": [_ENTERPRISE], "next_page_token": ""})

    enterprises: list[EnterpriseAnswer]
    next_page_token: str


class SourceAnswer(Answer):
    """A registered emission source."""

    model_config = example_of(_SOURCE)

    park_id: str
    source_id: str
    enterprise_id: str | None = None
    name_zh: str
    name_en: str
    item: str
    scope: int
    carrier: str
    gas: str
    sector: str
    settlement_basis: Literal["bill", "meter"]
    registered_time: str


class SourcesAnswer(Answer):
    """Emission sources in order of id."""

    model_config = example_of({"sources": [_SOURCE], "next_page_token": ""})

    sources: list[SourceAnswer]
    next_page_token: str


class AnnualFiguresAnswer(Answer):
    """One version of a year's figures."""

    model_config = example_of(_FIGURES)

    park_id: str
    year: int
    version: int
    gross_output_10k_cny: str | None = None
    value_added_10k_cny: str | None = None
    gdp_10k_cny: str | None = None
    employees_persons: str | None = None
    land_area_km2: str | None = None
    leading_industries_share_pct: str | None = None
    recorded_time: str


class RecordedFiguresAnswer(AnnualFiguresAnswer):
    """The version in force, and whether this request made it."""

    model_config = example_of({**_FIGURES, "changed": True})

    changed: bool


class AnnualFiguresListAnswer(Answer):
    """Every version, by year, then by version."""

    model_config = example_of({"annual_figures": [_FIGURES], "next_page_token": ""})

    annual_figures: list[AnnualFiguresAnswer]
    next_page_token: str


class ActivityRecordAnswer(Answer):
    """An accepted record."""

    record_id: str
    source_id: str
    period_start_time: str
    period_end_time: str
    quantity: str
    unit: str
    emissions_t_co2e: str
    energy_tce: str
    basis_id: str
    supersedes: str | None = None
    superseded_by: str | None = None
    position: int
    recorded_time: str


class ActivityRecordsAnswer(Answer):
    """Records in the order in which they were accepted."""

    model_config = example_of({"records": [_RECORD], "next_page_token": ""})

    records: list[ActivityRecordAnswer]
    next_page_token: str


class SumAnswer(Answer):
    """An exact sum."""

    emissions_t_co2e: str
    energy_tce: str
    records: int


class GroupAnswer(SumAnswer):
    """The sum of one group, with one member per dimension asked for, such as `scope`."""

    model_config = ConfigDict(extra="allow")


class EmissionsAnswer(Answer):
    """Exact totals of a span of months; removals, biogenic CO2 and straddling records are in neither groups nor total."""

    model_config = example_of(
        {
            "park_id": "ganzhou-etdz",
            "from": "2022-01",
            "to": "2023-01",
            "group_by": ["scope"],
            "factor_set_id": "wang-2024",
            "groups": [{"scope": "2", **_SUM}],
            "total": _SUM,
            "removals": _NOTHING,
            "biogenic": _NOTHING,
            "straddling": _NOTHING,
        }
    )

    park_id: str
    from_: Annotated[str, Field(alias="from")]
    to: str
    group_by: list[str]
    factor_set_id: str
    groups: list[GroupAnswer]
    total: SumAnswer
    removals: SumAnswer
    biogenic: SumAnswer
    straddling: SumAnswer


class IndicatorAnswer(Answer):
    """A figure with its unit and formula; without a value, `missing` says why."""

    name: str
    value: str | None
    unit: str
    missing: str | None = None
    formula: str


class MixShareAnswer(Answer):
    """One carrier's share of the year's energy."""

    carrier: str
    energy_tce: str
    share_pct: str


class IndicatorsAnswer(Answer):
    """The park's own figures of one year."""

    model_config = example_of(
        {
            "park_id": "ganzhou-etdz",
            "year": 2022,
            "factor_set_id": "wang-2024",
            "electricity_conversion": "calorific",
            "records": 3,
            "indicators": [
                {"name": "emissions_t_co2e", "value": "1005953.9959278", "unit": "t", "formula": "E = Σ Dᵢ·Fᵢ"},
                {
                    "name": "emissions_per_employee_t",
                    "value": None,
                    "unit": "t/person",
                    "missing": "employees_persons of the year is not reported",
                    "formula": "E / employees",
                },
            ],
            "energy_mix": [{"carrier": "electricity", "energy_tce": "129303.7199854", "share_pct": "39.47"}],
        }
    )

    park_id: str
    year: int
    factor_set_id: str
    electricity_conversion: str
    records: int
    indicators: list[IndicatorAnswer]
    energy_mix: list[MixShareAnswer]


class FactorSetAnswer(Answer):
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


class FactorSetsAnswer(Answer):
    """The sets that a park can choose from."""

    model_config = example_of({"factor_sets": [_FACTOR_SET], "next_page_token": ""})

    factor_sets: list[FactorSetAnswer]
    next_page_token: str


class FactorAnswer(Answer):
    """One published value with its source."""

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
    valid_to_date: str | None = None
    published_date: str
    confidence: str
    source: str
    checked_where: str
    note: str


class FactorsAnswer(Answer):
    """The factors of a set, in order of id."""

    model_config = example_of({"factors": [_FACTOR], "next_page_token": ""})

    factors: list[FactorAnswer]
    next_page_token: str
