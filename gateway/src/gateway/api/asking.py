"""What the routes of all registers take from a request: who asks, in which language, which page."""

from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request

from gateway.api.models import ID_PATTERN
from gateway.api.problems import language_of
from gateway.domain.callers import Caller
from gateway.domain.wording import Language

ParkId = Annotated[str, Path(alias="park", pattern=ID_PATTERN, description="The park's id", examples=["ganzhou-etdz"])]
PageSize = Annotated[int, Query(ge=1, le=1000, description="Entries of a page, 1 to 1000")]
PageToken = Annotated[str, Query(max_length=500, description="`next_page_token` of the page before")]


def caller_of(request: Request) -> Caller:
    """Returns the caller that the door has authenticated."""
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


def language(request: Request) -> Language:
    """Returns the language of the answer's sentences."""
    return language_of(request.headers.get("accept-language", ""))
