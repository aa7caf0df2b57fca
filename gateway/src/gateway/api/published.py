"""Routes of what everyone may read: publishing it, taking it back, reading it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import inventory_models as shapes
from gateway.api.conditional import representations
from gateway.api.inventories import InventoryId, shown
from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import PageSize, PageToken, ParkId, caller_of
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.regions import RegionCode
from gateway.api.responses import answer
from gateway.application import inventories as questions
from gateway.application.inventories import InventoryPort
from gateway.domain.callers import Action

_READ = refusals(403, 404, 422)
_SENT = refusals(400, 403, 404, 408, 409, 413, 415, 422, 429)

ReleasedYear = Annotated[int, Query(ge=1990, le=2200, description="The year", examples=[2022])]


def router(inventories: InventoryPort, uploads: Uploads) -> APIRouter:
    """Returns the routes of what is published."""
    routes = APIRouter(prefix="/v1", tags=["published"])
    _add_acts(routes, inventories, uploads)
    _add_reading(routes, inventories)
    return routes


def _add_acts(routes: APIRouter, inventories: InventoryPort, uploads: Uploads) -> None:
    """Adds what managers and operators do."""

    @routes.post(
        "/parks/{park}/inventories/{inventory}:publish",
        status_code=201,
        response_model=shapes.PublicationAnswer,
        responses={200: {"model": shapes.PublicationAnswer, "description": "It was published before"}, **_SENT},
        openapi_extra=body_of(shapes.PublishBody),
    )
    async def publish_inventory(request: Request, park: ParkId, inventory_id: InventoryId) -> Response:
        """Publishes the total of an inventory and the parts asked for, as far as no enterprise is shown by them."""
        caller = caller_of(request)
        caller.must(Action.PUBLISH)
        body = await read_json(uploads, request, shapes.PublishBody)
        members = {"park_id": park, "inventory_id": inventory_id, "breakdowns": body.breakdowns}
        found = await questions.ask(inventories, caller, "PublishInventory", members)
        made = shown(found["publication"]) | {"cells": _cells(found["publication"]["cells"])}
        if not found["created"]:
            return answer(made)
        return answer(made, 201, {"Location": f"/v1/published/parks/{park}/emissions"})

    @routes.post(
        "/parks/{park}/inventories/{inventory}:withdraw",
        response_model=shapes.WithdrawalAnswer,
        responses=_SENT,
        openapi_extra=body_of(shapes.WithdrawBody),
    )
    async def withdraw_publication(request: Request, park: ParkId, inventory_id: InventoryId) -> Response:
        """Takes a publication back: it is shown no more. A second time changes nothing."""
        caller = caller_of(request)
        caller.must(Action.PUBLISH)
        body = await read_json(uploads, request, shapes.WithdrawBody)
        members = {"park_id": park, "inventory_id": inventory_id, "reason": body.reason}
        return answer(await questions.ask(inventories, caller, "WithdrawPublication", members))

    @routes.post(
        "/region-releases",
        status_code=201,
        response_model=shapes.ReleaseAnswer,
        responses={200: {"model": shapes.ReleaseAnswer, "description": "The year was released before"}, **_SENT},
        openapi_extra=body_of(shapes.ReleaseBody),
    )
    async def release_regions(request: Request) -> Response:
        """Releases the sums of a year by region over all parks that closed it, once and for good."""
        caller = caller_of(request)
        caller.must(Action.RELEASE)
        body = await read_json(uploads, request, shapes.ReleaseBody)
        found = await questions.ask(inventories, caller, "ReleaseRegions", {"year": body.year})
        made = {**found["release"], "cells": _cells(found["release"]["cells"])}
        return answer(made, 201 if found["created"] else 200)


def _add_reading(routes: APIRouter, inventories: InventoryPort) -> None:
    """Adds what everyone reads."""

    @routes.get(
        "/published/parks",
        response_model=shapes.PublishedParksAnswer,
        responses=refusals(403, 422),
        dependencies=[representations(shapes.PublishedParkAnswer, "parks")],
    )
    async def list_published_parks(request: Request, page_size: PageSize = 100, page_token: PageToken = "") -> Response:
        """Returns the parks of which something is published, in order of id."""
        members = {"page_size": page_size, "page_token": page_token}
        found = await questions.ask(inventories, caller_of(request), "ListPublishedParks", members)
        names = shapes.PublishedParkAnswer.model_fields
        parks = [{name: park[name] for name in names} for park in found["parks"]]
        return answer({"parks": parks, "next_page_token": found["next_page_token"]})

    @routes.get(
        "/published/parks/{park}/emissions",
        response_model=shapes.PublishedEmissionsAnswer,
        responses=_READ,
        dependencies=[representations(shapes.PublishedRowAnswer, "emissions")],
    )
    async def read_published_emissions(
        request: Request, park: ParkId, page_size: PageSize = 100, page_token: PageToken = ""
    ) -> Response:
        """Returns what of a park is published and not taken back, a row for each sum; pages are of publications."""
        members = {"park_id": park, "page_size": page_size, "page_token": page_token}
        found = await questions.ask(inventories, caller_of(request), "ListPublications", members)
        names = ("inventory_id", "year", "version", "state", "rule_id", "published_time")
        rows = [
            {**{name: each[name] for name in names}, **cell} for each in found["publications"] for cell in _cells(each["cells"])
        ]
        return answer({"park_id": park, "emissions": rows, "next_page_token": found["next_page_token"]})

    @routes.get(
        "/published/regions/{code}/emissions",
        response_model=shapes.RegionEmissionsAnswer,
        responses=_READ,
        dependencies=[representations(shapes.CellAnswer, "emissions")],
    )
    async def read_region_emissions(request: Request, code: RegionCode, year: ReleasedYear) -> Response:
        """Returns the released sums of a region and of the regions in it, the same for everyone."""
        members = {"region_code": code, "year": year}
        found = (await questions.ask(inventories, caller_of(request), "GetRegionRelease", members))["release"]
        told = {name: found[name] for name in ("year", "rule_id", "released_time")}
        return answer({"region_code": code, **told, "emissions": _cells(found["cells"])})


def _cells(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sums as this API shows them: one that is suppressed has null where its amount would be."""
    return [{**cell, "emissions_t_co2e": cell["emissions_t_co2e"] or None} for cell in cells]
