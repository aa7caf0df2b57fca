"""What is published of inventories and regions: shown as far as the rule allows, withdrawn, and never told to a park beyond."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from accounting.adapters.factor_files import load_disclosure_rule
from kernel.access import Caller
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import EVERYTHING, Row, Stand, Tenant, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")


def reader_of(tenant: Tenant, **bounds: Any) -> Caller:
    """Someone of the public."""
    return Caller("someone", tenant.tenant_id, frozenset({"public"}), **bounds)


async def settled(
    tenant: Tenant, amounts: list[int], *, industries: str = "C31", gas: bool = False, region_code: str = "360700"
) -> Tenant:
    """A park with an enterprise for each amount of 100 MWh in 2020, and its own meter; closed."""
    await tenant.create_park(region_code=region_code)
    await tenant.create_source("own")
    rows = [Row("own", "own", quantity="7")]
    for number, amount in enumerate(amounts):
        name = f"e{number}"
        industry = industries.split(",")[number % len(industries.split(","))]
        await tenant.create_enterprise(name, industry_code=f"{industry}20")
        await tenant.create_source(f"power-{name}", enterprise_id=name)
        rows.append(Row(name, f"power-{name}", quantity=str(100 * amount)))
        if gas:
            await tenant.create_source(
                f"gas-{name}", enterprise_id=name, carrier="natural_gas", scope=1, item="enterprise.fuel_combustion"
            )
            rows.append(Row(f"gas-{name}", f"gas-{name}", quantity=str(1000 * amount), unit="Nm3"))
    await tenant.record(*rows)
    await tenant.close(2020)
    return tenant


async def publish(tenant: Tenant, *breakdowns: str, inventory_id: str = "2020-v1", caller: Caller | None = None) -> Any:
    request = pb.PublishInventoryRequest(park_id=tenant.park_id, inventory_id=inventory_id, breakdowns=breakdowns)
    return await tenant.stand.channel.call(tenant.stand.stub.PublishInventory, request, caller=caller or tenant.manager)


async def withdraw(tenant: Tenant, reason: str = "wrong", caller: Caller | None = None) -> Any:
    request = pb.WithdrawPublicationRequest(park_id=tenant.park_id, inventory_id="2020-v1", reason=reason)
    return await tenant.stand.channel.call(tenant.stand.stub.WithdrawPublication, request, caller=caller or tenant.manager)


async def published(tenant: Tenant, caller: Caller | None = None) -> Any:
    request = pb.ListPublicationsRequest(park_id=tenant.park_id)
    return await tenant.stand.channel.call(tenant.stand.stub.ListPublications, request, caller=caller or reader_of(tenant))


async def release(tenant: Tenant, year: int = 2020, caller: Caller | None = None) -> Any:
    request = pb.ReleaseRegionsRequest(year=year)
    return await tenant.stand.channel.call(tenant.stand.stub.ReleaseRegions, request, caller=caller or tenant.operator)


async def region(tenant: Tenant, code: str, year: int = 2020) -> dict[str, tuple[str, str]]:
    request = pb.GetRegionReleaseRequest(region_code=code, year=year)
    answer = await tenant.stand.channel.call(tenant.stand.stub.GetRegionRelease, request, caller=reader_of(tenant))
    assert (answer.region_code, answer.year, answer.rule_id) == (code, year, "house-2026")
    return outcomes_of(answer.emissions)


def cells(made: Any) -> dict[str, tuple[str, str]]:
    """What became of each cell of a publication or release, by its key."""
    return outcomes_of(made.cells)


def outcomes_of(decided: Sequence[pb.PublishedCell]) -> dict[str, tuple[str, str]]:
    """What became of each cell, by its key; only one that is shown has an amount."""
    assert all(each.HasField("emissions_t_co2e") == (each.status == "shown") for each in decided)
    return {each.key: (each.status, each.emissions_t_co2e) for each in decided}


def beside(tenant: Tenant, name: str) -> Tenant:
    """Another park of the same tenant."""
    return Tenant(tenant.stand, tenant.tenant_id, f"{tenant.park_id}-{name}")


async def test_the_rule_that_is_shipped_is_five_and_85_and_10_per_cent() -> None:
    rule = load_disclosure_rule()
    assert (rule.minimum_contributors, rule.dominance_n, rule.dominance_pct, rule.p_pct) == (5, 2, 85, 10)


async def test_a_total_is_published_and_read_by_everyone(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    assert list((await published(park)).emissions) == []
    made = await publish(park)
    # 1,500 MWh and 7 of the park's own, at 0.581 t
    assert cells(made.publication) == {"": ("shown", "875.567")}
    answer = await published(park)
    assert answer.park_id == park.park_id
    (read,) = answer.emissions
    assert [read.cell] == list(made.publication.cells)
    assert (read.inventory_id, read.state, read.rule_id) == ("2020-v1", "in_force", "house-2026")
    assert (read.year, read.version, read.published_time) == (2020, 1, made.publication.published_time)


async def test_what_is_not_shown_has_the_name_of_the_rule_and_no_amount(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2])
    assert cells((await publish(park)).publication) == {"": ("minimum_contributors", "")}
    dominated = await settled(beside(tenant, "b"), [100, 40, 3, 2, 1])
    assert cells((await publish(dominated)).publication) == {"": ("dominance", "")}
    async with tenant.stand.service.database.read(EVERYTHING) as session:
        query = text("SELECT count(*) FROM publication_cell WHERE status <> 'shown' AND emissions_mg IS NOT NULL")
        assert (await session.execute(query)).scalar_one() == 0


async def test_an_industry_of_few_takes_another_with_it(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 5, 4, 4, 4, 4, 3, 3, 3, 3, 2, 2], industries="C31,C31,C31,C26,C31,C39")
    found = cells((await publish(park, "industry")).publication)
    # eight of C31, two of C26 and of C39, and the park itself
    assert {key: status for key, (status, _) in found.items()} == {
        "": "shown",
        "C31": "differencing",
        "C26": "minimum_contributors",
        "C39": "minimum_contributors",
        "park": "shown",
    }


async def test_scopes_are_shown_beside_the_total(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1], gas=True)
    found = cells((await publish(park, "scope")).publication)
    assert {status for status, _ in found.values()} == {"shown"}
    closed = (await park.inventory("2020-v1")).inventory
    assert found == {
        "": ("shown", closed.emissions_t_co2e),
        "1": ("shown", closed.scope_1_t_co2e),
        "2": ("shown", closed.scope_2_t_co2e),
    }


async def test_publishing_again_answers_as_before_and_otherwise_is_refused(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    first = await publish(park, "scope")
    again = await publish(park, "scope")
    assert (first.created, again.created) == (True, False)
    assert again.publication == first.publication
    assert (await refusal(publish(park, "scope", "industry"))).reason == "CONTENT_DIFFERS"


async def test_what_is_withdrawn_is_read_no_more_and_not_published_again(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    await publish(park)
    first, again = await withdraw(park), await withdraw(park)
    assert (first.changed, again.changed) == (True, False)
    assert first.withdrawn_time == again.withdrawn_time
    assert list((await published(park)).emissions) == []
    assert (await refusal(publish(park))).reason == "ALREADY_WITHDRAWN"


async def test_what_was_withdrawn_is_still_known_to_whoever_read_it(tenant: Tenant) -> None:
    park = await settled(tenant, [6, 5, 4, 3, 2, 1])
    await publish(park)
    await withdraw(park)
    await park.record(Row("e5-b", "power-e5", quantity="777", supersedes="e5"))
    await park.close(2020, "one bill was wrong")
    assert cells((await publish(park, inventory_id="2020-v2")).publication) == {"": ("differencing", "")}


async def test_a_restatement_is_shown_where_it_shows_no_one(tenant: Tenant) -> None:
    park = await settled(tenant, [6, 5, 4, 3, 2, 1])
    await publish(park)
    await park.record(*(Row(f"e{n}-b", f"power-e{n}", quantity=str(610 + 10 * n), supersedes=f"e{n}") for n in range(6)))
    await park.close(2020, "every bill was wrong")
    assert cells((await publish(park, inventory_id="2020-v2")).publication)[""][0] == "shown"
    assert [(each.inventory_id, each.state) for each in (await published(park)).emissions] == [
        ("2020-v1", "restated"),
        ("2020-v2", "in_force"),
    ]


async def test_a_page_of_publications_has_every_sum_of_each(tenant: Tenant) -> None:
    park = await settled(tenant, [6, 5, 4, 3, 2, 1])
    await publish(park, "scope")
    await park.record(*(Row(f"e{n}-b", f"power-e{n}", quantity=str(610 + 10 * n), supersedes=f"e{n}") for n in range(6)))
    await park.close(2020, "every bill was wrong")
    await publish(park, "scope", inventory_id="2020-v2")
    request = pb.ListPublicationsRequest(park_id=park.park_id, page_size=1)
    pages = [await park.stand.channel.call(park.stand.stub.ListPublications, request, caller=reader_of(park))]
    request.page_token = pages[0].next_page_token
    pages.append(await park.stand.channel.call(park.stand.stub.ListPublications, request, caller=reader_of(park)))
    assert [[(each.inventory_id, each.cell.dimension, each.cell.key) for each in page.emissions] for page in pages] == [
        [("2020-v1", "total", ""), ("2020-v1", "scope", "2")],
        [("2020-v2", "total", ""), ("2020-v2", "scope", "2")],
    ]
    assert pages[1].next_page_token == ""


async def test_what_is_published_and_withdrawn_is_told_as_facts(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    await publish(park)
    await withdraw(park, "The bill was wrong")
    (_, shown), (event, gone) = await park.facts(events_pb2.InventoryPublished, events_pb2.PublicationWithdrawn)
    assert [(each.dimension, each.status, each.emissions_mg_co2e) for each in shown.sums] == [("total", "shown", "875567000000")]
    assert (gone.inventory_id, gone.reason) == ("2020-v1", "The bill was wrong")
    assert event.subject == f"parks/{park.park_id}/publications/2020-v1"


async def test_regions_are_released_once_over_what_is_closed(tenant: Tenant) -> None:
    for number in range(5):
        await settled(beside(tenant, f"g{number}"), [2, 1], region_code="360700")
    for number in range(2):
        await settled(beside(tenant, f"n{number}"), [2, 1], region_code="360100")
    made = await release(tenant)
    assert made.created
    # seven parks of 307 MWh at 0.581 t; Nanchang's two would be the province less Ganzhou
    assert await region(tenant, "360000") == {
        "36": ("shown", "1248.569"),
        "3601": ("minimum_contributors", ""),
        "360100": ("minimum_contributors", ""),
        "3607": ("differencing", ""),
        "360700": ("differencing", ""),
    }
    assert list(await region(tenant, "3601")) == ["3601", "360100"]
    assert await region(tenant, "35") == {}
    await settled(beside(tenant, "late"), [2, 1], region_code="360700")
    again = await release(tenant)
    assert (again.created, again.release) == (False, made.release)


async def test_a_park_that_would_leave_four_others_alone_is_not_shown(tenant: Tenant) -> None:
    parks = [await settled(beside(tenant, f"g{n}"), [5, 4, 3, 2, 1], region_code="360700") for n in range(5)]
    await release(tenant)
    assert (await region(tenant, "3607"))["3607"][0] == "shown"
    assert cells((await publish(parks[0])).publication) == {"": ("differencing", "")}


async def test_a_region_of_parks_that_published_shows_nobody_else(tenant: Tenant) -> None:
    parks = [await settled(beside(tenant, f"g{n}"), [5, 4, 3, 2, 1], region_code="360700") for n in range(6)]
    for park in parks[:2]:
        assert cells((await publish(park)).publication)[""][0] == "shown"
    await release(tenant)
    # of six parks two are known, and four remain
    assert (await region(tenant, "36"))["36"] == ("differencing", "")


@pytest.mark.parametrize("role", ["reader", "region_reader", "verifier", "enterprise", "public"])
async def test_only_managers_publish_and_only_the_operator_releases(tenant: Tenant, role: str) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    caller = Caller("x", park.tenant_id, frozenset({role}))
    assert (await refusal(publish(park, caller=caller))).reason == "ROLE_MISSING"
    assert (await refusal(withdraw(park, caller=caller))).reason == "ROLE_MISSING"
    assert (await refusal(release(park, caller=caller))).reason == "ROLE_MISSING"
    assert (await refusal(release(park, caller=park.manager))).reason == "ROLE_MISSING"


async def test_an_operator_that_is_bounded_releases_nothing(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    bounded = Caller("x", park.tenant_id, frozenset({"platform_operator"}), parks=frozenset({park.park_id}))
    assert (await refusal(release(park, caller=bounded))).reason == "ROLE_MISSING"


async def test_nothing_of_another_tenant_or_beyond_the_bounds_is_read(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    await publish(park)
    await release(park)
    stranger = park.stand.tenant()
    assert (await refusal(published(park, reader_of(stranger)))).reason == "PARK_NOT_FOUND"
    assert (await refusal(region(stranger, "36"))).reason == "RELEASE_NOT_FOUND"
    assert (await refusal(published(park, reader_of(park, parks=frozenset({"elsewhere"}))))).reason == "PARK_NOT_FOUND"
    request = pb.ListPublishedParksRequest()
    for caller, expected in ((reader_of(park), [park.park_id]), (reader_of(stranger), [])):
        answer = await park.stand.channel.call(park.stand.stub.ListPublishedParks, request, caller=caller)
        assert [each.park_id for each in answer.parks] == expected


async def test_a_park_with_nothing_published_is_not_listed(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    await publish(park)
    await withdraw(park)
    answer = await park.stand.channel.call(
        park.stand.stub.ListPublishedParks, pb.ListPublishedParksRequest(), caller=reader_of(park)
    )
    assert list(answer.parks) == []


@pytest.mark.parametrize("breakdowns", [("carrier",), ("scope", "scope"), ("",)])
async def test_a_breakdown_that_is_none_is_refused(tenant: Tenant, breakdowns: tuple[str, ...]) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    assert (await refusal(publish(park, *breakdowns))).metadata["field"] == "breakdowns"


async def test_what_is_not_there_is_not_published_withdrawn_or_released(tenant: Tenant) -> None:
    park = await settled(tenant, [5, 4, 3, 2, 1])
    assert (await refusal(publish(park, inventory_id="2021-v1"))).reason == "INVENTORY_NOT_FOUND"
    assert (await refusal(withdraw(park))).reason == "PUBLICATION_NOT_FOUND"
    assert (await refusal(withdraw(park, ""))).metadata["field"] == "reason"
    for year in (2021, 0, -1, 2**31 - 1):
        assert (await refusal(release(park, year))).metadata["allowed"] == "a year that a park has closed"
        assert (await refusal(region(park, "36", year))).reason == "RELEASE_NOT_FOUND"
    for code in ("", "3", "36070", "３６", "abcdef"):
        assert (await refusal(region(park, code))).metadata["field"] == "region_code"


async def test_the_database_itself_keeps_what_was_published(own_stand: Stand) -> None:
    park = await settled(own_stand.tenant(), [5, 4, 3, 2, 1])
    await publish(park)
    before = await published(park)
    for statement in ("UPDATE publication_cell SET emissions_mg = 1", "DELETE FROM publication"):
        async with own_stand.service.database.begin(EVERYTHING) as session:
            if own_stand.url.startswith("sqlite"):
                with pytest.raises(DBAPIError, match="what was published is kept"):
                    await session.execute(text(statement))
            else:
                assert (await session.execute(text(statement))).rowcount == 0  # type: ignore[attr-defined]  # of a cursor
    assert await published(park) == before
