"""Values as JSON: members that are None are left out, save those that a reader has to see as null."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from gateway.domain.account import EmissionsGroup
from gateway.domain.paging import Page, Registered


def members(value: Any) -> dict[str, Any]:
    """Returns the members of a dataclass that are not None."""
    return {name: content for name in value.__dataclass_fields__ if (content := getattr(value, name)) is not None}


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Returns a value as a JSON answer."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def registered(registration: Registered[Any], location: Callable[[Any], str]) -> Response:
    """Returns 201 with the address of what is new, or 200 for what existed before."""
    if registration.created:
        return answer(members(registration.value), 201, {"Location": location(registration.value)})
    return answer(members(registration.value))


def page(name: str, listed: Page[Any]) -> Response:
    """Returns a part of a list under its name."""
    return answer({name: [members(item) for item in listed.items], "next_page_token": listed.next_page_token})


def group(value: EmissionsGroup, dimensions: Sequence[str] = ()) -> dict[str, object]:
    """Returns a sum with a member for each dimension that it is grouped by."""
    named: dict[str, object] = dict(zip(dimensions, value.keys, strict=True)) if dimensions else {}
    return {
        **named,
        "emissions_t_co2e": value.emissions_t_co2e,
        "energy_tce": value.energy_tce,
        "records": value.records,
    }
