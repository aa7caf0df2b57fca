"""What the account answers: totals by dimension, and the rebuild of what is derived."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import pytest
import pytest_asyncio
from google.longrunning import operations_pb2  # type: ignore[import-untyped]
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from accounting.adapters import tables
from accounting.application.maintain import rebuild_sums
from accounting.domain.accounts import DIMENSIONS
from chassis import jobs
from chassis.jobs import JobLost, JobState
from kernel.refusals import Kind
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import (
    EVERYTHING,
    Row,
    Stand,
    Tenant,
    encoded_columns,
    ganzhou_rows,
    group,
    hours,
    keyed,
    keys_of,
    milligrams,
    outcomes,
    refusal,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

Sums = tuple[int, int, int]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collects every statement that any engine executes in the block."""
    seen: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


@pytest_asyncio.fixture(loop_scope="session")
async def mixed(stand: Stand) -> AsyncIterator[Tenant]:
    """A park under the provincial guideline, with all that stands apart: two enterprises, removals, biogenic CO2, long records."""
    park = stand.tenant()
    await park.create_park(factor_set_id="cn-provincial-national-grid")
    await park.create_enterprise("mill")
    await park.create_enterprise("plant")
    await park.create_source("meter", item="park.purchased_energy")
    await park.create_source("mill-power", enterprise_id="mill")
    await park.create_source("plant-gas", enterprise_id="plant", carrier="natural_gas", scope=1, item="enterprise.fuel_combustion")
    await park.create_source("process", enterprise_id="mill", carrier="ch4", gas="CH4", scope=1, item="enterprise.process")
    await park.create_source("forest", carrier="co2", scope=1, item="deduction.sinks", sector="land_use")
    answer = await park.record(
        Row("meter-1", "meter", "2021-01-01", "2021-02-01", "10", "MWh"),
        Row("meter-2", "meter", "2021-02-01", "2021-03-01", "20", "MWh"),
        Row("meter-year", "meter", "2022-01-01", "2023-01-01", "400", "MWh"),
        Row("mill-quarter", "mill-power", "2021-01-01", "2021-04-01", "30", "MWh"),
        Row("mill-late", "mill-power", "2021-12-31", "2022-01-01", "1", "MWh"),
        Row("gas-1", "plant-gas", "2021-03-01", "2021-04-01", "1000", "Nm3"),
        Row("ch4-1", "process", "2021-02-10", "2021-02-11", "5", "kg"),
        Row("forest-1", "forest", "2021-01-01", "2022-01-01", "2", "t"),
    )
    assert outcomes(answer) == ["accepted"] * 8
    yield park


