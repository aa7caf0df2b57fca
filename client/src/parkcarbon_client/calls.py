"""Every route of the API as a value: what to send, and how to read the answer. Both clients send the same calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from parkcarbon_client.answers import (
    ActivityOutcome,
    ActivityRecord,
    AnnualFigures,
    ChangePage,
    Emissions,
    EmissionsGroup,
    EmissionsSum,
    Enterprise,
    Evaluation,
    Factor,
    FactorSet,
    Indicators,
    Job,
    Page,
    Park,
    Registered,
    Source,
)
from parkcarbon_client.decoding import decode, parse
from parkcarbon_client.entries import ActivityRow, Entry, NewEnterprise, NewPark, NewSource, YearFigures, to_json
from parkcarbon_client.errors import AnswerNotUnderstood, FieldProblem, ProblemError
from parkcarbon_client.retrying import retry_after_seconds

T = TypeVar("T")
JSON = "application/json"


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the reading of its answer. `retried` is False where a refusal is itself the answer."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, str] | None = None
    content: bytes | None = None
    media_type: str | None = None
    headers: Mapping[str, str] | None = None
    retried: bool = True

    @property
    def request_headers(self) -> Mapping[str, str]:
        """The headers of its own."""
        return {**({"Content-Type": self.media_type} if self.media_type else {}), **(self.headers or {})}


def read_answer(call: Call[T], response: httpx.Response) -> T:
    """Returns what the answer to a call says.

    Raises:
        ProblemError: The server refused the call.
        AnswerNotUnderstood: The answer does not have the promised shape.
    """
    if not response.is_success:
        raise problem_of(response)
    return call.read(response)


def problem_of(response: httpx.Response) -> ProblemError:
    """Returns the refusal in an answer, whether it is a problem document or not."""
    try:
        document = parse(response.content)
    except AnswerNotUnderstood:
        document = None
    members: dict[str, Any] = document if isinstance(document, dict) else {}

    def text(name: str, otherwise: str = "") -> str:
        value = members.get(name)
        return value if isinstance(value, str) else otherwise

    return ProblemError(
        type=text("type", "about:blank"),
        title=text("title", response.reason_phrase),
        status=response.status_code,
        reason=text("reason"),
        detail=text("detail", "" if members else response.text[:200]),
        instance=text("instance"),
        request_id=text("request_id", response.headers.get("X-Request-Id", "")),
        errors=tuple(_field_problem(entry) for entry in _list(members.get("errors")) if isinstance(entry, dict)),
        members=members,
        retry_after_seconds=retry_after_seconds(response),
    )


def _field_problem(entry: dict[str, Any]) -> FieldProblem:
    # refused rows come either flat or as results, whose problem is a member
    nested = entry.get("problem")
    said: dict[str, Any] = nested if isinstance(nested, dict) else entry
    row = entry.get("row")
    return FieldProblem(
        field=str(said.get("field", "")),
        found=str(said.get("found", "")),
        allowed=str(said.get("allowed", "")),
        message=str(said.get("message", "")),
        reason=str(said.get("reason", "")),
        row=row if isinstance(row, int) else None,
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def ready() -> Call[None]:
    """Asks whether the platform can do its work."""
    return Call("GET", "/readyz", lambda _: None, retried=False)


def healthy() -> Call[None]:
    """Asks whether the process is up."""
    return Call("GET", "/healthz", lambda _: None, retried=False)


def openapi() -> Call[Mapping[str, Any]]:
    """Reads the API's own description."""
    return Call("GET", "/openapi.json", _object)


def create_park(park: NewPark) -> Call[Registered[Park]]:
    """Registers a park."""
    return _registration("/v1/parks", park, Park)


def list_parks(page_token: str) -> Call[Page[Park]]:
    """Reads a page of parks."""
    return _listing("/v1/parks", "parks", Park, page_token)


def park(park_id: str) -> Call[Park]:
    """Reads a park."""
    return Call("GET", in_park(park_id), lambda response: decode(Park, parse(response.content)))


