"""A call of the API as a value: what is sent, and how the answer is read. Both clients send the same calls.

>>> def get_park(park_id: str) -> Call[Park]:  # doctest: +SKIP
...     return Call("GET", path("/v1/parks/{park_id}", park_id=park_id), value_of(Park))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import httpx

from parkcarbon_client.core.problems import problem_of

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the reading of its answer.

    Attributes:
        method: Of HTTP.
        path: With its ids, percent-encoded; see `requests.path`.
        read: Makes a value of a good answer; see `responses`.
        params: The query; see `requests.query`.
        content: The body.
        media_type: Of the body.
        headers: Further ones.
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
        """The headers of this call, beside those of every request."""
        return {**({"Content-Type": self.media_type} if self.media_type else {}), **(self.headers or {})}

    def result(self, response: httpx.Response) -> T:
        """Returns what an answer to this call says.

        Raises:
            ProblemError: The server refused the call.
            AnswerNotUnderstood: The answer does not have the promised shape.
        """
        if response.is_success or (self.reads_not_modified and response.status_code == httpx.codes.NOT_MODIFIED):
            return self.read(response)
        raise problem_of(response)
