"""What all routes take from a request: caller, language, page; and the check that it has no parameter that is not taken."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Path, Query, params
from fastapi.dependencies.utils import get_flat_params
from starlette.requests import Request

from gateway.api.problems import language_of
from gateway.api.schemas.model import ID_PATTERN
from gateway.application.services import ServicePort, must_see_park
from gateway.domain import messages
from gateway.domain.access.authority import Authority
from gateway.domain.callers import Action, Caller
from gateway.domain.errors import FieldProblem, FieldsInvalid
from gateway.domain.messages import Language

ParkId = Annotated[str, Path(alias="park", pattern=ID_PATTERN, description="The park's id", examples=["ganzhou-etdz"])]
PageSize = Annotated[int, Query(ge=1, le=1000, description="Entries of a page, 1 to 1000")]
PageToken = Annotated[str, Query(max_length=500, description="`next_page_token` of the page before")]


def caller_of(request: Request) -> Caller:
    """Returns the caller, as the request middleware has authenticated it."""
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


def auth_method_of(request: Request) -> str:
    """Returns by what the caller was authenticated."""
    auth_method = request.state.auth_method
    assert isinstance(auth_method, str)
    return auth_method


def authority_of(request: Request) -> Authority:
    """Returns in whose name something acts later that this request begins."""
    credential = request.state.credential
    assert isinstance(credential, str)
    return Authority(caller_of(request), auth_method_of(request), credential)


def language(request: Request) -> Language:
    """Returns the language of the answer's sentences."""
    return language_of(request.headers.get("accept-language", ""))


def check_parameters(accounting: ServicePort) -> Callable[[Request], Awaitable[None]]:
    """Returns the dependency of every route: no parameter that it does not take, and no park beyond the caller's bounds.

    A route is checked by its path parameter `park`, so that a new one need not remember it. One
    dependency for both: what FastAPI does to call one costs more than either check.

    Args:
        accounting: Knows which region a park lies in.
    """

    async def check(request: Request) -> None:
        _only_known_parameters(request)
        park = request.path_params.get("park")
        caller = getattr(request.state, "caller", None)
        if park is None or not isinstance(caller, Caller):
            return
        caller.must_reach(park)
        if caller.regions is not None and caller.may(Action.READ_OWN):
            # whoever reads nothing but what is published is held to its regions by the service that is asked for that
            await must_see_park(accounting, caller, park)

    return check


def _only_known_parameters(request: Request) -> None:
    """Refuses a query parameter that the route does not take, or takes once and is given twice.

    FastAPI would leave the one out and read the last of the other: a misspelt `group_by` would answer one total, unasked.

    Raises:
        FieldsInvalid: Names each such parameter.
    """
    if not request.scope["query_string"]:
        return
    taken = [
        field.alias for field in get_flat_params(request.scope["route"].dependant) if isinstance(field.field_info, params.Query)
    ]
    problems: list[FieldProblem] = []
    for name in request.query_params:
        values = request.query_params.getlist(name)
        if name not in taken:
            allowed = ", ".join(taken)
            problems.append(
                FieldProblem(
                    "FIELD_UNKNOWN",
                    messages.shortened(name),
                    messages.shortened(values[0]),
                    allowed or "no parameter",
                    allowed or "无参数",
                )
            )
        elif len(values) > 1:
            problems.append(
                FieldProblem("FIELD_INVALID", name, messages.shortened(", ".join(values)), "given once", "只给出一次的值")
            )
    if problems:
        raise FieldsInvalid(problems[:20])


_CALLER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$"
CallerId = Annotated[str, Path(alias="caller", pattern=_CALLER_PATTERN, description="The caller's id", examples=["example-mes"])]
