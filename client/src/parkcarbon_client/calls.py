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
    Factor,
    FactorSet,
    Finding,
    Indicators,
    Inventory,
    InventoryLine,
    Job,
    Page,
    Park,
    Publication,
    PublishedEmissions,
    PublishedPark,
    RegionEmissions,
    RegionRelease,
    Registered,
    Replay,
    Source,
    Withdrawal,
)
from parkcarbon_client.decoding import decode, parse
from parkcarbon_client.entries import (
    ActivityRow,
    Entry,
    NewEnterprise,
    NewFinding,
    NewPark,
    NewSource,
    YearFigures,
    to_json,
)
from parkcarbon_client.errors import AnswerNotUnderstood, FieldProblem, ProblemError
from parkcarbon_client.retrying import retry_after_seconds

T = TypeVar("T")
JSON = "application/json"


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the reading of its answer.

    Attributes:
        retried: False where a refusal is itself the answer, or where a repetition would do it twice.
        reads_not_modified: Whether 304 is an answer to read.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, str] | None = None
    content: bytes | None = None
    media_type: str | None = None
    headers: Mapping[str, str] | None = None
    retried: bool = True
    reads_not_modified: bool = False

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
    if response.is_success or (call.reads_not_modified and response.status_code == httpx.codes.NOT_MODIFIED):
        return call.read(response)
    raise problem_of(response)


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
        # the token endpoint refuses in the words of RFC 6749
        detail=text("detail", text("error_description") if members else response.text[:200]),
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
    return Call("GET", "/openapi.json", object_of)


def create_park(park: NewPark) -> Call[Registered[Park]]:
    """Registers a park."""
    return registration("/v1/parks", park, Park)


def list_parks(page_token: str) -> Call[Page[Park]]:
    """Reads a page of parks."""
    return listing("/v1/parks", "parks", Park, page_token)


def park(park_id: str) -> Call[Park]:
    """Reads a park."""
    return Call("GET", in_park(park_id), reading(Park))


def create_enterprise(park_id: str, enterprise: NewEnterprise) -> Call[Registered[Enterprise]]:
    """Registers an enterprise."""
    return registration(in_park(park_id, "enterprises"), enterprise, Enterprise)


def list_enterprises(park_id: str, page_token: str) -> Call[Page[Enterprise]]:
    """Reads a page of enterprises."""
    return listing(in_park(park_id, "enterprises"), "enterprises", Enterprise, page_token)


def create_source(park_id: str, source: NewSource) -> Call[Registered[Source]]:
    """Registers an emission source."""
    return registration(in_park(park_id, "sources"), source, Source)


def list_sources(park_id: str, page_token: str) -> Call[Page[Source]]:
    """Reads a page of sources."""
    return listing(in_park(park_id, "sources"), "sources", Source, page_token)


def record_annual_figures(park_id: str, year: int, figures: YearFigures) -> Call[AnnualFigures]:
    """Records the figures of a year."""
    return Call(
        "PUT",
        in_park(park_id, "annual-figures", str(year)),
        reading(AnnualFigures),
        content=body_of(figures),
        media_type=JSON,
    )


def list_annual_figures(park_id: str, page_token: str) -> Call[Page[AnnualFigures]]:
    """Reads a page of the versions of annual figures."""
    return listing(in_park(park_id, "annual-figures"), "annual_figures", AnnualFigures, page_token)


def record_activity(park_id: str, rows: Sequence[ActivityRow], results: str) -> Call[ActivityOutcome]:
    """Sends rows."""
    body = json.dumps([to_json(row) for row in rows], ensure_ascii=False).encode()
    return send_activity(park_id, body, JSON, results)


def send_activity(park_id: str, body: bytes, media_type: str, results: str, profile: str = "") -> Call[ActivityOutcome]:
    """Sends a body of rows as it is."""
    return Call(
        "POST",
        in_park(park_id, "activity-records"),
        reading(ActivityOutcome),
        params={"results": results, **({"profile": profile} if profile else {})},
        content=body,
        media_type=f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
    )


