"""Values as JSON: members that are None are left out, save those that a reader has to see as null."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from gateway.domain.paging import Page


def members(value: Any) -> dict[str, Any]:
    """Returns the members of a dataclass that are not None."""
    return {name: content for name in value.__dataclass_fields__ if (content := getattr(value, name)) is not None}


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Returns a value as a JSON answer."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def page(name: str, listed: Page[Any]) -> Response:
    """Returns a part of a list under its name."""
    return answer({name: [members(item) for item in listed.items], "next_page_token": listed.next_page_token})