def create_enterprise(park_id: str, enterprise: NewEnterprise) -> Call[Registered[Enterprise]]:
    """Registers an enterprise."""
    return _registration(in_park(park_id, "enterprises"), enterprise, Enterprise)


def list_enterprises(park_id: str, page_token: str) -> Call[Page[Enterprise]]:
    """Reads a page of enterprises."""
    return _listing(in_park(park_id, "enterprises"), "enterprises", Enterprise, page_token)


def create_source(park_id: str, source: NewSource) -> Call[Registered[Source]]:
    """Registers an emission source."""
    return _registration(in_park(park_id, "sources"), source, Source)


def list_sources(park_id: str, page_token: str) -> Call[Page[Source]]:
    """Reads a page of sources."""
    return _listing(in_park(park_id, "sources"), "sources", Source, page_token)


def record_annual_figures(park_id: str, year: int, figures: YearFigures) -> Call[AnnualFigures]:
    """Records the figures of a year."""
    return Call(
        "PUT",
        in_park(park_id, "annual-figures", str(year)),
        lambda response: decode(AnnualFigures, parse(response.content)),
        content=_body(figures),
        media_type=JSON,
    )


def list_annual_figures(park_id: str, page_token: str) -> Call[Page[AnnualFigures]]:
    """Reads a page of the versions of annual figures."""
    return _listing(in_park(park_id, "annual-figures"), "annual_figures", AnnualFigures, page_token)


def record_activity(park_id: str, rows: Sequence[ActivityRow], results: str) -> Call[ActivityOutcome]:
    """Sends rows."""
    body = json.dumps([to_json(row) for row in rows], ensure_ascii=False).encode()
    return send_activity(park_id, body, JSON, results)


def send_activity(park_id: str, body: bytes, media_type: str, results: str, profile: str = "") -> Call[ActivityOutcome]:
    """Sends a body of rows as it is."""
    return Call(
        "POST",
        in_park(park_id, "activity-records"),
        lambda response: decode(ActivityOutcome, parse(response.content)),
        params={"results": results, **({"profile": profile} if profile else {})},
        content=body,
        media_type=f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
    )


def list_activity_records(park_id: str, page_token: str) -> Call[Page[ActivityRecord]]:
    """Reads a page of accepted records."""
    return _listing(in_park(park_id, "activity-records"), "records", ActivityRecord, page_token)


def emissions(park_id: str, from_month: str, to_month: str, group_by: Sequence[str]) -> Call[Emissions]:
    """Reads totals within [from_month, to_month)."""
    params = {"from": from_month, "to": to_month}
    if group_by:
        params["group_by"] = ",".join(group_by)
    return Call("GET", in_park(park_id, "emissions"), _emissions, params=params)


def indicators(park_id: str, year: int) -> Call[Indicators]:
    """Reads the indicators of a year."""
    return Call(
        "GET",
        in_park(park_id, "indicators"),
        lambda response: decode(Indicators, parse(response.content)),
        params={"year": str(year)},
    )


def evaluate(park_id: str, system_id: str, year: int, weight_set_id: str, threshold_set_ids: Sequence[str]) -> Call[Evaluation]:
    """Evaluates a park. Not repeated: each is an evaluation of its own."""
    asked = {
        "system_id": system_id,
        "year": year,
        "weight_set_id": weight_set_id,
        "threshold_set_ids": list(threshold_set_ids),
    }
    return Call(
        "POST",
        in_park(park_id, "evaluations"),
        lambda response: decode(Evaluation, parse(response.content)),
        content=json.dumps(asked).encode(),
        media_type=JSON,
        retried=False,
    )


def evaluation(park_id: str, evaluation_id: str) -> Call[Evaluation]:
    """Reads an evaluation with its tree."""
    return Call("GET", in_park(park_id, "evaluations", evaluation_id), lambda response: decode(Evaluation, parse(response.content)))


def list_evaluations(park_id: str, page_token: str) -> Call[Page[Evaluation]]:
    """Reads a page of evaluations, newest first."""
    return _listing(in_park(park_id, "evaluations"), "evaluations", Evaluation, page_token)


