"""The rpcs of what is published: wire to use case to wire."""

from collections.abc import Sequence
from typing import Any

import grpc

from accounting.api.pages import page_size, read_text_token, read_token, write_token
from accounting.api.rooms import Rooms, time_to_wire, tonnes
from accounting.application import publication
from accounting.domain.parks import Park
from accounting.domain.publication import Publication, PublishedCell, RegionRelease
from chassis.identity import current_caller
from parkcarbon.accounting.v1 import accounting_pb2 as pb

_Context = grpc.aio.ServicerContext[Any, Any]


class PublicationRpcs:
    """One method per rpc of publications."""

    def __init__(self, rooms: Rooms) -> None:
        """Stores what it works with."""
        self._rooms = rooms

    async def PublishInventory(self, request: pb.PublishInventoryRequest, context: _Context) -> pb.PublishInventoryResponse:
        """Publishes totals of an inventory."""
        rooms = self._rooms
        with rooms.measures.calculating("publish_inventory"):
            async with rooms.write() as uow:
                made, in_force, created = await publication.publish_inventory(
                    uow,
                    current_caller(),
                    request.park_id,
                    request.inventory_id,
                    tuple(request.breakdowns),
                    rule=rooms.rule,
                    clock=rooms.clock,
                )
        return pb.PublishInventoryResponse(publication=_publication(made, in_force=in_force), created=created)

    async def WithdrawPublication(
        self, request: pb.WithdrawPublicationRequest, context: _Context
    ) -> pb.WithdrawPublicationResponse:
        """Takes a publication back."""
        async with self._rooms.write() as uow:
            found, changed = await publication.withdraw_publication(
                uow, current_caller(), request.park_id, request.inventory_id, request.reason, clock=self._rooms.clock
            )
        return pb.WithdrawPublicationResponse(withdrawn_time=time_to_wire(found.withdrawn_time), changed=changed)

    async def ListPublishedParks(self, request: pb.ListPublishedParksRequest, context: _Context) -> pb.ListPublishedParksResponse:
        """Returns a page of the parks of which something is published."""
        size, after = page_size(request.page_size), read_text_token(request.page_token, "published-parks")
        async with self._rooms.read() as account:
            found = await publication.list_published_parks(account, current_caller(), after, size + 1)
        token = write_token("published-parks", found[size - 1].park_id) if len(found) > size else ""
        return pb.ListPublishedParksResponse(parks=map(_park, found[:size]), next_page_token=token)

    async def ListPublications(self, request: pb.ListPublicationsRequest, context: _Context) -> pb.ListPublicationsResponse:
        """Returns a page of what of a park is published."""
        listed, size = f"{request.park_id}/publications", page_size(request.page_size)
        key = read_token(request.page_token, listed, int, int) or (0, 0)
        async with self._rooms.read() as account:
            found, in_force = await publication.list_publications(
                account, current_caller(), request.park_id, (int(key[0]), int(key[1])), size + 1
            )
        token = write_token(listed, found[size - 1].year, found[size - 1].version) if len(found) > size else ""
        return pb.ListPublicationsResponse(
            park_id=request.park_id,
            emissions=[row for each in found[:size] for row in _rows(each, in_force=in_force[each.year] == each.version)],
            next_page_token=token,
        )

    async def ReleaseRegions(self, request: pb.ReleaseRegionsRequest, context: _Context) -> pb.ReleaseRegionsResponse:
        """Releases the sums of a year by region."""
        rooms = self._rooms
        with rooms.measures.calculating("release_regions"):
            async with rooms.write() as uow:
                made, created = await publication.release_regions(
                    uow, current_caller(), request.year, rule=rooms.rule, clock=rooms.clock
                )
        return pb.ReleaseRegionsResponse(release=_release(made), created=created)

    async def GetRegionRelease(self, request: pb.GetRegionReleaseRequest, context: _Context) -> pb.GetRegionReleaseResponse:
        """Returns the released sums of a region."""
        async with self._rooms.read() as account:
            found = await publication.read_region_release(account, current_caller(), request.region_code, request.year)
        return pb.GetRegionReleaseResponse(
            region_code=request.region_code,
            year=found.year,
            rule_id=found.rule_id,
            released_time=time_to_wire(found.released_time),
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
            published_time=time_to_wire(made.published_time),
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
        published_time=time_to_wire(made.published_time),
    )


def _release(made: RegionRelease) -> pb.RegionRelease:
    return pb.RegionRelease(
        year=made.year, rule_id=made.rule_id, released_time=time_to_wire(made.released_time), cells=_cells(made.cells)
    )
