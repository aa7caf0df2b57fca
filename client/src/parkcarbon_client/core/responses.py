"""Ways to read an answer: each takes what is expected, and returns the `read` of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from parkcarbon_client.core.answers import Page, Registered
from parkcarbon_client.core.decoding import decode, parse
from parkcarbon_client.core.errors import AnswerNotUnderstood

T = TypeVar("T")


def value_of(kind: type[T]) -> Callable[[httpx.Response], T]:
    """Reads one value."""
    return lambda response: decode(kind, parse(response.content))


def registered(kind: type[T]) -> Callable[[httpx.Response], Registered[T]]:
    """Reads the answer to a registration: 201 says that it was created now."""
    return lambda response: Registered(decode(kind, parse(response.content)), created=response.status_code == httpx.codes.CREATED)


def list_of(member: str, kind: type[T]) -> Callable[[httpx.Response], tuple[T, ...]]:
    """Reads a list that has no pages."""
    return lambda response: tuple(decode(kind, item) for item in items_of(object_of(response), member))


def page_of(member: str, kind: type[T]) -> Callable[[httpx.Response], Page[T]]:
    """Reads a page of a list, with `next_page_token` beside the items."""

    def read(response: httpx.Response) -> Page[T]:
        answer = object_of(response)
        items = tuple(decode(kind, item) for item in items_of(answer, member))
        token = answer.get("next_page_token") or ""
        if not isinstance(token, str):
            raise AnswerNotUnderstood("next_page_token", "str", token)
        return Page(items, token)

    return read


def content_of(response: httpx.Response) -> bytes:
    """Returns the body of an answer that is a file."""
    return response.content


def nothing_of(_: httpx.Response) -> None:
    """Reads nothing: that the answer is good is all it says."""


def object_of(response: httpx.Response) -> dict[str, Any]:
    """Returns the JSON object of an answer.

    Raises:
        AnswerNotUnderstood: It is none.
    """
    value = parse(response.content)
    if not isinstance(value, dict):
        raise AnswerNotUnderstood("$", "an object", value)
    return value


def items_of(answer: dict[str, Any], member: str) -> list[Any]:
    """Returns the list in a member of an answer.

    Raises:
        AnswerNotUnderstood: It is none.
    """
    items = answer.get(member)
    if not isinstance(items, list):
        raise AnswerNotUnderstood(member, "a list", items)
    return items
