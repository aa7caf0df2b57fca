"""The demo park: Ganzhou Economic and Technological Development Zone, 2020 to 2022, loaded through the gateway like any other."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import as_file, files

from parkcarbon_client import (
    AsyncParkCarbonClient,
    Evaluation,
    NewAnnualFigures,
    NewPark,
    NewSource,
    NewThreshold,
    indicator_value,
)

PARK = NewPark(
    park_id="ganzhou-etdz",
    name_zh="赣州经开区",
    name_en="Ganzhou Economic and Technological Development Zone",
    region_code="360700",
    factor_set_id="wang-2024",
)
SOURCES = (
    NewSource(
        source_id="electricity",
        name_zh="园区外购电力",
        name_en="Purchased electricity of the park",
        item="enterprise.purchased_energy",
        scope=2,
        carrier="electricity",
        settlement_basis="bill",
    ),
    NewSource(
        source_id="natural-gas",
        name_zh="园区天然气",
        name_en="Natural gas of the park",
        item="enterprise.fuel_combustion",
        scope=1,
        carrier="natural_gas",
        settlement_basis="bill",
    ),
    NewSource(
        source_id="refined-oil",
        name_zh="园区成品油",
        name_en="Refined oil of the park",
        item="enterprise.fuel_combustion",
        scope=1,
        carrier="refined_oil",
        settlement_basis="bill",
    ),
)
SYSTEM = "guide-2021"
THRESHOLD_SET_ID = "demo-synthetic"
"""Thresholds to try scores with. They are made up, and whatever is scored by them says so; the demo's own evaluation is not."""

MADE_UP = "made up for the demonstration, stands for nothing"
PUBLICATION = "Wang et al. 2024, DOI 10.16516/j.ceec.2023-311"
CNY_10K_PER_100M = 10_000
T_PER_10K_T = 10_000


@dataclass(frozen=True)
class PublishedYear:
    """What the paper says of one year."""

    year: int
    gross_output_10k_cny: Decimal
    leading_industries_share_pct: Decimal
    emissions_10k_t: Decimal


@dataclass(frozen=True)
class ComparedYear:
    """What the platform computes for one year beside what the paper says."""

    year: int
    emissions_10k_t: Decimal
    published_10k_t: Decimal
    intensity_t_per_10k_cny: Decimal

    @property
    def deviation_pct(self) -> Decimal:
        """How far the computed emissions are from the published ones, per cent of these."""
        return (self.emissions_10k_t / self.published_10k_t - 1) * 100


class DemoRejected(Exception):
    """The platform refused rows of the demo park, or has no figure for one of its years."""


def published_years() -> tuple[PublishedYear, ...]:
    """Returns the published figures, by year."""
    with (files("devstack.ganzhou") / "figures.csv").open(encoding="utf-8") as file:
        return tuple(
            PublishedYear(
                int(row["year"]),
                Decimal(row["gross_output_100m_cny"]) * CNY_10K_PER_100M,
                Decimal(row["leading_industries_share_pct"]),
                Decimal(row["emissions_published_10k_t"]),
            )
            for row in csv.DictReader(file)
        )


async def load(client: AsyncParkCarbonClient) -> None:
    """Registers the park, its sources, figures and records, and thresholds to try. Whatever is there already stays as it is.

    Raises:
        DemoRejected: A row was refused.
        parkcarbon_client.ProblemError: The platform holds something else under the same id.
    """
    await client.create_park(PARK)
    for source in SOURCES:
        await client.create_source(PARK.park_id, source)
    for year in published_years():
        figures = NewAnnualFigures(
            gross_output_10k_cny=year.gross_output_10k_cny,
            leading_industries_share_pct=year.leading_industries_share_pct,
        )
        await client.record_annual_figures(PARK.park_id, year.year, figures)
    with as_file(files("devstack.ganzhou") / "records.csv") as path:
        receipt = await client.push_file(PARK.park_id, path)
    if receipt.rejected:
        raise DemoRejected("; ".join(row.problem.message for row in receipt.rejected_rows if row.problem))
    await client.create_threshold_set(
        SYSTEM, threshold_set_id=THRESHOLD_SET_ID, source=MADE_UP, origin="synthetic", rows=synthetic_thresholds()
    )


def synthetic_thresholds() -> Sequence[NewThreshold]:
    """Returns thresholds for rates, counts and amounts, for which nobody has published any."""
    with (files("devstack.ganzhou") / "synthetic_thresholds.csv").open(encoding="utf-8") as file:
        return [
            NewThreshold(row["indicator_id"], Decimal(row["minimum"]), Decimal(row["maximum"]), MADE_UP)
            for row in csv.DictReader(file)
        ]


async def evaluate(client: AsyncParkCarbonClient) -> Evaluation:
    """Returns the park's evaluation by the 69 indicators for the last published year: the newest one, or a new one.

    What the platform knows is filled in; nothing is made up for the rest, which is missing and shown so.
    """
    year = published_years()[-1].year
    async for kept in client.iterate_evaluations(PARK.park_id):
        if kept.evaluation_id is not None and (kept.system_id, kept.year) == (SYSTEM, year):
            return await client.get_evaluation(PARK.park_id, kept.evaluation_id)
    return await client.evaluate_park(PARK.park_id, system_id=SYSTEM, year=year)


async def compare(client: AsyncParkCarbonClient) -> Sequence[ComparedYear]:
    """Returns the platform's figures of each published year beside the published ones.

    Raises:
        DemoRejected: The platform has no figure for a year.
    """
    compared = []
    for year in published_years():
        indicators = await client.get_indicators(PARK.park_id, year.year)
        emissions_t = indicator_value(indicators, "emissions_t_co2e")
        intensity = indicator_value(indicators, "emissions_intensity_t_per_10k_cny")
        if emissions_t is None or intensity is None:
            raise DemoRejected(f"there are no emissions or no intensity for {year.year}")
        compared.append(ComparedYear(year.year, emissions_t / T_PER_10K_T, year.emissions_10k_t, intensity))
    return compared