POWER_2021_MG, POWER_2022_MG = 556_800_000, 536_600_000
"""1 MWh by the national averages of 2021 and 2022: 0.5568 and 0.5366 kg/kWh (announcements of 2024-04-12 and 2024-12-26)."""
POWER_COAL_MG = 122_900_000
"""1 MWh by calorific value, 0.1229 kgce/kWh (GB/T 2589-2020)."""
# 1000 Nm3 · 38.931 MJ · 15.3 g/MJ · 0.99 · 44/12 (provincial guideline, yearbook); · 1.33 kgce
GAS_MG, GAS_COAL_MG = 2_162_188_809, 1_330_000_000
METHANE_MG = 5 * 28 * 1_000_000  # 5 kg · GWP 28 (IPCC AR5)


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        pytest.param(
            "year",
            {
                ("2021",): (61 * POWER_2021_MG + GAS_MG + METHANE_MG, 61 * POWER_COAL_MG + GAS_COAL_MG, 6),
                ("2022",): (400 * POWER_2022_MG, 400 * POWER_COAL_MG, 1),
            },
            id="year",
        ),
        pytest.param(
            "month",
            {
                ("2021-01",): (10 * POWER_2021_MG, 10 * POWER_COAL_MG, 1),
                ("2021-01..2021-03",): (30 * POWER_2021_MG, 30 * POWER_COAL_MG, 1),
                ("2021-02",): (20 * POWER_2021_MG + METHANE_MG, 20 * POWER_COAL_MG, 2),
                ("2021-03",): (GAS_MG, GAS_COAL_MG, 1),
                ("2021-12",): (POWER_2021_MG, POWER_COAL_MG, 1),
                ("2022-01..2022-12",): (400 * POWER_2022_MG, 400 * POWER_COAL_MG, 1),
            },
            id="month",
        ),
        pytest.param(
            "scope",
            {
                ("1",): (GAS_MG + METHANE_MG, GAS_COAL_MG, 2),
                ("2",): (61 * POWER_2021_MG + 400 * POWER_2022_MG, 461 * POWER_COAL_MG, 5),
            },
            id="scope",
        ),
        pytest.param(
            "item",
            {
                ("enterprise.fuel_combustion",): (GAS_MG, GAS_COAL_MG, 1),
                ("enterprise.process",): (METHANE_MG, 0, 1),
                ("enterprise.purchased_energy",): (31 * POWER_2021_MG, 31 * POWER_COAL_MG, 2),
                ("park.purchased_energy",): (30 * POWER_2021_MG + 400 * POWER_2022_MG, 430 * POWER_COAL_MG, 3),
            },
            id="item",
        ),
        pytest.param(
            "gas",
            {
                ("CH4",): (METHANE_MG, 0, 1),
                ("CO2",): (61 * POWER_2021_MG + 400 * POWER_2022_MG + GAS_MG, 461 * POWER_COAL_MG + GAS_COAL_MG, 6),
            },
            id="gas",
        ),
        pytest.param(
            "enterprise",
            {
                ("",): (30 * POWER_2021_MG + 400 * POWER_2022_MG, 430 * POWER_COAL_MG, 3),
                ("mill",): (31 * POWER_2021_MG + METHANE_MG, 31 * POWER_COAL_MG, 3),
                ("plant",): (GAS_MG, GAS_COAL_MG, 1),
            },
            id="enterprise",
        ),
    ],
)
async def test_totals_are_grouped_by(mixed: Tenant, dimension: str, expected: dict[tuple[str, ...], Sums]) -> None:
    assert await mixed.groups(dimension) == expected


async def test_groups_of_every_choice_of_dimensions_add_up_to_the_total(mixed: Tenant) -> None:
    whole = await mixed.query()
    for size in (1, 2, 4):
        for chosen in combinations(DIMENSIONS, size):
            answer = await mixed.query(*chosen)
            keys = [keys_of(each, chosen) for each in answer.groups]
            assert keys == sorted(set(keys)), chosen
            added = tuple(map(sum, zip(*(group(each) for each in answer.groups), strict=True)))
            assert added == group(answer.total) == group(whole.total), chosen
            assert (answer.removals, answer.biogenic, answer.straddling) == (whole.removals, whole.biogenic, whole.straddling)


async def test_keys_come_in_the_order_that_was_asked_for(mixed: Tenant) -> None:
    one, other = await mixed.groups("scope", "year"), await mixed.groups("year", "scope")
    assert {(year, scope): each for (scope, year), each in one.items()} == other


async def test_removals_stand_apart_and_are_in_no_total(mixed: Tenant) -> None:
    answer = await mixed.query("source")
    assert group(answer.removals) == (2_000_000_000, 0, 1)
    assert ("forest",) not in keyed(answer)
    values = {each.name: each.value for each in (await mixed.indicators(2021)).indicators}
    assert values["removals_t_co2e"] == "2"


async def test_biogenic_carbon_dioxide_stands_apart_and_its_methane_does_not(stand: Stand) -> None:
    park = stand.tenant()
    await park.create_park(factor_set_id="ipcc-2006")
    for gas in ("CO2", "CH4"):
        await park.create_source(f"wood-{gas}", carrier="wood", gas=gas, scope=1, item="enterprise.fuel_combustion")
        await park.record(Row(gas, f"wood-{gas}", "2021-01-01", "2021-02-01", "1", "t"))
    answer = await park.query("gas")
    assert answer.biogenic.records == 1
    assert answer.biogenic.emissions_t_co2e == "1.7472"  # 15.6 GJ/t · 112 t/TJ (IPCC 2006, vol. 2, tables 1.2 and 2.3)
    # 15.6 GJ/t · 30 kg/TJ · GWP 28; the wood is energy like any fuel, once: 15600 MJ / 29.3076 MJ per kgce (GB/T 2589-2020)
    assert await park.groups("gas") == {("CH4",): (13_104_000, 0, 1), ("CO2",): (0, 532_285_141, 0)}