def list_factor_sets(page_token: str) -> Call[Page[FactorSet]]:
    """Reads a page of factor sets."""
    return _listing("/v1/factor-sets", "factor_sets", FactorSet, page_token)


def list_factors(set_id: str, page_token: str) -> Call[Page[Factor]]:
    """Reads a page of a set's factors."""
    return _listing(path_of("v1", "factor-sets", set_id, "factors"), "factors", Factor, page_token)


def rebuild_sums(park_id: str) -> Call[Job]:
    """Starts the job that computes a park's sums anew."""
    return Call("POST", in_park(park_id) + "/sums:rebuild", lambda response: decode(Job, parse(response.content)))


def job(job_id: str) -> Call[Job]:
    """Reads a job."""
    return Call("GET", path_of("v1", "jobs", job_id), lambda response: decode(Job, parse(response.content)))


def changes(since: str, limit: int | None) -> Call[ChangePage]:
    """Reads a page of the change feed."""
    params = {"since": since} if since else {}
    if limit is not None:
        params["limit"] = str(limit)
    return Call("GET", "/v1/changes", lambda response: decode(ChangePage, parse(response.content)), params=params)


def _registration(path: str, entry: Entry, kind: type[T]) -> Call[Registered[T]]:
    def read(response: httpx.Response) -> Registered[T]:
        return Registered(decode(kind, parse(response.content)), created=response.status_code == httpx.codes.CREATED)

    return Call("POST", path, read, content=_body(entry), media_type=JSON)


def _listing(path: str, member: str, kind: type[T], page_token: str) -> Call[Page[T]]:
    def read(response: httpx.Response) -> Page[T]:
        answer = _object(response)
        items = answer.get(member)
        if not isinstance(items, list):
            raise AnswerNotUnderstood(member, "a list", items)
        token = answer.get("next_page_token") or ""
        if not isinstance(token, str):
            raise AnswerNotUnderstood("next_page_token", "str", token)
        return Page(tuple(decode(kind, item) for item in items), token)

    return Call("GET", path, read, params={"page_token": page_token} if page_token else None)


def _emissions(response: httpx.Response) -> Emissions:
    answer = _object(response)
    try:
        return Emissions(
            park_id=answer["park_id"],
            from_month=answer["from"],
            to_month=answer["to"],
            group_by=tuple(answer["group_by"]),
            factor_set_id=answer["factor_set_id"],
            groups=tuple(_emissions_group(group) for group in answer["groups"]),
            total=decode(EmissionsSum, answer["total"]),
            removals=decode(EmissionsSum, answer["removals"]),
            biogenic=decode(EmissionsSum, answer["biogenic"]),
            straddling=decode(EmissionsSum, answer["straddling"]),
        )
    except (KeyError, TypeError) as error:
        raise AnswerNotUnderstood("Emissions", "park_id, from, to, group_by, factor_set_id, groups, …", answer) from error


_SUM_MEMBERS = frozenset(field.name for field in fields(EmissionsSum))


def _emissions_group(group: Any) -> EmissionsGroup:
    total = decode(EmissionsSum, group, "Emissions.groups")
    keys = {name: str(value) for name, value in group.items() if name not in _SUM_MEMBERS}
    return EmissionsGroup(keys, total.emissions_t_co2e, total.energy_tce, total.records)


def _object(response: httpx.Response) -> dict[str, Any]:
    value = parse(response.content)
    if not isinstance(value, dict):
        raise AnswerNotUnderstood("$", "an object", value)
    return value


def _body(entry: Entry) -> bytes:
    return json.dumps(to_json(entry), ensure_ascii=False).encode()


def in_park(park_id: str, *more: str) -> str:
    """Returns the address of something in a park."""
    return path_of("v1", "parks", park_id, *more)


def path_of(*segments: str) -> str:
    """Returns an address."""
    # an id is data: whatever stands in it, it must not change which route is asked
    return "".join("/" + quote(segment, safe="") for segment in segments)
