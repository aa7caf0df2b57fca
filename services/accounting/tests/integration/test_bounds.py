"""What a caller sees of an account that it may not see as a whole. Electricity at 0.581 t/MWh: 100 MWh emit 58.1 t."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from chassis.errors import RemoteError
from kernel.access import Caller
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import Row, Tenant, columns, group, keyed, outcomes, reasons, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")
MG_PER_MWH = 581_000_000


def bound(tenant: Tenant, role: str, **bounds: list[str]) -> Caller:
    return Caller(role, tenant.tenant_id, frozenset({role}), **{name: frozenset(values) for name, values in bounds.items()})


def enterprise(tenant: Tenant, enterprise_id: str) -> Caller:
    return bound(tenant, "enterprise", enterprises=[f"{tenant.park_id}/{enterprise_id}"])


@pytest_asyncio.fixture(loop_scope="session")
async def shared(tenant: Tenant) -> AsyncIterator[Tenant]:
    """A park with a source of its own, one of the mill, one of the kiln, and a record of each: 1, 10 and 100 MWh."""
    await tenant.settle("electricity")
    for each in ("mill", "kiln"):
        await tenant.create_enterprise(each)
        await tenant.create_source(f"{each}-power", enterprise_id=each)
    accepted = await tenant.record(
        Row("own", "electricity", quantity="1"), Row("mill-1", "mill-power", quantity="10"), Row("kiln-1", "kiln-power")
    )
    assert outcomes(accepted) == ["accepted"] * 3
    yield tenant


async def call(tenant: Tenant, method: str, request: Any, caller: Caller) -> Any:
    return await tenant.stand.channel.call(getattr(tenant.stand.stub, method), request, caller=caller)


async def test_an_enterprise_sees_its_own_and_nothing_else(shared: Tenant) -> None:
    mill, park_id = enterprise(shared, "mill"), shared.park_id
    enterprises = await call(shared, "ListEnterprises", pb.ListEnterprisesRequest(park_id=park_id), mill)
    sources = await call(shared, "ListSources", pb.ListSourcesRequest(park_id=park_id), mill)
    records = await call(shared, "ListActivityRecords", pb.ListActivityRecordsRequest(park_id=park_id), mill)
    assert [each.enterprise_id for each in enterprises.enterprises] == ["mill"]
    assert [each.source_id for each in sources.sources] == ["mill-power"]
    assert [each.record_id for each in records.records] == ["mill-1"]
    totals = await shared.query("source", caller=mill)
    assert list(keyed(totals)) == [("mill-power",)]
    assert group(totals.total)[::2] == (10 * MG_PER_MWH, 1)
    assert group((await shared.query()).total)[::2] == (111 * MG_PER_MWH, 3)


async def test_a_source_is_read_by_whoever_sees_it(shared: Tenant) -> None:
    mill, park_id = enterprise(shared, "mill"), shared.park_id

    def asked(source_id: str) -> pb.GetSourceRequest:
        return pb.GetSourceRequest(park_id=park_id, source_id=source_id)

    found = (await call(shared, "GetSource", asked("mill-power"), mill)).source
    assert (found.source_id, found.enterprise_id, found.counted_as) == ("mill-power", "mill", "total")
    assert (await call(shared, "GetSource", asked("electricity"), shared.reader)).source.source_id == "electricity"
    # another's, the park's own and none at all are told apart by nobody
    for source_id in ("kiln-power", "electricity", "nothing"):
        with pytest.raises(RemoteError) as refused:
            await call(shared, "GetSource", asked(source_id), mill)
        assert (refused.value.kind, refused.value.reason) == ("not_found", "SOURCE_NOT_FOUND")


async def test_an_enterprise_without_sources_has_an_empty_account(shared: Tenant) -> None:
    stranger = enterprise(shared, "nobody")
    records = await call(shared, "ListActivityRecords", pb.ListActivityRecordsRequest(park_id=shared.park_id), stranger)
    assert list(records.records) == []
    assert group((await shared.query(caller=stranger)).total) == (0, 0, 0)


async def test_an_enterprise_is_not_told_what_the_park_reports_as_a_whole(shared: Tenant) -> None:
    mill, park_id = enterprise(shared, "mill"), shared.park_id
    figures = pb.AnnualFigures(park_id=park_id, year=2020, gdp_10k_cny="1")
    for method, request in (
        ("GetIndicators", pb.GetIndicatorsRequest(park_id=park_id, year=2020)),
        ("ListAnnualFigures", pb.ListAnnualFiguresRequest(park_id=park_id)),
        ("RecordAnnualFigures", pb.RecordAnnualFiguresRequest(figures=figures)),
        ("CreateEnterprise", pb.CreateEnterpriseRequest(enterprise=shared.enterprise("new"))),
        ("CreateSource", pb.CreateSourceRequest(source=shared.source("new", enterprise_id="mill"))),
        ("CreatePark", pb.CreateParkRequest(park=shared.park())),
        ("RebuildSums", pb.RebuildSumsRequest(park_id=park_id)),
    ):
        refused = await refusal(call(shared, method, request, mill))
        assert (refused.kind, refused.reason) == ("denied", "ROLE_MISSING"), method


async def test_an_enterprise_records_for_its_own_sources(shared: Tenant) -> None:
    mill = enterprise(shared, "mill")
    pushed = await shared.push(
        columns(
            [
                Row("mill-2", "mill-power", "2020-02-01", "2020-03-01", "10"),
                Row("mill-3", "kiln-power", "2020-02-01", "2020-03-01"),
                Row("mill-4", "electricity", "2020-02-01", "2020-03-01"),
                Row("mill-1", "mill-power", quantity="10"),
                Row("mill-5", "mill-power", quantity="11", supersedes="mill-1"),
            ]
        ),
        mill,
    )
    assert outcomes(pushed) == ["accepted", "rejected", "rejected", "duplicate", "superseded"]
    assert reasons(pushed) == ["SOURCE_UNKNOWN", "SOURCE_UNKNOWN"]


async def test_an_enterprise_neither_corrects_others_records_nor_learns_what_they_say(shared: Tenant) -> None:
    mill = enterprise(shared, "mill")
    before = await shared.records()
    pushed = await shared.push(
        columns(
            [
                Row("kiln-1", "mill-power", "2020-03-01", "2020-04-01", "7"),
                Row("theft", "mill-power", "2020-04-01", "2020-05-01", "-1", supersedes="kiln-1"),
                Row("theft-2", "mill-power", "2020-05-01", "2020-06-01", "-1", supersedes="own"),
            ]
        ),
        mill,
    )
    assert reasons(pushed) == ["RECORD_ID_TAKEN", "SUPERSEDES_UNKNOWN", "SUPERSEDES_UNKNOWN"]
    (taken, *_) = pushed.outcomes.problems
    assert taken.message_en == "record_id 'kiln-1' is taken, it must be an id that is not taken"
    assert taken.message_zh == "record_id 'kiln-1' 已被占用,应为未被占用的编号"
    assert "100" not in taken.message_en + taken.found + taken.allowed
    assert await shared.records() == before


async def test_a_park_beyond_the_bounds_does_not_exist(shared: Tenant) -> None:
    (park_id, request) = (shared.park_id, pb.GetParkRequest(park_id=shared.park_id))
    for caller in (
        bound(shared, "park_manager", parks=["other"]),
        bound(shared, "park_manager", parks=[]),
        bound(shared, "region_reader", regions=["35"]),
        bound(shared, "enterprise", enterprises=["other/mill"]),
    ):
        refused = await refusal(call(shared, "GetPark", request, caller))
        assert (refused.kind, refused.reason, refused.metadata["park_id"]) == ("not_found", "PARK_NOT_FOUND", park_id)
        listed = await call(shared, "ListParks", pb.ListParksRequest(), caller)
        assert list(listed.parks) == []
    for caller in (
        bound(shared, "park_manager", parks=[park_id]),
        bound(shared, "region_reader", regions=["3607"]),
        bound(shared, "verifier", parks=[park_id, "other"]),
        enterprise(shared, "mill"),
    ):
        assert (await call(shared, "GetPark", request, caller)).park.park_id == park_id
        assert [each.park_id for each in (await call(shared, "ListParks", pb.ListParksRequest(), caller)).parks] == [park_id]


async def test_a_region_is_a_beginning_and_not_a_pattern(shared: Tenant) -> None:
    for region in ("%", "_60700", "36070_"):
        listed = await call(shared, "ListParks", pb.ListParksRequest(), bound(shared, "region_reader", regions=[region]))
        assert list(listed.parks) == [], region


async def in_region(tenant: Tenant, code: str, caller: Caller, **paging: Any) -> pb.ListRegionParksResponse:
    request = pb.ListRegionParksRequest(region_code=code, **paging)
    answer: pb.ListRegionParksResponse = await call(tenant, "ListRegionParks", request, caller)
    return answer


async def names_in(tenant: Tenant, code: str, caller: Caller) -> list[str]:
    """The last part of the ids of the parks of a region."""
    return [each.park_id.rpartition("-")[2] for each in (await in_region(tenant, code, caller)).parks]


@pytest_asyncio.fixture(loop_scope="session")
async def spread(tenant: Tenant) -> Tenant:
    """Four parks of a tenant: two of Ganzhou, one of Nanchang, one of another province."""
    for name, code in (("a", "360700"), ("b", "360703"), ("c", "360100"), ("d", "110100")):
        await replace(tenant, park_id=f"{tenant.park_id}-{name}").create_park(region_code=code)
    return tenant


async def test_the_parks_of_a_region_are_those_whose_codes_begin_so(spread: Tenant) -> None:
    expected = {
        "36": ["a", "b", "c"],
        # pairs of zeros stand for the whole
        "3600": ["a", "b", "c"],
        "360000": ["a", "b", "c"],
        "3607": ["a", "b"],
        "360700": ["a", "b"],
        "360703": ["b"],
        "11": ["d"],
        "35": [],
        # no province has this code, and it does not stand for the country
        "00": [],
        "000000": [],
    }
    assert {code: await names_in(spread, code, spread.reader) for code in expected} == expected


async def test_the_bounds_of_a_caller_hold_in_a_region_too(spread: Tenant) -> None:
    for caller, expected in (
        (bound(spread, "region_reader", regions=["3607"]), ["a", "b"]),
        (bound(spread, "region_reader", regions=["11"]), []),
        (bound(spread, "region_reader", regions=["360703", "36010"]), ["b", "c"]),
        (bound(spread, "reader", parks=[f"{spread.park_id}-c", f"{spread.park_id}-d"]), ["c"]),
        (bound(spread, "park_manager", parks=[]), []),
        (bound(spread, "enterprise", enterprises=[f"{spread.park_id}-a/mill"]), ["a"]),
        (bound(spread.stand.tenant(), "reader"), []),
    ):
        assert await names_in(spread, "36", caller) == expected, caller
    assert await names_in(spread, "360703", bound(spread, "region_reader", regions=["36"])) == ["b"]
    assert (await refusal(in_region(spread, "36", bound(spread, "public")))).reason == "ROLE_MISSING"
    assert (await refusal(in_region(spread, "36", bound(spread, "reader", scopes=["published"])))).reason == "SCOPE_MISSING"


@pytest.mark.parametrize("code", ["", "3", "360", "36070", "3607000", "３６", "3%", "36 ", "ab", "-1"])
async def test_a_code_that_is_none_has_no_parks(spread: Tenant, code: str) -> None:
    refused = await refusal(in_region(spread, code, spread.reader))
    assert (refused.reason, refused.metadata["field"], refused.metadata["found"]) == ("INVALID_FIELD", "region_code", code)


async def test_the_parks_of_a_region_come_in_pages_of_that_region(spread: Tenant) -> None:
    first = await in_region(spread, "36", spread.reader, page_size=2)
    rest = await in_region(spread, "36", spread.reader, page_size=2, page_token=first.next_page_token)
    assert [*first.parks, *rest.parks] == list((await in_region(spread, "36", spread.reader)).parks)
    assert (len(first.parks), len(rest.parks), rest.next_page_token) == (2, 1, "")
    token, parks = first.next_page_token, await call(spread, "ListParks", pb.ListParksRequest(page_size=1), spread.reader)
    for other in (
        in_region(spread, "3607", spread.reader, page_token=token),
        call(spread, "ListParks", pb.ListParksRequest(page_token=token), spread.reader),
        in_region(spread, "36", spread.reader, page_token=parks.next_page_token),
        in_region(spread, "36", spread.reader, page_token="3"),
    ):
        assert (await refusal(other)).metadata["field"] == "page_token"
    assert (await refusal(in_region(spread, "36", spread.reader, page_size=1001))).metadata["field"] == "page_size"


async def test_a_manager_registers_within_its_bounds_only(tenant: Tenant) -> None:
    manager = bound(tenant, "park_manager", parks=[f"{tenant.park_id}-2"])
    refused: RemoteError = await refusal(tenant.create_park(manager))
    assert (refused.reason, refused.metadata["field"]) == ("INVALID_FIELD", "park_id")
    assert (await tenant.create_park(manager, park_id=f"{tenant.park_id}-2")).created


async def test_what_everyone_may_read_is_read_by_the_public(shared: Tenant) -> None:
    public = bound(shared, "public")
    assert (await call(shared, "ListFactorSets", pb.ListFactorSetsRequest(), public)).factor_sets
    refused = await refusal(call(shared, "ListParks", pb.ListParksRequest(), public))
    assert refused.reason == "ROLE_MISSING"


async def test_a_narrow_credential_is_refused_by_the_service_too(shared: Tenant) -> None:
    narrow = bound(shared, "platform_operator", scopes=["read_own"])
    await call(shared, "ListParks", pb.ListParksRequest(), narrow)
    refused = await refusal(call(shared, "RebuildSums", pb.RebuildSumsRequest(park_id=shared.park_id), narrow))
    assert (refused.kind, refused.reason, refused.metadata["allowed"]) == ("denied", "SCOPE_MISSING", "rebuild")
