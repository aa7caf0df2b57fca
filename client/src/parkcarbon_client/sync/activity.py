# Written by client/generate_sync.py from aio/activity.py: edit that file and run `make gen`.
"""The methods of the blocking client for activity data."""

from __future__ import annotations

from collections.abc import Sequence

from parkcarbon_client.core.answers import ActivityOutcome, Job
from parkcarbon_client.services import activity_calls as calls
from parkcarbon_client.services.activity_entries import ActivityRow
from parkcarbon_client.sync.sender import Sender


class ActivityMethods(Sender):
    """Rows of activity data, their workbook, and sums computed anew."""

    def record_activity(self, park_id: str, rows: Sequence[ActivityRow], *, results: str = "all") -> ActivityOutcome:
        """Sends rows in one request; good rows are kept whatever the others are.

        Args:
            park_id: The park.
            rows: 1 to 100,000 rows.
            results: Which rows the answer lists: "all", "rejected" or "none".
        """
        return self.send(calls.record_activity(park_id, rows, results=results))

    def get_activity_template(self, *, language: str = "") -> bytes:
        """Returns the XLSX for activity data; `language` is zh or en, else the client's."""
        return self.send(calls.get_activity_template(language=language))

    def rebuild_sums(self, park_id: str) -> Job:
        """Starts the job that computes a park's sums anew from its records."""
        return self.send(calls.rebuild_sums(park_id))