@pytest.mark.parametrize(
    ("start", "end", "inside", "straddling"),
    [
        pytest.param("2021-01", "2021-02", (10, 0), (30, 0), id="one_month_of_a_quarter"),
        pytest.param("2021-01", "2021-04", (60, 0), (0, 0), id="the_whole_quarter"),
        pytest.param("2021-02", "2021-04", (20, 0), (30, 0), id="the_end_of_the_quarter"),
        pytest.param("2021-04", "2021-12", (0, 0), (0, 0), id="months_without_records"),
        pytest.param("2022-01", "2022-12", (0, 0), (0, 400), id="eleven_months_of_a_year"),
        pytest.param("2022-12", "2023-01", (0, 0), (0, 400), id="the_last_month_of_a_year"),
        pytest.param("2021-12", "2023-01", (1, 400), (0, 0), id="the_whole_year_and_a_month"),
        pytest.param("1990-01", "9999-12", (61, 400), (0, 0), id="all_time"),
        pytest.param("2023-01", "2024-01", (0, 0), (0, 0), id="later"),
    ],
)
async def test_a_record_that_lies_partly_in_the_range_is_told_apart(
    mixed: Tenant, start: str, end: str, inside: tuple[int, int], straddling: tuple[int, int]
) -> None:
    answer = await mixed.query("carrier", start=start, end=end)
    power = keyed(answer).get(("electricity",), (0, 0, 0))
    assert power[0] == inside[0] * POWER_2021_MG + inside[1] * POWER_2022_MG
    forest = 2_000_000_000 if start <= "2021-12" and end > "2021-01" and not (start <= "2021-01" and end >= "2022-01") else 0
    assert group(answer.straddling)[0] == straddling[0] * POWER_2021_MG + straddling[1] * POWER_2022_MG + forest


async def test_a_year_stands_for_its_january(mixed: Tenant) -> None:
    answer = await mixed.query("carrier", start="2021", end="2022")
    assert (answer.from_month, answer.to_month) == ("2021-01", "2022-01")
    assert answer == await mixed.query("carrier", start="2021-01", end="2022-01")
    assert answer.total.records == 6


async def test_an_answer_says_what_was_asked(mixed: Tenant) -> None:
    answer = await mixed.query("year", "scope", start="2020-06", end="2023")
    asked = (answer.park_id, answer.from_month, answer.to_month, list(answer.group_by))
    assert asked == (mixed.park_id, "2020-06", "2023-01", ["year", "scope"])
    figures = await mixed.indicators(2021)
    assert (figures.park_id, figures.year) == (mixed.park_id, 2021)


@pytest.mark.parametrize(
    ("start", "end", "group_by", "field"),
    [
        pytest.param("2021-01", "2021-01", [], "to_month", id="an_empty_range"),
        pytest.param("2021-02", "2021-01", [], "to_month", id="a_range_backwards"),
        pytest.param("20211", "2022-01", [], "from_month", id="a_year_that_is_none"),
        pytest.param("2021-01", "2021", [], "to_month", id="a_year_for_its_own_january"),
        pytest.param("20211-1", "20211-2", [], "from_month", id="a_year_of_five_digits"),
        pytest.param("2021-13", "2022-01", [], "from_month", id="month_13"),
        pytest.param("２０２１-01", "2022-01", [], "from_month", id="full_width_digits"),
        pytest.param("1989-12", "2022-01", [], "from_month", id="before_1990"),
        pytest.param("2021-01", "2022-01", ["colour"], "group_by", id="an_unknown_dimension"),
        pytest.param("2021-01", "2022-01", ["year", "year"], "group_by", id="a_dimension_twice"),
        pytest.param("2021-01", "2022-01", list(DIMENSIONS[:5]), "group_by", id="five_dimensions"),
    ],
)
async def test_a_question_is_refused_with(park: Tenant, start: str, end: str, group_by: list[str], field: str) -> None:
    error = await refusal(park.query(*group_by, start=start, end=end))
    assert (error.kind, error.reason, error.metadata["field"]) == (Kind.INVALID, "INVALID_FIELD", field)


