"""Checks of jobs: each that was accepted has succeeded, with a result for every row that agrees with the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.faults.intents import Entry
from tests.faults.verdict import Verdict

WRONG_STATE = "jobs in a wrong state"
WRONG_RESULTS = "wrong results of jobs"
_OUTCOMES = ("accepted", "duplicate", "superseded", "rejected")


def outcomes_of(
    entry: Entry, rows: Sequence[Mapping[str, str]], form: Mapping[str, Any], verdict: Verdict
) -> list[tuple[str, str]]:
    """Returns outcome and reason of each row of a job that has ended, none where it did not succeed; judges the job on the way.

    Args:
        entry: A `job_ended` entry.
        rows: Of its batch, under the platform's own names.
        form: How the batch was sent.
        verdict: Takes counts and failures.
    """
    name = f"{entry['park_id']}/{entry['lane']}{entry['number']} {entry['job_id']}"
    verdict.counts[f"jobs {entry['state']}"] += 1
    if entry["state"] != "succeeded":
        verdict.fail(WRONG_STATE, f"{name}: {entry['state']}, {entry['error']}")
        return []
    results = entry["results"]
    # the line of headings is line 1 of a CSV
    first = 2 if form["profile_id"] else 1
    if [(result["row"], result["record_id"]) for result in results] != [
        (number, row["record_id"]) for number, row in enumerate(rows, start=first)
    ]:
        verdict.fail(WRONG_RESULTS, f"{name}: {len(results)} results are not one for each of {len(rows)} rows in order")
        return []
    found = Counter(result["outcome"] for result in results)
    counted = {outcome: found[outcome] for outcome in _OUTCOMES} | {"rows": len(rows), "park_id": entry["park_id"]}
    result = entry["result"] or {}
    told = {key: result.get(key) for key in counted}
    if told != counted:
        verdict.fail(WRONG_RESULTS, f"{name}: the result says {told}, its rows {counted}")
    verdict.counts["results of jobs compared"] += len(results)
    return [(result["outcome"], result.get("reason", "")) for result in results]


def compare_stored(stored: Iterable[tuple[str, str, str | None]], uploads: Iterable[str], verdict: Verdict) -> None:
    """Checks every job that stands in the database after the quiet, whether its 202 arrived or not, and the uploads beside it.

    Args:
        stored: Id, state and failure of each job.
        uploads: Ids of the jobs whose uploads are still kept.
        verdict: Takes counts and failures.
    """
    states = {job_id: (state, failure) for job_id, state, failure in stored}
    verdict.counts["jobs in the database"] += len(states)
    for job_id, (state, failure) in states.items():
        if state != "succeeded":
            verdict.fail(WRONG_STATE, f"{job_id} in the database: {state}, {failure}")
    for job_id in uploads:
        if job_id in states:
            verdict.fail("uploads left", f"of {job_id}, which has {states[job_id][0]}")
