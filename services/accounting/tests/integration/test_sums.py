"""Sums beyond 64 bits, and the bound of a source and span of months: no row that is accepted makes a figure unreadable."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounting.adapters.factor_files import load_amount_bounds
from kernel.access import Caller
from kernel.quantities import format_scaled
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import Row, Stand, Tenant, group, milligrams, outcomes, reasons
from services.accounting.tests.integration.test_publication import beside, cells, publish, region, release

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOUND_MG = 10**17
HUGE = "170000000"
"""MWh of one row of the finding: at 0.581 t/MWh 98,770,000 t, under the bound of a record."""
HUGE_MG = 170_000_000 * 581 * 10**6


def hour(number: int, start: str = "2020-01-01") -> tuple[str, str]:
    begin = datetime.fromisoformat(start) + timedelta(hours=number)
    return f"{begin.isoformat()}+08:00", f"{(begin + timedelta(hours=1)).isoformat()}+08:00"


def hourly(source_id: str, rows: int, quantity: str = HUGE) -> list[Row]:
    return [Row(f"{source_id}-{number}", source_id, *hour(number), quantity=quantity) for number in range(rows)]


async def test_the_bound_is_the_one_that_is_shipped() -> None:
    bounds = load_amount_bounds()
    assert (bounds.emissions_mg, bounds.energy_mgce) == (BOUND_MG, BOUND_MG)


async def with_neighbour(tenant: Tenant) -> Tenant:
    """A park of two enterprises, one of which has an honest record."""
    await tenant.create_park()
    for name in ("loud", "honest"):
        await tenant.create_enterprise(name)
    for number in (1, 2):
        await tenant.create_source(f"loud-{number}", enterprise_id="loud")
    await tenant.create_source("honest-meter", enterprise_id="honest")
    await tenant.record(Row("honest-1", "honest-meter", quantity="1"))
    return tenant


async def test_the_180_rows_of_one_enterprise_are_refused_but_for_one_each_and_the_neighbour_reads_its_figures(
    tenant: Tenant,
) -> None:
    park = await with_neighbour(tenant)
    loud = Caller("loud", park.tenant_id, frozenset({"enterprise"}), enterprises=frozenset({f"{park.park_id}/loud"}))
    for source_id in ("loud-1", "loud-2"):
        answer = await park.push(_columns(hourly(source_id, 90)), caller=loud)
        assert outcomes(answer) == ["accepted"] + ["rejected"] * 89
        assert set(reasons(answer)) == {"AMOUNT_OUT_OF_RANGE"}
    problem = answer.outcomes.problems[0]
    assert (problem.row_number, problem.record_id, problem.field, problem.found) == (2, "loud-2-1", "quantity", f"{HUGE} MWh")
    assert problem.message_en == (
        "quantity 170000000 MWh is more than can be: records of source loud-2 in 2020-01 are less than 100000000 t together and"
        " 98770000 t without this one; correct the quantity or its unit, or the records that are there"
    )
    assert problem.message_zh == (
        "数量 170000000 MWh 超出可能的范围:排放源 loud-2 在 2020-01 的记录合计应少于 100000000 t,不含本条已有 98770000 t;"
        "请更正数量或单位,或更正已有记录"
    )
    assert await park.total() == (2 * HUGE_MG + 581_000_000, (2 * 170_000_000 + 1) * 1229 * 10**5, 3)
    for dimension in ("year", "month", "scope", "item", "carrier", "gas", "sector", "enterprise", "source"):
        assert sum(each[0] for each in (await park.groups(dimension)).values()) == 2 * HUGE_MG + 581_000_000
    assert (await park.groups("enterprise"))[("honest",)][0] == 581_000_000
    assert (await park.indicators(2020)).records == 3
    assert (await park.close(2020)).inventory.emissions_t_co2e == "197540000.581"


def _columns(rows: Sequence[Row]) -> pb.ActivityColumns:
    texts = {name: pb.TextColumn(values=[row[place] for row in rows]) for place, name in enumerate(Row._fields)}
    return pb.ActivityColumns(row_number=range(1, len(rows) + 1), **texts)


async def test_110_rows_into_one_source_and_month_are_refused_but_for_the_first(park: Tenant) -> None:
    answer = await park.record(*hourly("electricity", 110))
    assert outcomes(answer) == ["accepted"] + ["rejected"] * 109
    assert await park.total() == (HUGE_MG, 170_000_000 * 1229 * 10**5, 1)


async def test_batches_at_the_same_time_that_only_together_go_beyond_are_not_both_kept(park: Tenant) -> None:
    half = [Row(f"r{number}", "electricity", *hour(number), quantity="100000000") for number in range(8)]
    answers = await asyncio.gather(*(park.record(row) for row in half))
    assert sorted(outcome for answer in answers for outcome in outcomes(answer)) == ["accepted"] + ["rejected"] * 7
    assert (await park.total())[2] == 1


async def test_the_rows_of_a_batch_that_fit_are_kept_whatever_stands_between_them(park: Tenant) -> None:
    answer = await park.record(
        Row("a", "electricity", *hour(0), quantity="172000000"),
        Row("b", "electricity", *hour(1), quantity="172000000"),
        Row("c", "electricity", *hour(2), quantity="1"),
        Row("d", "electricity", "2020-02-01", "2020-03-01", quantity="172000000", confirmed="true"),
        Row("e", "gas", *hour(1), quantity="1", unit="Nm3"),
    )
    assert outcomes(answer) == ["accepted", "rejected", "accepted", "accepted", "accepted"]
    again = await park.record(Row("b2", "electricity", *hour(3), quantity="172000000", confirmed="true"))
    assert reasons(again) == ["AMOUNT_OUT_OF_RANGE"], "who confirms a value does not move the bound"


async def test_a_correction_frees_what_it_takes_out_and_is_refused_where_it_goes_beyond(park: Tenant) -> None:
    await park.record(Row("a", "electricity", *hour(0), quantity=HUGE))
    too_much = await park.record(
        Row("b", "electricity", *hour(1), quantity=HUGE, confirmed="true"),
        Row("a2", "electricity", *hour(0), quantity="1", supersedes="a"),
    )
    assert outcomes(too_much) == ["rejected", "superseded"]
    assert outcomes(await park.record(Row("b", "electricity", *hour(1), quantity=HUGE, confirmed="true"))) == ["accepted"]
    beyond = Row("a3", "electricity", *hour(0), quantity=HUGE, supersedes="a2", confirmed="true")
    assert reasons(await park.record(beyond)) == ["AMOUNT_OUT_OF_RANGE"]
    assert (await park.total())[:1] == (HUGE_MG + 581_000_000,)
    assert (await park.rebuild())["corrected"] == 0


async def test_large_amounts_of_both_signs_pass_through_corrections_without_leaving_64_bits(park: Tenant) -> None:
    """Two hundred records that cancel out; half of them corrected at once take out twice what 64 bits hold."""
    zero = [Row(f"z{number}", "electricity", *hour(number), quantity="0") for number in range(200)]
    assert set(outcomes(await park.record(*zero))) == {"accepted"}
    signs = [
        row._replace(record_id=f"s{place}", quantity=f"-{HUGE}" if place % 2 else HUGE, supersedes=row.record_id)
        for place, row in enumerate(zero)
    ]
    assert set(outcomes(await park.record(*signs))) == {"superseded"}
    assert await park.total() == (0, 0, 200)
    assert (await park.rebuild())["corrected"] == 0
    same = [row._replace(record_id=f"t{place}", supersedes=f"s{place}") for place, row in enumerate(signs) if place % 2 == 0]
    assert set(outcomes(await park.record(*same))) == {"superseded"}
    assert await park.total() == (0, 0, 200)
    gone = [row._replace(record_id=f"u{row.record_id}", quantity="0", supersedes=row.record_id) for row in same]
    answer = await park.record(*gone)
    assert outcomes(answer).count("superseded") == 1, "a second one would leave the negative ones beyond the bound"
    assert (await park.total())[0] == -HUGE_MG
    assert (await park.rebuild())["corrected"] == 0


async def test_a_correction_that_moves_to_another_month_is_bounded_in_both(park: Tenant) -> None:
    february = ("2020-02-01T00:00:00+08:00", "2020-02-01T01:00:00+08:00")
    await park.record(Row("a", "electricity", *hour(0), quantity=HUGE), Row("f", "electricity", *february, quantity=HUGE))
    moved = Row("a2", "electricity", february[1], "2020-02-01T02:00:00+08:00", quantity=HUGE, supersedes="a", confirmed="true")
    assert reasons(await park.record(moved)) == ["AMOUNT_OUT_OF_RANGE"]
    march = moved._replace(period_start="2020-03-01", period_end="2020-04-01")
    assert outcomes(await park.record(march)) == ["superseded"]
    assert await park.groups("month") == {
        ("2020-02",): (HUGE_MG, 170_000_000 * 1229 * 10**5, 1),
        ("2020-03",): (HUGE_MG, 170_000_000 * 1229 * 10**5, 1),
    }


# --- 10¹¹ t -------------------------------------------------------------------------------------------------------------

ENTERPRISES, SOURCES_EACH = 20, 5
NEAR_MWH = 172_117_039
"""The most whole MWh in a month of which 0.581 t each stay below 10⁸ t."""
MONTHS = [(f"2020-{number:02d}-01", f"2020-{number + 1:02d}-01" if number < 12 else "2021-01-01") for number in range(1, 13)]
TOTAL_MG = ENTERPRISES * SOURCES_EACH * 12 * NEAR_MWH * 581 * 10**6
TOTAL_MGCE = ENTERPRISES * SOURCES_EACH * 12 * NEAR_MWH * 1229 * 10**5


async def nation(tenant: Tenant, enterprises: int = ENTERPRISES) -> Tenant:
    """A park of enterprises that emit 6·10⁹ t each in 2020."""
    await tenant.create_park()
    rows = []
    for number in range(enterprises):
        enterprise = f"e{number}"
        await tenant.create_enterprise(enterprise, industry_code=("C3120", "C2511")[number % 2])
        for meter in range(SOURCES_EACH):
            source_id = f"{enterprise}-{meter}"
            await tenant.create_source(source_id, enterprise_id=enterprise)
            rows += [Row(f"{source_id}-{start}", source_id, start, end, quantity=str(NEAR_MWH)) for start, end in MONTHS]
    answer = await tenant.record(*rows)
    assert set(outcomes(answer)) == {"accepted"}
    return tenant


async def test_more_than_100_billion_tonnes_are_added_closed_published_and_told(tenant: Tenant) -> None:
    park = await nation(tenant)
    assert TOTAL_MG > 10**20 > 2**63
    assert group((await park.query()).total) == (TOTAL_MG, TOTAL_MGCE, 1200)
    assert (await park.groups("scope", "carrier"))["2", "electricity"] == (TOTAL_MG, TOTAL_MGCE, 1200)
    per_enterprise = await park.groups("enterprise")
    assert set(per_enterprise.values()) == {(TOTAL_MG // 20, TOTAL_MGCE // 20, 60)}
    straddling = (await park.query(start="2020-12", end="2021-06")).total
    assert milligrams(straddling.emissions_t_co2e) == TOTAL_MG // 12
    await park.record_figures(2020, gross_output_10k_cny="7070000")
    figures = {each.name: each.value for each in (await park.indicators(2020)).indicators}
    assert (milligrams(figures["emissions_t_co2e"]), milligrams(figures["energy_tce"])) == (TOTAL_MG, TOTAL_MGCE)

    closed = (await park.close(2020)).inventory
    assert (milligrams(closed.emissions_t_co2e), milligrams(closed.scope_2_t_co2e)) == (TOTAL_MG, TOTAL_MG)
    read = await park.inventory("2020-v1")
    assert read.inventory == closed
    assert {milligrams(part.emissions_t_co2e) for part in read.parts} == {TOTAL_MG}
    lines = (await park.lines("2020-v1")).lines
    assert sum(milligrams(line.emissions_t_co2e) for line in lines) == TOTAL_MG
    assert list((await park.replay("2020-v1")).differences) == []

    made = (await publish(park, "scope", "industry")).publication
    total_t = closed.emissions_t_co2e
    assert cells(made)[""] == ("shown", total_t)
    assert cells(made)["2"] == ("shown", total_t)

    assert (await park.rebuild()) == {"records": 1200, "sums": 1200, "corrected": 0}
    told = {type(fact): fact for _, fact in await park.facts()}
    assert told[events_pb2.InventoryClosed].emissions_mg_co2e == str(TOTAL_MG)
    assert told[events_pb2.InventoryClosed].energy_mgce == str(TOTAL_MGCE)
    assert told[events_pb2.InventoryPublished].sums[0].emissions_mg_co2e == str(TOTAL_MG)


async def test_a_region_of_more_than_100_billion_tonnes_is_released_and_read(tenant: Tenant) -> None:
    parks = [await nation(beside(tenant, name), enterprises=ENTERPRISES // 5) for name in "abcde"]
    closed = [(await park.close(2020)).inventory for park in parks]
    assert sum(milligrams(each.emissions_t_co2e) for each in closed) == TOTAL_MG
    shown = dict.fromkeys(("36", "3607", "360700"), ("shown", format_scaled(TOTAL_MG, 9)))
    assert cells((await release(tenant)).release) == shown
    assert await region(tenant, "36") == shown


# --- any rows -----------------------------------------------------------------------------------------------------------


class Draft(NamedTuple):
    """A row before it has an id: what it corrects is counted among those before it."""

    source: int
    month: int
    quantity: int
    corrects: int | None


quantities = st.one_of(st.integers(0, 10), st.integers(0, 172_117_039), st.sampled_from([86_058_519, 172_117_039]))
drafts = st.builds(Draft, st.integers(0, 1), st.integers(0, 2), quantities, st.none() | st.integers(0, 40))


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    batches=st.lists(st.lists(drafts, min_size=1, max_size=12), min_size=1, max_size=4), signs=st.lists(st.booleans(), min_size=60)
)
async def test_any_accepted_rows_give_the_sums_of_python_integers(
    stand: Stand, batches: list[list[Draft]], signs: list[bool]
) -> None:
    park = await stand.tenant().settle("electricity", "gas")
    await park.create_source("second")
    names = ["electricity", "second"]
    made: list[Row] = []
    for batch in batches:
        rows = []
        for draft in batch:
            place = len(made)
            target = made[draft.corrects % place].record_id if draft.corrects is not None and place else ""
            quantity = -draft.quantity if target and draft.quantity and signs[place % len(signs)] else draft.quantity
            start, end = hour(place, f"2020-{draft.month + 1:02d}-01")
            row = Row(f"r{place}", names[draft.source], start, end, str(quantity), "MWh", target, "true")
            made.append(row)
            rows.append(row)
        answer = await park.record(*rows)
        assert set(reasons(answer)) <= {"AMOUNT_OUT_OF_RANGE", "ALREADY_SUPERSEDED", "SUPERSEDES_UNKNOWN"}
    spans: dict[tuple[str, str], int] = defaultdict(int)
    for record in await park.records():
        if not record.HasField("superseded_by"):
            spans[record.period_start_time[:7], record.source_id] += milligrams(record.emissions_t_co2e)
    assert all(abs(amount) < BOUND_MG for amount in spans.values())
    assert {key: each[0] for key, each in (await park.groups("month", "source")).items()} == spans
    assert (await park.total())[0] == sum(spans.values())
    assert (await park.rebuild())["corrected"] == 0
