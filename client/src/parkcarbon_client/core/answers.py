"""The shapes of answers that belong to no single service: registrations, pages, outcomes of rows, jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Registered(Generic[T]):
    """What was registered, and whether this call did it (`created`) or an earlier one."""

    value: T
    created: bool


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; `next_page_token` is "" on the last."""

    items: tuple[T, ...]
    next_page_token: str


@dataclass(frozen=True)
class RowProblem:
    """Why one row was rejected: the reason code, the field, what was found, what is allowed, and a sentence."""

    reason: str
    field: str = ""
    found: str = ""
    allowed: str = ""
    message: str = ""


@dataclass(frozen=True)
class RowResult:
    """What became of one row: `accepted`, `duplicate`, `superseded` or `rejected`."""

    row: int
    outcome: str
    record_id: str = ""
    problem: RowProblem | None = None


@dataclass(frozen=True)
class ActivityOutcome:
    """What became of one request's rows. `results_shown` says whether `results` lists all, the rejected or none of them.

    Attributes:
        profile_id: Of the mapping profile that the rows were read with; None where none was named.
        profile_version: Which version of it.
    """

    park_id: str
    rows: int
    accepted: int
    duplicate: int
    superseded: int
    rejected: int
    results: tuple[RowResult, ...] = ()
    results_shown: str = "all"
    profile_id: str | None = None
    profile_version: int | None = None


@dataclass(frozen=True)
class Job:
    """A long task. `progress` runs from 0 to 1 where the server gives it; `result` or `error` stands when it has ended."""

    job_id: str
    state: str
    progress: Decimal | None = None
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether the job will not change any more."""
        return self.state.lower() in ENDED_JOB_STATES


ENDED_JOB_STATES = frozenset({"succeeded", "failed", "cancelled"})