async def test_figures_of_a_year_that_cannot_be_are_refused(park: Tenant) -> None:
    for year in (0, -1, 1989, 2200, 2**31 - 1):
        assert (await refusal(park.indicators(year))).metadata["field"] == "year"


async def test_totals_are_answered_from_sums_alone_and_equal_a_scan(mixed: Tenant) -> None:
    with statements() as seen:
        answer = await mixed.query("year", "source")
        await mixed.indicators(2021)
    questions = [each for each in seen if "emissions_sum" in each]
    assert len(questions) == 2
    assert not [each for each in seen if "activity_record" in each or "activity_key" in each]
    scanned: dict[tuple[str, ...], Sums] = {}
    for record in await mixed.records():
        keys = (record.period_start_time[:4], record.source_id)
        before = scanned.get(keys, (0, 0, 0))
        assert not record.HasField("superseded_by")
        emissions, energy = milligrams(record.emissions_t_co2e), milligrams(record.energy_tce)
        scanned[keys] = (before[0] + emissions, before[1] + energy, before[2] + 1)
    del scanned["2021", "forest"]
    assert keyed(answer) == scanned


async def test_an_empty_park_answers_zero_and_says_what_is_missing(park: Tenant) -> None:
    assert await park.total() == (0, 0, 0)
    answer = await park.indicators(2020)
    by_name = {each.name: each for each in answer.indicators}
    assert by_name["emissions_t_co2e"].value == "0"
    assert not by_name["carbon_per_energy_t_per_tce"].HasField("value")
    assert by_name["carbon_per_energy_t_per_tce"].missing == "energy of the year is 0 tce"
    assert not by_name["emissions_t_co2e"].HasField("missing")
    assert (answer.electricity_conversion, list(answer.energy_mix), answer.records) == ("calorific", [], 0)


async def _tamper(park: Tenant, *sql: str) -> None:
    async with park.stand.service.database.begin(EVERYTHING) as session:
        for statement in sql:
            await session.execute(text(statement), {"tenant_id": park.tenant_id, "park_id": park.park_id})
        await session.commit()


async def test_a_rebuild_repairs_what_is_derived_says_how_much_and_tells_nobody(park: Tenant) -> None:
    rows = list(ganzhou_rows())
    await park.record(*rows)
    await park.record(Row("fix", "oil", "2021-01-01", "2022-01-01", "1", "t", supersedes="oil-2021"))
    before = (await park.query("year", "source"), await park.records())
    told = await park.facts()
    await _tamper(
        park,
        "UPDATE emissions_sum SET energy_mgce = 1 WHERE park_id = :park_id AND source_id = 'gas' AND first_month = 202001",
        "UPDATE emissions_sum SET records = 7 WHERE park_id = :park_id AND source_id = 'gas' AND first_month = 202101",
        "DELETE FROM emissions_sum WHERE park_id = :park_id AND source_id = 'electricity' AND first_month = 202201",
        "INSERT INTO emissions_sum VALUES (:tenant_id, :park_id, 'oil', 199001, 199001, 5, 5, 5, 5)",
        "UPDATE activity_key SET superseded_by = NULL WHERE park_id = :park_id AND record_id = 'oil-2021'",
        "UPDATE activity_key SET superseded_by = 'nobody' WHERE park_id = :park_id AND record_id = 'gas-2020'",
        "DELETE FROM activity_key WHERE park_id = :park_id AND record_id = 'electricity-2020'",
    )
    assert await park.query("year", "source") != before[0]
    assert await park.rebuild() == {"records": 10, "sums": 9, "corrected": 4}
    assert (await park.query("year", "source"), await park.records()) == before
    assert await park.facts() == told
    assert await park.rebuild() == {"records": 10, "sums": 9, "corrected": 0}
    # What was repaired works: ids are taken, the next record follows the last.
    again = await park.record(*rows, Row("next", "gas", "2019-01-01", "2019-02-01", "1", "Nm3"))
    assert outcomes(again) == ["duplicate"] * 9 + ["rejected"]
    further = await park.record(Row("move", "gas", "2020-01-01", "2020-02-01", "1", "Nm3", supersedes="gas-2020"))
    assert (outcomes(further), further.last_position) == (["superseded"], 11)


