"""Every answer about a park of which little is known: what has no value is left out."""

from typing import Any

import pytest

from accounting.domain.accounts import DIMENSIONS
from kernel.access import Caller
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.absence import Absences, optional_texts
from services.accounting.tests.integration.stand import Row, Tenant, columns

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICE = pb.DESCRIPTOR.services_by_name["AccountingService"]
# a difference is only found where somebody changed a database; test_inventories has them, test_evidence an inventory of before
NEVER_HERE = {f"parkcarbon.accounting.v1.InventoryDifference.{name}" for name in ("key", "closed", "replayed")} | {
    "parkcarbon.accounting.v1.Inventory.head_sha256"
}


_ONE_FIGURE: tuple[dict[str, Any], ...] = ({"gdp_10k_cny": "1"}, {"land_area_km2": "2"})


async def test_no_optional_text_of_an_answer_is_there_and_empty(tenant: Tenant) -> None:
    park_id = tenant.park_id
    inventory: dict[str, Any] = {"park_id": park_id, "inventory_id": "2020-v1"}
    finding = inventory | {"finding_id": "f-1"}
    manager, operator = tenant.manager, tenant.operator
    verifier = Caller("verifier", tenant.tenant_id, frozenset({"verifier"}), parks=frozenset({park_id}))
    public = Caller("someone", tenant.tenant_id, frozenset({"public"}))
    asked: list[tuple[str, Any, Caller]] = [
        ("CreatePark", pb.CreateParkRequest(park=tenant.park()), manager),
        ("GetPark", pb.GetParkRequest(park_id=park_id), manager),
        ("ListParks", pb.ListParksRequest(), manager),
        ("ListRegionParks", pb.ListRegionParksRequest(region_code="36"), manager),
        ("CreateEnterprise", pb.CreateEnterpriseRequest(enterprise=tenant.enterprise()), manager),
        ("ListEnterprises", pb.ListEnterprisesRequest(park_id=park_id), manager),
        ("CreateSource", pb.CreateSourceRequest(source=tenant.source()), manager),
        ("GetSource", pb.GetSourceRequest(park_id=park_id, source_id=tenant.source().source_id), manager),
        ("ListSources", pb.ListSourcesRequest(park_id=park_id), manager),
        *(
            (
                "RecordAnnualFigures",
                pb.RecordAnnualFiguresRequest(figures=pb.AnnualFigures(park_id=park_id, year=2020, **one)),
                manager,
            )
            for one in _ONE_FIGURE
        ),
        ("ListAnnualFigures", pb.ListAnnualFiguresRequest(park_id=park_id), manager),
        ("RecordActivity", pb.RecordActivityRequest(park_id=park_id, rows=columns([Row("a"), Row("b", "unknown")])), manager),
        ("ListActivityRecords", pb.ListActivityRecordsRequest(park_id=park_id), manager),
        *(
            (
                "QueryEmissions",
                pb.QueryEmissionsRequest(park_id=park_id, from_month="2020", to_month="2021", group_by=group_by),
                manager,
            )
            for group_by in ((), ("source", "gas"))
        ),
        ("ListSums", pb.ListSumsRequest(park_id=park_id), manager),
        *(("GetIndicators", pb.GetIndicatorsRequest(park_id=park_id, year=year), manager) for year in (2020, 2021)),
        ("ListFactorSets", pb.ListFactorSetsRequest(), public),
        ("ListFactors", pb.ListFactorsRequest(set_id="wang-2024"), public),
        ("RebuildSums", pb.RebuildSumsRequest(park_id=park_id), operator),
        ("CloseInventory", pb.CloseInventoryRequest(park_id=park_id, year=2020), manager),
        ("ListInventories", pb.ListInventoriesRequest(park_id=park_id), manager),
        ("GetInventory", pb.GetInventoryRequest(**inventory), manager),
        ("ListInventoryLines", pb.ListInventoryLinesRequest(**inventory), manager),
        ("ReplayInventory", pb.ReplayInventoryRequest(**inventory), manager),
        ("WriteFinding", pb.WriteFindingRequest(**finding, kind="observation", material=False, text="so it is"), verifier),
        ("AnswerFinding", pb.AnswerFindingRequest(**finding, text="it is"), manager),
        ("CloseFinding", pb.CloseFindingRequest(**finding, conclusion="accepted", text="good"), verifier),
        ("ListFindings", pb.ListFindingsRequest(**inventory), verifier),
        ("PublishInventory", pb.PublishInventoryRequest(**inventory, breakdowns=["scope"]), manager),
        ("ListPublishedParks", pb.ListPublishedParksRequest(), public),
        ("ListPublications", pb.ListPublicationsRequest(park_id=park_id), public),
        ("ReleaseRegions", pb.ReleaseRegionsRequest(year=2020), operator),
        ("GetRegionRelease", pb.GetRegionReleaseRequest(region_code="36", year=2020), public),
        ("WithdrawPublication", pb.WithdrawPublicationRequest(**inventory, reason="wrong"), manager),
    ]
    assert {name for name, *_ in asked} == {method.name for method in SERVICE.methods}
    seen = Absences()
    for name, request, caller in asked:
        seen.look(await tenant.stand.channel.call(getattr(tenant.stand.stub, name), request, caller=caller))
    assert seen.empty == set()
    assert seen.absent == optional_texts(SERVICE) - NEVER_HERE


async def test_a_dimension_that_was_asked_for_is_there_also_where_records_have_none(park: Tenant) -> None:
    await park.record(Row("a"))
    group: Any
    (group,) = (await park.query("enterprise")).groups
    assert (group.HasField("enterprise"), group.enterprise) == (True, "")
    assert not any(group.HasField(each) for each in DIMENSIONS if each != "enterprise")
