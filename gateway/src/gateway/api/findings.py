"""Routes of findings about a closed inventory."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import finding_models as shapes
from gateway.api.conditional import representations
from gateway.api.inventories import InventoryId, shown
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

FindingId = Annotated[str, Path(alias="finding", pattern=ID_PATTERN, description="The finding's id", examples=["f-1"])]


def router(inventories: InventoryPort, uploads: Uploads) -> APIRouter:
    """Returns the routes of findings."""
    routes = APIRouter(prefix="/v1/parks/{park}/inventories/{inventory}/findings", tags=["inventories"])

    @routes.post(
        "",
        status_code=201,
        response_model=shapes.FindingAnswer,
        responses={200: {"model": shapes.FindingAnswer, "description": "The same finding existed"}, **_SENT},
        openapi_extra=body_of(shapes.FindingBody),
    )
    async def write_finding(request: Request, park: ParkId, inventory_id: InventoryId) -> Response:
        """Writes a finding of a verification; the same again is answered with 200, the id with other content is refused."""
        caller = caller_of(request)
        caller.must(Action.VERIFY)
        body = await read_json(uploads, request, shapes.FindingBody)
        members = {"park_id": park, "inventory_id": inventory_id, **body.model_dump(exclude_none=True)}
        found = shown(await questions.ask(inventories, caller, "WriteFinding", members))
        if not found["created"]:
            return answer(found["finding"])
        return answer(found["finding"], 201, {"Location": f"/v1/parks/{park}/inventories/{inventory_id}/findings"})

    @routes.get(
        "",
        response_model=shapes.FindingsAnswer,
        responses=_READ,
        dependencies=[representations(shapes.FindingAnswer, "findings")],
    )
    async def list_findings(
        request: Request, park: ParkId, inventory_id: InventoryId, page_size: PageSize = 100, page_token: PageToken = ""
    ) -> Response:
        """Returns the findings about an inventory in the order in which they were written, with answers and conclusion."""
        members = {"park_id": park, "inventory_id": inventory_id, "page_size": page_size, "page_token": page_token}
        return answer(shown(await questions.ask(inventories, caller_of(request), "ListFindings", members)))

    @routes.post(
        "/{finding}:answer", response_model=shapes.FindingAnswer, responses=_SENT, openapi_extra=body_of(shapes.AnswerBody)
    )
    async def answer_finding(request: Request, park: ParkId, inventory_id: InventoryId, finding_id: FindingId) -> Response:
        """Adds what the park's management says to a finding that is not closed."""
        caller = caller_of(request)
        caller.must(Action.RECORD)
        body = await read_json(uploads, request, shapes.AnswerBody)
        members = {"park_id": park, "inventory_id": inventory_id, "finding_id": finding_id, **body.model_dump()}
        return answer(shown(await questions.ask(inventories, caller, "AnswerFinding", members))["finding"])

    @routes.post(
        "/{finding}:close", response_model=shapes.FindingAnswer, responses=_SENT, openapi_extra=body_of(shapes.ConclusionBody)
    )
    async def close_finding(request: Request, park: ParkId, inventory_id: InventoryId, finding_id: FindingId) -> Response:
        """Closes a finding; the same again is answered as before, another conclusion is refused."""
        caller = caller_of(request)
        caller.must(Action.VERIFY)
        body = await read_json(uploads, request, shapes.ConclusionBody)
        members = {"park_id": park, "inventory_id": inventory_id, "finding_id": finding_id, **body.model_dump()}
        return answer(shown(await questions.ask(inventories, caller, "CloseFinding", members))["finding"])

    return routes