def list_activity_records(park_id: str, page_token: str) -> Call[Page[ActivityRecord]]:
    """Reads a page of accepted records."""
    return listing(in_park(park_id, "activity-records"), "records", ActivityRecord, page_token)


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
        reading(Indicators),
        params={"year": str(year)},
    )


def close_inventory(park_id: str, year: int, reason: str) -> Call[Registered[Inventory]]:
    """Closes the inventory of a year."""
    body = json.dumps({"year": year, "reason": reason}, ensure_ascii=False).encode()
    return Call("POST", in_park(park_id, "inventories"), registered(Inventory), content=body, media_type=JSON)


def list_inventories(park_id: str, page_token: str) -> Call[Page[Inventory]]:
    """Reads a page of inventories."""
    return listing(in_park(park_id, "inventories"), "inventories", Inventory, page_token)


def inventory(park_id: str, inventory_id: str) -> Call[Inventory]:
    """Reads an inventory with its parts and factors."""
    return Call("GET", in_park(park_id, "inventories", inventory_id), reading(Inventory))


def list_inventory_lines(park_id: str, inventory_id: str, page_token: str) -> Call[Page[InventoryLine]]:
    """Reads a page of the lines of an inventory."""
    return listing(in_park(park_id, "inventories", inventory_id, "lines"), "lines", InventoryLine, page_token)


def replay_inventory(park_id: str, inventory_id: str) -> Call[Replay]:
    """Computes a closed inventory again."""
    return Call("POST", in_park(park_id, "inventories", inventory_id) + ":replay", reading(Replay))


def write_finding(park_id: str, inventory_id: str, finding: NewFinding) -> Call[Registered[Finding]]:
    """Writes a finding."""
    path = in_park(park_id, "inventories", inventory_id, "findings")
    return Call("POST", path, registered(Finding), content=body_of(finding), media_type=JSON)


def list_findings(park_id: str, inventory_id: str, page_token: str) -> Call[Page[Finding]]:
    """Reads a page of findings."""
    return listing(in_park(park_id, "inventories", inventory_id, "findings"), "findings", Finding, page_token)


def answer_finding(
    park_id: str, inventory_id: str, finding_id: str, text: str, restated_in: str, evidence: Sequence[str]
) -> Call[Finding]:
    """Answers a finding."""
    body = json.dumps({"text": text, "restated_in": restated_in, "evidence": list(evidence)}, ensure_ascii=False).encode()
    path = in_park(park_id, "inventories", inventory_id, "findings", finding_id) + ":answer"
    return Call("POST", path, reading(Finding), content=body, media_type=JSON)


def close_finding(park_id: str, inventory_id: str, finding_id: str, conclusion: str, text: str) -> Call[Finding]:
    """Closes a finding."""
    body = json.dumps({"conclusion": conclusion, "text": text}, ensure_ascii=False).encode()
    path = in_park(park_id, "inventories", inventory_id, "findings", finding_id) + ":close"
    return Call("POST", path, reading(Finding), content=body, media_type=JSON)


def publish_inventory(park_id: str, inventory_id: str, breakdowns: Sequence[str]) -> Call[Registered[Publication]]:
    """Publishes an inventory."""
    body = json.dumps({"breakdowns": list(breakdowns)}).encode()
    path = in_park(park_id, "inventories", inventory_id) + ":publish"
    return Call("POST", path, registered(Publication), content=body, media_type=JSON)


def withdraw_publication(park_id: str, inventory_id: str, reason: str) -> Call[Withdrawal]:
    """Takes a publication back."""
    body = json.dumps({"reason": reason}, ensure_ascii=False).encode()
    path = in_park(park_id, "inventories", inventory_id) + ":withdraw"
    return Call("POST", path, reading(Withdrawal), content=body, media_type=JSON)


def release_regions(year: int) -> Call[Registered[RegionRelease]]:
    """Releases the sums of a year by region."""
    body = json.dumps({"year": year}).encode()
    return Call("POST", "/v1/region-releases", registered(RegionRelease), content=body, media_type=JSON)


def list_published_parks(page_token: str) -> Call[Page[PublishedPark]]:
    """Reads a page of the parks of which something is published."""
    return listing("/v1/published/parks", "parks", PublishedPark, page_token)


