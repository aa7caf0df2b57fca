"""`parkcarbon report --park P --year Y`."""

from __future__ import annotations

from typing import Any

import click

from devstack.access import Access, access_options, opened, park_option
from devstack.tables import console, figure, table
from devstack.wording import SENTENCES, Words
from parkcarbon_client import GetIndicatorsResponse, QueryEmissionsResponse


def build(words: Words) -> click.Command:
    """Returns the subcommand in one language."""

    def run(park: str, year: int, **access: Any) -> None:
        with opened(words, Access(**access), role="reader") as client:
            about = client.get_park(park)
            indicators = client.get_indicators(park, year)
            emissions = client.query_emissions(park, f"{year}-01", f"{year + 1}-01", group_by=("scope", "item"))
        _print(words, words.name(about.name_zh, about.name_en), indicators, emissions)

    return click.Command(
        "report",
        callback=run,
        help=words("help.report"),
        params=[
            park_option(words),
            click.Option(["--year"], required=True, type=click.IntRange(1900, 9998), help=words("help.year")),
            *access_options(words),
        ],
    )


def _print(words: Words, park: str, indicators: GetIndicatorsResponse, emissions: QueryEmissionsResponse) -> None:
    out = console()
    conversion = f"conversion.{indicators.electricity_conversion}"
    basis = words(
        "report.basis",
        factor_set=indicators.factor_set_id,
        conversion=words(conversion) if conversion in SENTENCES else indicators.electricity_conversion,
        records=indicators.records,
    )
    out.print(
        table(
            words("report", park=park, year=indicators.year),
            [(words("indicator"), "left"), (words("value"), "right"), (words("unit"), "left"), (words("missing"), "left")],
            [
                (words.indicator(indicator.name), figure(indicator.value), indicator.unit, indicator.missing or "")
                for indicator in indicators.indicators
            ],
        )
    )
    out.print(basis, markup=False)
    out.print(
        table(
            words("energy_mix"),
            [(words("carrier"), "left"), (words("energy_tce"), "right"), (words("share"), "right")],
            [(share.carrier, figure(share.energy_tce), figure(share.share_pct, 2)) for share in indicators.energy_mix],
        )
    )
    groups = [
        (
            group.scope or "",
            group.item or "",
            figure(group.emissions_t_co2e),
            figure(group.energy_tce),
            str(group.records),
        )
        for group in emissions.groups
    ]
    total = emissions.total
    total_row = ("", words("total"), figure(total.emissions_t_co2e), figure(total.energy_tce), str(total.records))
    columns = [("scope", "left"), ("item", "left"), ("emissions_t", "right"), ("energy_tce", "right"), ("records", "right")]
    out.print(table(words("groups"), [(words(key), justify) for key, justify in columns], [*groups, total_row]))
    if emissions.straddling.records:
        out.print(words("report.straddling", records=emissions.straddling.records), markup=False)
