"""Totals and the figures of a year."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.domain.accounts import (
    DIMENSIONS,
    Emissions,
    Indicator,
    MonthRange,
    Sum,
    SummedRow,
    YearlyAccount,
    grouped,
    month_key,
    valid_dimensions,
    valid_range,
    yearly_account,
)
from accounting.domain.activity import judge
from accounting.domain.batches import ActivityColumns
from accounting.domain.factors import FactorBook
from accounting.domain.parks import AnnualFigures, Park, Source
from accounting.domain.reference import ReferenceTables
from kernel.periods import Month, parse_instant, time_zone
from kernel.quantities import format_ratio
from kernel.refusals import InvalidField

NOW = parse_instant("2023-06-01", time_zone("Asia/Shanghai"))


def figures(year: int = 2020, **reported: str | None) -> AnnualFigures:
    nothing: dict[str, str | None] = dict.fromkeys(
        (
            "gross_output_10k_cny",
            "value_added_10k_cny",
            "gdp_10k_cny",
            "employees_persons",
            "land_area_km2",
            "leading_industries_share_pct",
        )
    )
    return AnnualFigures("ganzhou", "jx", year, 1, **{**nothing, **reported}, recorded_time=datetime(2023, 1, 1, tzinfo=UTC))


def value(account: YearlyAccount, name: str) -> Indicator:
    (found,) = [indicator for indicator in account.indicators if indicator.name == name]
    return found


def summed(
    emissions_mg: int = 0, energy_mgce: int = 0, keys: tuple[str, ...] = ("2", "electricity"), records: int = 1, **more: object
) -> SummedRow:
    given: dict[str, object] = {"item": "park.purchased_energy", "carrier": "electricity", "gas": "CO2", "straddles": False, **more}
    return SummedRow(keys=keys, sum=Sum(emissions_mg, energy_mgce, records), **given)  # type: ignore[arg-type]  # fields


# --- Ganzhou 2020-2022 ------------------------------------------------------------------------------------------------

# Wang et al. 2024, table 6: energy in 10^4 tce and its shares, divided by the coefficients of table 4.
GANZHOU = [
    pytest.param(
        2020,
        ("882077.299", "2676.0902", "103810.000"),
        "707",
        "88.7874",
        "88.87",
        "29.66",
        ("36.55", "12.00", "51.45"),
        "0.125583",
        id="2020",
    ),
    pytest.param(
        2021,
        ("971033.360", "2932.3308", "113374.150"),
        "954.7",
        "97.4350",
        "97.50",
        "32.50",
        ("36.72", "12.00", "51.28"),
        "0.102058",
        id="2021",
    ),
    pytest.param(
        2022,
        ("1052105.126", "2955.7895", "108152.571"),
        "1162",
        "100.5954",
        "100.60",
        "32.76",
        ("39.47", "12.00", "48.53"),
        "0.086571",
        id="2022",
    ),
]


@pytest.mark.parametrize(
    ("year", "used", "output_100m_cny", "emissions_10k_t", "published_10k_t", "energy_10k_tce", "shares_pct", "intensity"), GANZHOU
)
def test_account_of_ganzhou_is_reproduced_from_its_rows(
    book: FactorBook,
    reference: ReferenceTables,
    park: Park,
    sources: Mapping[str, Source],
    batch: Callable[..., ActivityColumns],
    year: int,
    used: tuple[str, str, str],
    output_100m_cny: str,
    emissions_10k_t: str,
    published_10k_t: str,
    energy_10k_tce: str,
    shares_pct: tuple[str, str, str],
    intensity: str,
) -> None:
    whole_year = {"period_start": f"{year}-01-01", "period_end": f"{year + 1}-01-01"}
    given_rows = [
        {"source_id": source_id, "quantity": quantity, "unit": unit, **whole_year}
        for source_id, quantity, unit in zip(("meter", "gas", "oil"), used, ("MWh", "10k Nm3", "t"), strict=True)
    ]
    good, problems = judge(batch(*given_rows), park, sources, book, reference, NOW)
    assert problems == {}
    rows = []
    for source_id, emissions_mg, energy_mgce in zip(
        good.source_id, good.emissions_mg.tolist(), good.energy_mgce.tolist(), strict=True
    ):
        source = sources[source_id]
        keys = (str(source.scope), source.carrier)
        rows.append(summed(emissions_mg, energy_mgce, keys, item=source.item, carrier=source.carrier))
    output_10k_cny = str(int(Fraction(output_100m_cny) * 10_000))
    account = yearly_account(grouped(rows, reference), figures(year, gross_output_10k_cny=output_10k_cny))

    emissions_t = Fraction(value(account, "emissions_t_co2e").value or "")
    assert format_ratio(emissions_t, 10_000, 4) == emissions_10k_t
    assert abs(emissions_t / 10_000 / Fraction(published_10k_t) - 1) < Fraction(1, 1000)
    assert format_ratio(Fraction(value(account, "energy_tce").value or ""), 10_000, 2) == energy_10k_tce
    assert value(account, "emissions_intensity_t_per_10k_cny").value == intensity
    assert {share.carrier: share.share_pct for share in account.energy_mix} == dict(
        zip(("electricity", "natural_gas", "refined_oil"), shares_pct, strict=True)
    )
    assert account.records == 3
    by_scope = [Fraction(value(account, f"emissions_scope_{scope}_t_co2e").value or "") for scope in (1, 2, 3)]
    assert sum(by_scope) == emissions_t
    assert by_scope[2] == 0


# --- figures ----------------------------------------------------------------------------------------------------------


def total(emissions_t: int, energy_tce: int) -> Emissions:
    both = Sum(emissions_t * 10**9, energy_tce * 10**9, 1)
    return Emissions([(("2", "electricity"), both)], both, Sum(), Sum(), Sum())


@pytest.mark.parametrize(
    ("name", "expected", "unit"),
    [
        ("emissions_t_co2e", "110000", "t"),
        ("emissions_scope_1_t_co2e", "0", "t"),
        ("emissions_scope_2_t_co2e", "110000", "t"),
        ("removals_t_co2e", "0", "t"),
        ("energy_tce", "500000", "tce"),
        ("emissions_intensity_t_per_10k_cny", "0.125000", "t/10k CNY"),  # 110 000 / 880 000
        ("energy_intensity_tce_per_10k_cny", "0.568182", "tce/10k CNY"),  # 500 000 / 880 000
        ("emissions_per_value_added_t_per_10k_cny", "0.500000", "t/10k CNY"),  # 110 000 / 220 000
        ("emissions_per_gdp_t_per_10k_cny", "0.333333", "t/10k CNY"),  # 110 000 / 330 000
        ("emissions_per_employee_t", "11.000000", "t/person"),  # 110 000 / 10 000
        ("emissions_per_land_area_t_per_km2", "2200.000000", "t/km2"),  # 110 000 / 50
        # 发改环资〔2025〕910号: 500 000 tce with 40 000 + 70 000 t give 0.22 t/tce
        ("carbon_per_energy_t_per_tce", "0.220000", "t/tce"),
    ],
)
def test_figure_of_the_year(name: str, expected: str, unit: str) -> None:
    reported = figures(
        gross_output_10k_cny="880000",
        value_added_10k_cny="220000",
        gdp_10k_cny="330000",
        employees_persons="10000",
        land_area_km2="50",
    )
    indicator = value(yearly_account(total(110_000, 500_000), reported), name)
    assert (indicator.value, indicator.unit, indicator.missing) == (expected, unit, "")
    assert indicator.formula


DENOMINATORS = {
    "emissions_intensity_t_per_10k_cny": "gross_output_10k_cny",
    "energy_intensity_tce_per_10k_cny": "gross_output_10k_cny",
    "emissions_per_value_added_t_per_10k_cny": "value_added_10k_cny",
    "emissions_per_gdp_t_per_10k_cny": "gdp_10k_cny",
    "emissions_per_employee_t": "employees_persons",
    "emissions_per_land_area_t_per_km2": "land_area_km2",
}


@pytest.mark.parametrize(("name", "denominator"), DENOMINATORS.items())
def test_ratio_without_its_denominator_is_missing_and_says_why(name: str, denominator: str) -> None:
    year = total(110_000, 500_000)
    for unreported in (None, figures(leading_industries_share_pct="28")):
        indicator = value(yearly_account(year, unreported), name)
        assert (indicator.value, indicator.missing) == (None, f"{denominator} of the year is not reported")
    zero = value(yearly_account(year, replace(figures(), **{denominator: "0"})), name)  # type: ignore[arg-type]  # text fields
    assert (zero.value, zero.missing) == (None, f"{denominator} of the year is 0")


def test_carbon_per_energy_without_energy_is_missing() -> None:
    indicator = value(yearly_account(total(5, 0), None), "carbon_per_energy_t_per_tce")
    assert (indicator.value, indicator.missing) == (None, "energy of the year is 0 tce")


def test_year_without_records_has_zero_emissions_and_no_mix() -> None:
    account = yearly_account(Emissions([], Sum(), Sum(), Sum(), Sum()), None)
    assert value(account, "emissions_t_co2e").value == "0"
    assert (list(account.energy_mix), account.records) == ([], 0)


def test_amounts_are_exact_to_the_milligram() -> None:
    one = Sum(1, 2, 1)
    account = yearly_account(Emissions([(("1", "diesel"), one)], one, Sum(), Sum(), Sum()), None)
    assert value(account, "emissions_t_co2e").value == "0.000000001"
    assert value(account, "energy_tce").value == "0.000000002"


def test_carrier_of_two_scopes_has_one_share_of_the_mix_and_one_without_energy_has_none() -> None:
    rows = [
        (("1", "diesel"), Sum(1, 10, 1)),
        (("3", "diesel"), Sum(1, 20, 1)),
        (("2", "electricity"), Sum(1, 30, 1)),
        (("1", "sf6"), Sum(9, 0, 1)),
    ]
    account = yearly_account(Emissions(rows, Sum(12, 60, 4), Sum(), Sum(), Sum()), None)
    assert [(share.carrier, share.share_pct) for share in account.energy_mix] == [("diesel", "50.00"), ("electricity", "50.00")]


# --- grouping ---------------------------------------------------------------------------------------------------------


def test_removals_biogenic_and_straddling_stand_apart_and_are_in_no_total(reference: ReferenceTables) -> None:
    found = grouped(
        [
            summed(100, 10, ("a",)),
            summed(7, 0, ("a",), item="deduction.ccus", carrier="co2"),
            summed(5, 0, ("b",), item="deduction.sinks", carrier="co2"),
            summed(3, 0, ("b",), item="deduction.carbon_in_products", carrier="co2"),
            summed(40, 4, ("c",), item="public.energy_use", carrier="wood"),
            summed(1000, 99, ("a",), straddles=True),
        ],
        reference,
    )
    # wood is energy like any other fuel; only its CO2 stands apart
    assert list(found.groups) == [(("a",), Sum(100, 10, 1)), (("c",), Sum(0, 4, 0))]
    assert found.total == Sum(100, 14, 1)
    assert found.removals == Sum(15, 0, 3)
    assert found.biogenic == Sum(40, 0, 1)
    assert found.straddling == Sum(1000, 99, 1)


def test_methane_of_a_biogenic_fuel_counts(reference: ReferenceTables) -> None:
    found = grouped([summed(9, 0, ("c",), item="public.energy_use", carrier="wood", gas="CH4")], reference)
    assert (found.total, found.biogenic) == (Sum(9, 0, 1), Sum())


def test_removal_of_a_biogenic_carrier_and_what_straddles_are_counted_once(reference: ReferenceTables) -> None:
    found = grouped(
        [
            summed(1, 0, item="deduction.ccus", carrier="wood"),
            summed(2, 0, item="deduction.ccus", carrier="wood", straddles=True),
        ],
        reference,
    )
    assert (found.total, found.removals, found.biogenic, found.straddling) == (Sum(), Sum(1, 0, 1), Sum(), Sum(2, 0, 1))


def test_removals_reach_the_figures_of_the_year(reference: ReferenceTables) -> None:
    found = grouped([summed(5 * 10**9, item="deduction.ccus", carrier="co2"), summed(9 * 10**9)], reference)
    account = yearly_account(found, None)
    assert value(account, "removals_t_co2e").value == "5"
    assert value(account, "emissions_t_co2e").value == "9"


rows_of = st.lists(
    st.tuples(
        st.sampled_from(["park.purchased_energy", "deduction.ccus", "public.energy_use"]),
        st.sampled_from(["electricity", "wood", "co2"]),
        st.booleans(),
        st.integers(-(2**62), 2**62),
        st.sampled_from("ab"),
    ),
    max_size=20,
)


@given(st.data(), rows_of)
def test_every_record_is_in_exactly_one_place_in_any_order(
    reference: ReferenceTables, data: st.DataObject, rows: list[tuple[str, str, bool, int, str]]
) -> None:
    given_rows = [
        summed(amount, 1, (key,), item=item, carrier=carrier, straddles=straddles) for item, carrier, straddles, amount, key in rows
    ]
    found = grouped(given_rows, reference)
    apart = found.removals + found.biogenic + found.straddling
    assert found.total + apart == sum((row.sum for row in given_rows), Sum())
    assert sum((each for _, each in found.groups), Sum()) == found.total
    assert grouped(data.draw(st.permutations(given_rows)), reference) == found


# --- what may be asked ------------------------------------------------------------------------------------------------


def test_a_year_stands_for_its_january() -> None:
    assert valid_range("2020", "2021") == MonthRange(Month(2020, 1), Month(2021, 1))
    assert valid_range("2020-12", "2021") == MonthRange(Month(2020, 12), Month(2021, 1))


def test_range_is_half_open() -> None:
    assert valid_range("2020-01", "2021-01") == MonthRange(Month(2020, 1), Month(2021, 1))
    assert valid_range("1990-01", "9999-12") == MonthRange(Month(1990, 1), Month(9999, 12))


@pytest.mark.parametrize(
    "text",
    [
        "", "202", "20200", "1989", "2020-", "２０２０", "2020\n",
        "2020-1", "2020-00", "2020-13", "202-001", "20201-1", "1989-12", "0000-01", "2020/01", "2020-01-01",
        "２０２０-01", "2020-0１", "2020-01\n", " 2020-01", "-2020-01", "x" * 1000,
    ],
)  # fmt: skip
def test_what_is_no_month_is_refused(text: str) -> None:
    for field, given_range in {"from_month": (text, "2021-01"), "to_month": ("2020-01", text)}.items():
        with pytest.raises(InvalidField, match="must be YYYY-MM or YYYY from 1990 on") as refused:
            valid_range(*given_range)
        assert refused.value.facts()["field"] == field


@pytest.mark.parametrize(
    ("first", "end"), [("2020-01", "2020-01"), ("2020-02", "2020-01"), ("2021-01", "2020-12"), ("2020-01", "2020")]
)
def test_empty_range_is_refused(first: str, end: str) -> None:
    with pytest.raises(InvalidField, match=f"to_month must be a month after {first}, got '{end}'"):
        valid_range(first, end)


def test_dimensions_keep_the_order_asked_for() -> None:
    assert valid_dimensions(["month", "scope", "carrier", "source"]) == ("month", "scope", "carrier", "source")
    assert valid_dimensions([]) == ()
    assert all(valid_dimensions([dimension]) == (dimension,) for dimension in DIMENSIONS)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param(["colour"], "colour", id="unknown"),
        pytest.param(["Year"], "Year", id="case"),
        pytest.param([""], "", id="empty"),
        pytest.param(["year", "year"], "year,year", id="twice"),
        pytest.param(["year", "month", "scope", "item", "gas"], "year,month,scope,item,gas", id="five"),
    ],
)
def test_dimensions_that_are_unknown_repeated_or_too_many_are_refused(asked: list[str], found: str) -> None:
    with pytest.raises(InvalidField) as refused:
        valid_dimensions(asked)
    assert refused.value.facts()["field"] == "group_by"
    assert refused.value.facts()["found"] == found


def test_span_of_months_is_written_as_one_month_or_two() -> None:
    assert month_key(202012, 202012) == "2020-12"
    assert month_key(202001, 202012) == "2020-01..2020-12"
