"""Totals are a function of the records alone: whatever their order, their batches and their repetitions.

The oracle is a second implementation in plain fractions, of the formulas and coefficients as Wang et al. 2024 print them
(DOI 10.16516/j.ceec.2023-311, eq. 1, 3, 4, 5; tables 4 and 5; section 4.3).
"""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.accounting.tests.integration.stand import (
    Row,
    Stand,
    Tenant,
    columns,
    encoded_columns,
    group,
    keyed,
    milligrams,
    outcomes,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

CARBON_TO_CO2 = Fraction(44, 12)
# Kilograms of CO2 and of standard coal per basic unit: kWh, Nm3, kg.
COEFFICIENTS = {
    "electricity": (Fraction("0.581"), Fraction("0.1229")),
    "gas": (Fraction("38.931") * Fraction("15.3") / 1000 * Fraction("0.98") * CARBON_TO_CO2, Fraction("1.33")),
    "oil": (Fraction("43.07") * Fraction("19.6") / 1000 * Fraction("0.99") * CARBON_TO_CO2, Fraction("1.47")),
}
CARRIERS = {"electricity": "electricity", "gas": "natural_gas", "oil": "refined_oil"}
UNITS = {
    "electricity": {"Wh": "0.001", "kWh": "1", "MWh": "1000", "万kWh": "10000"},
    "gas": {"Nm3": "1", "万Nm3": "10000"},
    "oil": {"g": "0.001", "kg": "1", "t": "1000"},
}
# Half a milligram over: 0.0005 kWh · 0.581 kg = 290.5 mg; 0.0125 t of oil = 38304304.5 mg; 0.005 kWh = 614.5 mg of coal.
TIES = {
    "electricity": ["0.0005", "0.0015", "0.0025", "0.005", "0.015"],
    "gas": ["0.25", "0.5"],
    "oil": ["0.0125", "0.0375", "0.0625"],
}


class Said(NamedTuple):
    """A record as the oracle sees it."""

    row: Row
    kind: str
    year: int
    months: str


def milligrams_of(said: Said) -> tuple[int, int]:
    """Rounds to the nearest milligram, half to even; once per record."""
    basic = Fraction(said.row.quantity) * Fraction(UNITS[said.kind][said.row.unit])
    co2, coal = COEFFICIENTS[said.kind]
    return round(basic * co2 * 10**6), round(basic * coal * 10**6)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Said], list[Said]]:
    """Records of a few sources without overlap, and corrections of some of them."""
    said: list[Said] = []
    sources = draw(st.lists(st.sampled_from(list(CARRIERS)), min_size=1, max_size=4))
    for number, kind in enumerate(sources):
        at = date(2020, 1, 1)
        for gap, length in draw(st.lists(st.tuples(st.integers(0, 120), st.integers(1, 100)), max_size=8)):
            start = at + timedelta(days=gap)
            end = start + timedelta(days=length)
            if end > date(start.year + 1, 1, 1):
                end = date(start.year + 1, 1, 1)
            if start.year > 2022:
                break
            at = end
            row = Row(f"{number}.{start}", f"{kind}-{number}", str(start), str(end), *draw(amounts(kind)), confirmed="true")
            last = end - timedelta(days=1)
            months = f"{start:%Y-%m}" if (start.year, start.month) == (last.year, last.month) else f"{start:%Y-%m}..{last:%Y-%m}"
            said.append(Said(row, kind, start.year, months))
    corrected = draw(st.lists(st.sampled_from(said), unique=True, max_size=4)) if said else []
    corrections = []
    for old in corrected:
        quantity, unit = draw(amounts(old.kind))
        sign = "-" if Decimal(quantity) and draw(st.booleans()) else ""
        row = old.row._replace(
            record_id=f"fix.{old.row.record_id}", quantity=sign + quantity, unit=unit, supersedes=old.row.record_id
        )
        corrections.append(old._replace(row=row))
    return said, corrections


@st.composite
def amounts(draw: st.DrawFn, kind: str) -> tuple[str, str]:
    """A quantity and a unit."""
    unit = draw(st.sampled_from(list(UNITS[kind])))
    plain = st.decimals(0, 50_000, places=6, allow_nan=False).map(lambda number: f"{number:f}")
    return draw(st.one_of(plain, st.integers(0, 10**6).map(str), st.sampled_from(TIES[kind]))), unit


