"""Other ways to read the same: only if it has changed, only some members, or as a table.

Each takes a call that reads, and returns a call that reads the same otherwise:

>>> from parkcarbon_client import calls, representations
>>> call = representations.with_fields(calls.list_parks(), "parks", ["park_id", "region_code"])
>>> call.params
{'fields': 'park_id,region_code'}
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import httpx

from parkcarbon_client.core.call import Call
from parkcarbon_client.core.errors import AnswerNotUnderstood
from parkcarbon_client.core.responses import object_of

T = TypeVar("T")


@dataclass(frozen=True)
class Tagged(Generic[T]):
    """An answer and its entity tag, which is sent along the next time."""

    value: T
    etag: str


@dataclass(frozen=True)
class Table:
    """A page as CSV with a header line; `next_page_token` is "" on the last.

    A cell that a spreadsheet would take for a formula has a `'` before it.
    """

    text: str
    next_page_token: str

    def rows(self) -> list[dict[str, str]]:
        """Returns the rows by their headings."""
        return list(csv.DictReader(io.StringIO(self.text, newline="")))


def if_changed(call: Call[T], etag: str) -> Call[Tagged[T] | None]:
    """Returns the call that answers None while an entity tag is still the one of the answer (a conditional request).

    Args:
        call: What is read.
        etag: Of an earlier answer; "" for the first time.
    """

    def read(response: httpx.Response) -> Tagged[T] | None:
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return None
        return Tagged(call.read(response), response.headers.get("ETag", ""))

    condition = {"If-None-Match": etag} if etag else {}
    return replace(call, read=read, headers={**(call.headers or {}), **condition}, reads_not_modified=True)  # type: ignore[arg-type, return-value]


def with_fields(call: Call[Any], member: str, fields: Sequence[str]) -> Call[tuple[Mapping[str, Any], ...]]:
    """Returns the call that reads some members of the rows of a list, as they are in the answer.

    Args:
        call: A page of a list.
        member: Where its rows are, such as `parks`.
        fields: Members of a row; the server names those that there are if one is unknown.
    """

    def read(response: httpx.Response) -> tuple[Mapping[str, Any], ...]:
        rows = object_of(response).get(member)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise AnswerNotUnderstood(member, "a list of objects", rows)
        return tuple(rows)

    return replace(call, read=read, params={**(call.params or {}), "fields": ",".join(fields)})


def as_csv(call: Call[Any]) -> Call[Table]:
    """Returns the call that reads rows as CSV."""

    def read(response: httpx.Response) -> Table:
        return Table(response.content.decode("utf-8-sig"), response.headers.get("X-Next-Page-Token", ""))

    return replace(call, read=read, headers={**(call.headers or {}), "Accept": "text/csv, application/problem+json"})
