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
from gateway.application.access import audit as audit_log
from gateway.application.ports import UnitsOfWork
from gateway.domain.access.audit import StoredEntry


def router(units: UnitsOfWork) -> APIRouter:
    """Returns the route of the audit log."""
    routes = APIRouter(prefix="/v1/audit", tags=["access"])

    @routes.get("", response_model=models.AuditAnswer, responses=refusals(403, 422))
    async def list_audit_entries(
        request: Request,
        since: Annotated[str, Query(pattern=r"^(0|[1-9][0-9]{0,17})?$", description="`next` of the part before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000, description="Entries of a part, 1 to 1000")] = 100,
        caller: Annotated[str, Query(max_length=200, description="Only what this caller did")] = "",
        park: Annotated[str, Query(max_length=64, description="Only requests about this park")] = "",
    ) -> Response:
        """Returns who pushed, read or changed what in the tenant, in the order in which it was kept. No entry is ever changed.

        Entries are removed by their age alone, where a retention is set; an entry with the `way` `retention` says how many.
        """
        after = int(since or 0)
        found, more = await audit_log.list_entries(
            units, caller_of(request), after=after, limit=limit, subject=caller, park_id=park
        )
        last = found[-1].position if found else after
        return answer({"entries": [_entry(each) for each in found], "next": str(last), "more": more})

    return routes


def _entry(kept: StoredEntry) -> dict[str, object]:
    entry = kept.entry
    return {
        "position": kept.position,
        "time": entry.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "caller_id": entry.subject,
        "way": entry.auth_method,
        "operation": entry.operation,
        "method": entry.method,
        "path": entry.path,
        "park_id": entry.park_id,
        "status": entry.status,
        "request_id": entry.request_id,
        "address": entry.address,
    }
