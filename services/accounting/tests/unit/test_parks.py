"""What may be registered: every field's rule."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounting.domain.errors import ContentDiffers
from accounting.domain.parks import (
    FIGURE_NAMES,
    AnnualFigures,
    Enterprise,
    Park,
    Source,
    figure,
    local_year,
    same_registration,
    valid_enterprise,
    valid_figures,
    valid_park,
    valid_source,
)
from accounting.domain.reference import SECTORS, ReferenceTables
from kernel.periods import time_zone
from kernel.refusals import InvalidField

REGISTERED = datetime(2020, 1, 1, tzinfo=UTC)

ENTERPRISE = Enterprise(
    park_id="ganzhou",
    tenant_id="jx",
    enterprise_id="e-1",
    name_zh="某电子有限公司",
    name_en="Some Electronics Co.",
    industry_code="C3985",
    credit_code="91360700MA35K1R20X",
    registered_time=REGISTERED,
)

FIGURES = AnnualFigures(
    park_id="ganzhou",
    tenant_id="jx",
    year=2020,
    version=1,
    gross_output_10k_cny="7070000",
    value_added_10k_cny=None,
    gdp_10k_cny=None,
    employees_persons=None,
    land_area_km2=None,
    leading_industries_share_pct=None,
    recorded_time=REGISTERED,
)

BAD_IDS = ["", "-a", ".a", "a b", "a/b", "a:b", "园区", "a" * 65, "a\n", "é", "a\x00"]
BAD_NAMES = ["", " ", "\t", "a\nb", "a\x00b", "x" * 201, "a\u202eb"]


# --- parks ------------------------------------------------------------------------------------------------------------


def test_park_within_the_rules_is_kept_as_it_is(park: Park, reference: ReferenceTables) -> None:
    assert valid_park(park, reference) == park


@pytest.mark.parametrize(
    ("field", "values"),
    [
        pytest.param("park_id", BAD_IDS, id="park_id"),
        pytest.param("name_zh", BAD_NAMES, id="name_zh"),
        pytest.param("name_en", BAD_NAMES, id="name_en"),
        pytest.param(
            "region_code", ["", "36070", "3607000", "36", "36070a", "３６０７００", "990000", "000000", "160000"], id="region_code"
        ),
        pytest.param(
            "time_zone", ["", "Beijing", "UTC+8", "+08:00", "../../etc/passwd", "Asia", "/Asia/Shanghai", "a\x00b"], id="time_zone"
        ),
    ],
)
def test_field_of_a_park_outside_its_rule_is_refused(park: Park, reference: ReferenceTables, field: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(InvalidField) as refused:
            valid_park(replace(park, **{field: value}), reference)  # type: ignore[arg-type]  # the keys are text fields
        assert refused.value.facts()["field"] == field
        assert refused.value.facts()["found"] == (value if len(value) <= 80 else value[:80] + "…")


@pytest.mark.parametrize("park_id", ["a", "0", "A.b_c-d", "z" * 64])
def test_park_id_within_its_rule_is_accepted(park: Park, reference: ReferenceTables, park_id: str) -> None:
    assert valid_park(replace(park, park_id=park_id), reference).park_id == park_id


@pytest.mark.parametrize("region_code", ["360700", "540100", "710000", "820000"])
def test_region_is_in_a_province_of_the_standard(park: Park, reference: ReferenceTables, region_code: str) -> None:
    assert valid_park(replace(park, region_code=region_code), reference).region_code == region_code


def test_zone_of_a_park_is_its_own(park: Park) -> None:
    assert replace(park, time_zone="Asia/Urumqi").zone == time_zone("Asia/Urumqi")


@pytest.mark.parametrize(
    ("latitude", "longitude", "canonical"),
    [
        ("25.83", "114.93", ("25.83", "114.93")),
        ("-90", "-180", ("-90", "-180")),
        ("90.000000", "180.0", ("90", "180")),
        ("0", "0.000001", ("0", "0.000001")),
        ("", "", ("", "")),
    ],
)
def test_position_is_kept_in_canonical_degrees(
    park: Park, reference: ReferenceTables, latitude: str, longitude: str, canonical: tuple[str, str]
) -> None:
    placed = valid_park(replace(park, latitude_deg=latitude, longitude_deg=longitude), reference)
    assert (placed.latitude_deg, placed.longitude_deg) == canonical


@pytest.mark.parametrize(
    ("latitude", "longitude", "field"),
    [
        ("90.000001", "0", "latitude_deg"), ("-90.000001", "0", "latitude_deg"), ("0", "180.000001", "longitude_deg"),
        ("25.8300001", "0", "latitude_deg"), ("25°50′", "0", "latitude_deg"), ("NaN", "0", "latitude_deg"),
        ("-0", "0", "latitude_deg"), ("1e1", "0", "latitude_deg"), ("25.83", "", "longitude_deg"), ("", "114.93", "latitude_deg"),
    ],
)  # fmt: skip
def test_position_outside_the_globe_or_half_given_is_refused(
    park: Park, reference: ReferenceTables, latitude: str, longitude: str, field: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        valid_park(replace(park, latitude_deg=latitude, longitude_deg=longitude), reference)
    assert refused.value.facts()["field"] == field


# --- enterprises ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["C39", "C398", "C3985", "C13", "C43", "A01", "D44", "T97", "I6513"])
def test_industry_of_the_classification_is_accepted(reference: ReferenceTables, code: str) -> None:
    assert valid_enterprise(replace(ENTERPRISE, industry_code=code), reference).industry_code == code


@pytest.mark.parametrize(
    ("field", "values"),
    [
        pytest.param("enterprise_id", BAD_IDS, id="enterprise_id"),
        pytest.param("name_zh", BAD_NAMES, id="name_zh"),
        pytest.param("name_en", BAD_NAMES, id="name_en"),
        pytest.param(
            "industry_code",
            ["", "C", "C3", "C39851", "39", "3985", "U01", "c39", "C12", "C44", "C4400", "C３９", "CC39", "C39 "],
            id="industry_code",
        ),
        pytest.param(
            "credit_code",
            ["1", "91360700MA35K1R20", "91360700MA35K1R20XX", "91360700ma35k1r20x", "91360700MI35K1R20X", "91360700MA35K1R20 "],
            id="credit_code",
        ),
    ],
)
def test_field_of_an_enterprise_outside_its_rule_is_refused(reference: ReferenceTables, field: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(InvalidField) as refused:
            valid_enterprise(replace(ENTERPRISE, **{field: value}), reference)  # type: ignore[arg-type]  # text fields
        assert refused.value.facts()["field"] == field


def test_credit_code_may_be_left_out(reference: ReferenceTables) -> None:
    assert valid_enterprise(replace(ENTERPRISE, credit_code=""), reference).credit_code == ""


# --- sources ----------------------------------------------------------------------------------------------------------


def test_item_takes_its_scopes_and_no_other(source: Callable[..., Source], reference: ReferenceTables) -> None:
    assert len(reference.items) == 18
    for code, item in reference.items.items():
        for scope in range(5):
            given = source("s", "diesel", item=code, scope=scope)
            if scope in item.scopes:
                assert valid_source(given, reference) == given
            else:
                with pytest.raises(InvalidField, match=f"for the item {code}, got '{scope}'"):
                    valid_source(given, reference)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("source_id", value) for value in BAD_IDS),
        *(("enterprise_id", value) for value in BAD_IDS if value),
        *(("name_zh", value) for value in BAD_NAMES),
        *(("name_en", value) for value in BAD_NAMES),
        ("item", ""), ("item", "park"), ("item", "enterprise"), ("item", "public"), ("item", "nothing"),
        ("carrier", ""), ("carrier", "Diesel"), ("carrier", "柴油"),
        ("gas", ""), ("gas", "SF6"), ("gas", "co2"), ("gas", "CO2e"),
        ("sector", ""), ("sector", "Energy"), ("sector", "industry"),
        ("settlement_basis", ""), ("settlement_basis", "invoice"),
    ],
)  # fmt: skip
def test_field_of_a_source_outside_its_rule_is_refused(
    source: Callable[..., Source], reference: ReferenceTables, field: str, value: str
) -> None:
    given = source("s", "diesel", item="enterprise.fuel_combustion", scope=1, enterprise_id="e-1")
    assert valid_source(given, reference) == given
    with pytest.raises(InvalidField) as refused:
        valid_source(replace(given, **{field: value}), reference)  # type: ignore[arg-type]  # the keys are text fields
    assert refused.value.facts()["field"] == field


@pytest.mark.parametrize("gas", ["CO2", "CH4", "N2O"])
def test_fuel_may_be_counted_for_each_of_its_gases(source: Callable[..., Source], reference: ReferenceTables, gas: str) -> None:
    assert valid_source(source("s", "diesel", item="public.energy_use", scope=1, gas=gas), reference).gas == gas


def test_greenhouse_gas_is_counted_as_itself(source: Callable[..., Source], reference: ReferenceTables) -> None:
    given = source("s", "sf6", item="enterprise.process", scope=1, gas="SF6", sector="industrial_processes")
    assert valid_source(given, reference) == given
    with pytest.raises(InvalidField, match="gas must be SF6 for the carrier sf6, got 'CO2'"):
        valid_source(replace(given, gas="CO2"), reference)


def test_item_of_the_park_itself_belongs_to_no_enterprise(source: Callable[..., Source], reference: ReferenceTables) -> None:
    with pytest.raises(InvalidField, match=r"enterprise_id must be empty for the item park\.purchased_energy, got 'e-1'"):
        valid_source(source("s", enterprise_id="e-1"), reference)


@pytest.mark.parametrize("sector", SECTORS)
def test_five_sectors_are_known(source: Callable[..., Source], reference: ReferenceTables, sector: str) -> None:
    assert valid_source(source("s", sector=sector), reference).sector == sector


# --- figures of a year ------------------------------------------------------------------------------------------------


def test_figures_are_kept_in_canonical_form() -> None:
    given = replace(
        FIGURES,
        gross_output_10k_cny="7070000.50",
        employees_persons="120000.0",
        land_area_km2="",
        leading_industries_share_pct="28",
    )
    kept = valid_figures(given, 2021)
    assert (kept.gross_output_10k_cny, kept.employees_persons, kept.land_area_km2) == ("7070000.5", "120000", None)
    assert kept.leading_industries_share_pct == "28"


@pytest.mark.parametrize("year", [1990, 2020, 2021])
def test_year_up_to_the_last_is_accepted(year: int) -> None:
    assert valid_figures(replace(FIGURES, year=year), 2021).year == year


@pytest.mark.parametrize("year", [0, -1, 1989, 2022, 20_201])
def test_year_outside_is_refused(year: int) -> None:
    with pytest.raises(InvalidField, match=f"year must be a year from 1990 to 2021, got '{year}'"):
        valid_figures(replace(FIGURES, year=year), 2021)


@pytest.mark.parametrize("name", FIGURE_NAMES)
@pytest.mark.parametrize("text", ["NaN", "-1", "-0", "1e3", "1,234", "１", "abc", "0.0000001"])
def test_figure_that_is_no_plain_number_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(InvalidField) as refused:
        valid_figures(replace(FIGURES, **{name: text}), 2021)  # type: ignore[arg-type]  # the keys are FIGURE_NAMES
    assert refused.value.facts()["field"] == name
    assert refused.value.facts()["found"] == text


def test_persons_are_counted_whole() -> None:
    with pytest.raises(InvalidField, match=r"employees_persons must be a whole number of persons, got '1\.5'"):
        valid_figures(replace(FIGURES, employees_persons="1.5"), 2021)


@pytest.mark.parametrize(("share", "likely"), [("0.28", "28"), ("0.98", "98"), ("0.000001", "0.0001"), ("0.999999", "99.9999")])
def test_share_given_as_a_fraction_is_refused_with_the_likely_percentage(share: str, likely: str) -> None:
    with pytest.raises(InvalidField) as refused:
        valid_figures(replace(FIGURES, leading_industries_share_pct=share), 2021)
    assert refused.value.facts()["allowed"] == f"a percentage of 0 or from 1 to 100; for a fraction of {share} write {likely}"


@pytest.mark.parametrize("share", ["0", "1", "1.5", "100"])
def test_share_is_a_percentage(share: str) -> None:
    assert valid_figures(replace(FIGURES, leading_industries_share_pct=share), 2021).leading_industries_share_pct == share


@pytest.mark.parametrize("share", ["100.000001", "280"])
def test_share_over_a_hundred_is_refused(share: str) -> None:
    with pytest.raises(InvalidField, match="a percentage from 0 to 100"):
        valid_figures(replace(FIGURES, leading_industries_share_pct=share), 2021)


def test_year_without_a_figure_is_refused() -> None:
    with pytest.raises(InvalidField, match="figures must be at least one of gross_output_10k_cny"):
        valid_figures(replace(FIGURES, gross_output_10k_cny=""), 2021)


def test_zero_is_a_figure() -> None:
    assert valid_figures(replace(FIGURES, gross_output_10k_cny="0"), 2021).gross_output_10k_cny == "0"


def test_figure_is_a_decimal_or_nothing() -> None:
    assert figure(FIGURES, "gross_output_10k_cny") == Decimal(7_070_000)
    assert figure(FIGURES, "gdp_10k_cny") is None
    assert figure(None, "gdp_10k_cny") is None


# --- the same again ---------------------------------------------------------------------------------------------------


def test_same_registration_at_another_time_is_answered_as_before(park: Park) -> None:
    later = replace(park, registered_time=datetime(2021, 1, 1, tzinfo=UTC))
    assert same_registration("park", "ganzhou", park, later) is park


@pytest.mark.parametrize("field", ["name_zh", "region_code", "factor_set_id", "time_zone"])
def test_same_id_with_other_content_is_refused_with_both_values(park: Park, field: str) -> None:
    with pytest.raises(ContentDiffers) as refused:
        same_registration("park", "ganzhou", park, replace(park, **{field: "other"}))  # type: ignore[arg-type]  # text fields
    assert {"field": field, "found": "other", "allowed": getattr(park, field)}.items() <= refused.value.facts().items()
    assert str(refused.value) == f"park 'ganzhou' is registered with {field} {getattr(park, field)!r}, got 'other'"


def test_year_of_a_moment_is_that_of_the_place() -> None:
    moment = datetime(2020, 12, 31, 16, tzinfo=UTC)
    assert local_year(moment, time_zone("Asia/Shanghai")) == 2021
    assert local_year(moment, time_zone("UTC")) == 2020
