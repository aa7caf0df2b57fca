"""The rpcs of closed inventories: wire to use case to wire."""

from typing import Any

import grpc

from accounting.api.pages import DEFAULT_RECORDS, MAX_RECORDS, page_size, read_number_token, read_token, write_token
from accounting.api.rooms import Rooms, factor_to_wire, time_to_wire, tonnes
from accounting.application import inventories
from accounting.domain.inventories import Inventory, InventoryLine, inventory_parts
from chassis.identity import current_caller
from parkcarbon.accounting.v1 import accounting_pb2 as pb

_Context = grpc.aio.ServicerContext[Any, Any]


class InventoryRpcs:
    """One method per rpc of inventories."""

    def __init__(self, rooms: Rooms) -> None:
        """Stores what it works with."""
        self._rooms = rooms

    async def CloseInventory(self, request: pb.CloseInventoryRequest, context: _Context) -> pb.CloseInventoryResponse:
        """Closes the inventory of a year."""
        rooms = self._rooms
        with rooms.measures.calculating("close_inventory"):
            async with rooms.write() as uow:
                kept, created = await inventories.close_inventory(
                    uow,
                    current_caller(),
                    request.park_id,
                    request.year,
                    request.reason,
                    reference=rooms.reference,
                    clock=rooms.clock,
                )
        return pb.CloseInventoryResponse(inventory=_inventory(kept, in_force=True), created=created)

    async def ListInventories(self, request: pb.ListInventoriesRequest, context: _Context) -> pb.ListInventoriesResponse:
        """Returns a page of inventories."""
        listed, size = f"{request.park_id}/inventories", page_size(request.page_size)
        key = read_token(request.page_token, listed, int, int) or (0, 0)
        async with self._rooms.read() as account:
            found, in_force = await inventories.list_inventories(
                account, current_caller(), request.park_id, (int(key[0]), int(key[1])), size + 1
            )
        token = write_token(listed, found[size - 1].year, found[size - 1].version) if len(found) > size else ""
        return pb.ListInventoriesResponse(
            inventories=[_inventory(each, in_force=in_force[each.year] == each.version) for each in found[:size]],
            next_page_token=token,
        )

    async def GetInventory(self, request: pb.GetInventoryRequest, context: _Context) -> pb.GetInventoryResponse:
        """Returns one inventory with its sums and factors."""
        async with self._rooms.read() as account:
            found, in_force, lines = await inventories.read_inventory(
                account, current_caller(), request.park_id, request.inventory_id
            )
        named = set(found.factor_ids)
        return pb.GetInventoryResponse(
            inventory=_inventory(found, in_force=in_force),
            parts=[
                pb.InventoryPart(
                    dimension=part.dimension,
                    key=part.key,
                    emissions_t_co2e=tonnes(part.sum.emissions_mg),
                    energy_tce=tonnes(part.sum.energy_mgce),
                    records=part.sum.records,
                )
                for part in inventory_parts(lines)
            ],
            factors=[factor_to_wire(each) for each in self._rooms.book.all_factors() if each.factor_id in named],
        )

    async def ListInventoryLines(self, request: pb.ListInventoryLinesRequest, context: _Context) -> pb.ListInventoryLinesResponse:
        """Returns a page of an inventory's lines."""
        listed = f"{request.park_id}/inventories/{request.inventory_id}/lines"
        size = page_size(request.page_size, DEFAULT_RECORDS, MAX_RECORDS)
        after = read_number_token(request.page_token, listed)
        async with self._rooms.read() as account:
            found = await inventories.list_lines(account, current_caller(), request.park_id, request.inventory_id, after, size + 1)
        token = write_token(listed, found[size - 1].line) if len(found) > size else ""
        return pb.ListInventoryLinesResponse(lines=map(_line, found[:size]), next_page_token=token)

    async def ReplayInventory(self, request: pb.ReplayInventoryRequest, context: _Context) -> pb.ReplayInventoryResponse:
        """Computes an inventory again."""
        with self._rooms.measures.calculating("replay_inventory"):
            async with self._rooms.read() as account:
                found = await inventories.replay_inventory(
                    account, current_caller(), request.park_id, request.inventory_id, reference=self._rooms.reference
                )
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
        records=closed.records,
        records_sha256=closed.records_sha256,
        content_sha256=closed.content_sha256,
        closed_by=closed.closed_by,
        closed_time=time_to_wire(closed.closed_time),
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
