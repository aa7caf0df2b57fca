"""The door that every request passes: its id, its caller, the headers of its answer, and the last word on failures."""

import re
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.database import DatabaseUnavailable
from chassis.logs import Logger
from gateway.api.cookies import session_secret
from gateway.api.problems import language_of, problem_response
from gateway.api.signed_bodies import verified_body
from gateway.application.authentication import Doors, authenticate
from gateway.domain.errors import GatewayError, Unavailable
from gateway.domain.limits import Limits
from gateway.domain.signing import RequestHead
from gateway.domain.wording import Language

_REQUEST_ID = re.compile(r"[\x20-\x7e]{1,128}")
_PROTECTED = "/v1/"
OPEN_PATHS = frozenset(
    {
        "/v1/oauth/token",
        "/v1/oauth/revoke",
        "/v1/sign-in",
        "/v1/sign-in/elsewhere",
        "/v1/sign-in/callback",
        "/v1/password-resets",
        "/v1/passwords",
    }
)
"""What is asked by those whom nobody knows yet; each route checks for itself what it is given."""


class Door:
    """ASGI middleware around the whole application.

    A caller is authenticated here and not by a dependency, so that nothing of a stranger's request is parsed.
    """

    def __init__(self, app: ASGIApp, *, doors: Doors, limits: Limits, new_request_id: Callable[[], str], logger: Logger) -> None:
        self._app = app
        self._doors = doors
        self._limits = limits
        self._new_request_id = new_request_id
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        named = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = named if _REQUEST_ID.fullmatch(named) else self._new_request_id()
        language = language_of(headers.get(b"accept-language", b"").decode("latin-1"))
        path: str = scope["path"]
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                added = [(b"x-request-id", request_id.encode("latin-1")), *_ALWAYS]
                if path.startswith(_PROTECTED):
                    added.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *added]
                self._logger.debug("answered", method=scope["method"], status=message["status"], request_id=request_id)
            await send(message)

        try:
            if path.startswith(_PROTECTED) and path not in OPEN_PATHS:
                known = await authenticate(self._doors, request_head(scope))
                state["caller"] = known.caller
                if known.body_sha256 is not None:
                    async with verified_body(receive, known.body_sha256, self._limits) as signed:
                        await self._app(scope, signed, send_with_headers)
                    return
            await self._app(scope, receive, send_with_headers)
        except GatewayError as error:
            await _refusal(error, path, request_id, language)(scope, receive, send_with_headers)
        except DatabaseUnavailable as error:
            if started:
                raise
            self._logger.warning("database away", method=scope["method"], request_id=request_id, error=str(error.__cause__))
            await _refusal(Unavailable("DATABASE_UNAVAILABLE"), path, request_id, language)(scope, receive, send_with_headers)
        except Exception as error:
            # The traceback goes to the log and nothing of it to the caller.
            self._logger.exception("request failed", method=scope["method"], request_id=request_id, error=type(error).__name__)
            if started:
                raise
            await _refusal(GatewayError("INTERNAL"), path, request_id, language)(scope, receive, send_with_headers)


_READ = frozenset({b"x-request-id", b"accept-language"})
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)


def request_head(scope: Scope) -> RequestHead:
    """Returns what callers are told apart by.

    A header that is given twice is joined, and so refused: a second one would let a proxy and the gateway see different callers.
    """

    def header(name: bytes) -> str:
        return b", ".join(value for found, value in scope["headers"] if found == name).decode("latin-1")

    return RequestHead(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        content_type=header(b"content-type"),
        authorization=header(b"authorization"),
        api_key=header(b"x-api-key"),
        session=session_secret(header(b"cookie")),
        csrf_token=header(b"x-csrf-token"),
    )


def _refusal(error: GatewayError, path: str, request_id: str, language: Language) -> Response:
    return problem_response(error, instance=path, request_id=request_id, language=language)
