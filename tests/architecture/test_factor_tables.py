"""The factor tables of accounting keep the promises of their README and reproduce published figures."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

TABLES = Path(__file__).parents[2] / "services/accounting/src/accounting/adapters/factor_tables"

COLUMNS = [
    "table_id",
    "quantity",
    "carrier",
    "gas",
    "region",
    "basis",
    "value",
    "unit",
    "valid_from",
    "valid_to",
    "published",
    "confidence",
    "source",
    "checked_where",
    "note",
]
OTHER_COLUMNS = {
    "amount_bounds.csv": "amount,value,unit,per,source,confidence,checked_where,note",
    "carriers.csv": "carrier,name_zh,name_en,kind,dimension,biogenic,gas,source",
    "disclosure_rules.csv": "rule_id,parameter,value,unit,source,confidence,checked_where,note",
    "factor_sets.csv": "set_id,name_zh,name_en,tables,grid_level,electricity_basis,gwp_table,published,source,note",
    "gbt4754.csv": "section,division,name_zh,name_en",
    "grid_regions.csv": "region_prefix,grid_region,name_zh,name_en,source,note",
    "inventory_items.csv": "item,parent,equation,sign,scopes,name_zh,name_en,source",
    "regions.csv": "region,name_zh,name_en",
    "unit_mistakes.csv": "ratio,meaning_zh,meaning_en,source",
}
FACTOR_FILES = [
    "gwp.csv",
    "grid_average.csv",
    "grid_enterprise_notices.csv",
    "guidelines_24.csv",
    "heat_default.csv",
    "ipcc_2006.csv",
    "mee_2022.csv",
    "provincial_guideline.csv",
    "standard_coal_gbt2589.csv",
    "wang_2024.csv",
    "yearbook_ncv.csv",
]

# (quantity, gas) -> units; the gas of a gwp row is any gas of carriers.csv.
UNITS = {
    ("net_calorific_value", ""): {"GJ/t", "GJ/10k_Nm3"},
    ("carbon_content", "CO2"): {"tC/TJ"},
    ("oxidation_rate", "CO2"): {"%"},
    ("emission_factor", "CO2"): {"tCO2/MWh", "kgCO2/kWh", "tCO2/GJ", "kgCO2/TJ"},
    ("emission_factor", "CH4"): {"kgCH4/TJ"},
    ("emission_factor", "N2O"): {"kgN2O/TJ"},
    ("standard_coal", ""): {"kgce/kg", "kgce/Nm3", "kgce/kWh", "kgce/MJ"},
}
BASES = {
    ("emission_factor", "electricity"): {"average", "average_excluding_traded_non_fossil", "fossil"},
    ("standard_coal", "electricity"): {"calorific"},
}
DECIMAL = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?")
CARBON_TO_CO2 = Decimal(44) / Decimal(12)
# The one row of its own kind: the heat that one kgce stands for, of no carrier.
HEAT_OF_STANDARD_COAL = ("standard_coal", "", "", "", "")


@dataclass(frozen=True)
class Factor:
    file: str
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    @property
    def value(self) -> Decimal:
        return Decimal(self["value"])

    @property
    def valid_from(self) -> date:
        return date.fromisoformat(self["valid_from"])

    @property
    def valid_to(self) -> date:
        return date.fromisoformat(self["valid_to"]) if self["valid_to"] else date.max

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(self[c] for c in ("quantity", "carrier", "gas", "region", "basis"))

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {'/'.join(self.key)}"


@cache
def read(file: str) -> tuple[dict[str, str], ...]:
    with (TABLES / file).open(encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle, strict=True))


@cache
def factors() -> tuple[Factor, ...]:
    return tuple(Factor(file, line, row) for file in FACTOR_FILES for line, row in enumerate(read(file), start=2))


@cache
def tables() -> dict[str, list[Factor]]:
    by_table: dict[str, list[Factor]] = defaultdict(list)
    for factor in factors():
        by_table[factor["table_id"]].append(factor)
    return dict(by_table)


def factor_set(set_id: str) -> dict[str, str]:
    return next(row for row in read("factor_sets.csv") if row["set_id"] == set_id)


def factors_of(set_id: str) -> list[Factor]:
    return [factor for table in factor_set(set_id)["tables"].split(";") for factor in tables()[table]]


def emission_parameters_of_fuels(set_id: str) -> list[Factor]:
    """The rows that the emissions of fuels are made from: heating value and what follows it, without standard coal."""
    return [f for f in factors_of(set_id) if f["quantity"] != "standard_coal" and carriers()[f["carrier"]]["kind"] == "fuel"]


def one(set_id: str, quantity: str, carrier: str, on: str, gas: str = "", region: str = "", basis: str = "") -> Factor:
    """The only row of a set for a series and a day."""
    day = date.fromisoformat(on)
    found = [
        factor
        for factor in factors_of(set_id)
        if factor.key == (quantity, carrier, gas, region, basis) and factor.valid_from <= day < factor.valid_to
    ]
    assert len(found) == 1, f"{set_id} {quantity} {carrier} on {on}: {[str(f) for f in found]}"
    return found[0]


def t_co2_per_unit(set_id: str, carrier: str, on: str) -> Decimal:
    """Emissions of one tonne or 10^4 Nm3 of a fuel: NCV x carbon content x oxidation x 44/12, tCO2."""
    ncv = one(set_id, "net_calorific_value", carrier, on)
    carbon = one(set_id, "carbon_content", carrier, on, gas="CO2")
    oxidation = one(set_id, "oxidation_rate", carrier, on, gas="CO2")
    return ncv.value * carbon.value / 1000 * oxidation.value / 100 * CARBON_TO_CO2


def overlapping(rows: list[Factor]) -> Iterator[tuple[Factor, Factor]]:
    ordered = sorted(rows, key=lambda factor: factor.valid_from)
    for earlier, later in pairwise(ordered):
        if later.valid_from < earlier.valid_to:
            yield earlier, later


def carriers() -> dict[str, dict[str, str]]:
    return {row["carrier"]: row for row in read("carriers.csv")}


# --- the form of the tables -------------------------------------------------------------------------------------------


def test_every_file_of_the_folder_is_known_here() -> None:
    assert sorted(path.name for path in TABLES.glob("*.csv")) == sorted([*FACTOR_FILES, *OTHER_COLUMNS])


@pytest.mark.parametrize("file", [*FACTOR_FILES, *OTHER_COLUMNS])
def test_file_has_its_columns_and_no_ragged_row(file: str) -> None:
    expected = OTHER_COLUMNS[file].split(",") if file in OTHER_COLUMNS else COLUMNS
    text = (TABLES / file).read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert "\r" not in text
    header, *rows = csv.reader(text.splitlines(), strict=True)
    assert header == expected
    assert rows
    assert {len(row) for row in rows} == {len(expected)}
    assert [cell for row in rows for cell in row if cell != cell.strip()] == []


def test_every_row_has_value_unit_source_dates_and_where_it_was_checked() -> None:
    required = (
        "table_id",
        "quantity",
        "value",
        "unit",
        "valid_from",
        "published",
        "confidence",
        "source",
        "checked_where",
    )
    assert [f"{factor}: {column}" for factor in factors() for column in required if not factor[column]] == []


def test_a_file_holds_the_table_of_its_name() -> None:
    expected = {Path(file).stem: {Path(file).stem} for file in FACTOR_FILES}
    expected["gwp"] = {"gwp_ar4", "gwp_ar5", "gwp_ar6"}
    assert {Path(file).stem: {row["table_id"] for row in read(file)} for file in FACTOR_FILES} == expected


def test_no_value_rests_on_memory() -> None:
    assert {factor["confidence"] for factor in factors()} == {"verified", "single-source"}
    assert [str(factor) for factor in factors() if "memory" in factor["checked_where"]] == []


def test_values_are_positive_ascii_decimals() -> None:
    assert [str(f) for f in factors() if not DECIMAL.fullmatch(f["value"]) or f.value <= 0] == []


def test_oxidation_is_a_percentage_and_never_a_fraction() -> None:
    rates = [factor for factor in factors() if factor["quantity"] == "oxidation_rate"]
    assert rates
    assert [str(factor) for factor in rates if not 80 <= factor.value <= 100] == []


def test_unit_belongs_to_quantity_and_gas() -> None:
    units = dict(UNITS)
    for row in read("carriers.csv"):
        if row["gas"]:
            units["gwp", row["gas"]] = {"kgCO2e/kg"}
    others = [factor for factor in factors() if factor.key != HEAT_OF_STANDARD_COAL]
    assert [str(f) for f in others if f["unit"] not in units.get((f["quantity"], f["gas"]), set())] == []


def test_carriers_exist_and_only_gwp_and_the_heat_of_standard_coal_have_none() -> None:
    known = carriers()
    assert [str(f) for f in factors() if f["carrier"] and f["carrier"] not in known] == []
    without = [factor for factor in factors() if not factor["carrier"]]
    assert [str(f) for f in without if f["quantity"] != "gwp" and f.key != HEAT_OF_STANDARD_COAL] == []
    assert [str(f) for f in factors() if f["quantity"] == "gwp" and f["carrier"]] == []


def test_heat_of_standard_coal_is_one_row_of_the_standard() -> None:
    (row,) = [factor for factor in factors() if factor.key == HEAT_OF_STANDARD_COAL]
    # 7000 kcal/kg x 4.1868 kJ/kcal
    assert (row["table_id"], row.value, row["unit"]) == ("standard_coal_gbt2589", Decimal("29.3076"), "MJ/kgce")


def test_regions_exist() -> None:
    known = {"", "CN"} | {r["region"] for r in read("regions.csv")} | {r["grid_region"] for r in read("grid_regions.csv")}
    assert [str(factor) for factor in factors() if factor["region"] not in known] == []


def test_basis_is_given_for_electricity_only() -> None:
    assert [str(f) for f in factors() if f["basis"] not in BASES.get((f["quantity"], f["carrier"]), {""})] == []


def test_dates_are_dates_and_periods_are_not_empty() -> None:
    assert [str(factor) for factor in factors() if factor.valid_from >= factor.valid_to] == []
    assert [str(f) for f in factors() if not date(1990, 1, 1) <= date.fromisoformat(f["published"]) <= date(2026, 12, 31)] == []


def test_periods_of_one_series_do_not_overlap() -> None:
    series: dict[tuple[str, ...], list[Factor]] = defaultdict(list)
    for factor in factors():
        series[factor["table_id"], *factor.key].append(factor)
    assert [f"{a} | {b}" for rows in series.values() for a, b in overlapping(rows)] == []


def test_no_cell_names_an_address_or_an_index_number() -> None:
    suspicious = re.compile(r"https?://|\bids? ?[0-9]{5,}|\b[0-9]{8,}\b")
    assert [
        f"{file}: {cell}"
        for file in [*FACTOR_FILES, *OTHER_COLUMNS]
        for row in read(file)
        for cell in row.values()
        if suspicious.search(cell)
    ] == []


# --- carriers ---------------------------------------------------------------------------------------------------------


def test_carriers_are_well_formed() -> None:
    rows = read("carriers.csv")
    assert len({row["carrier"] for row in rows}) == len(rows)
    assert [row for row in rows if not re.fullmatch(r"[a-z][a-z0-9_]*", row["carrier"])] == []
    assert {row["kind"] for row in rows} == {"fuel", "electricity", "heat", "gas"}
    assert {row["dimension"] for row in rows} == {"energy", "mass", "normal_volume"}
    assert {row["carrier"] for row in rows if row["biogenic"] != "false"} == {"wood", "biogas"}
    assert [row for row in rows if bool(row["gas"]) != (row["kind"] == "gas")] == []
    assert [row for row in rows if not (row["name_zh"] and row["name_en"] and row["source"])] == []


def test_every_carrier_is_used_by_a_table() -> None:
    used = {factor["carrier"] for factor in factors()}
    gases = {factor["gas"] for factor in factors() if factor["quantity"] == "gwp"}
    assert [row["carrier"] for row in read("carriers.csv") if row["carrier"] not in used and row["gas"] not in gases] == []


def test_heating_value_is_per_customary_unit_except_in_the_ipcc_table() -> None:
    per = {"mass": "GJ/t", "normal_volume": "GJ/10k_Nm3"}
    known = carriers()
    ncv = [factor for factor in factors() if factor["quantity"] == "net_calorific_value"]
    chinese = [factor for factor in ncv if factor["table_id"] != "ipcc_2006"]
    assert [str(f) for f in chinese if f["unit"] != per[known[f["carrier"]]["dimension"]]] == []
    assert {factor["unit"] for factor in ncv if factor["table_id"] == "ipcc_2006"} == {"GJ/t"}


@pytest.mark.parametrize("table", ["gwp_ar4", "gwp_ar5", "gwp_ar6"])
def test_gwp_table_has_the_seven_kyoto_groups_and_counts_co2_as_one(table: str) -> None:
    values = {factor["gas"]: factor.value for factor in tables()[table]}
    assert values["CO2"] == 1
    assert {"CH4", "N2O", "HFC-134a", "CF4", "SF6", "NF3"} <= set(values)


# --- sets -------------------------------------------------------------------------------------------------------------

SET_IDS = [
    "wang-2024",
    "cn-provincial-national-grid",
    "cn-provincial-regional-grid",
    "cn-provincial-provincial-grid",
    "cn-enterprise-24",
    "cn-mee-2022",
    "ipcc-2006",
]


def test_the_sets_are_the_documented_ones() -> None:
    assert [row["set_id"] for row in read("factor_sets.csv")] == SET_IDS


def test_every_table_belongs_to_a_set_or_is_a_choice_of_gwp() -> None:
    listed = {table for row in read("factor_sets.csv") for table in row["tables"].split(";")}
    assert listed == set(tables()) - {"gwp_ar4", "gwp_ar5", "gwp_ar6"}
    assert {row["gwp_table"] for row in read("factor_sets.csv")} <= {"gwp_ar4", "gwp_ar5", "gwp_ar6"}


@pytest.mark.parametrize("set_id", SET_IDS)
def test_every_fuel_of_a_set_is_complete_in_the_set(set_id: str) -> None:
    given: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for factor in emission_parameters_of_fuels(set_id):
        given[factor["carrier"]].add((factor["quantity"], factor["gas"]))
    by_carbon = {("net_calorific_value", ""), ("carbon_content", "CO2"), ("oxidation_rate", "CO2")}
    by_heat = {("net_calorific_value", "")} | {("emission_factor", gas) for gas in ("CO2", "CH4", "N2O")}
    assert given
    assert {fuel: sorted(parts) for fuel, parts in given.items() if parts not in (by_carbon, by_heat)} == {}


@pytest.mark.parametrize("set_id", SET_IDS)
def test_parameters_of_one_fuel_apply_to_a_common_period(set_id: str) -> None:
    periods: dict[str, list[tuple[date, date]]] = defaultdict(list)
    for factor in emission_parameters_of_fuels(set_id):
        periods[factor["carrier"]].append((factor.valid_from, factor.valid_to))
    assert {fuel: found for fuel, found in periods.items() if len(set(found)) != 1} == {}


@pytest.mark.parametrize("set_id", SET_IDS)
def test_every_carrier_of_a_set_has_standard_coal(set_id: str) -> None:
    """Its own coefficient, or for a fuel the heat of standard coal over which its heating value counts."""
    rows = factors_of(set_id)
    own = {factor["carrier"] for factor in rows if factor["quantity"] == "standard_coal"}
    emitting = {factor["carrier"] for factor in rows if factor["quantity"] != "standard_coal"}
    by_heat = {carrier for carrier in emitting if carriers()[carrier]["kind"] == "fuel"} if "" in own else set()
    assert emitting
    assert emitting - own - by_heat == set()


@pytest.mark.parametrize("set_id", [set_id for set_id in SET_IDS if set_id != "wang-2024"])
def test_standard_coal_of_a_set_begins_with_the_standard(set_id: str) -> None:
    coal = [factor for factor in factors_of(set_id) if factor["quantity"] == "standard_coal"]
    assert {(f["table_id"], f["valid_from"], f["valid_to"]) for f in coal} == {("standard_coal_gbt2589", "2021-01-01", "")}


@pytest.mark.parametrize("set_id", SET_IDS)
def test_no_two_tables_of_a_set_give_the_same_factor(set_id: str) -> None:
    series: dict[tuple[str, ...], list[Factor]] = defaultdict(list)
    for factor in factors_of(set_id):
        series[factor.key].append(factor)
    assert [f"{a} | {b}" for rows in series.values() for a, b in overlapping(rows)] == []


@pytest.mark.parametrize("set_id", SET_IDS)
def test_electricity_of_a_set_exists_at_its_grid_level_and_basis(set_id: str) -> None:
    row = factor_set(set_id)
    electricity = [f for f in factors_of(set_id) if (f["quantity"], f["carrier"]) == ("emission_factor", "electricity")]
    regions = {f["region"] for f in electricity if f["basis"] == row["electricity_basis"]}
    expected = {
        "none": set(),
        "national": {"CN"},
        "regional": {r["grid_region"] for r in read("grid_regions.csv")},
        "provincial": {r["region"] for r in read("regions.csv")} - {"54", "71", "81", "82"},
    }[row["grid_level"]]
    assert expected <= regions
    assert bool(electricity) == (row["grid_level"] != "none")
    assert bool(row["electricity_basis"]) == (row["grid_level"] != "none")


@pytest.mark.parametrize("set_id", SET_IDS)
def test_set_is_published_when_each_of_its_tables_had_a_row(set_id: str) -> None:
    row = factor_set(set_id)
    assert row["published"] == max(min(f["published"] for f in tables()[t]) for t in row["tables"].split(";"))
    assert row["name_zh"]
    assert row["name_en"]
    assert row["source"]


# --- grids and regions ------------------------------------------------------------------------------------------------


def test_there_are_34_province_level_regions() -> None:
    codes = [row["region"] for row in read("regions.csv")]
    assert len(set(codes)) == len(codes) == 34
    assert [code for code in codes if not re.fullmatch(r"[1-8][0-9]", code)] == []


@pytest.mark.parametrize("year", ["2021", "2022", "2023"])
def test_announcement_has_one_national_seven_regional_and_thirty_provincial_averages(year: str) -> None:
    averages = [f["region"] for f in tables()["grid_average"] if f["basis"] == "average" and f["valid_from"] == f"{year}-01-01"]
    assert len(averages) == len(set(averages)) == 38
    assert sum(region.startswith("CN-GRID-") for region in averages) == 7
    assert "CN" in averages


def test_grid_averages_run_without_a_gap_and_only_the_newest_is_open() -> None:
    series: dict[tuple[str, ...], list[Factor]] = defaultdict(list)
    for factor in tables()["grid_average"]:
        series[factor.key].append(factor)
    for rows in series.values():
        assert [(f["valid_from"], f["valid_to"]) for f in sorted(rows, key=lambda f: f.valid_from)] == [
            ("2021-01-01", "2022-01-01"),
            ("2022-01-01", "2023-01-01"),
            ("2023-01-01", ""),
        ]


def test_grid_factor_is_known_only_after_its_year() -> None:
    assert {(f["valid_from"], f["published"]) for f in tables()["grid_average"]} == {
        ("2021-01-01", "2024-04-12"),
        ("2022-01-01", "2024-12-26"),
        ("2023-01-01", "2025-12-31"),
    }


def test_every_province_with_a_factor_has_a_grid_and_the_others_have_none() -> None:
    prefixes = {row["region_prefix"] for row in read("grid_regions.csv")}
    with_factor = {f["region"] for f in tables()["grid_average"] if re.fullmatch(r"[0-9]{2}", f["region"])}
    assert {prefix[:2] for prefix in prefixes} == with_factor
    assert len(prefixes) == len(read("grid_regions.csv"))
    assert with_factor == {row["region"] for row in read("regions.csv")} - {"54", "71", "81", "82"}


def test_inner_mongolia_is_split_by_prefecture_and_has_no_grid_as_a_whole() -> None:
    grids = {r["region_prefix"]: r["grid_region"] for r in read("grid_regions.csv") if r["region_prefix"].startswith("15")}
    assert "15" not in grids
    assert {code for code, grid in grids.items() if grid == "CN-GRID-NORTHEAST"} == {"1504", "1505", "1507", "1522"}
    assert set(grids.values()) == {"CN-GRID-NORTHEAST", "CN-GRID-NORTH"}
    assert len(grids) == 12


def test_a_grid_has_one_name() -> None:
    names = {(row["grid_region"], row["name_zh"], row["name_en"]) for row in read("grid_regions.csv")}
    assert len(names) == 7


# --- inventory items and classification -------------------------------------------------------------------------------


def test_inventory_tree_has_one_root_and_sums_have_no_scope() -> None:
    rows = {row["item"]: row for row in read("inventory_items.csv")}
    parents = {row["parent"] for row in rows.values()}
    assert [item for item, row in rows.items() if not row["parent"]] == ["park"]
    assert parents - {""} <= set(rows)
    assert [item for item, row in rows.items() if bool(row["scopes"]) == (item in parents)] == []
    assert {scope for row in rows.values() for scope in row["scopes"].split(";")} == {"", "1", "2", "3"}


def test_only_the_deductions_of_equation_3_are_subtracted() -> None:
    rows = read("inventory_items.csv")
    assert {row["sign"] for row in rows} == {"+1", "-1"}
    assert {r["item"] for r in rows if r["sign"] == "-1"} == {
        "deduction.carbon_in_products",
        "deduction.sinks",
        "deduction.ccus",
    }


@pytest.mark.parametrize(
    ("parent", "equation", "terms"),
    [("park", "3", 8), ("enterprise", "4", 5), ("public", "5", 2), ("infrastructure", "6", 3), ("transport", "7", 4)],
)
def test_an_item_has_the_terms_of_its_equation(parent: str, equation: str, terms: int) -> None:
    children = [row for row in read("inventory_items.csv") if row["parent"] == parent]
    assert len(children) == terms
    assert {row["equation"] for row in children} == {equation}


def test_classification_has_sections_a_to_t_and_all_divisions_of_manufacturing() -> None:
    rows = read("gbt4754.csv")
    assert [row["section"] for row in rows if not row["division"]] == list("ABCDEFGHIJKLMNOPQRST")
    assert [row["division"] for row in rows if row["division"]] == [str(number) for number in range(13, 44)]
    assert {row["section"] for row in rows if row["division"]} == {"C"}


# --- published figures ------------------------------------------------------------------------------------------------

PROVINCIAL = "cn-provincial-national-grid"
MEE = "cn-mee-2022"


@pytest.mark.parametrize(
    ("set_id", "carrier", "expected"),
    # A rail-sector product's reference list (yearbook 2023, provincial guideline 2025): NCV x CC / 1000 x OF x 44/12.
    [
        pytest.param(PROVINCIAL, "gasoline", "2.925056", id="gasoline 43.07*18.9*.98"),
        pytest.param(MEE, "gasoline", "2.925056", id="gasoline in the ministry guide"),
        pytest.param(PROVINCIAL, "diesel", "3.095910", id="diesel 42.652*20.2*.98"),
        pytest.param(MEE, "diesel", "3.095910", id="diesel in the ministry guide"),
        pytest.param(PROVINCIAL, "natural_gas", "21.621888", id="natural gas 389.31*15.3*.99"),
        pytest.param("cn-enterprise-24", "natural_gas", "21.621888", id="natural gas in the 24 guidelines"),
        pytest.param(PROVINCIAL, "coke", "2.860419", id="coke 28.435*29.5*.93"),
        pytest.param(MEE, "petroleum_coke", "3.211542", id="petroleum coke 32.5*27.5*.98"),
        pytest.param(PROVINCIAL, "crude_oil", "3.020202", id="crude oil 41.816*20.1*.98"),
        pytest.param(PROVINCIAL, "fuel_oil", "3.170461", id="fuel oil 41.816*21.1*.98"),
        pytest.param(MEE, "fuel_oil", "3.170461", id="fuel oil in the ministry guide"),
        pytest.param(MEE, "lng", "2.831257", id="LNG 51.498*15.3*.98"),
        pytest.param(PROVINCIAL, "lpg", "3.101330", id="LPG 50.179*17.2*.98"),
        pytest.param(MEE, "lpg", "3.101330", id="LPG in the ministry guide"),
        pytest.param(MEE, "blast_furnace_gas", "8.481132", id="blast-furnace gas 33.0*70.8*.99"),
        pytest.param(MEE, "converter_gas", "15.124032", id="converter gas 84.0*49.6*.99"),
        # The guidelines of 24 industries.
        pytest.param("cn-enterprise-24", "anthracite", "2.322768", id="anthracite 24.515*27.49*.94"),
        pytest.param("cn-enterprise-24", "diesel", "3.145122", id="diesel 43.33*20.2*.98"),
    ],
)
def test_published_fuel_factor_is_reproduced_to_six_decimals(set_id: str, carrier: str, expected: str) -> None:
    assert t_co2_per_unit(set_id, carrier, "2024-06-30").quantize(Decimal("0.000001")) == Decimal(expected)


def test_coke_oven_gas_is_held_by_the_24_guidelines_and_the_ipcc_only() -> None:
    """The twelfth row of that list, 179.81*13.58*.99, mixes sources that disagree: no set reproduces it."""
    sets = {s for s in SET_IDS for f in factors_of(s) if f["carrier"] == "coke_oven_gas"}
    assert sets == {"cn-enterprise-24", "ipcc-2006"}


def test_gas_factor_of_wang_is_the_product_that_the_paper_prints() -> None:
    # 389.31 * 15.3 * 98 % * 44/12 / 1000
    assert t_co2_per_unit("wang-2024", "natural_gas", "2021-06-30").quantize(Decimal("1e-8")) == Decimal("21.40348518")


@pytest.mark.parametrize(
    ("year", "energy_10k_tce", "shares_percent", "published_10k_t"),
    # Wang et al. 2024, table 6 and section 4.2; shares of electricity, natural gas and refined oil in energy.
    [
        (2020, "29.66", ("36.55", "12.00", "51.45"), "88.87"),
        (2021, "32.50", ("36.72", "12.00", "51.28"), "97.50"),
        (2022, "32.76", ("39.47", "12.00", "48.53"), "100.60"),
    ],
)
def test_emissions_of_ganzhou_are_reproduced_within_a_thousandth(
    year: int, energy_10k_tce: str, shares_percent: tuple[str, str, str], published_10k_t: str
) -> None:
    on = f"{year}-06-30"
    power_tce, gas_tce, oil_tce = (Decimal(energy_10k_tce) * 10_000 * Decimal(s) / 100 for s in shares_percent)
    # kgce/kWh = tce/MWh; kgce/Nm3 x 10 = tce/10k_Nm3; kgce/kg = tce/t
    power_mwh = power_tce / one("wang-2024", "standard_coal", "electricity", on, basis="calorific").value
    gas_10k_nm3 = gas_tce / (one("wang-2024", "standard_coal", "natural_gas", on).value * 10)
    oil_t = oil_tce / one("wang-2024", "standard_coal", "refined_oil", on).value
    grid = one("wang-2024", "emission_factor", "electricity", on, gas="CO2", region="CN", basis="average")
    emissions_t = (
        power_mwh * grid.value
        + gas_10k_nm3 * t_co2_per_unit("wang-2024", "natural_gas", on)
        + oil_t * t_co2_per_unit("wang-2024", "refined_oil", on)
    )
    published_t = Decimal(published_10k_t) * 10_000
    assert abs(emissions_t - published_t) < published_t / 1000


def test_verification_report_of_2024_fits_the_national_factor_of_2022() -> None:
    factor = one(PROVINCIAL, "emission_factor", "electricity", "2022-06-30", gas="CO2", region="CN", basis="average")
    # 173.502 MWh, reported as 93.1 t; kgCO2/kWh = tCO2/MWh
    assert (Decimal("173.502") * factor.value).quantize(Decimal("0.0001")) == Decimal("93.1012")


def test_transposed_factor_of_that_report_is_not_among_the_38_entries_of_the_announcement() -> None:
    entries = [f.value for f in tables()["grid_average"] if f["valid_from"] == "2022-01-01" and f["basis"] == "average"]
    assert Decimal("0.5366") in entries
    assert Decimal("0.5633") not in entries


@pytest.mark.parametrize(
    ("on", "expected"),
    [("2020-12-31", "0.6101"), ("2021-01-01", "0.5810"), ("2021-12-31", "0.5810"), ("2022-01-01", "0.5703")],
)
def test_enterprise_notice_applies_to_its_accounting_years(on: str, expected: str) -> None:
    row = one("cn-enterprise-24", "emission_factor", "electricity", on, gas="CO2", region="CN", basis="average")
    assert row["value"] == expected


def test_ipcc_co2_factor_has_the_oxidation_in_it() -> None:
    # diesel 43.0 GJ/t x 74100 kgCO2/TJ / 10^6 = 3.1863 tCO2/t
    ncv = one("ipcc-2006", "net_calorific_value", "diesel", "2020-06-30")
    factor = one("ipcc-2006", "emission_factor", "diesel", "2020-06-30", gas="CO2")
    assert ncv.value * factor.value / 1_000_000 == Decimal("3.1863")
    assert {f["quantity"] for f in tables()["ipcc_2006"]} == {"net_calorific_value", "emission_factor"}


def test_standard_coal_of_electricity_is_its_calorific_value() -> None:
    row = one(PROVINCIAL, "standard_coal", "electricity", "2021-01-01", basis="calorific")
    assert row["value"] == "0.1229"
    # 3600 kJ/kWh over 29307.6 kJ/kgce, as printed in the standard to four places, rounded up
    assert abs(row.value - Decimal(3600) / Decimal("29307.6")) < Decimal("0.0001")


@pytest.mark.parametrize(
    ("set_id", "carrier", "kgce_per_t"),
    [
        pytest.param("cn-enterprise-24", "anthracite", "836.47", id="anthracite 24515 MJ/t over 29.3076 MJ/kgce"),
        pytest.param("ipcc-2006", "natural_gas", "1637.80", id="natural gas 48000 MJ/t over 29.3076 MJ/kgce"),
    ],
)
def test_fuel_without_a_fitting_coefficient_weighs_its_heat(set_id: str, carrier: str, kgce_per_t: str) -> None:
    heat_mj_per_t = one(set_id, "net_calorific_value", carrier, "2021-06-30").value * 1000
    assert (heat_mj_per_t / one(set_id, "standard_coal", "", "2021-06-30").value).quantize(Decimal("0.01")) == Decimal(kgce_per_t)


# --- mistakes of units ------------------------------------------------------------------------------------------------


def ratio(text: str) -> Fraction:
    over, _, under = text.partition("/")
    return Fraction(over) / Fraction(under or "1")


def test_mistakes_are_positive_ratios_with_a_meaning_in_two_languages_and_a_source() -> None:
    rows = read("unit_mistakes.csv")
    assert [
        row for row in rows if ratio(row["ratio"]) <= 0 or not (row["meaning_zh"] and row["meaning_en"] and row["source"])
    ] == []
    assert len({ratio(row["ratio"]) for row in rows}) == len(rows)


def test_ratios_within_one_per_cent_mean_the_same_mistake() -> None:
    """A value is compared within half a per cent, so that nearer ratios could not be told apart."""
    ordered = sorted(read("unit_mistakes.csv"), key=lambda row: ratio(row["ratio"]))
    near = [(a, b) for a, b in pairwise(ordered) if ratio(b["ratio"]) / ratio(a["ratio"]) <= Fraction(101, 100)]
    assert [(a["ratio"], b["ratio"]) for a, b in near if a["meaning_en"] != b["meaning_en"]] == []


def test_every_mistake_can_be_made_the_other_way_round() -> None:
    ratios = [ratio(row["ratio"]) for row in read("unit_mistakes.csv")]
    assert [r for r in ratios if not any(abs(r * other - 1) < Fraction(1, 1000) for other in ratios)] == []
