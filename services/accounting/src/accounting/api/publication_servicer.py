"""The rpcs of what is published: wire to use case to wire."""

from collections.abc import Sequence
from typing import Any

import grpc

from accounting.api.measures import Measures
from accounting.api.wire import tonnes
from accounting.application import publication
from accounting.application.ports import Ports
from accounting.domain.parks import Park
from accounting.domain.publication import Publication, PublishedCell, RegionRelease
from chassis.identity import current_caller
from chassis.paging import Paging
from chassis.wire import rfc3339
from parkcarbon.accounting.v1 import accounting_pb2 as pb

_Context = grpc.aio.ServicerContext[Any, Any]


class PublicationRpcs:
    """One method per rpc of publications."""

    _ports: Ports
    _measures: Measures

    async def PublishInventory(self, request: pb.PublishInventoryRequest, context: _Context) -> pb.PublishInventoryResponse:
        """Publishes totals of an inventory."""
        with self._measures.calculating("publish_inventory"):
            made, in_force, created = await publication.publish_inventory(
                self._ports, current_caller(), request.park_id, request.inventory_id, tuple(request.breakdowns)
            )
        return pb.PublishInventoryResponse(publication=_publication(made, in_force=in_force), created=created)

    async def WithdrawPublication(
        self, request: pb.WithdrawPublicationRequest, context: _Context
    ) -> pb.WithdrawPublicationResponse:
        """Withdraws a publication."""
        found, changed = await publication.withdraw_publication(
            self._ports, current_caller(), request.park_id, request.inventory_id, request.reason
        )
        return pb.WithdrawPublicationResponse(withdrawn_time=rfc3339(found.withdrawn_time), changed=changed)

    async def ListPublishedParks(self, request: pb.ListPublishedParksRequest, context: _Context) -> pb.ListPublishedParksResponse:
        """Returns a page of the parks of which something is published."""
        page = Paging("published-parks", request.page_size, request.page_token)
        found = await publication.list_published_parks(self._ports, current_caller(), page.after_text(), page.limit)
        shown, token = page.cut(found, lambda each: (each.park_id,))
        return pb.ListPublishedParksResponse(parks=map(_park, shown), next_page_token=token)

    async def ListPublications(self, request: pb.ListPublicationsRequest, context: _Context) -> pb.ListPublicationsResponse:
        """Returns a page of what of a park is published."""
        page = Paging(f"{request.park_id}/publications", request.page_size, request.page_token)
        found, in_force = await publication.list_publications(
            self._ports, current_caller(), request.park_id, page.after_numbers(), page.limit
        )
        shown, token = page.cut(found, lambda each: (each.year, each.version))
        return pb.ListPublicationsResponse(
            park_id=request.park_id,
            emissions=[row for each in shown for row in _rows(each, in_force=in_force[each.year] == each.version)],
            next_page_token=token,
        )

    async def ReleaseRegions(self, request: pb.ReleaseRegionsRequest, context: _Context) -> pb.ReleaseRegionsResponse:
        """Releases the sums of a year by region."""
        with self._measures.calculating("release_regions"):
            made, created = await publication.release_regions(self._ports, current_caller(), request.year)
        return pb.ReleaseRegionsResponse(release=_release(made), created=created)

    async def GetRegionRelease(self, request: pb.GetRegionReleaseRequest, context: _Context) -> pb.GetRegionReleaseResponse:
        """Returns the released sums of a region."""
        found = await publication.read_region_release(self._ports, current_caller(), request.region_code, request.year)
        return pb.GetRegionReleaseResponse(
            region_code=request.region_code,
            year=found.year,
            rule_id=found.rule_id,
            released_time=rfc3339(found.released_time),
            emissions=_cells(found.cells),
        )


def _cells(cells: Sequence[PublishedCell]) -> list[pb.PublishedCell]:
    return [
        pb.PublishedCell(
            dimension=cell.dimension,
            key=cell.key,
            status=cell.status,
            emissions_t_co2e=None if cell.emissions_mg is None else tonnes(cell.emissions_mg),
        )
        for cell in cells
    ]


def _park(park: Park) -> pb.PublishedPark:
    return pb.PublishedPark(park_id=park.park_id, name_zh=park.name_zh, name_en=park.name_en, region_code=park.region_code)


def _rows(made: Publication, *, in_force: bool) -> list[pb.PublishedEmission]:
    return [
        pb.PublishedEmission(
            inventory_id=made.inventory_id,
            year=made.year,
            version=made.version,
            state="in_force" if in_force else "restated",
            rule_id=made.rule_id,
            published_time=rfc3339(made.published_time),
            cell=cell,
        )
        for cell in _cells(made.cells)
    ]


def _publication(made: Publication, *, in_force: bool) -> pb.Publication:
    return pb.Publication(
        park_id=made.park_id,
        inventory_id=made.inventory_id,
        year=made.year,
        version=made.version,
        state="in_force" if in_force else "restated",
        breakdowns=made.breakdowns,
        cells=_cells(made.cells),
        rule_id=made.rule_id,
        published_time=rfc3339(made.published_time),
    )


def _release(made: RegionRelease) -> pb.RegionRelease:
    return pb.RegionRelease(
        year=made.year, rule_id=made.rule_id, released_time=rfc3339(made.released_time), cells=_cells(made.cells)
    )
