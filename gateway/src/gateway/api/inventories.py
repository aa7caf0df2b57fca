"""Routes of closed inventories."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import inventory_models as shapes
from gateway.api.conditional import representations
from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import PageSize, PageToken, ParkId, caller_of
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.responses import answer
from gateway.api.schemas.model import ID_PATTERN
from gateway.application import inventories as questions
from gateway.application.inventories import InventoryPort
from gateway.domain.callers import Action

_READ = refusals(403, 404, 422)
_SENT = refusals(400, 403, 404, 408, 409, 413, 415, 422, 429)
_COUNTS = frozenset({"records", "last_position"})
"""64-bit integers, which come as text; as numbers they stay below 2⁵³."""

InventoryId = Annotated[str, Path(alias="inventory", pattern=ID_PATTERN, description="The year and version", examples=["2022-v1"])]


def router(inventories: InventoryPort, uploads: Uploads) -> APIRouter:
    """Returns the routes of closed inventories."""
    routes = APIRouter(prefix="/v1/parks/{park}/inventories", tags=["inventories"])

    @routes.post(
        "",
        status_code=201,
        response_model=shapes.InventoryAnswer,
        responses={200: {"model": shapes.InventoryAnswer, "description": "The inventory in force says the same"}, **_SENT},
        openapi_extra=body_of(shapes.CloseBody),
    )
    async def close_inventory(request: Request, park: ParkId) -> Response:
        """Closes the inventory of a year, for good. Closed again with other records, it is the next version, and needs a reason."""
        caller = caller_of(request)
        caller.must(Action.RECORD)
        body = await read_json(uploads, request, shapes.CloseBody)
        members = {"park_id": park, "year": body.year, "reason": body.reason}
        found = shown(await questions.ask(inventories, caller, "CloseInventory", members))
        closed = found["inventory"]
        if not found["created"]:
            return answer(closed)
        return answer(closed, 201, {"Location": f"/v1/parks/{park}/inventories/{closed['inventory_id']}"})

    @routes.get(
        "",
        response_model=shapes.InventoriesAnswer,
        responses=_READ,
        dependencies=[representations(shapes.InventoryAnswer, "inventories")],
    )
    async def list_inventories(request: Request, park: ParkId, page_size: PageSize = 100, page_token: PageToken = "") -> Response:
        """Returns the closed inventories of a park by year and version, restated ones too."""
        members = {"park_id": park, "page_size": page_size, "page_token": page_token}
        return answer(shown(await questions.ask(inventories, caller_of(request), "ListInventories", members)))

    @routes.get(
        "/{inventory}",
        response_model=shapes.WholeInventoryAnswer,
        responses=_READ,
        dependencies=[representations(shapes.WholeInventoryAnswer)],
    )
    async def read_inventory(request: Request, park: ParkId, inventory_id: InventoryId) -> Response:
        """Returns an inventory with its parts by item, gas and sector, and the factor rows that it was made with."""
        members = {"park_id": park, "inventory_id": inventory_id}
        found = shown(await questions.ask(inventories, caller_of(request), "GetInventory", members))
        return answer({**found["inventory"], "parts": found["parts"], "factors": found["factors"]})

    @routes.get(
        "/{inventory}/lines",
        response_model=shapes.LinesAnswer,
        responses=_READ,
        dependencies=[representations(shapes.LineAnswer, "lines")],
    )
    async def list_inventory_lines(
        request: Request, park: ParkId, inventory_id: InventoryId, page_size: PageSize = 1000, page_token: PageToken = ""
    ) -> Response:
        """Returns the lines of an inventory: its sums by enterprise, scope, item, carrier and gas."""
        members = {"park_id": park, "inventory_id": inventory_id, "page_size": page_size, "page_token": page_token}
        return answer(shown(await questions.ask(inventories, caller_of(request), "ListInventoryLines", members)))

    @routes.post("/{inventory}:replay", response_model=shapes.ReplayAnswer, responses=_SENT)
    async def replay_inventory(request: Request, park: ParkId, inventory_id: InventoryId) -> Response:
        """Computes an inventory again from the stored records and says where it differs from what was closed; changes nothing."""
        members = {"park_id": park, "inventory_id": inventory_id}
        return answer(shown(await questions.ask(inventories, caller_of(request), "ReplayInventory", members)))

    return routes


def shown(value: Any) -> Any:
    """Returns an answer of accounting as this API shows it: empty text is left out, and counts are numbers."""
    if isinstance(value, list):
        return [shown(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: int(member) if name in _COUNTS else shown(member)
        for name, member in value.items()
        if member != "" or name == "next_page_token"
    }
