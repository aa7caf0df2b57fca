"""Representations of answers: an entity tag and conditional requests, chosen members, and tables as CSV.

A route says by a dependency what its answer is a table of; everything else happens behind it, on the answer as it stands.
"""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, params
from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.domain import messages
from gateway.domain.errors import ParameterInvalid

_CSV = "text/csv"
_JSON = "application/json"
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """What an answer is a table of.

    Attributes:
        name: The member that holds the rows; "" where the answer is one row.
        columns: The members of a row.
        more: Further members that a row may have, such as the dimensions of a sum.
    """

    name: str
    columns: Sequence[str]
    more: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Representation:
    """How an answer is represented.

    Attributes:
        fields: Only these members, in this order; none for all.
    """

    table: Table
    fields: Sequence[str]


def representations(row: type[BaseModel], name: str = "", *, sparse: Sequence[str] = ()) -> params.Depends:
    """Returns the dependency of a route whose answer can be pulled: it takes `fields`, and says what the answer is a table of.

    Args:
        row: What one row is.
        name: The member of the answer that holds the rows; "" where the answer is one row.
        sparse: Members that are columns only where a row has them, such as the dimensions of a sum.
    """
    members = [field.alias or known for known, field in row.model_fields.items()]
    table = Table(name, [member for member in members if member not in sparse], sparse)

    async def want(
        request: Request,
        fields: Annotated[
            str, Query(max_length=1000, description="Only these members of each row, with commas", examples=[table.columns[0]])
        ] = "",
    ) -> None:
        names = [name.strip() for name in fields.split(",") if name.strip()]
        known = [*table.columns, *table.more]
        for field in names:
            if field not in known:
                raise ParameterInvalid(
                    field="fields", found=messages.shortened(field), allowed=", ".join(known), allowed_zh=", ".join(known)
                )
        request.state.representation = Representation(table, names)

    found: params.Depends = Depends(want)
    return found


class ConditionalRequests:
    """ASGI middleware that represents answers as their requests ask, and answers conditional requests.

    Source: RFC 9110 sections 8.8.3 (entity tags), 12.5.1 (Accept) and 13.1.2 (If-None-Match).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body: list[bytes] = []

        async def hold(message: Message) -> None:
            nonlocal start
            representation = scope["state"].get("representation")
            started = message["type"] == "http.response.start" and message["status"] == 200
            if started and isinstance(representation, Representation):
                start = message
            elif start is None:
                await send(message)
            else:
                body.append(message.get("body", b""))
                if not message.get("more_body", False):
                    await _response(start, b"".join(body), representation, Headers(scope=scope))(scope, receive, send)

        await self._app(scope, receive, hold)


def _response(start: Message, body: bytes, representation: Representation, request_headers: Headers) -> Response:
    response_headers = MutableHeaders(raw=start["headers"])
    if response_headers.get("content-type") != _JSON:
        return _whole_response(body, response_headers)
    as_csv = _prefers_csv(request_headers.get("accept", ""))
    if representation.fields or as_csv:
        answer = msgspec.json.decode(body)
        rows = answer[representation.table.name] if representation.table.name else [answer]
        if representation.fields:
            rows = [{name: row[name] for name in representation.fields if name in row} for row in rows]
        if as_csv:
            token = answer.get("next_page_token")
            if token:
                response_headers["X-Next-Page-Token"] = token
            response_headers["Content-Type"] = "text/csv; charset=utf-8"
            body = _table(rows, representation)
        else:
            if representation.table.name:
                answer[representation.table.name] = rows
            body = msgspec.json.encode(answer if representation.table.name else rows[0])
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response_headers["ETag"] = tag
    response_headers.add_vary_header("Accept")
    if _matches(request_headers.get("if-none-match", ""), tag):
        return Response(
            status_code=304, headers={name: response_headers[name] for name in ("ETag", "Vary") if name in response_headers}
        )
    return _whole_response(body, response_headers)


def _whole_response(body: bytes, response_headers: Mapping[str, str]) -> Response:
    headers = {name: value for name, value in response_headers.items() if name.lower() != "content-length"}
    return Response(body, headers=headers)


def _prefers_csv(accept: str) -> bool:
    """Tells whether CSV is named, and JSON is not preferred to it; `*/*` names nothing."""
    weights = {_CSV: 0.0, _JSON: 0.0}
    for entry in accept[:1000].lower().split(","):
        media, _, parameter = entry.partition(";")
        if media.strip() in weights:
            try:
                weights[media.strip()] = float(parameter.strip().removeprefix("q=") or 1)
            except ValueError:
                continue
    return weights[_CSV] > weights[_JSON]


def _matches(condition: str, tag: str) -> bool:
    return condition.strip() == "*" or tag in [entry.strip().removeprefix("W/") for entry in condition[:4000].split(",")]


def _table(rows: Sequence[Mapping[str, Any]], representation: Representation) -> bytes:
    columns = list(representation.fields)
    if not columns:
        # The dimensions of a sum come first, then what every row has, whether this page's rows have it or not.
        table = representation.table
        columns = [name for name in table.more if any(name in row for row in rows)] + list(table.columns)
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(columns)
    writer.writerows([cell(row.get(name)) for name in columns] for row in rows)
    return written.getvalue().encode()


def cell(value: object) -> str:
    """Returns a value as a cell that no spreadsheet takes for a formula; negative decimals stay numbers.

    >>> cell("=1+1"), cell("-12.5"), cell(-3), cell("-x"), cell(None), cell(True), cell({"a": 1})
    ("'=1+1", '-12.5', '-3', "'-x", '', 'true', '{"a":1}')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if value.startswith(_FORMULAS) and not (value[0] == "-" and value[1:].replace(".", "", 1).isdecimal() and value.isascii()):
        return "'" + value
    return value
