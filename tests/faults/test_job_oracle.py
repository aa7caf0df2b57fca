"""The oracle of jobs finds each that failed, never ended, or has other results than its rows."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from tests.faults import job_oracle, oracle
from tests.faults.forms import Form
from tests.faults.intents import Entry
from tests.faults.test_oracle import SOURCES, row
from tests.faults.verdict import Verdict

NAME = {"park_id": "park", "lane": "later-", "number": 1}
ROWS = [row("a", 0), row("b", 1), row("c", 2, "1e3")]
GOOD_RESULTS = [
    {"row": 1, "record_id": "a", "outcome": "accepted"},
    {"row": 2, "record_id": "b", "outcome": "accepted"},
    {"row": 3, "record_id": "c", "outcome": "rejected", "reason": "QUANTITY_NOT_A_DECIMAL"},
]
COUNTS = {
    "park_id": "park",
    "rows": 3,
    "accepted": 2,
    "duplicate": 0,
    "superseded": 0,
    "rejected": 1,
    "results": "/v1/jobs/j/results",
}


def ended(**changes: Any) -> Entry:
    good = {"job_id": "j", "state": "succeeded", "result": COUNTS, "error": None, "results": GOOD_RESULTS}
    return {"kind": "job_ended", **NAME, **good, **changes}


def log(*more: Entry) -> list[Entry]:
    batch = {"kind": "batch", **NAME, "form": asdict(Form(later=True)), "kinds": ["new"] * 3, "rows": ROWS}
    return [batch, {"kind": "job", **NAME, "job_id": "j"}, *more]


def judged(entries: list[Entry]) -> Verdict:
    verdict = Verdict()
    oracle.expected_accounts(entries, SOURCES, verdict)
    return verdict


def duplicates() -> list[dict[str, Any]]:
    return [each | {"outcome": "duplicate"} if each["outcome"] == "accepted" else each for each in GOOD_RESULTS]


def test_a_job_that_succeeded_is_right_also_where_another_worker_had_recorded_its_rows() -> None:
    assert not judged(log(ended())).wrong
    taken_over = judged(log(ended(result=COUNTS | {"accepted": 0, "duplicate": 2}, results=duplicates())))
    assert not taken_over.wrong
    assert taken_over.counts["jobs taken over after they had recorded"] == 1


WRONG: list[Any] = [
    pytest.param(lambda: ended(state="failed", error={"reason": "BODY_EMPTY"}, results=[]), job_oracle.WRONG_STATE, id="failed"),
    pytest.param(lambda: {"kind": "job_open", **NAME, "job_id": "j", "why": "running"}, job_oracle.WRONG_STATE, id="never_ended"),
    pytest.param(lambda: ended(results=GOOD_RESULTS[:2]), job_oracle.WRONG_RESULTS, id="a_row_without_a_result"),
    pytest.param(lambda: ended(results=[*GOOD_RESULTS, GOOD_RESULTS[2]]), job_oracle.WRONG_RESULTS, id="a_row_with_two_results"),
    pytest.param(lambda: ended(result=COUNTS | {"accepted": 3}), job_oracle.WRONG_RESULTS, id="other_counts"),
    pytest.param(
        lambda: ended(
            result=COUNTS | {"accepted": 3, "rejected": 0}, results=[*GOOD_RESULTS[:2], GOOD_RESULTS[2] | {"outcome": "accepted"}]
        ),
        "wrong answers",
        id="a_wrong_row_accepted",
    ),
    pytest.param(
        lambda: ended(result=COUNTS | {"accepted": 1, "duplicate": 1}, results=[GOOD_RESULTS[0], *duplicates()[1:]]),
        "torn batches",
        id="half_of_the_batch_was_there",
    ),
]


@pytest.mark.parametrize(("entry", "check"), WRONG)
def test_a_job_that_ended_wrongly_is_found(entry: Callable[[], Entry], check: str) -> None:
    assert judged(log(entry())).wrong[check] == 1


def test_two_jobs_that_both_count_the_rows_of_one_batch_are_found() -> None:
    second = [{"kind": "job", **NAME, "job_id": "k"}, ended(job_id="k")]
    assert judged(log(ended(), *second)).wrong["counted twice"] == 1


@pytest.mark.parametrize("state", ["failed", "running", "queued", "cancelled"])
def test_a_job_of_the_database_that_did_not_succeed_is_found(state: str) -> None:
    verdict = Verdict()
    job_oracle.compare_stored([("j", "succeeded", None), ("k", state, None)], ["never-submitted"], verdict)
    assert verdict.wrong == {job_oracle.WRONG_STATE: 1}


def test_an_upload_that_outlived_its_job_is_found() -> None:
    verdict = Verdict()
    job_oracle.compare_stored([("j", "succeeded", None)], ["j"], verdict)
    assert verdict.wrong == {"uploads left": 1}