def list_published_emissions(park_id: str, page_token: str) -> Call[Page[PublishedEmissions]]:
    """Reads a page of what of a park is published."""
    return listing(path_of("v1", "published", "parks", park_id, "emissions"), "emissions", PublishedEmissions, page_token)


def region_emissions(region_code: str, year: int) -> Call[RegionEmissions]:
    """Reads the released sums of a region."""
    path = path_of("v1", "published", "regions", region_code, "emissions")
    return Call("GET", path, reading(RegionEmissions), {"year": str(year)})


def list_factor_sets(page_token: str) -> Call[Page[FactorSet]]:
    """Reads a page of factor sets."""
    return listing("/v1/factor-sets", "factor_sets", FactorSet, page_token)


def list_factors(set_id: str, page_token: str) -> Call[Page[Factor]]:
    """Reads a page of a set's factors."""
    return listing(path_of("v1", "factor-sets", set_id, "factors"), "factors", Factor, page_token)


def rebuild_sums(park_id: str) -> Call[Job]:
    """Starts the job that computes a park's sums anew."""
    return Call("POST", in_park(park_id) + "/sums:rebuild", reading(Job))


def job(job_id: str) -> Call[Job]:
    """Reads a job."""
    return Call("GET", path_of("v1", "jobs", job_id), reading(Job))


def changes(since: str, limit: int | None) -> Call[ChangePage]:
    """Reads a page of the change feed."""
    params = {"since": since} if since else {}
    if limit is not None:
        params["limit"] = str(limit)
    return Call("GET", "/v1/changes", reading(ChangePage), params=params)


def registration(path: str, entry: Entry, kind: type[T], method: str = "POST") -> Call[Registered[T]]:
    """Registers an entry, or says that it was there."""
    return Call(method, path, registered(kind), content=body_of(entry), media_type=JSON)


def listing(path: str, member: str, kind: type[T], page_token: str, params: Mapping[str, str] | None = None) -> Call[Page[T]]:
    """Reads a page of a list; parameters without a value are left out."""

    def read(response: httpx.Response) -> Page[T]:
        answer = object_of(response)
        items = answer.get(member)
        if not isinstance(items, list):
            raise AnswerNotUnderstood(member, "a list", items)
        token = answer.get("next_page_token") or ""
        if not isinstance(token, str):
            raise AnswerNotUnderstood("next_page_token", "str", token)
        return Page(tuple(decode(kind, item) for item in items), token)

    return Call("GET", path, read, params=given({**(params or {}), "page_token": page_token}))


def _emissions(response: httpx.Response) -> Emissions:
    answer = object_of(response)
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


def registered(kind: type[T]) -> Callable[[httpx.Response], Registered[T]]:
    """Returns how the answer to a registration is read."""
    return lambda response: Registered(decode(kind, parse(response.content)), created=response.status_code == httpx.codes.CREATED)


def reading(kind: type[T]) -> Callable[[httpx.Response], T]:
    """Returns how an answer of one value is read."""
    return lambda response: decode(kind, parse(response.content))


def file(response: httpx.Response) -> bytes:
    """Returns an answer that is a file."""
    return response.content


def given(params: Mapping[str, str | int | None]) -> dict[str, str] | None:
    """Returns the parameters that have a value; None where none has."""
    return {name: str(value) for name, value in params.items() if value not in ("", None)} or None


def object_of(response: httpx.Response) -> dict[str, Any]:
    """Returns an answer that is an object.

    Raises:
        AnswerNotUnderstood: It is none.
    """
    value = parse(response.content)
    if not isinstance(value, dict):
        raise AnswerNotUnderstood("$", "an object", value)
    return value


def body_of(entry: Entry) -> bytes:
    """Returns an entry as it is sent."""
    return json.dumps(to_json(entry), ensure_ascii=False).encode()


def in_park(park_id: str, *more: str) -> str:
    """Returns the address of something in a park."""
    return path_of("v1", "parks", park_id, *more)


def path_of(*segments: str) -> str:
    """Returns an address."""
    # an id is data: whatever stands in it, it must not change which route is asked
    return "".join("/" + quote(segment, safe="") for segment in segments)
