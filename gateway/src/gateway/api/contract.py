"""Routes that come from the contracts: what a generated route calls, and the types of what it takes.

A generated module has one function for each operation. It says what the request brings; asking the service, reading the body and
writing the response are here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.conditional import representations
from gateway.api.leaving import while_there
from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import PageSize, PageToken, caller_of, language
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.responses import answer
from gateway.api.schemas.model import ID_PATTERN, Answer, Code, DecimalText, Id, Name, RequestBody
from gateway.application import services
from gateway.application.services import ServicePort
from gateway.domain.callers import Action
from gateway.domain.messages import Language

__all__ = [
    "ID_PATTERN",
    "MONTH",
    "Action",
    "Answer",
    "Calls",
    "Code",
    "DecimalText",
    "Id",
    "Matching",
    "Name",
    "Operation",
    "PageSize",
    "PageToken",
    "RequestBody",
    "body_of",
    "chosen_language",
    "file_response",
    "listed",
    "refusals",
    "representations",
    "router",
]


@dataclass(frozen=True, slots=True)
class Matching:
    """Text that matches a pattern as a whole, with the rule in words for the refusal.

    Attributes:
        pattern: A regular expression, of which readers see nothing but in the API's description.
        allowed: What is allowed, to follow "must be".
        allowed_zh: The same in Chinese.
    """

    pattern: str
    allowed: str
    allowed_zh: str

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Checks the text after its type."""
        matches = re.compile(self.pattern, re.ASCII).fullmatch

        def check(text: str) -> str:
            if matches(text) is None:
                raise PydanticCustomError("matching", "must be {allowed}", {"allowed": self.allowed, "allowed_zh": self.allowed_zh})
            return text

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describes the pattern."""
        return {**handler(schema), "pattern": f"^{self.pattern}$"}


MONTH = Matching(r"[0-9]{4}(-(0[1-9]|1[0-2]))?", "YYYY-MM or YYYY", "YYYY-MM 或 YYYY")
"""A month, or a year for its January."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API, as its contract says.

    Attributes:
        rpc: The rpc's name.
        permission: What the caller needs.
        status: Of success.
        created: The member of the response that tells whether something was made: then 201, else 200. It is not shown.
        location: The address of what was made, with members of the answer in braces.
        result: The member of the response that is the answer; "" for the whole.
        into: The field of the request that the body is; "" for the request itself.
        computed: Whether the work ends when the caller leaves.
    """

    rpc: str
    permission: Action
    status: int = 200
    created: str = ""
    location: str = ""
    result: str = ""
    into: str = ""
    computed: bool = False


class Calls:
    """Asks a service for requests."""

    def __init__(self, service: ServicePort, uploads: Uploads) -> None:
        """Stores what it asks, and how bodies are received."""
        self._service = service
        self._uploads = uploads

    async def answer(self, request: Request, operation: Operation, members: Mapping[str, Any]) -> Response:
        """Answers a request with what the service says.

        Args:
            request: Of the caller.
            operation: What is asked.
            members: Of the rpc's request.
        """
        asked = services.ask(self._service, caller_of(request), operation.permission, operation.rpc, members, language(request))
        found = await (while_there(request.receive, asked) if operation.computed else asked)
        status, shown = operation.status, found
        if operation.created:
            status = 201 if found.pop(operation.created) else 200
        if operation.result:
            shown = found[operation.result]
        made = status == 201 and operation.location
        return answer(shown, status, {"Location": operation.location.format_map(shown)} if made else None)

    async def send(self, request: Request, operation: Operation, model: type[BaseModel], members: Mapping[str, Any]) -> Response:
        """Answers a request with a body, as `answer`; a caller who may not is refused before the body is read.

        Args:
            request: Of the caller.
            operation: What is asked.
            model: What the body has to be.
            members: Of the rpc's request, beside the body.
        """
        caller_of(request).must(operation.permission)
        body = (await read_json(self._uploads, request, model)).model_dump(exclude_none=True)
        if operation.into:
            body = {operation.into: {**members.get(operation.into, {}), **body}}
        return await self.answer(request, operation, {**members, **body})

    async def download(self, request: Request, operation: Operation, members: Mapping[str, Any], name: str) -> Response:
        """Answers with a file.

        Args:
            request: Of the caller.
            operation: What is asked.
            members: Of the rpc's request; `language` is the file's.
            name: The file's name, with members in braces.
        """
        asked = services.download(self._service, caller_of(request), operation.permission, operation.rpc, members)
        content, media = await while_there(request.receive, asked)
        headers = {
            "Content-Disposition": f'attachment; filename="{name.format_map(members)}"',
            "Content-Language": members["language"],
            "Vary": "Accept-Language",
        }
        return Response(content, headers=headers, media_type=media)


def router(add_routes: Callable[[APIRouter, Calls], None], service: ServicePort, uploads: Uploads) -> APIRouter:
    """Returns the routes of a service.

    Args:
        add_routes: Of its generated module.
        service: Whom the routes ask.
        uploads: How bodies are received.
    """
    routes = APIRouter()
    add_routes(routes, Calls(service, uploads))
    return routes


def chosen_language(request: Request, chosen: Literal["zh", "en"] | None) -> Language:
    """Returns the language that a parameter asks for, or what Accept-Language prefers."""
    return chosen or language(request)


def listed(text: str) -> list[str]:
    """Returns the values of a parameter that lists them with commas.

    >>> listed("scope, carrier"), listed("")
    (['scope', 'carrier'], [])
    """
    return [each.strip() for each in text.split(",")] if text.strip() else []


def file_response(media_type: str) -> dict[int | str, dict[str, Any]]:
    """Returns the description of an answer that is a file."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"content": {media_type: {"schema": schema}}, "description": "The file"}}
