"""The calls about activity data that the contracts do not tell: rows, their workbook, and sums computed anew; see `core.call`."""

from __future__ import annotations

from collections.abc import Sequence

from parkcarbon_client.core.answers import ActivityOutcome, Job
from parkcarbon_client.core.call import Call
from parkcarbon_client.core.requests import JSON, json_body, path, query
from parkcarbon_client.core.responses import content_of, value_of
from parkcarbon_client.services.activity_entries import ActivityRow


def record_activity(park_id: str, rows: Sequence[ActivityRow], *, results: str = "all") -> Call[ActivityOutcome]:
    """Sends rows."""
    return send_activity(park_id, json_body(list(rows)), JSON, results=results)


def send_activity(park_id: str, body: bytes, media_type: str, *, results: str = "all", profile: str = "") -> Call[ActivityOutcome]:
    """Sends a body of rows as it is."""
    return Call(
        "POST",
        path("/v1/parks/{park_id}/activity-records", park_id=park_id),
        value_of(ActivityOutcome),
        params=query(results=results, profile=profile),
        content=body,
        media_type=f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
    )


def get_activity_template(*, language: str = "") -> Call[bytes]:
    """Reads the workbook for activity data."""
    return Call("GET", "/v1/templates/activity-records.xlsx", content_of, params=query(lang=language))


def rebuild_sums(park_id: str) -> Call[Job]:
    """Starts the job that computes a park's sums anew."""
    return Call("POST", path("/v1/parks/{park_id}/sums:rebuild", park_id=park_id), value_of(Job))
