"""What is registered once: parks, enterprises, sources, annual figures."""

import asyncio

import pytest

from chassis.errors import RemoteError
from kernel.access import Caller
from kernel.refusals import Kind
from parkcarbon.accounting.events.v1 import events_pb2
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import Row, Stand, Tenant, columns, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_park_is_answered_as_it_was_registered(tenant: Tenant) -> None:
    created = await tenant.create_park(latitude_deg="25.850", longitude_deg="114.93")
    assert created.created
    expected = tenant.park(
        tenant_id=tenant.tenant_id, latitude_deg="25.85", longitude_deg="114.93", registered_time="2026-03-01T12:00:00Z"
    )
    assert created.park == expected
    request = pb.GetParkRequest(park_id=tenant.park_id)
    got = await tenant.stand.channel.call(tenant.stand.stub.GetPark, request, caller=tenant.reader)
    assert got.park == expected


async def test_registering_the_same_again_changes_nothing(tenant: Tenant) -> None:
    first = (await tenant.create_park(), await tenant.create_enterprise(), await tenant.create_source(enterprise_id="mill"))
    again = (await tenant.create_park(), await tenant.create_enterprise(), await tenant.create_source(enterprise_id="mill"))
    assert [each.created for each in first] == [True, True, True]
    assert [each.created for each in again] == [False, False, False]
    assert again[0].park == first[0].park
    assert again[1].enterprise == first[1].enterprise
    assert again[2].source == first[2].source
    assert [type(fact).__name__ for _, fact in await tenant.facts()] == [
        "ParkRegistered",
        "EnterpriseRegistered",
        "SourceRegistered",
    ]


async def test_the_same_id_with_other_content_is_refused_and_names_both_values(tenant: Tenant) -> None:
    await tenant.settle("electricity")
    await tenant.create_enterprise()
    for call, field, found, recorded in (
        (tenant.create_park(name_en="Another"), "name_en", "Another", "Ganzhou Economic and Technological Development Zone"),
        (tenant.create_park(region_code="360100"), "region_code", "360100", "360700"),
        (tenant.create_enterprise(industry_code="C3985"), "industry_code", "C3985", "C3120"),
        (tenant.create_source(settlement_basis="meter"), "settlement_basis", "meter", "bill"),
    ):
        error = await refusal(call)
        assert (error.kind, error.reason) == (Kind.ALREADY_EXISTS, "CONTENT_DIFFERS")
        assert [error.metadata[fact] for fact in ("field", "found", "allowed")] == [field, found, recorded]
        assert repr(found) in error.message
        assert repr(recorded) in error.message


async def test_the_park_of_another_tenant_does_not_exist_and_its_id_is_taken(park: Tenant, stand: Stand) -> None:
    other = Tenant(stand, f"other than {park.tenant_id}", park.park_id)
    taken = await refusal(other.create_park())
    assert (taken.kind, taken.reason) == (Kind.ALREADY_EXISTS, "PARK_ID_TAKEN")
    assert park.tenant_id not in taken.message
    call, stub = stand.channel.call, stand.stub
    park_id = park.park_id
    asked = [
        await refusal(question)
        for question in (
            call(stub.GetPark, pb.GetParkRequest(park_id=park_id), caller=other.reader),
            call(stub.ListEnterprises, pb.ListEnterprisesRequest(park_id=park_id), caller=other.reader),
            call(stub.ListSources, pb.ListSourcesRequest(park_id=park_id), caller=other.reader),
            call(stub.ListAnnualFigures, pb.ListAnnualFiguresRequest(park_id=park_id), caller=other.reader),
            call(stub.RebuildSums, pb.RebuildSumsRequest(park_id=park_id), caller=other.manager),
            other.create_enterprise(),
            other.create_source("another"),
            other.record_figures(2020, employees_persons="1"),
            other.record(Row("r")),
            other.page(),
            other.query(),
            other.indicators(2020),
        )
    ]
    assert {(error.kind, error.reason) for error in asked} == {(Kind.NOT_FOUND, "PARK_NOT_FOUND")}
    unknown = await refusal(call(stub.GetPark, pb.GetParkRequest(park_id="no-such-park"), caller=other.reader))
    assert unknown.message.replace("no-such-park", park_id) == asked[0].message
    listed = await call(stub.ListParks, pb.ListParksRequest(), caller=other.reader)
    assert list(listed.parks) == []


