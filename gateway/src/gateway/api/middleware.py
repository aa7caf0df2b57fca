"""The middleware around every request: request id, authentication, rate limit, headers, and the answers to failures."""

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.database import DatabaseUnavailable
from chassis.logs import Logger
from gateway.api.cookies import session_secret
from gateway.api.deprecation import DEPRECATIONS, Deprecation, deprecation_headers
from gateway.api.problems import STATUS, language_of, problem_response
from gateway.api.reading.signed import verified_body
from gateway.application.access.authentication import Authenticated, authenticate
from gateway.application.access.services import AccessServices
from gateway.domain.access.audit import Entry
from gateway.domain.access.rate_limit import WINDOW_S, RateLimitStatus
from gateway.domain.access.signing import RequestHead
from gateway.domain.errors import GatewayError, Unavailable
from gateway.domain.limits import Limits
from gateway.domain.messages import Language

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
"""Addresses without authentication; each of their routes checks its own credential."""


class RequestMiddleware:
    """ASGI middleware around the whole application.

    A caller is authenticated here and not by a dependency, so that nothing of a stranger's request is parsed.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        access_services: AccessServices,
        limits: Limits,
        new_request_id: Callable[[], str],
        logger: Logger,
        deprecations: Mapping[str, Deprecation] = DEPRECATIONS,
    ) -> None:
        self._app = app
        self._access_services = access_services
        self._always = always(access_services.issuer)
        self._deprecations = deprecations
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
        known: Authenticated | None = None
        rate_limit: RateLimitStatus | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                added = [(b"x-request-id", request_id.encode("latin-1")), *self._always]
                if path.startswith(_PROTECTED):
                    added += [(b"cache-control", b"no-store"), _NOTHING_RUNS]
                if rate_limit is not None:
                    added += rate_headers(rate_limit)
                added += deprecation_headers(self._deprecations, scope)
                if known is not None:
                    await self._note(scope, known, request_id, message["status"])
                message["headers"] = [*message["headers"], *added]
                self._logger.debug("answered", method=scope["method"], status=message["status"], request_id=request_id)
            await send(message)

        try:
            if path.startswith(_PROTECTED) and path not in OPEN_PATHS:
                known = await authenticate(self._access_services.authenticators, request_head(scope))
                state["caller"], state["auth_method"], state["credential"] = known.caller, known.auth_method, known.credential
            rate_limit = await self._counted(scope, known)
            if known is None or known.body_sha256 is None:
                await self._app(scope, receive, send_with_headers)
                return
            async with verified_body(receive, known.body_sha256, self._limits) as signed:
                await self._app(scope, signed, send_with_headers)
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

    async def _counted(self, scope: Scope, known: Authenticated | None) -> RateLimitStatus | None:
        """Counts a request of a caller, or of an address to what is asked without a credential; others are not counted."""
        quotas, limits = self._access_services.quotas, self._limits
        if known is not None:
            return await quotas.take(known.caller.tenant, known.caller.subject, limits.requests_per_minute)
        if scope["path"] in OPEN_PATHS:
            return await quotas.take("platform", f"address {client_address(scope)}", limits.open_requests_per_minute)
        return None

    async def _note(self, scope: Scope, known: Authenticated, request_id: str, status: int) -> None:
        """Notes an answer to a known caller."""
        await self._audit(scope, known, request_id, status)
        park_id = scope.get("path_params", {}).get("park", "")
        if park_id and scope["method"] == "GET" and status in _SHOWED:
            await self._access_services.platforms.record_pull(known.caller, known.auth_method, {park_id})

    async def _audit(self, scope: Scope, known: Authenticated, request_id: str, status: int) -> None:
        """Keeps who did what; before the answer goes out where something may have changed."""
        if status == STATUS["exhausted"]:
            # A flood that is turned away must not become one of entries.
            return
        entry = Entry(
            tenant_id=known.caller.tenant,
            subject=known.caller.subject,
            auth_method=known.auth_method,
            method=scope["method"],
            operation=getattr(scope.get("route"), "name", ""),
            park_id=str(scope.get("path_params", {}).get("park", ""))[:_SHOWN],
            path=scope["path"][:_SHOWN],
            status=status,
            request_id=request_id,
            address=client_address(scope),
            time=self._access_services.authenticators.clock.now(),
        )
        if scope["method"] in _READING:
            self._access_services.audit.note(entry)
        else:
            await self._access_services.audit.keep(entry)


_READ = frozenset({b"x-request-id", b"accept-language"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_SHOWN = 200
_ADDRESS = 64
_SHOWED = frozenset({200, 304})
_NOTHING_RUNS = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_OVER_TLS = (b"strict-transport-security", b"max-age=31536000")


def always(issuer: str) -> Sequence[tuple[bytes, bytes]]:
    """Returns the headers of every answer, at an address of ours that speaks TLS with the promise that it will."""
    return (*_ALWAYS, _OVER_TLS) if issuer.startswith("https:") else _ALWAYS


def client_address(scope: Scope) -> str:
    """Returns where a request comes from: the peer, or what a trusted proxy says of its own peer (`http.trusted_proxies`)."""
    address: str = (scope.get("client") or ("unknown",))[0]
    # A proxy that passes on what it was told may say anything, at any length.
    return address[:_ADDRESS]


def rate_headers(rate_limit: RateLimitStatus) -> list[tuple[bytes, bytes]]:
    """Returns how a caller stands in its minute (draft-ietf-httpapi-ratelimit-headers-10)."""
    return [
        (b"ratelimit-policy", b'"requests";q=%d;w=%d' % (rate_limit.limit, WINDOW_S)),
        (b"ratelimit", b'"requests";r=%d;t=%d' % (rate_limit.remaining, rate_limit.reset_s)),
    ]


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
