"""The route of the change feed."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.conditional import representations
from gateway.api.openapi import refusals
from gateway.api.parameters import auth_method_of, caller_of
from gateway.api.responses import answer
from gateway.api.schemas.feed import ChangeAnswer, ChangesAnswer
from gateway.application.feed import changes
from gateway.application.feed.changes import FeedServices
from gateway.application.feed.ports import Platforms


def router(feed: FeedServices, platforms: Platforms) -> APIRouter:
    """Returns the route of the change feed."""
    routes = APIRouter(prefix="/v1/changes", tags=["changes"])

    @routes.get(
        "",
        response_model=ChangesAnswer,
        responses=refusals(403, 410, 422),
        dependencies=[representations(ChangeAnswer, "changes")],
    )
    async def list_changes(
        request: Request,
        since: Annotated[
            str, Query(max_length=100, description="`next` of the part before; nothing for the beginning, `newest` for the end")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=1000, description="Changes of a part, 1 to 1000")] = 100,
    ) -> Response:
        """Returns what the services told since a cursor, in an order without gaps: nothing is ever inserted before a cursor.

        They are those of whole parks: a caller that is bound to enterprises is refused (403, `BOUND_TO_ENTERPRISES`), and reads its
        own part at `/v1/parks/{park}/activity-records`.

        Where the platform forgets old changes, a cursor before the oldest that is kept is refused (410, `CURSOR_EXPIRED`): take a
        cursor by `since=newest`, read the state anew, and follow from that cursor.
        """
        caller = caller_of(request)
        found = await changes.list_changes(feed, caller, since=since, limit=limit)
        await platforms.record_pull(caller, auth_method_of(request), {change.park_id for change in found.changes if change.park_id})
        return answer(
            {
                "changes": [
                    {
                        "position": change.position,
                        "topic": change.topic,
                        "type": change.type,
                        "park_id": change.park_id,
                        "time": change.time,
                        "event_id": change.event_id,
                        "data": msgspec.Raw(change.data_json),
                    }
                    for change in found.changes
                ],
                "next": found.next,
                "more": found.more,
            }
        )

    return routes
