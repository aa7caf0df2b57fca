"""The route of the audit log."""

from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.openapi import refusals
from gateway.api.parameters import caller_of
from gateway.api.responses import answer
from gateway.api.schemas import audit as models
from gateway.application.access.audit import read_audit
from gateway.application.ports import UnitsOfWork
from gateway.domain.access.audit import KeptEntry


def router(units: UnitsOfWork) -> APIRouter:
    """Returns the route of the audit log."""
    routes = APIRouter(prefix="/v1/audit", tags=["access"])

    @routes.get("", response_model=models.AuditAnswer, responses=refusals(403, 422))
    async def read_audit_log(
        request: Request,
        since: Annotated[str, Query(pattern=r"^(0|[1-9][0-9]{0,17})?$", description="`next` of the part before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000, description="Entries of a part, 1 to 1000")] = 100,
        caller: Annotated[str, Query(max_length=200, description="Only what this caller did")] = "",
        park: Annotated[str, Query(max_length=64, description="Only what was asked of this park")] = "",
    ) -> Response:
        """Returns who pushed, read or changed what in the tenant, in the order in which it was kept. No entry is ever changed.

        Entries leave it by their age alone, where the platform is told to forget; an entry of the way `retention` says how many.
        """
        after = int(since or 0)
        found, more = await read_audit(units, caller_of(request), after=after, limit=limit, subject=caller, park_id=park)
        last = found[-1].position if found else after
        return answer({"entries": [_entry(each) for each in found], "next": str(last), "more": more})

    return routes


def _entry(kept: KeptEntry) -> dict[str, object]:
    entry = kept.entry
    return {
        "position": kept.position,
        "time": entry.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "caller_id": entry.subject,
        "way": entry.way,
        "operation": entry.operation,
        "method": entry.method,
        "path": entry.path,
        "park_id": entry.park_id,
        "status": entry.status,
        "request_id": entry.request_id,
        "address": entry.address,
    }
