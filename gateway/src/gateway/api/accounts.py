"""Routes of figures: emissions, indicators, and the factors behind them."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import models
from gateway.api.conditional import representations
from gateway.api.openapi import refusals
from gateway.api.parameters import PageSize, PageToken, ParkId, caller_of, language
from gateway.api.responses import answer, group, members, page
from gateway.api.schemas.model import ID_PATTERN
from gateway.application import accounts
from gateway.application.ports import AccountingPort
from gateway.domain.account import Indicator
from gateway.domain.messages import Language
from gateway.domain.months import month
from gateway.domain.paging import Paging

_READ = refusals(403, 404, 422)
_DIMENSIONS = ("year", "month", "scope", "item", "carrier", "gas", "sector", "enterprise", "source")


def router(accounting: AccountingPort) -> APIRouter:
    """Returns the routes of figures and factors."""
    routes = APIRouter(prefix="/v1", tags=["accounts"])

    @routes.get(
        "/parks/{park}/emissions",
        response_model=models.EmissionsAnswer,
        responses=_READ,
        dependencies=[representations(models.GroupAnswer, "groups", more=_DIMENSIONS)],
    )
    async def query_emissions(
        request: Request,
        park: ParkId,
        from_: Annotated[str, Query(alias="from", description="YYYY-MM or YYYY, inclusive", examples=["2022-01"])],
        to: Annotated[str, Query(description="YYYY-MM or YYYY, exclusive", examples=["2023-01"])],
        group_by: Annotated[
            str,
            Query(
                max_length=200,
                description="At most four of year, month, scope, item, carrier, gas, sector, enterprise, source, with commas",
                examples=["scope,carrier"],
            ),
        ] = "",
    ) -> Response:
        """Returns exact totals of the records in force, cut into months in the park's time zone."""
        from_month, to_month = month("from", from_), month("to", to)
        dimensions = [name.strip() for name in group_by.split(",")] if group_by.strip() else []
        found = await accounts.query_emissions(accounting, caller_of(request), park, from_month, to_month, dimensions)
        return answer(
            {
                "park_id": park,
                "from": from_month,
                "to": to_month,
                "group_by": dimensions,
                "factor_set_id": found.factor_set_id,
                "groups": [group(entry, dimensions) for entry in found.groups],
                "total": group(found.total),
                "removals": group(found.removals),
                "biogenic": group(found.biogenic),
                "straddling": group(found.straddling),
            }
        )

    @routes.get(
        "/parks/{park}/indicators",
        response_model=models.IndicatorsAnswer,
        responses=_READ,
        dependencies=[representations(models.IndicatorAnswer, "indicators")],
    )
    async def read_indicators(
        request: Request, park: ParkId, year: Annotated[int, Query(ge=1900, le=2200, examples=[2022])]
    ) -> Response:
        """Returns the park's own figures of one year: emissions, energy, mix, intensities."""
        found = await accounts.read_indicators(accounting, caller_of(request), park, year)
        return answer(
            {
                "park_id": park,
                "year": year,
                "factor_set_id": found.factor_set_id,
                "electricity_conversion": found.electricity_conversion,
                "records": found.records,
                "indicators": [_indicator(indicator, language(request)) for indicator in found.indicators],
                "energy_mix": [members(share) for share in found.energy_mix],
            }
        )

    @routes.get(
        "/factor-sets",
        response_model=models.FactorSetsAnswer,
        responses=refusals(403, 422),
        dependencies=[representations(models.FactorSetAnswer, "factor_sets")],
    )
    async def list_factor_sets(request: Request, page_size: PageSize = 100, page_token: PageToken = "") -> Response:
        """Returns the factor sets that a park can choose from, in order of id."""
        listed = await accounts.list_factor_sets(accounting, caller_of(request), Paging(page_size, page_token))
        return page("factor_sets", listed)

    @routes.get(
        "/factor-sets/{set}/factors",
        response_model=models.FactorsAnswer,
        responses=_READ,
        dependencies=[representations(models.FactorAnswer, "factors")],
    )
    async def list_factors(
        request: Request,
        set_id: Annotated[str, Path(alias="set", pattern=ID_PATTERN, description="The set's id", examples=["wang-2024"])],
        page_size: PageSize = 100,
        page_token: PageToken = "",
    ) -> Response:
        """Returns the factors of a set with their sources, in order of id."""
        listed = await accounts.list_factors(accounting, caller_of(request), set_id, Paging(page_size, page_token))
        return page("factors", listed)

    return routes


def _indicator(indicator: Indicator, spoken: Language) -> dict[str, Any]:
    """A figure that cannot be given has the value null: it is missing, not left out."""
    shown = {"value": None, **members(indicator)}
    in_chinese = shown.pop("missing_zh", None)
    return shown | {"missing": in_chinese} if in_chinese is not None and spoken == "zh" else shown
