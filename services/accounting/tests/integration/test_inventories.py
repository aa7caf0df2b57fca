"""Closed inventories: what is closed stays, is restated beside it, and is computed again bit for bit."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from accounting.adapters import tables
from chassis.testing.tampering import tamper
from kernel.access import Caller
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import EVERYTHING, Row, Stand, Tenant, ganzhou_rows, hours, outcomes, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUBLISHED_10K_T = {2020: "88.87", 2021: "97.50", 2022: "100.60"}
"""Wang et al. 2024, table 7, DOI 10.16516/j.ceec.2023-311."""


async def test_the_published_years_close_with_the_totals_of_the_account(park: Tenant) -> None:
    await park.record(*ganzhou_rows())
    for year, published in PUBLISHED_10K_T.items():
        closed = (await park.close(year)).inventory
        indicators = {each.name: each.value for each in (await park.indicators(year)).indicators}
        assert closed.emissions_t_co2e == indicators["emissions_t_co2e"]
        assert closed.scope_1_t_co2e == indicators["emissions_scope_1_t_co2e"]
        assert closed.scope_2_t_co2e == indicators["emissions_scope_2_t_co2e"]
        assert closed.energy_tce == indicators["energy_tce"]
        assert abs(float(closed.emissions_t_co2e) / 10_000 / float(published) - 1) < 0.001
        assert (closed.inventory_id, closed.version, closed.state, closed.records) == (f"{year}-v1", 1, "in_force", 3)
        assert closed.factor_set_id == "wang-2024"
        replay = await park.replay(closed.inventory_id)
        assert (replay.equal, replay.records, list(replay.differences)) == (True, 3, [])


async def test_an_inventory_names_the_factor_rows_that_it_was_made_with(park: Tenant) -> None:
    await park.record(Row("a"))
    await park.close(2020)
    found = await park.inventory("2020-v1")
    # 0.581 kg/kWh and 0.1229 kgce/kWh, and nothing of gas or oil
    assert sorted((each.quantity, each.value, each.unit) for each in found.factors) == [
        ("emission_factor", "0.581", "tCO2/MWh"),
        ("standard_coal", "0.1229", "kgce/kWh"),
    ]
    assert [(each.dimension, each.key, each.emissions_t_co2e) for each in found.parts] == [
        ("gas", "CO2", "58.1"),
        ("item", "enterprise.purchased_energy", "58.1"),
        ("sector", "energy", "58.1"),
    ]


async def test_closing_again_what_did_not_change_answers_as_before(park: Tenant) -> None:
    await park.record(Row("a"))
    first = await park.close(2020)
    again = await park.close(2020, "a reason that nothing calls for")
    assert (first.created, again.created) == (True, False)
    assert again.inventory == first.inventory


async def test_a_record_of_another_year_does_not_restate_a_year(park: Tenant) -> None:
    await park.record(Row("a"))
    await park.close(2020)
    await park.record(Row("b", period_start="2021-01-01", period_end="2021-02-01"))
    assert not (await park.close(2020)).created


async def test_other_records_restate_the_year_with_a_reason_and_leave_the_first_version_as_it_was(park: Tenant) -> None:
    await park.record(Row("a"), Row("gas", "gas", quantity="1000", unit="Nm3"))
    first = (await park.close(2020)).inventory
    lines = (await park.lines("2020-v1")).lines
    assert outcomes(await park.record(Row("b", quantity="-100", supersedes="a"))) == ["superseded"]

    refused = await refusal(park.close(2020))
    assert (refused.reason, refused.metadata["field"]) == ("INVALID_FIELD", "reason")
    assert "2020-v1" in refused.metadata["allowed"]
    second = (await park.close(2020, "The bill of January was a credit note")).inventory

    assert (second.inventory_id, second.version, second.state) == ("2020-v2", 2, "in_force")
    assert second.reason == "The bill of January was a credit note"
    assert second.scope_2_t_co2e == "-58.1"
    before = (await park.inventory("2020-v1")).inventory
    assert (before.state, before.emissions_t_co2e) == ("restated", first.emissions_t_co2e)
    assert before.content_sha256 == first.content_sha256
    assert (await park.lines("2020-v1")).lines == lines
    for inventory_id in ("2020-v1", "2020-v2"):
        assert (await park.replay(inventory_id)).equal


async def test_a_correction_that_is_corrected_later_stays_in_the_version_that_had_it(park: Tenant) -> None:
    await park.record(Row("a"))
    await park.record(Row("b", quantity="90", supersedes="a"))
    first = (await park.close(2020)).inventory
    await park.record(Row("c", quantity="80", supersedes="b"))
    assert first.emissions_t_co2e == "52.29"
    assert (await park.close(2020, "corrected again")).inventory.emissions_t_co2e == "46.48"
    assert (await park.replay("2020-v1")).equal


async def test_what_was_closed_is_told_as_a_fact(park: Tenant) -> None:
    await park.record(Row("a"))
    closed = (await park.close(2020)).inventory
    ((event, fact),) = await park.facts(events_pb2.InventoryClosed)
    assert (event.topic, event.key) == ("accounting.inventory.v1", park.park_id)
    assert event.subject == f"parks/{park.park_id}/inventories/2020-v1"
    assert (fact.inventory_id, fact.emissions_mg_co2e, fact.scope_2_mg_co2e) == ("2020-v1", "58100000000", "58100000000")
    assert (fact.records, fact.records_sha256, fact.content_sha256) == (1, closed.records_sha256, closed.content_sha256)


async def test_what_is_deducted_and_what_is_biogenic_stand_apart(tenant: Tenant) -> None:
    await tenant.create_park(factor_set_id="ipcc-2006")
    await tenant.create_source("wood", carrier="wood", item="enterprise.fuel_combustion", scope=1)
    await tenant.create_source("forest", carrier="co2", item="deduction.sinks", scope=1, sector="land_use")
    answer = await tenant.record(
        Row("wood-1", "wood", "2021-01-01", "2021-02-01", "1", "t"), Row("forest-1", "forest", "2021-01-01", "2022-01-01", "3", "t")
    )
    assert outcomes(answer) == ["accepted"] * 2
    closed = (await tenant.close(2021)).inventory
    # wood: 15.6 GJ/t · 112 t/TJ (IPCC 2006, vol. 2, tables 1.2 and 2.3)
    assert (closed.emissions_t_co2e, closed.removals_t_co2e, closed.biogenic_t_co2e) == ("0", "3", "1.7472")
    # the fuel is energy all the same
    indicators = {each.name: each.value for each in (await tenant.indicators(2021)).indicators}
    assert closed.energy_tce == indicators["energy_tce"] != "0"
    assert list((await tenant.inventory("2021-v1")).parts) == []


@pytest.mark.parametrize("year", [0, 1989, 2026, 2027, 2**31 - 1])
async def test_a_year_that_is_not_over_is_not_closed(park: Tenant, year: int) -> None:
    refused = await refusal(park.close(year))
    assert (refused.reason, refused.metadata["allowed"]) == ("INVALID_FIELD", "a year that is over, from 1990 to 2025")


async def test_a_year_without_records_is_not_closed(park: Tenant) -> None:
    assert (await refusal(park.close(2020))).metadata["allowed"] == "a year with records in force"


@pytest.mark.parametrize("reason", ["x" * 501, "a\nb", " "])
async def test_a_reason_is_a_line_of_text(park: Tenant, reason: str) -> None:
    await park.record(Row("a"))
    assert (await refusal(park.close(2020, reason))).metadata["field"] == "reason"


@pytest.mark.parametrize("inventory_id", ["2020-v2", "2020", "v1", "2020-v0", "2020-v01", "2020-v9999999", "٢٠٢٠-v1", "2020-v1\n"])
async def test_an_inventory_that_is_none_does_not_exist(park: Tenant, inventory_id: str) -> None:
    await park.record(Row("a"))
    await park.close(2020)
    assert (await refusal(park.inventory(inventory_id))).reason == "INVENTORY_NOT_FOUND"


async def test_only_who_manages_the_park_closes_and_nobody_elses_park(park: Tenant) -> None:
    await park.record(Row("a"))
    for role in ("reader", "region_reader", "verifier", "enterprise", "public"):
        assert (await refusal(park.close(2020, caller=Caller("x", park.tenant_id, frozenset({role}))))).reason == "ROLE_MISSING"
    stranger = Caller("x", "another", frozenset({"platform_operator"}))
    assert (await refusal(park.close(2020, caller=stranger))).reason == "PARK_NOT_FOUND"
    bounded = Caller("x", park.tenant_id, frozenset({"park_manager"}), parks=frozenset({"elsewhere"}))
    assert (await refusal(park.close(2020, caller=bounded))).reason == "PARK_NOT_FOUND"


async def test_a_verifier_reads_the_parks_that_it_is_bound_to(park: Tenant) -> None:
    await park.record(Row("a"))
    await park.close(2020)
    within = Caller("v", park.tenant_id, frozenset({"verifier"}), parks=frozenset({park.park_id}))
    beyond = Caller("v", park.tenant_id, frozenset({"verifier"}), parks=frozenset({"elsewhere"}))
    assert (await park.inventory("2020-v1", within)).inventory.inventory_id == "2020-v1"
    assert (await refusal(park.inventory("2020-v1", beyond))).reason == "PARK_NOT_FOUND"


async def test_an_enterprise_reads_no_inventory(park: Tenant) -> None:
    await park.record(Row("a"))
    await park.close(2020)
    mill = Caller("m", park.tenant_id, frozenset({"enterprise"}), enterprises=frozenset({f"{park.park_id}/mill"}))
    assert (await refusal(park.inventory("2020-v1", mill))).reason == "ROLE_MISSING"


async def test_lines_and_inventories_come_in_pages(park: Tenant) -> None:
    await park.create_enterprise()
    await park.create_source("mill-gas", carrier="natural_gas", enterprise_id="mill", item="enterprise.fuel_combustion", scope=1)
    await park.record(*ganzhou_rows(), Row("mill-1", "mill-gas", quantity="1000", unit="Nm3"))
    for year in (2020, 2021):
        await park.close(year)
    found, token = [], ""
    while True:
        page = await park.lines("2020-v1", 1, token)
        found += [(line.line, line.enterprise_id, line.carrier, line.records) for line in page.lines]
        token = page.next_page_token
        if not token:
            break
    assert found == [(1, "", "natural_gas", 1), (2, "", "refined_oil", 1), (3, "", "electricity", 1), (4, "mill", "natural_gas", 1)]
    request = pb.ListInventoriesRequest(park_id=park.park_id, page_size=1)
    first = await park.stand.channel.call(park.stand.stub.ListInventories, request, caller=park.reader)
    request.page_token = first.next_page_token
    second = await park.stand.channel.call(park.stand.stub.ListInventories, request, caller=park.reader)
    assert [each.inventory_id for page in (first, second) for each in page.inventories] == ["2020-v1", "2021-v1"]
    assert second.next_page_token == ""


async def test_a_year_of_more_records_than_are_read_at_once_is_closed_whole(park: Tenant) -> None:
    rows = hours(8_000)
    for start in range(0, len(rows), 4_000):
        await park.record(*rows[start : start + 4_000])
    await park.create_source("second")
    second = hours(8_000, "s", "second")
    for start in range(0, len(second), 4_000):
        await park.record(*second[start : start + 4_000])
    # 16,000 hours of 1 MWh at 0.581 t
    closed = (await park.close(2020)).inventory
    assert (closed.records, closed.emissions_t_co2e) == (16_000, "9296")
    replay = await park.replay("2020-v1")
    assert (replay.equal, replay.records) == (True, 16_000)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            "UPDATE activity_record SET quantity_micro = quantity_micro + 1000",
            {"records_sha256", "content_sha256", "record"},
            id="a_thousandth",
        ),
        pytest.param(
            "UPDATE activity_record SET emissions_mg = emissions_mg + 1",
            {"records_sha256", "content_sha256", "totals", "record", "line"},
            id="one_milligram",
        ),
        pytest.param(
            "DELETE FROM activity_record", {"records", "records_sha256", "content_sha256", "totals", "line"}, id="a_record"
        ),
        pytest.param("UPDATE source SET scope = 1", {"content_sha256", "totals", "line"}, id="a_scope"),
    ],
)
async def test_a_replay_finds_what_was_changed_behind_its_back(own_stand: Stand, change: str, told: set[str]) -> None:
    park = await own_stand.tenant().settle("electricity")
    await park.record(Row("a"))
    await park.close(2020)
    await asyncio.to_thread(tamper, own_stand.url, change)
    # what was read of a source is remembered by the service that registered it, so that the replay is asked of the rows alone
    own_stand.service.transactions.registrations._sources.clear()
    found = await park.replay("2020-v1")
    assert not found.equal
    assert {each.what for each in found.differences} == told


@pytest.mark.parametrize("statement", ["UPDATE inventory SET reason = 'x'", "DELETE FROM inventory_line"])
async def test_the_database_itself_keeps_what_was_closed(own_stand: Stand, statement: str) -> None:
    park = await own_stand.tenant().settle("electricity")
    await park.record(Row("a"))
    await park.close(2020)
    table = tables.inventory if "inventory SET" in statement else tables.inventory_line
    before = await own_stand.count(table)
    async with own_stand.service.database.begin(EVERYTHING) as session:
        if own_stand.url.startswith("sqlite"):
            with pytest.raises(DBAPIError, match="a closed inventory is kept"):
                await session.execute(text(statement))
        elif "UPDATE" in statement or "DELETE" in statement:
            done = await session.execute(text(statement))
            assert done.rowcount == 0  # type: ignore[attr-defined]  # of a cursor
    assert await own_stand.count(table) == before
    assert (await park.replay("2020-v1")).equal
