"""Reads the factor tables and the other reference tables that are shipped as CSV files beside this module."""

import csv
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from importlib.resources import files

from accounting.domain.disclosure import DisclosureRule
from accounting.domain.factors import Factor, FactorBook, FactorSet, GridRegions, factor_digest
from accounting.domain.reference import AmountBounds, Carrier, InventoryItem, ReferenceTables, UnitMistake

FACTOR_TABLES = (
    "wang_2024",
    "provincial_guideline",
    "yearbook_ncv",
    "guidelines_24",
    "mee_2022",
    "ipcc_2006",
    "grid_average",
    "grid_enterprise_notices",
    "heat_default",
    "standard_coal_gbt2589",
    "gwp",
)

# What makes a row another factor: who says so and where it was checked may be told better without changing a figure.
_IDENTIFYING = ("table_id", "quantity", "carrier", "gas", "region", "basis", "value", "unit", "valid_from", "valid_to", "published")


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (files("accounting.adapters") / "factor_tables" / f"{name}.csv").open("r", encoding="utf-8") as table:
        yield from csv.DictReader(table)


def _factor(row: dict[str, str]) -> Factor:
    identifying = (
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
    )
    return Factor(
        factor_id=factor_digest(*(row[name] for name in identifying)),
        table_id=row["table_id"],
        quantity=row["quantity"],
        carrier=row["carrier"],
        gas=row["gas"],
        region=row["region"],
        basis=row["basis"],
        value=row["value"],
        unit=row["unit"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        published=date.fromisoformat(row["published"]),
        confidence=row["confidence"],
        source=row["source"],
        checked_where=row["checked_where"],
        note=row["note"],
    )


def _ratio(text: str) -> Fraction:
    """Reads `8.137`, `44/12` or `1/3.6`."""
    over, _, under = text.partition("/")
    return Fraction(over) / Fraction(under or "1")


def load_factor_book() -> FactorBook:
    """Returns every factor row and set that is shipped."""
    sets = [
        FactorSet(
            set_id=row["set_id"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            tables=tuple(filter(None, row["tables"].split(";"))),
            grid_level=row["grid_level"],
            electricity_basis=row["electricity_basis"],
            gwp_table=row["gwp_table"],
            published=date.fromisoformat(row["published"]),
            source=row["source"],
            note=row["note"],
        )
        for row in _rows("factor_sets")
    ]
    regions = GridRegions({row["region_prefix"]: row["grid_region"] for row in _rows("grid_regions")})
    return FactorBook((_factor(row) for name in FACTOR_TABLES for row in _rows(name)), sets, regions)


def load_disclosure_rule() -> DisclosureRule:
    """Returns the rule by which sums are published."""
    rows = list(_rows("disclosure_rules"))
    values = {row["parameter"]: int(row["value"]) for row in rows}
    return DisclosureRule(rows[0]["rule_id"], **values)


def load_amount_bounds() -> AmountBounds:
    """Returns the bounds of what a source can emit and use in a span of months."""
    megatonnes = {row["amount"]: int(row["value"]) for row in _rows("amount_bounds")}
    return AmountBounds(emissions_mg=megatonnes["emissions"] * 10**15, energy_mgce=megatonnes["energy"] * 10**15)


def load_reference_tables() -> ReferenceTables:
    """Returns carriers, inventory items, provinces, industries, known mistakes of units and bounds of amounts."""
    carriers = {
        row["carrier"]: Carrier(
            code=row["carrier"],
            kind=row["kind"],
            gas=row["gas"],
            biogenic=row["biogenic"] == "true",
            name_zh=row["name_zh"],
            name_en=row["name_en"],
        )
        for row in _rows("carriers")
    }
    # A row without scopes is a sum of others and takes no records.
    items = {
        row["item"]: InventoryItem(
            code=row["item"],
            sign=int(row["sign"]),
            scopes=frozenset(map(int, row["scopes"].split(";"))),
            name_zh=row["name_zh"],
            name_en=row["name_en"],
        )
        for row in _rows("inventory_items")
        if row["scopes"]
    }
    industries = list(_rows("gbt4754"))
    return ReferenceTables(
        carriers=carriers,
        items=items,
        provinces={row["region"]: row["name_zh"] for row in _rows("regions")},
        industry_sections={row["section"]: row["name_zh"] for row in industries if not row["division"]},
        industry_divisions={row["division"]: row["name_zh"] for row in industries if row["division"]},
        unit_mistakes=tuple(
            UnitMistake(_ratio(row["ratio"]), row["meaning_zh"], row["meaning_en"]) for row in _rows("unit_mistakes")
        ),
        bounds=load_amount_bounds(),
    )