async def test_a_reader_may_read_and_not_write(park: Tenant, stand: Stand) -> None:
    call, stub = stand.channel.call, stand.stub
    writes = [
        park.create_park(caller=park.reader),
        park.create_source("another", caller=park.reader),
        call(stub.CreateEnterprise, pb.CreateEnterpriseRequest(enterprise=park.enterprise()), caller=park.reader),
        call(
            stub.RecordAnnualFigures,
            pb.RecordAnnualFiguresRequest(figures=pb.AnnualFigures(park_id=park.park_id, year=2020, gdp_10k_cny="1")),
            caller=park.reader,
        ),
        park.push(columns([Row("r")]), caller=park.reader),
        call(stub.RebuildSums, pb.RebuildSumsRequest(park_id=park.park_id), caller=park.reader),
    ]
    errors = [await refusal(write) for write in writes]
    assert {(error.kind, error.reason) for error in errors} == {(Kind.DENIED, "ROLE_MISSING")}
    assert await park.records() == []
    assert (await park.query()).factor_set_id == "wang-2024"


async def test_a_caller_without_a_role_may_not_even_read(park: Tenant, stand: Stand) -> None:
    nobody = Caller("nobody", park.tenant_id, frozenset({"auditor"}))
    call, stub = stand.channel.call, stand.stub
    for question in (
        call(stub.GetPark, pb.GetParkRequest(park_id=park.park_id), caller=nobody),
        call(stub.ListParks, pb.ListParksRequest(), caller=nobody),
        call(stub.ListFactorSets, pb.ListFactorSetsRequest(), caller=nobody),
        call(stub.ListFactors, pb.ListFactorsRequest(set_id="wang-2024"), caller=nobody),
        park.query(caller=nobody),
    ):
        assert (await refusal(question)).kind == Kind.DENIED


async def test_an_operator_writes_for_the_own_tenant_only(park: Tenant, stand: Stand) -> None:
    assert not (await park.create_park(caller=park.operator)).created
    other = stand.tenant()
    error = await refusal(park.push(columns([Row("r")]), caller=other.operator))
    assert error.reason == "PARK_NOT_FOUND"


async def test_a_call_without_a_caller_is_not_let_in(stand: Stand) -> None:
    error = await refusal(stand.channel.call(stand.stub.ListParks, pb.ListParksRequest(), caller=None))
    assert error.kind == Kind.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("changes", "field", "allowed"),
    [
        pytest.param(
            {"carrier": "raw_coal", "scope": 1, "item": "enterprise.fuel_combustion"},
            "carrier",
            "no net calorific value",
            id="a_carrier_that_the_set_does_not_cover",
        ),
        pytest.param({"gas": "CH4"}, "carrier", "no emission factor of CH4", id="a_gas_that_the_set_does_not_cover"),
        pytest.param({"enterprise_id": "nobody"}, "enterprise_id", "the id of a registered enterprise", id="an_unknown_enterprise"),
        pytest.param({"scope": 1}, "scope", "one of 2", id="a_scope_that_the_item_does_not_have"),
        pytest.param({"item": "enterprise"}, "item", "one of park.purchased_energy", id="an_item_that_is_a_sum"),
        pytest.param({"source_id": "no/slash"}, "source_id", "1 to 64", id="an_id_with_a_slash"),
    ],
)
async def test_a_source_is_refused_with(tenant: Tenant, changes: dict[str, object], field: str, allowed: str) -> None:
    await tenant.create_park()
    error = await refusal(tenant.create_source(**{"source_id": "refused", **changes}))  # type: ignore[arg-type]
    assert (error.kind, error.reason, error.metadata["field"]) == (Kind.INVALID, "INVALID_FIELD", field)
    assert allowed in error.message
    listed = await tenant.stand.channel.call(
        tenant.stand.stub.ListSources, pb.ListSourcesRequest(park_id=tenant.park_id), caller=tenant.reader
    )
    assert list(listed.sources) == []


async def test_a_park_with_an_unknown_factor_set_is_refused(tenant: Tenant) -> None:
    error = await refusal(tenant.create_park(factor_set_id="own-invention"))
    assert (error.kind, error.reason) == (Kind.NOT_FOUND, "FACTOR_SET_NOT_FOUND")
    assert error.metadata["found"] == "own-invention"


async def test_a_caller_cannot_register_for_another_tenant(tenant: Tenant) -> None:
    created = await tenant.create_park(tenant_id="somebody-else")
    assert created.park.tenant_id == tenant.tenant_id