async def _hold(stand: Stand, data: st.DataObject) -> None:
    said, corrections = data.draw(histories())
    park = stand.tenant()
    await park.create_park()
    for source_id, kind in {each.row.source_id: each.kind for each in said}.items():
        scope, item = (2, "enterprise.purchased_energy") if kind == "electricity" else (1, "enterprise.fuel_combustion")
        await park.create_source(source_id, carrier=CARRIERS[kind], scope=scope, item=item)
    await park.record_figures(2021, gross_output_10k_cny="9547000")
    # Corrections follow what they correct, in the same batch or a later one; everything else comes in any order.
    order = [each.row for each in data.draw(st.permutations(said))] + [each.row for each in data.draw(st.permutations(corrections))]
    sent: list[Row] = []
    accepted: Counter[str] = Counter()
    while order:
        size = data.draw(st.integers(1, len(order)))
        batch, order = order[:size], order[size:]
        resent = data.draw(st.lists(st.sampled_from(sent), max_size=3)) if sent else []
        mixed = data.draw(st.permutations([*batch, *resent]))
        answer = await park.push((encoded_columns if data.draw(st.booleans()) else columns)(mixed))
        accepted.update(outcomes(answer))
        sent += batch
    assert accepted["accepted"] == len(said)
    assert accepted["superseded"] == len(corrections)
    assert accepted["rejected"] == 0
    await _compare(park, said, corrections)


async def _compare(park: Tenant, said: list[Said], corrections: list[Said]) -> None:
    gone = {each.row.supersedes for each in corrections}
    in_force = [*(each for each in said if each.row.record_id not in gone), *corrections]
    for dimensions in (("source", "month"), ("year", "carrier"), ("scope",), ()):
        expected: dict[tuple[str, ...], list[int]] = {}
        for each in in_force:
            values = {
                "source": each.row.source_id,
                "month": each.months,
                "year": str(each.year),
                "carrier": CARRIERS[each.kind],
                "scope": "2" if each.kind == "electricity" else "1",
            }
            sums = expected.setdefault(tuple(values[name] for name in dimensions), [0, 0, 0])
            for place, amount in enumerate((*milligrams_of(each), 1)):
                sums[place] += amount
        answer = await park.query(*dimensions)
        assert {keys: list(sums) for keys, sums in keyed(answer).items()} == expected
        assert list(group(answer.total)) == [sum(sums[place] for sums in expected.values()) for place in range(3)]
    of_2021 = [each for each in in_force if each.year == 2021]
    co2 = sum(milligrams_of(each)[0] for each in of_2021)
    coal = sum(milligrams_of(each)[1] for each in of_2021)
    indicators = {each.name: each.value for each in (await park.indicators(2021)).indicators}
    assert Fraction(indicators["emissions_t_co2e"]) == Fraction(co2, 10**9)
    assert Fraction(indicators["energy_tce"]) == Fraction(coal, 10**9)
    assert indicators["emissions_intensity_t_per_10k_cny"] == _six_decimals(Fraction(co2, 10**9) / 9_547_000)
    assert indicators["carbon_per_energy_t_per_tce"] == (_six_decimals(Fraction(co2, coal)) if coal > 0 else "")


def _six_decimals(value: Fraction) -> str:
    return f"{Decimal(round(value * 10**6)).scaleb(-6):.6f}"


def _examples(count: int) -> settings:
    """Does not look for a smaller example: each is a dozen commits, and the search would take minutes."""
    health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    phases = [phase for phase in Phase if phase is not Phase.shrink]
    return settings(max_examples=count, deadline=None, database=None, suppress_health_check=health, phases=phases)


@pytest.mark.parametrize("shared_database_url", ["sqlite"], indirect=True)
@given(data=st.data())
@_examples(30)
async def test_totals_are_those_of_plain_fractions_in_any_order_and_any_batches(stand: Stand, data: st.DataObject) -> None:
    await _hold(stand, data)


@pytest.mark.parametrize("shared_database_url", ["postgresql"], indirect=True)
@given(data=st.data())
@_examples(8)
async def test_totals_in_postgresql_are_those_of_plain_fractions_too(stand: Stand, data: st.DataObject) -> None:
    await _hold(stand, data)


async def test_ties_round_half_to_even(stand: Stand) -> None:
    park = await stand.tenant().settle()
    quantities = {"electricity": ("kWh", TIES["electricity"]), "oil": ("t", TIES["oil"])}
    rows = [
        Row(f"{kind}{number}", kind, f"2020-01-{number + 1:02d}", f"2020-01-{number + 2:02d}", quantity, unit, confirmed="true")
        for kind, (unit, ties) in quantities.items()
        for number, quantity in enumerate(ties)
    ]
    await park.record(*rows)
    found = {
        record.record_id: (milligrams(record.emissions_t_co2e), milligrams(record.energy_tce)) for record in await park.records()
    }
    # 290.5, 871.5, 1452.5, 2905, 8715 mg; 61.45, 184.35, 307.25, 614.5, 1843.5 mg of coal
    assert [found[f"electricity{number}"] for number in range(5)] == [
        (290, 61),
        (872, 184),
        (1452, 307),
        (2905, 614),
        (8715, 1844),
    ]
    # 12500, 37500 and 62500 g · 3064.34436 mg/g = 38304304.5, 114912913.5 and 191521522.5 mg
    assert [found[f"oil{number}"][0] for number in range(3)] == [38_304_304, 114_912_914, 191_521_522]
