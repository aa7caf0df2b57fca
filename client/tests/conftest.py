"""A small platform over a real socket: it judges rows, remembers records, and can be told to fail."""

from __future__ import annotations

import csv
import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

TOKEN = "a-token"
TIME = "2026-11-21T00:00:00Z"


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Told:
    """An answer that the next request gets instead of the platform's own. With `hang_up` the connection just ends."""

    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hang_up: bool = False
    # the request is carried out, and only its answer is lost
    handle_first: bool = False


class FakePlatform:
    """The parts of the API that a client can tell apart."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.told: deque[Told] = deque()
        self.parks: dict[str, dict[str, Any]] = {}
        self.records: dict[str, dict[str, Any]] = {}
        self.figures: dict[int, dict[str, Any]] = {}
        self.job_states: deque[str] = deque(["running", "running", "succeeded"])
        self.job_result: dict[str, Any] = {"differences": 0}
        self.job_results = b""
        self.jobs_by_key: dict[str, str] = {}
        self.url = ""
        self.token = TOKEN

    def tell(
        self,
        status: int = 503,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        *,
        hang_up: bool = False,
        handle_first: bool = False,
    ) -> None:
        """The next request that has no answer prescribed yet gets this one."""
        self.told.append(Told(status, headers or {}, body, hang_up, handle_first))

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        if asked.path in ("/healthz", "/readyz"):
            return 200, {}, {"status": "ok"}
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return self.problem(401, "TOKEN_UNKNOWN", "token unknown", {"WWW-Authenticate": "Bearer"})
        segments = [unquote(segment) for segment in asked.path.split("/")[2:]]
        match asked.method, segments:
            case "POST", ["parks"]:
                return self.create_park(json.loads(asked.body))
            case "GET", ["parks"]:
                return self.list_parks(asked.params)
            case "GET", ["parks", park_id] if park_id in self.parks:
                return 200, {}, self.parks[park_id]
            case "PUT", ["parks", _, "annual-figures", year]:
                return self.record_figures(int(year), json.loads(asked.body))
            case "POST", ["parks", _, "activity-records"] if asked.headers.get("prefer") == "respond-async":
                key = asked.headers.get("idempotency-key", f"none-{len(self.jobs_by_key)}")
                job_id = self.jobs_by_key.setdefault(key, f"job-{len(self.jobs_by_key) + 1}")
                return 202, {"Location": f"/v1/jobs/{job_id}"}, {"job_id": job_id, "state": "queued", "progress": 0}
            case "GET", ["jobs", _, "results"]:
                return 200, {"Content-Type": "application/x-ndjson"}, self.job_results
            case "POST", ["parks", park_id, "activity-records"]:
                return self.record_activity(park_id, asked)
            case "GET", ["parks", _, "activity-records"]:
                return self.list_records(asked.params)
            case "GET", ["parks", park_id, "emissions"]:
                return 200, {}, self.emissions(park_id, asked.params)
            case "GET", ["parks", park_id, "indicators"]:
                return 200, {}, self.indicators(park_id, int(asked.params["year"]))
            case "POST", ["parks", _, "sums:rebuild"]:
                return 202, {"Location": "/v1/jobs/job-1"}, {"job_id": "job-1", "state": "queued", "progress": "0"}
            case "GET", ["jobs", job_id]:
                state = self.job_states.popleft()
                return 200, {}, {"job_id": job_id, "state": state, "progress": "0.5", "result": self.job_result}
            case "GET", ["changes"]:
                return 200, {}, self.changes(asked.params)
            case "GET", ["factor-sets", "wang-2024", "factors"]:
                return 200, {}, {"factors": [FACTOR], "next_page_token": ""}
        return self.problem(404, "NOT_FOUND", f"nothing at {asked.path}")

    def problem(
        self, status: int, reason: str, title: str, headers: dict[str, str] | None = None, **members: Any
    ) -> tuple[int, dict[str, str], Any]:
        document = {
            "type": f"https://parkcarbon.example/problems/{reason.lower().replace('_', '-')}",
            "title": title,
            "status": status,
            "detail": "",
            "instance": "/v1",
            "request_id": "request-7",
            "reason": reason,
            **members,
        }
        return status, {"Content-Type": "application/problem+json", **(headers or {})}, document

    def create_park(self, park: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        stored = self.parks.get(park["park_id"])
        answer = {**park, "tenant_id": "tenant", "registered_time": TIME}
        if stored is None:
            self.parks[park["park_id"]] = answer
            return 201, {}, answer
        if stored != answer:
            return self.problem(409, "PARK_EXISTS", "the park exists with other content", found="other")
        return 200, {}, stored

    def list_parks(self, params: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        ids = sorted(self.parks)
        start = int(params.get("page_token", "0"))
        token = str(start + 2) if start + 2 < len(ids) else ""
        return 200, {}, {"parks": [self.parks[key] for key in ids[start : start + 2]], "next_page_token": token}

    def record_figures(self, year: int, figures: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        before = self.figures.get(year)
        changed = before is None or before["given"] != figures
        if changed:
            self.figures[year] = {"given": figures, "version": before["version"] + 1 if before else 1}
        answer = {"park_id": "p", "year": year, "version": self.figures[year]["version"], "recorded_time": TIME, "changed": changed}
        return 200, {}, {**answer, **figures}

    def record_activity(self, park_id: str, asked: Asked) -> tuple[int, dict[str, str], Any]:
        try:
            rows = list(rows_of(asked.headers["content-type"], asked.body))
        except (ValueError, csv.Error) as error:
            return self.problem(422, "NOTHING_READABLE", str(error))
        if not rows:
            return self.problem(422, "EMPTY", "no rows")
        results = [self.judge(number, row) for number, row in rows]
        counts = {
            name: sum(result["outcome"] == name for result in results)
            for name in ("accepted", "duplicate", "superseded", "rejected")
        }
        shown = asked.params.get("results", "all")
        if shown != "all":
            results = [result for result in results if result["outcome"] == shown]
        return 200, {}, {"park_id": park_id, "rows": len(rows), **counts, "results": results, "results_shown": shown}

    def judge(self, number: int, row: dict[str, Any]) -> dict[str, Any]:
        record_id = row.get("record_id") or row.get("记录编号") or ""
        result: dict[str, Any] = {"row": number, "record_id": record_id}
        quantity = str(row.get("quantity") or row.get("数量") or "")
        try:
            if not Decimal(quantity).is_finite():
                raise InvalidOperation
        except InvalidOperation:
            message = f"quantity must be a decimal, got {quantity}"
            problem = {
                "reason": "QUANTITY_NOT_A_DECIMAL",
                "field": "quantity",
                "found": quantity,
                "allowed": "a decimal",
                "message": message,
            }
            return {**result, "outcome": "rejected", "problem": problem}
        if record_id in self.records:
            return {**result, "outcome": "duplicate"}
        self.records[record_id] = row
        return {**result, "outcome": "superseded" if row.get("supersedes") else "accepted"}

    def list_records(self, params: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        start = int(params.get("page_token", "0"))
        chosen = list(self.records.items())[start : start + 3]
        records = [
            {
                "record_id": record_id,
                "source_id": row["source_id"],
                "period_start_time": "2020-01-01T00:00:00+08:00",
                "period_end_time": "2021-01-01T00:00:00+08:00",
                "quantity": row["quantity"],
                "unit": row["unit"],
                "emissions_t_co2e": "0.581",
                "energy_tce": "0.1229",
                "basis_id": "b1",
                "position": start + index + 1,
                "recorded_time": TIME,
            }
            for index, (record_id, row) in enumerate(chosen)
        ]
        token = str(start + 3) if start + 3 < len(self.records) else ""
        return 200, {}, {"records": records, "next_page_token": token}

    def emissions(self, park_id: str, params: dict[str, str]) -> dict[str, Any]:
        total = {"emissions_t_co2e": "887873.8", "energy_tce": "296600.000000001", "records": 3}
        nothing = {"emissions_t_co2e": "0", "energy_tce": "0", "records": 0}
        return {
            "park_id": park_id,
            "from": params["from"],
            "to": params["to"],
            "group_by": params.get("group_by", "").split(","),
            "factor_set_id": "wang-2024",
            "groups": [{"scope": "2", "carrier": "electricity", **total}],
            "total": total,
            "removals": nothing,
            "biogenic": nothing,
            "straddling": nothing,
            "last_position": 3,
            "a_member_of_next_year": True,
        }

    def indicators(self, park_id: str, year: int) -> dict[str, Any]:
        return {
            "park_id": park_id,
            "year": year,
            "factor_set_id": "wang-2024",
            "electricity_conversion": "calorific",
            "records": 3,
            "indicators": [
                {"name": "emissions_t_co2e", "value": "887873.8", "unit": "t", "formula": "E1 + E2"},
                {"name": "emissions_per_employee_t", "value": None, "unit": "t", "missing": "employees", "formula": ""},
            ],
            "energy_mix": [{"carrier": "electricity", "energy_tce": "108407.3", "share_pct": "36.55"}],
        }

    def changes(self, params: dict[str, str]) -> dict[str, Any]:
        start = int(params.get("since") or 0)
        last = 5
        end = min(start + int(params.get("limit", "2")), last)
        changes = [
            {
                "position": position,
                "topic": "accounting.park.v1",
                "type": "ParkRegistered",
                "park_id": "p",
                "time": TIME,
                "event_id": f"e{position}",
                "data": {"park_id": "p"},
            }
            for position in range(start + 1, end + 1)
        ]
        return {"changes": changes, "next": str(end), "more": end < last}


FACTOR = {
    "factor_id": "f1",
    "table_id": "wang_2024",
    "quantity": "emission_factor",
    "carrier": "electricity",
    "gas": "CO2",
    "region": "",
    "basis": "",
    "value": "0.581",
    "unit": "tCO2/MWh",
    "valid_from_date": "2020-01-01",
    "published_date": "2024-01-01",
    "confidence": "high",
    "source": "",
    "checked_where": "",
    "note": "",
}


def rows_of(content_type: str, body: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the rows of a body with their numbers as the API counts them."""
    text = body.decode()
    if content_type.startswith("text/csv"):
        # line by line, as the gateway does: a quoted field cannot run over a line's end
        lines = enumerate(text.split("\n"), 1)
        header = next((next(csv.reader([line])) for _, line in lines if line.strip()), None)
        if header is None:
            raise ValueError("no header")
        for number, line in lines:
            if line.strip(", \t\r"):
                yield number, dict(zip(header, next(csv.reader([line])), strict=True))
    elif content_type == "application/x-ndjson":
        for number, line_text in enumerate(text.split("\n"), 1):
            if line_text.strip():
                yield number, json.loads(line_text)
    else:
        yield from enumerate(json.loads(text), 1)


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    """A platform that answers over a socket on this machine."""
    fake = FakePlatform()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, url.path, dict(parse_qsl(url.query)), headers, body)
            fake.asked.append(asked)
            told = fake.told.popleft() if fake.told else None
            if told is None:
                self.send(*fake.answer(asked))
                return
            if told.handle_first:
                fake.answer(asked)
            if told.hang_up:
                self.close_connection = True
                return
            self.send(told.status, told.headers, told.body)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - http.server looks for these names

        def send(self, status: int, headers: dict[str, str], content: Any) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response_only(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()
