"""Routes of the registers: parks, enterprises, sources, annual figures."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import models
from gateway.api.conditional import representations
from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import PageSize, PageToken, ParkId, caller_of
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.responses import answer, members, page, registered
from gateway.application import registers
from gateway.application.ports import AccountingPort
from gateway.domain.account import NewAnnualFigures, NewEnterprise, NewPark, NewSource
from gateway.domain.callers import Action
from gateway.domain.paging import Paging

_LISTED = refusals(403, 404, 422)
_REGISTERED = refusals(400, 403, 404, 408, 409, 413, 415, 422, 429)


def router(accounting: AccountingPort, uploads: Uploads) -> APIRouter:
    """Returns the routes of the registers."""
    routes = APIRouter(prefix="/v1/parks", tags=["parks"])

    @routes.post(
        "",
        status_code=201,
        response_model=models.ParkAnswer,
        responses={200: {"model": models.ParkAnswer, "description": "The same park existed"}, **_REGISTERED},
        openapi_extra=body_of(models.NewParkBody),
    )
    async def register_park(request: Request) -> Response:
        """Registers a park. The same park again is answered with 200; the id with other content is refused with 409."""
        caller = caller_of(request)
        caller.must(Action.REGISTER)
        body = await read_json(uploads, request, models.NewParkBody)
        found = await registers.register_park(accounting, caller, NewPark(**body.model_dump()))
        return registered(found, lambda park: f"/v1/parks/{park.park_id}")

    @routes.get(
        "",
        response_model=models.ParksAnswer,
        responses=refusals(403, 422),
        dependencies=[representations(models.ParkAnswer, "parks")],
    )
    async def list_parks(request: Request, page_size: PageSize = 100, page_token: PageToken = "") -> Response:
        """Returns the parks of the caller's tenant, in order of id."""
        return page("parks", await registers.list_parks(accounting, caller_of(request), Paging(page_size, page_token)))

    @routes.get("/{park}", response_model=models.ParkAnswer, responses=_LISTED, dependencies=[representations(models.ParkAnswer)])
    async def read_park(request: Request, park: ParkId) -> Response:
        """Returns a park; a park of another tenant does not exist for this caller."""
        return answer(members(await registers.read_park(accounting, caller_of(request), park)))

    @routes.post(
        "/{park}/enterprises",
        status_code=201,
        response_model=models.EnterpriseAnswer,
        responses={200: {"model": models.EnterpriseAnswer, "description": "The same enterprise existed"}, **_REGISTERED},
        openapi_extra=body_of(models.NewEnterpriseBody),
    )
    async def register_enterprise(request: Request, park: ParkId) -> Response:
        """Registers an enterprise in a park; idempotent like parks."""
        caller = caller_of(request)
        caller.must(Action.REGISTER)
        body = await read_json(uploads, request, models.NewEnterpriseBody)
        found = await registers.register_enterprise(accounting, caller, park, NewEnterprise(**body.model_dump()))
        return registered(found, lambda _: f"/v1/parks/{park}/enterprises")

    @routes.get(
        "/{park}/enterprises",
        response_model=models.EnterprisesAnswer,
        responses=_LISTED,
        dependencies=[representations(models.EnterpriseAnswer, "enterprises")],
    )
    async def list_enterprises(request: Request, park: ParkId, page_size: PageSize = 100, page_token: PageToken = "") -> Response:
        """Returns the enterprises of a park, in order of id."""
        listed = await registers.list_enterprises(accounting, caller_of(request), park, Paging(page_size, page_token))
        return page("enterprises", listed)

    @routes.post(
        "/{park}/sources",
        status_code=201,
        response_model=models.SourceAnswer,
        responses={200: {"model": models.SourceAnswer, "description": "The same source existed"}, **_REGISTERED},
        openapi_extra=body_of(models.NewSourceBody),
    )
    async def register_source(request: Request, park: ParkId) -> Response:
        """Registers an emission source in a park; idempotent like parks."""
        caller = caller_of(request)
        caller.must(Action.REGISTER)
        body = await read_json(uploads, request, models.NewSourceBody)
        found = await registers.register_source(accounting, caller, park, NewSource(**body.model_dump()))
        return registered(found, lambda _: f"/v1/parks/{park}/sources")

    @routes.get(
        "/{park}/sources",
        response_model=models.SourcesAnswer,
        responses=_LISTED,
        dependencies=[representations(models.SourceAnswer, "sources")],
    )
    async def list_sources(request: Request, park: ParkId, page_size: PageSize = 100, page_token: PageToken = "") -> Response:
        """Returns the emission sources of a park, in order of id."""
        listed = await registers.list_sources(accounting, caller_of(request), park, Paging(page_size, page_token))
        return page("sources", listed)

    @routes.put(
        "/{park}/annual-figures/{year}",
        response_model=models.RecordedFiguresAnswer,
        responses=refusals(400, 403, 404, 408, 409, 413, 415, 422, 429),
        openapi_extra=body_of(models.AnnualFiguresBody),
    )
    async def record_annual_figures(
        request: Request, park: ParkId, year: Annotated[int, Path(ge=1900, le=2200, examples=[2022])]
    ) -> Response:
        """Records the figures of a year as a new version; the same figures again change nothing."""
        caller = caller_of(request)
        caller.must(Action.RECORD)
        body = await read_json(uploads, request, models.AnnualFiguresBody)
        figures = NewAnnualFigures(**body.model_dump())
        recorded = await registers.record_annual_figures(accounting, caller, park, year, figures)
        return answer({**members(recorded.figures), "changed": recorded.changed})

    @routes.get(
        "/{park}/annual-figures",
        response_model=models.AnnualFiguresListAnswer,
        responses=_LISTED,
        dependencies=[representations(models.AnnualFiguresAnswer, "annual_figures")],
    )
    async def list_annual_figures(
        request: Request, park: ParkId, page_size: PageSize = 100, page_token: PageToken = ""
    ) -> Response:
        """Returns every version of the annual figures of a park, by year, then by version."""
        listed = await registers.list_annual_figures(accounting, caller_of(request), park, Paging(page_size, page_token))
        return page("annual_figures", listed)

    return routes
