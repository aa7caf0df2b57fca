"""The rpcs of closed inventories: wire to use case to wire."""

from typing import Any

import grpc

from accounting.api.measures import Measures
from accounting.api.wire import factor_to_wire, tonnes
from accounting.application import inventories
from accounting.application.ports import Ports
from accounting.domain.inventories import Inventory, InventoryLine, inventory_parts
from chassis.identity import current_caller
from chassis.paging import DEFAULT_RECORDS, MAX_RECORDS, Paging, in_slices
from chassis.wire import rfc3339
from parkcarbon.accounting.v1 import accounting_pb2 as pb

_Context = grpc.aio.ServicerContext[Any, Any]


class InventoryRpcs:
    """One method per rpc of inventories."""

    _ports: Ports
    _measures: Measures

    async def CloseInventory(self, request: pb.CloseInventoryRequest, context: _Context) -> pb.CloseInventoryResponse:
        """Closes the inventory of a year."""
        with self._measures.calculating("close_inventory"):
            kept, created = await inventories.close_inventory(
                self._ports, current_caller(), request.park_id, request.year, request.reason
            )
        return pb.CloseInventoryResponse(inventory=_inventory(kept, in_force=True), created=created)

    async def ListInventories(self, request: pb.ListInventoriesRequest, context: _Context) -> pb.ListInventoriesResponse:
        """Returns a page of inventories."""
        page = Paging(f"{request.park_id}/inventories", request.page_size, request.page_token)
        found, in_force = await inventories.list_inventories(
            self._ports, current_caller(), request.park_id, page.after_numbers(), page.limit
        )
        shown, token = page.cut(found, lambda each: (each.year, each.version))
        return pb.ListInventoriesResponse(
            inventories=[_inventory(each, in_force=in_force[each.year] == each.version) for each in shown],
            next_page_token=token,
        )

    async def GetInventory(self, request: pb.GetInventoryRequest, context: _Context) -> pb.GetInventoryResponse:
        """Returns one inventory with its sums and factors."""
        found = await inventories.read_inventory(self._ports, current_caller(), request.park_id, request.inventory_id)
        return pb.GetInventoryResponse(
            inventory=_inventory(found.inventory, in_force=found.in_force),
            parts=[
                pb.InventoryPart(
                    dimension=part.dimension,
                    key=part.key,
                    emissions_t_co2e=tonnes(part.sum.emissions_mg),
                    energy_tce=tonnes(part.sum.energy_mgce),
                    records=part.sum.records,
                )
                for part in inventory_parts(found.lines)
            ],
            factors=map(factor_to_wire, found.factors),
        )

    async def ListInventoryLines(self, request: pb.ListInventoryLinesRequest, context: _Context) -> pb.ListInventoryLinesResponse:
        """Returns a page of an inventory's lines."""
        listed = f"{request.park_id}/inventories/{request.inventory_id}/lines"
        page = Paging(listed, request.page_size, request.page_token, default=DEFAULT_RECORDS, most=MAX_RECORDS)
        found = await inventories.list_lines(
            self._ports, current_caller(), request.park_id, request.inventory_id, page.after_number(), page.limit
        )
        shown, token = page.cut(found, lambda each: (each.line,))
        response = pb.ListInventoryLinesResponse(next_page_token=token)
        async for part in in_slices(shown):
            response.lines.extend(map(_line, part))
        return response

    async def ReplayInventory(self, request: pb.ReplayInventoryRequest, context: _Context) -> pb.ReplayInventoryResponse:
        """Computes an inventory again."""
        with self._measures.calculating("replay_inventory"):
            found = await inventories.replay_inventory(self._ports, current_caller(), request.park_id, request.inventory_id)
        return pb.ReplayInventoryResponse(
            equal=not found.differences,
            records=found.records,
            differences=[
                pb.InventoryDifference(
                    what=each.what, key=each.key or None, closed=each.closed or None, replayed=each.replayed or None
                )
                for each in found.differences
            ],
        )


def _inventory(closed: Inventory, *, in_force: bool) -> pb.Inventory:
    totals = closed.totals
    return pb.Inventory(
        park_id=closed.park_id,
        inventory_id=closed.inventory_id,
        year=closed.year,
        version=closed.version,
        state="in_force" if in_force else "restated",
        reason=closed.reason or None,
        factor_set_id=closed.factor_set_id,
        last_position=closed.last_position,
        head_sha256=closed.head_sha256 or None,
        records=closed.records,
        records_sha256=closed.records_sha256,
        content_sha256=closed.content_sha256,
        closed_by=closed.closed_by,
        closed_time=rfc3339(closed.closed_time),
        emissions_t_co2e=tonnes(totals.emissions_mg),
        scope_1_t_co2e=tonnes(totals.scope_mg[0]),
        scope_2_t_co2e=tonnes(totals.scope_mg[1]),
        scope_3_t_co2e=tonnes(totals.scope_mg[2]),
        removals_t_co2e=tonnes(totals.removals_mg),
        biogenic_t_co2e=tonnes(totals.biogenic_mg),
        energy_tce=tonnes(totals.energy_mgce),
    )


def _line(line: InventoryLine) -> pb.InventoryLine:
    return pb.InventoryLine(
        line=line.line,
        enterprise_id=line.enterprise_id or None,
        scope=line.scope,
        item=line.item,
        carrier=line.carrier,
        gas=line.gas,
        sector=line.sector,
        counted_as=line.counted_as,
        emissions_t_co2e=tonnes(line.emissions_mg),
        energy_tce=tonnes(line.energy_mgce),
        records=line.records,
    )
