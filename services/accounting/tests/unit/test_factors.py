"""What one unit of a carrier emits and weighs, by set, place and day."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from accounting.adapters.factor_files import load_factor_book
from accounting.domain.emissions import Ratio
from accounting.domain.errors import FactorSetNotFound
from accounting.domain.factors import END_OF_TIME_S, BasisSpan, Factor, FactorBook, FactorMissing, FactorSet, GridRegions
from accounting.domain.reference import Carrier, ReferenceTables
from kernel.periods import parse_instant, time_zone
from kernel.quantities import format_ratio
from kernel.refusals import InvalidField
from kernel.units import UnitOfAnotherDimension, UnitUnknown

SHANGHAI = time_zone("Asia/Shanghai")
GANZHOU = "360700"
MG_PER_T = 10**9

Spans = Callable[..., Sequence[BasisSpan]]


@pytest.fixture(scope="session")
def spans(book: FactorBook, reference: ReferenceTables) -> Spans:
    def find(set_id: str, carrier: str, unit: str, gas: str = "CO2", region: str = GANZHOU) -> Sequence[BasisSpan]:
        return book.spans(set_id, reference.carriers[carrier], gas, region, unit, SHANGHAI)

    return find


def per_unit(ratio: Ratio) -> Fraction:
    """Milligrams per whole unit."""
    return Fraction(ratio.numerator, ratio.denominator) * 10**6


def tonnes(span: BasisSpan) -> Fraction:
    return per_unit(span.basis.emissions) / MG_PER_T


def kgce(span: BasisSpan) -> Fraction:
    return per_unit(span.basis.energy) / 10**6


def on(found: Sequence[BasisSpan], day: str) -> BasisSpan:
    second = parse_instant(day, SHANGHAI)
    (span,) = [span for span in found if span.start_s <= second < span.end_s]
    return span


# --- published factors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("set_id", "carrier", "unit", "published"),
    # The reference list of a rail-sector product (yearbook 2023, provincial guideline 2025): NCV x CC / 1000 x OF x 44/12.
    [
        pytest.param("cn-provincial-national-grid", "gasoline", "t", "2.925056", id="gasoline 43.07*18.9*.98"),
        pytest.param("cn-provincial-national-grid", "diesel", "t", "3.095910", id="diesel 42.652*20.2*.98"),
        pytest.param("cn-provincial-national-grid", "natural_gas", "10k Nm3", "21.621888", id="natural gas 389.31*15.3*.99"),
        pytest.param("cn-provincial-national-grid", "coke", "t", "2.860419", id="coke 28.435*29.5*.93"),
        pytest.param("cn-mee-2022", "petroleum_coke", "t", "3.211542", id="petroleum coke 32.5*27.5*.98"),
        pytest.param("cn-provincial-national-grid", "crude_oil", "t", "3.020202", id="crude oil 41.816*20.1*.98"),
        pytest.param("cn-provincial-national-grid", "fuel_oil", "t", "3.170461", id="fuel oil 41.816*21.1*.98"),
        pytest.param("cn-mee-2022", "lng", "t", "2.831257", id="LNG 51.498*15.3*.98"),
        pytest.param("cn-provincial-national-grid", "lpg", "t", "3.101330", id="LPG 50.179*17.2*.98"),
        pytest.param("cn-mee-2022", "blast_furnace_gas", "10k Nm3", "8.481132", id="blast-furnace gas 33.0*70.8*.99"),
        pytest.param("cn-mee-2022", "converter_gas", "10k Nm3", "15.124032", id="converter gas 84.0*49.6*.99"),
        # The guidelines of 24 industries, for contrast.
        pytest.param("cn-enterprise-24", "anthracite", "t", "2.322768", id="anthracite 24.515*27.49*.94"),
        pytest.param("cn-enterprise-24", "diesel", "t", "3.145122", id="diesel 43.33*20.2*.98"),
    ],
)
def test_published_fuel_factor_is_reproduced_to_six_decimals(
    spans: Spans, set_id: str, carrier: str, unit: str, published: str
) -> None:
    assert format_ratio(tonnes(on(spans(set_id, carrier, unit), "2024-06-30")), 1, 6) == published


@pytest.mark.parametrize(
    ("carrier", "unit", "t_per_unit", "kgce_per_unit"),
    [
        pytest.param("electricity", "MWh", Fraction("0.581"), Fraction("122.9"), id="electricity"),
        # 389.31 * 15.3 * 98 % * 44/12 / 1000
        pytest.param("natural_gas", "10k Nm3", Fraction("21.40348518"), Fraction(13300), id="natural_gas"),
        # 43.07 * 19.6 * 99 % * 44/12 / 1000
        pytest.param("refined_oil", "t", Fraction("3.06434436"), Fraction(1470), id="refined_oil"),
    ],
)
def test_factors_of_the_paper_are_exact(
    spans: Spans, carrier: str, unit: str, t_per_unit: Fraction, kgce_per_unit: Fraction
) -> None:
    (span,) = spans("wang-2024", carrier, unit)
    assert tonnes(span) == t_per_unit
    assert kgce(span) == kgce_per_unit
    assert (span.start_s, span.end_s) == (parse_instant("2020-01-01", SHANGHAI), parse_instant("2023-01-01", SHANGHAI))


@pytest.mark.parametrize(
    ("unit", "other", "times"),
    [("MWh", "kWh", 1000), ("万kWh", "kWh", 10_000), ("GWh", "MWh", 1000), ("kWh", "MJ", Fraction(36, 10)), ("TJ", "GJ", 1000)],
)
def test_a_larger_unit_emits_and_weighs_so_many_times_more(spans: Spans, unit: str, other: str, times: Fraction | int) -> None:
    (one,), (another,) = spans("wang-2024", "electricity", unit), spans("wang-2024", "electricity", other)
    assert tonnes(one) == times * tonnes(another)
    assert kgce(one) == times * kgce(another)


def test_heat_emits_its_default_and_weighs_by_its_energy(spans: Spans) -> None:
    (span,) = spans("cn-provincial-national-grid", "heat", "GJ")
    # 0.11 tCO2/GJ; 0.03412 kgce/MJ
    assert (tonnes(span), kgce(span)) == (Fraction("0.11"), Fraction("34.12"))


# --- electricity by place and year ------------------------------------------------------------------------------------

INNER_MONGOLIA_EAST, INNER_MONGOLIA_WEST = "150400", "150100"


@pytest.mark.parametrize(
    ("level", "region", "by_year"),
    # Announcements of the ministry of 2024-04-12, 2024-12-26 and 2025-12-31, kgCO2/kWh.
    [
        pytest.param("national", GANZHOU, ("0.5568", "0.5366", "0.5306"), id="national"),
        pytest.param("national", "540100", ("0.5568", "0.5366", "0.5306"), id="national in Tibet"),
        pytest.param("regional", GANZHOU, ("0.5354", "0.5395", "0.5271"), id="Jiangxi is in Central China"),
        pytest.param("regional", INNER_MONGOLIA_EAST, ("0.6012", "0.5564", "0.5122"), id="Chifeng is in the Northeast"),
        pytest.param("regional", INNER_MONGOLIA_WEST, ("0.7120", "0.6776", "0.6361"), id="Hohhot is in North China"),
        pytest.param("provincial", GANZHOU, ("0.5835", "0.5752", "0.5836"), id="Jiangxi"),
        pytest.param("provincial", INNER_MONGOLIA_EAST, ("0.7025", "0.6849", "0.6479"), id="Chifeng by province"),
        pytest.param("provincial", INNER_MONGOLIA_WEST, ("0.7025", "0.6849", "0.6479"), id="Hohhot by province"),
    ],
)
def test_electricity_follows_the_place_and_the_year(spans: Spans, level: str, region: str, by_year: tuple[str, ...]) -> None:
    found = spans(f"cn-provincial-{level}-grid", "electricity", "kWh", region=region)
    assert [tonnes(span) * 1000 for span in found] == [Fraction(value) for value in by_year]
    edges = [parse_instant(f"{year}-01-01", SHANGHAI) for year in (2021, 2022, 2023)]
    assert [(span.start_s, span.end_s) for span in found] == list(zip(edges, [*edges[1:], END_OF_TIME_S], strict=True))
    assert {kgce(span) for span in found} == {Fraction("0.1229")}


@pytest.mark.parametrize("level", ["regional", "provincial"])
@pytest.mark.parametrize("region", ["540100", "710000", "810000", "820000"])
def test_place_without_a_published_factor_is_refused(spans: Spans, level: str, region: str) -> None:
    with pytest.raises(FactorMissing, match=f"factor set cn-provincial-{level}-grid has no emission factor of CO2 for electricity"):
        spans(f"cn-provincial-{level}-grid", "electricity", "kWh", region=region)


def test_inner_mongolia_as_a_whole_has_no_grid_and_is_refused(spans: Spans) -> None:
    with pytest.raises(FactorMissing):
        spans("cn-provincial-regional-grid", "electricity", "kWh", region="150000")


def test_grid_is_that_of_the_longest_prefix() -> None:
    regions = GridRegions({"15": "WEST", "1504": "EAST"})
    assert [regions.region_of(code) for code in ("150400", "150500", "360700")] == ["EAST", "WEST", None]


def test_electricity_is_of_the_kind_that_the_set_chose(book: FactorBook, reference: ReferenceTables) -> None:
    by_fossil = [replace(each, electricity_basis="fossil") for each in book.sets]
    other = FactorBook(book.all_factors(), by_fossil, GridRegions({}))
    electricity = reference.carriers["electricity"]
    found = other.spans("cn-provincial-national-grid", electricity, "CO2", GANZHOU, "MWh", SHANGHAI)
    # announcement of 2024-04-12, fossil power: 0.8426 kgCO2/kWh
    assert tonnes(on(found, "2021-06-30")) == Fraction("0.8426")


@pytest.mark.parametrize(("day", "factor"), [("2021-12-31", "0.5810"), ("2022-01-01", "0.5703"), ("2022-12-31", "0.5703")])
def test_notices_to_enterprises_end_with_2022(spans: Spans, day: str, factor: str) -> None:
    found = spans("cn-enterprise-24", "electricity", "MWh")
    assert tonnes(on(found, day)) == Fraction(factor)
    assert found[-1].end_s == parse_instant("2023-01-01", SHANGHAI)


# --- fuels by heat, gases, biogenic -----------------------------------------------------------------------------------


def test_natural_gas_is_per_tonne_in_the_ipcc_set_and_weighs_its_heat(spans: Spans) -> None:
    (span,) = spans("ipcc-2006", "natural_gas", "t")
    # 48.0 GJ/t x 56 100 kg/TJ; 48 000 MJ/t over 29.3076 MJ/kgce, because 1.33 kgce/Nm3 does not fit a tonne
    assert tonnes(span) == Fraction("2.6928")
    assert kgce(span) == Fraction(48_000) / Fraction("29.3076")
    with pytest.raises(UnitOfAnotherDimension):
        spans("ipcc-2006", "natural_gas", "Nm3")


@pytest.mark.parametrize(
    ("set_id", "carrier", "expected"),
    [
        pytest.param("cn-enterprise-24", "anthracite", Fraction(24_515) / Fraction("29.3076"), id="no coefficient: by heat"),
        pytest.param("cn-enterprise-24", "diesel", Fraction("1457.1"), id="own coefficient, not 43330/29.3076"),
        pytest.param("ipcc-2006", "diesel", Fraction("1457.1"), id="own coefficient also where the heating value is another"),
    ],
)
def test_fuel_weighs_its_coefficient_or_else_its_heat(spans: Spans, set_id: str, carrier: str, expected: Fraction) -> None:
    assert kgce(spans(set_id, carrier, "t")[0]) == expected


@pytest.mark.parametrize("set_id", ["cn-enterprise-24", "ipcc-2006", "cn-provincial-national-grid"])
def test_fuel_before_the_coal_standard_has_no_basis(spans: Spans, set_id: str) -> None:
    assert spans(set_id, "diesel", "t")[0].start_s == parse_instant("2021-01-01", SHANGHAI)


@pytest.mark.parametrize(
    ("gas", "expected_t"),
    # Diesel, IPCC 2006 table 2.3: 43.0 GJ/t; CO2 74 100, CH4 3, N2O 0.6 kg/TJ; AR5: CH4 28, N2O 265.
    [
        pytest.param("CO2", Fraction("3.1863"), id="CO2"),
        pytest.param("CH4", Fraction(43 * 3 * 28, 10**6), id="CH4"),
        pytest.param("N2O", Fraction(43 * 6 * 265, 10**7), id="N2O"),
    ],
)
def test_gases_of_a_fuel_count_by_warming_potential(spans: Spans, gas: str, expected_t: Fraction) -> None:
    (span,) = spans("ipcc-2006", "diesel", "t", gas=gas)
    assert tonnes(span) == expected_t


def test_energy_of_a_fuel_counts_with_its_co2_only(spans: Spans) -> None:
    weights = {gas: kgce(spans("ipcc-2006", "diesel", "t", gas=gas)[0]) for gas in ("CO2", "CH4", "N2O")}
    assert weights == {"CO2": Fraction("1457.1"), "CH4": 0, "N2O": 0}


@pytest.mark.parametrize(
    ("carrier", "gas", "gwp"),
    [("co2", "CO2", 1), ("ch4", "CH4", 28), ("n2o", "N2O", 265), ("sf6", "SF6", 23_500), ("nf3", "NF3", 16_100)],
)
def test_greenhouse_gas_emits_its_warming_potential_and_is_no_energy(spans: Spans, carrier: str, gas: str, gwp: int) -> None:
    (span,) = spans("cn-provincial-national-grid", carrier, "kg", gas=gas)
    assert tonnes(span) * 1000 == gwp
    assert kgce(span) == 0


def test_warming_potential_is_that_of_the_sets_own_table(book: FactorBook, reference: ReferenceTables) -> None:
    by_ar6 = [replace(each, gwp_table="gwp_ar6") for each in book.sets]
    other = FactorBook(book.all_factors(), by_ar6, GridRegions({}))
    (span,) = other.spans("ipcc-2006", reference.carriers["sf6"], "SF6", GANZHOU, "kg", SHANGHAI)
    assert tonnes(span) * 1000 == 25_200


def test_methane_by_origin_is_missing_where_the_report_does_not_split_it(spans: Spans) -> None:
    with pytest.raises(FactorMissing, match="has no global warming potential of CH4-fossil for ch4_fossil"):
        spans("ipcc-2006", "ch4_fossil", "kg", gas="CH4-fossil")


def test_biogenic_fuel_has_a_factor_like_any_other(spans: Spans, reference: ReferenceTables) -> None:
    assert reference.carriers["wood"].biogenic
    # 15.6 GJ/t x 112 000 kg/TJ
    assert tonnes(spans("ipcc-2006", "wood", "t")[0]) == Fraction("1.7472")


# --- what is missing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("set_id", "carrier", "gas", "what"),
    [
        ("wang-2024", "diesel", "CO2", "net calorific value"),
        ("wang-2024", "heat", "CO2", "emission factor of CO2"),
        ("wang-2024", "natural_gas", "CH4", "emission factor of CH4"),
        ("cn-mee-2022", "raw_coal", "CO2", "net calorific value"),
        ("ipcc-2006", "electricity", "CO2", "emission factor of CO2"),
        ("cn-provincial-national-grid", "electricity", "CH4", "emission factor of CH4"),
    ],
)
def test_what_a_set_does_not_hold_is_missing_and_never_borrowed(
    book: FactorBook, reference: ReferenceTables, set_id: str, carrier: str, gas: str, what: str
) -> None:
    with pytest.raises(FactorMissing) as refused:
        book.spans(set_id, reference.carriers[carrier], gas, GANZHOU, "t", SHANGHAI)
    missing = refused.value
    assert (missing.set_id, missing.carrier, missing.what) == (set_id, carrier, what)
    assert str(missing) == f"factor set {set_id} has no {what} for {carrier}"
    assert missing.sentence_zh.startswith(f"因子集 {set_id} 没有 {carrier} 的")
    assert what not in missing.sentence_zh


def test_source_of_a_carrier_that_the_set_lacks_is_refused_with_what_is_missing(
    book: FactorBook, reference: ReferenceTables
) -> None:
    book.check_covers("wang-2024", reference.carriers["refined_oil"], "CO2", GANZHOU)
    with pytest.raises(InvalidField, match="factor set wang-2024 has no net calorific value for diesel, got 'diesel'"):
        book.check_covers("wang-2024", reference.carriers["diesel"], "CO2", GANZHOU)


def test_unknown_set_is_refused_with_those_that_there_are(book: FactorBook) -> None:
    with pytest.raises(FactorSetNotFound, match=r"factor set 'wang' is not one of cn-enterprise-24, .*wang-2024"):
        book.factor_set("wang")


def test_unit_of_another_dimension_is_refused_with_those_that_fit(spans: Spans) -> None:
    with pytest.raises(UnitOfAnotherDimension) as refused:
        spans("wang-2024", "natural_gas", "m3")
    assert refused.value.allowed == ("Nm3", "10k Nm3")
    with pytest.raises(UnitUnknown) as unknown:
        spans("wang-2024", "electricity", "kwh")
    assert "kWh" in unknown.value.allowed


# --- spans ------------------------------------------------------------------------------------------------------------

DIESEL = Carrier("diesel", "fuel", "", False, "柴油", "Diesel")


def row(quantity: str, value: str, unit: str, start: str, end: str = "", carrier: str = "diesel", gas: str = "") -> Factor:
    return Factor(
        factor_id=f"{quantity}-{value}-{start}",
        table_id="table",
        quantity=quantity,
        carrier=carrier,
        gas=gas,
        region="",
        basis="",
        value=value,
        unit=unit,
        valid_from=date.fromisoformat(start),
        valid_to=date.fromisoformat(end) if end else None,
        published=date(2020, 1, 1),
        confidence="verified",
        source="made for this test",
        checked_where="here",
        note="",
    )


def spans_of(*rows: Factor) -> Sequence[BasisSpan]:
    only = FactorSet("set", "集", "Set", ("table",), "none", "", "gwp", date(2020, 1, 1), "made for this test", "")
    return FactorBook(rows, [only], GridRegions({})).spans("set", DIESEL, "CO2", GANZHOU, "t", SHANGHAI)


HEAT = row("standard_coal", "29.3076", "MJ/kgce", "2010-01-01", carrier="")
CARBON = row("carbon_content", "20", "tC/TJ", "2010-01-01", gas="CO2")
OXIDATION = row("oxidation_rate", "100", "%", "2010-01-01", gas="CO2")


def test_a_gap_between_two_factors_is_a_time_without_one() -> None:
    early = row("net_calorific_value", "42", "GJ/t", "2015-01-01", "2016-01-01")
    late = row("net_calorific_value", "43", "GJ/t", "2018-01-01")
    found = spans_of(early, late, HEAT, CARBON, OXIDATION)
    assert [(span.start_s, span.end_s) for span in found] == [
        (parse_instant("2015-01-01", SHANGHAI), parse_instant("2016-01-01", SHANGHAI)),
        (parse_instant("2018-01-01", SHANGHAI), END_OF_TIME_S),
    ]


def test_a_change_of_any_part_begins_a_new_span_with_another_basis() -> None:
    ncv = row("net_calorific_value", "42", "GJ/t", "2015-01-01")
    before = row("oxidation_rate", "98", "%", "2010-01-01", "2017-01-01", gas="CO2")
    after = row("oxidation_rate", "99", "%", "2017-01-01", gas="CO2")
    first, second = spans_of(ncv, before, after, HEAT, CARBON)
    assert first.end_s == second.start_s == parse_instant("2017-01-01", SHANGHAI)
    assert tonnes(second) / tonnes(first) == Fraction(99, 98)
    assert first.basis.basis_id != second.basis.basis_id


def test_an_edge_that_changes_nothing_does_not_split_a_span() -> None:
    """The older row of the series applies on where another of the same series begins."""
    ncv = row("net_calorific_value", "42", "GJ/t", "2015-01-01")
    overlapping_later = replace(CARBON, factor_id="later", valid_from=date(2017, 1, 1))
    (span,) = spans_of(ncv, CARBON, overlapping_later, OXIDATION, HEAT)
    assert (span.start_s, span.end_s) == (parse_instant("2015-01-01", SHANGHAI), END_OF_TIME_S)


def test_factors_that_never_apply_at_one_time_are_missing() -> None:
    ncv = row("net_calorific_value", "42", "GJ/t", "2005-01-01", "2009-01-01")
    with pytest.raises(FactorMissing, match="has no factors that apply at one time for diesel"):
        spans_of(ncv, CARBON, OXIDATION, HEAT)


@pytest.mark.parametrize("left_out", ["net_calorific_value", "carbon_content", "oxidation_rate", "standard_coal"])
def test_a_fuel_needs_each_of_its_factors(left_out: str) -> None:
    rows = [row("net_calorific_value", "42", "GJ/t", "2015-01-01"), CARBON, OXIDATION, HEAT]
    with pytest.raises(FactorMissing):
        spans_of(*(each for each in rows if each.quantity != left_out))


# --- identity ---------------------------------------------------------------------------------------------------------


def test_same_inputs_give_the_same_basis_in_another_process(book: FactorBook, reference: ReferenceTables) -> None:
    again = load_factor_book()
    given = ("wang-2024", reference.carriers["electricity"], "CO2", GANZHOU, "MWh", SHANGHAI)
    assert again.spans(*given) == book.spans(*given)
    assert book.spans(*given)[0].basis.basis_id == "495f015d22b4feee9e93"


def test_basis_is_another_for_another_set_unit_gas_or_year(spans: Spans) -> None:
    found = [
        *spans("wang-2024", "electricity", "MWh"),
        *spans("wang-2024", "electricity", "kWh"),
        *spans("cn-provincial-national-grid", "electricity", "kWh"),
        *spans("cn-provincial-provincial-grid", "electricity", "kWh"),
        *spans("ipcc-2006", "diesel", "t"),
        *spans("ipcc-2006", "diesel", "t", gas="CH4"),
        *spans("ipcc-2006", "diesel", "t", gas="N2O"),
    ]
    assert len({span.basis.basis_id for span in found}) == len(found) == 11


def test_spellings_of_one_unit_share_a_basis(spans: Spans) -> None:
    assert spans("wang-2024", "electricity", "万kWh")[0].basis == spans("wang-2024", "electricity", "10k kWh")[0].basis


def test_basis_names_the_rows_it_was_made_from(book: FactorBook, spans: Spans) -> None:
    basis = spans("wang-2024", "natural_gas", "Nm3")[0].basis
    named = {each.factor_id: each for each in book.factors_of("wang-2024")}
    assert [named[factor_id].quantity for factor_id in basis.factor_ids] == [
        "net_calorific_value",
        "carbon_content",
        "oxidation_rate",
        "standard_coal",
    ]
    assert book.bases_named({basis.basis_id}) == [basis]


def test_every_factor_has_an_id_of_its_own(book: FactorBook) -> None:
    rows = book.all_factors()
    assert len({each.factor_id for each in rows}) == len(rows)
    assert list(rows) == sorted(rows, key=lambda each: each.factor_id)


def test_a_table_tells_the_sets_that_use_it(book: FactorBook) -> None:
    assert book.sets_using("grid_enterprise_notices") == ("cn-enterprise-24",)
    assert book.sets_using("gwp_ar5") == tuple(each.set_id for each in book.sets)
    assert book.sets_using("gwp_ar6") == ()