@pytest.mark.parametrize("what", ["park", "enterprise", "source"])
async def test_twenty_calls_that_register_one_id_register_it_once(tenant: Tenant, what: str) -> None:
    stand = tenant.stand
    if what != "park":
        await tenant.create_park()

    async def register() -> bool:
        while True:
            try:
                if what == "park":
                    return (await tenant.create_park()).created
                if what == "enterprise":
                    return (await tenant.create_enterprise()).created
                return (await tenant.create_source()).created
            except RemoteError as error:
                # Both looked before either wrote; the repetition finds what the other registered.
                if (error.kind, error.reason) != (Kind.UNAVAILABLE, "REGISTERED_MEANWHILE"):
                    raise

    created = await asyncio.gather(*(register() for _ in range(20)))
    assert sorted(created) == [False] * 19 + [True]
    kind = {
        "park": events_pb2.ParkRegistered,
        "enterprise": events_pb2.EnterpriseRegistered,
        "source": events_pb2.SourceRegistered,
    }[what]
    assert len(await tenant.facts(kind)) == 1
    listed = await stand.channel.call(stand.stub.ListParks, pb.ListParksRequest(), caller=tenant.reader)
    assert [each.park_id for each in listed.parks] == [tenant.park_id]


async def test_concurrent_figures_of_one_year_become_versions_without_gap(park: Tenant) -> None:
    answers = await asyncio.gather(*(park.record_figures(2020, employees_persons=str(1 + number % 5)) for number in range(20)))
    changed = sorted(answer.figures.version for answer in answers if answer.changed)
    assert changed == list(range(1, len(changed) + 1))
    assert len(changed) >= 5
    request = pb.ListAnnualFiguresRequest(park_id=park.park_id)
    listed = await park.stand.channel.call(park.stand.stub.ListAnnualFigures, request, caller=park.reader)
    assert [each.version for each in listed.annual_figures] == changed


async def test_figures_that_say_the_same_change_nothing_and_others_supersede(park: Tenant) -> None:
    first = await park.record_figures(2020, gross_output_10k_cny="7070000", land_area_km2="219.30")
    same = await park.record_figures(2020, gross_output_10k_cny="7070000.0", land_area_km2="219.3")
    other = await park.record_figures(2020, gross_output_10k_cny="7070001")
    assert (first.changed, first.figures.version, first.figures.land_area_km2) == (True, 1, "219.3")
    assert (same.changed, same.figures) == (False, first.figures)
    assert (other.changed, other.figures.version, other.figures.HasField("land_area_km2")) == (True, 2, False)
    await park.record(*[Row("r", quantity="1")])
    intensity = {each.name: each for each in (await park.indicators(2020)).indicators}
    assert intensity["emissions_per_land_area_t_per_km2"].missing == "land_area_km2 of the year is not reported"
    assert intensity["emissions_intensity_t_per_10k_cny"].value == "0.000000"  # 0.581 t over 7070001
    assert [fact.version for _, fact in await park.facts(events_pb2.AnnualFiguresRecorded)] == [1, 2]


@pytest.mark.parametrize(
    ("figures", "field"),
    [
        pytest.param({}, "figures", id="none"),
        pytest.param({"employees_persons": "12.5"}, "employees_persons", id="half_a_person"),
        pytest.param({"leading_industries_share_pct": "0.98"}, "leading_industries_share_pct", id="a_fraction_for_a_percentage"),
        pytest.param({"gdp_10k_cny": "1e3"}, "gdp_10k_cny", id="an_exponent"),
        pytest.param({"land_area_km2": "-1"}, "land_area_km2", id="less_than_nothing"),
    ],
)
async def test_figures_are_refused_with(park: Tenant, figures: dict[str, str], field: str) -> None:
    error = await refusal(park.record_figures(2020, **figures))
    assert (error.kind, error.metadata["field"]) == (Kind.INVALID, field)


async def test_the_figures_of_a_year_to_come_are_refused(park: Tenant) -> None:
    error = await refusal(park.record_figures(2027, employees_persons="1"))
    assert (error.kind, error.metadata["field"], error.metadata["found"]) == (Kind.INVALID, "year", "2027")


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\x00" * 3])
async def test_an_id_with_a_nul_is_an_id_that_does_not_exist(park: Tenant, stand: Stand, text: str) -> None:
    call, stub = stand.channel.call, stand.stub
    error = await refusal(call(stub.GetPark, pb.GetParkRequest(park_id=text), caller=park.reader))
    assert (error.kind, error.reason) == (Kind.NOT_FOUND, "PARK_NOT_FOUND")
    answer = await park.record(Row("good"), Row("bad", source_id=text))
    assert [problem.reason for problem in answer.outcomes.problems] == ["SOURCE_UNKNOWN"]
    assert len(await park.records()) == 1