async def test_a_rebuild_says_what_it_corrected_wherever_its_worker_dies_and_a_worker_that_is_late_corrects_nothing(
    park: Tenant,
) -> None:
    service = park.stand.service
    await park.record(*ganzhou_rows())
    right = await park.query("year", "source")
    await service.runner.stop()
    request = pb.RebuildSumsRequest(park_id=park.park_id)
    started = await park.stand.channel.call(park.stand.stub.RebuildSums, request, caller=park.manager)
    await _tamper(park, "UPDATE emissions_sum SET energy_mgce = 1 WHERE park_id = :park_id AND first_month = 202001")
    spoiled = await park.query("year", "source")
    job = await service.runner._claim()
    assert job is not None
    assert started.operation_name == f"operations/{job.job_id}"
    with pytest.raises(JobLost):
        await rebuild_sums(service.ports, park.tenant_id, park.park_id, job_id=job.job_id, attempt=job.attempts - 1)
    assert await park.query("year", "source") == spoiled
    # The worker dies as soon as the sums are right: nothing is saved after this.
    result = await rebuild_sums(service.ports, park.tenant_id, park.park_id, job_id=job.job_id, attempt=job.attempts)
    assert (await park.query("year", "source"), result.corrected) == (right, 3)
    async with service.database.read(EVERYTHING) as session:
        ended = await jobs.get(session, tables.job, job_id=job.job_id, tenant_id=None)
    assert (ended.state, ended.result) == (JobState.SUCCEEDED, {"records": 9, "sums": 9, "corrected": 3})
    await service.runner.start()


async def test_a_rebuild_leaves_other_parks_alone(park: Tenant) -> None:
    other = await park.stand.tenant().settle()
    await other.record(Row("r"))
    await _tamper(other, "UPDATE emissions_sum SET emissions_mg = 1 WHERE park_id = :park_id")
    await park.rebuild()
    assert (await other.total())[0] == 1
    await other.rebuild()
    assert (await other.total())[0] == 58_100_000_000


async def test_a_rebuild_of_many_corrections_takes_no_longer_than_recording_them(park: Tenant) -> None:
    rows = hours(6_000)
    loop = asyncio.get_running_loop()
    start = loop.time()
    await park.push(encoded_columns(rows))
    await park.push(encoded_columns([row._replace(record_id=f"c{row.record_id}", supersedes=row.record_id) for row in rows]))
    took = loop.time() - start
    assert await park.rebuild() == {"records": 12_000, "sums": 9, "corrected": 0}
    # A join of every record with every correction took ten times as long.
    assert loop.time() - start - took < 3 * took


async def test_the_job_of_a_rebuild_is_the_tenants_own(park: Tenant) -> None:
    stand = park.stand
    request = pb.RebuildSumsRequest(park_id=park.park_id)
    answer = await stand.channel.call(stand.stub.RebuildSums, request, caller=park.manager)
    asked = operations_pb2.GetOperationRequest(name=answer.operation_name)
    other = stand.tenant()
    error = await refusal(stand.channel.call(stand.operations.GetOperation, asked, caller=other.manager))
    assert (error.kind, error.reason) == (Kind.NOT_FOUND, "JOB_NOT_FOUND")
    got: Any = await stand.channel.call(stand.operations.GetOperation, asked, caller=park.reader)
    assert got.name == answer.operation_name
    assert JobState.FAILED.value not in str(got.metadata)


async def test_sums_that_become_empty_are_told_and_asked_no_more(park: Tenant) -> None:
    await park.record(Row("a"))
    await park.record(Row("b", "electricity", "2021-01-01", "2021-02-01", supersedes="a"))
    assert await park.groups("month") == {("2021-01",): (58_100_000_000, 12_290_000_000, 1)}
    last = (await park.facts(events_pb2.EmissionsCalculated))[-1][1]
    assert dict(zip(last.first_month, last.records, strict=True)) == {202001: 0, 202101: 1}
    assert await park.rebuild() == {"records": 2, "sums": 1, "corrected": 0}


async def test_totals_name_the_last_position_that_they_include(park: Tenant) -> None:
    nothing = await park.query()
    await park.record(Row("a"))
    one = await park.query()
    await park.record(Row("b", period_start="2021-02-01", period_end="2021-03-01"))
    two = await park.query()
    assert [each.last_position for each in (nothing, one, two)] == [0, 1, 2]
