"""Parts of a request: paths, queries, JSON bodies, and the two calls that most resources have."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx

from parkcarbon_client.core.answers import Page, Registered
from parkcarbon_client.core.call import Call
from parkcarbon_client.core.encoding import to_json
from parkcarbon_client.core.responses import page_of, registered

T = TypeVar("T")
JSON = "application/json"


def path(template: str, /, **values: str | int) -> str:
    """Returns a path with values in the places of a template.

    >>> path("/v1/parks/{park_id}/inventories/{inventory_id}:replay", park_id="a/b", inventory_id="2022-v1")
    '/v1/parks/a%2Fb/inventories/2022-v1:replay'
    """
    # an id is data: whatever stands in it, it must not change which route is asked
    return template.format(**{name: quote(str(value), safe="") for name, value in values.items()})


def query(**values: str | int | None) -> dict[str, str] | None:
    """Returns the parameters that have a value, neither None nor ""; None where none has.

    A trailing underscore is left out, for parameters whose name is a word of Python.

    >>> query(from_="2022", page_token="", limit=None)
    {'from': '2022'}
    """
    return {name.removesuffix("_"): str(value) for name, value in values.items() if value not in ("", None)} or None


def json_body(value: object) -> bytes:
    """Returns a value as a JSON body; see `to_json`."""
    return json.dumps(to_json(value), ensure_ascii=False).encode()


def new_idempotency_key() -> str:
    """Returns a key that nobody has used."""
    return uuid4().hex


def send_json(
    method: str,
    url_path: str,
    value: object,
    read: Callable[[httpx.Response], T],
    *,
    headers: Mapping[str, str] | None = None,
    retried: bool = True,
) -> Call[T]:
    """Returns the call that sends a value as JSON."""
    return Call(method, url_path, read, content=json_body(value), media_type=JSON, headers=headers, retried=retried)


def register(method: str, url_path: str, entry: object, kind: type[T]) -> Call[Registered[T]]:
    """Returns the call that registers an entry; its answer says whether the entry was there before."""
    return send_json(method, url_path, entry, registered(kind))


def list_page(url_path: str, member: str, kind: type[T], page_token: str, /, **values: str | int | None) -> Call[Page[T]]:
    """Returns the call that reads one page of a list.

    Args:
        url_path: Of the list.
        member: Where the items stand in the answer.
        kind: Of an item.
        page_token: Of the page; "" for the first.
        values: Further parameters; those without a value are left out.
    """
    return Call("GET", url_path, page_of(member, kind), params=query(**values, page_token=page_token))
