"""Routes of regions: the parks that lie in one."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import models
from gateway.api.conditional import representations
from gateway.api.openapi import refusals
from gateway.api.parameters import PageSize, PageToken, caller_of
from gateway.api.responses import page
from gateway.application import registers
from gateway.application.ports import AccountingPort
from gateway.domain.paging import Paging

RegionCode = Annotated[
    str,
    Path(alias="code", pattern=r"^[0-9]{2}([0-9]{2}){0,2}$", description="GB/T 2260: two, four or six digits", examples=["3607"]),
]


def router(accounting: AccountingPort) -> APIRouter:
    """Returns the routes of regions."""
    routes = APIRouter(prefix="/v1/regions", tags=["parks"])

    @routes.get(
        "/{code}/parks",
        response_model=models.ParksAnswer,
        responses=refusals(403, 422),
        dependencies=[representations(models.ParkAnswer, "parks")],
    )
    async def list_region_parks(
        request: Request, code: RegionCode, page_size: PageSize = 100, page_token: PageToken = ""
    ) -> Response:
        """Returns the parks of a province, a city or a county that the caller reaches, in order of id."""
        paging = Paging(page_size, page_token)
        return page("parks", await registers.list_region_parks(accounting, caller_of(request), code, paging))

    return routes
