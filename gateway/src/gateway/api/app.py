"""The application: its routers, its middleware, and the answers to errors."""

from collections.abc import Callable, Sequence

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from chassis.logs import Logger
from chassis.telemetry import Telemetry
from gateway.api import contract
from gateway.api.conditional import ConditionalRequests
from gateway.api.generated import accounting, evaluation
from gateway.api.idempotency import Idempotency
from gateway.api.middleware import RequestMiddleware
from gateway.api.openapi import describe
from gateway.api.parameters import check_parameters, language
from gateway.api.problems import problem_response
from gateway.api.reading.body_reader import BodyReader
from gateway.api.responses import answer
from gateway.api.routes import (
    access,
    audit,
    feed,
    indicator_values,
    jobs,
    library,
    oauth,
    oidc,
    people,
    profiles,
    push,
    templates,
    webhooks,
)
from gateway.api.schemas.health import HealthAnswer, ReadinessAnswer
from gateway.api.schemas.model import fields_invalid
from gateway.api.tracing import instrumentation
from gateway.application.access.services import AccessServices
from gateway.application.feed.webhooks import WebhookServices
from gateway.application.ports import Ports
from gateway.application.push.services import PushServices
from gateway.application.readiness import readiness
from gateway.domain.errors import GatewayError, MethodNotAllowed, PathUnknown

_DESCRIPTION = """The HTTP API of ParkCarbon: activity data in, exact carbon accounts out.

Decimals are strings. Ids are chosen by the caller, and sending the same again is safe. Refusals are RFC 9457 problem documents
whose title and detail follow Accept-Language (zh, en)."""


def create_app(
    ports: Ports,
    access_services: AccessServices,
    *,
    new_request_id: Callable[[], str],
    logger: Logger,
    allowed_origins: Sequence[str],
    telemetry: Telemetry,
    push_services: PushServices,
    readers: BodyReader,
    webhook_services: WebhookServices,
) -> FastAPI:
    """Returns the application.

    Args:
        ports: Everything outside, fulfilled.
        access_services: What authenticates callers and manages their credentials.
        new_request_id: Names a request that brings no name.
        logger: For failures.
        allowed_origins: Web origins whose pages may call; none by default.
        telemetry: The service's own; what FastAPI measures goes there.
        push_services: Where uploads, jobs, profiles and answers are stored.
        readers: How pushes are received and read.
        webhook_services: What webhooks need.
    """
    requests = Middleware(
        RequestMiddleware, access_services=access_services, limits=readers.limits, new_request_id=new_request_id, logger=logger
    )
    inside = Middleware(Idempotency, storage=push_services)
    middleware = [requests, inside, Middleware(ConditionalRequests)]
    if allowed_origins:
        # Outside of the authentication: a browser's preflight request carries no token.
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(allowed_origins),
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=[
                "Authorization",
                "X-Api-Key",
                "X-CSRF-Token",
                "Content-Type",
                "Idempotency-Key",
                "Prefer",
                "X-Request-Id",
                "Accept-Language",
            ],
            expose_headers=[
                "ETag",
                "X-Next-Page-Token",
                "X-Request-Id",
                "Location",
                "Retry-After",
                "RateLimit",
                "RateLimit-Policy",
                "Deprecation",
                "Sunset",
            ],
        )
        middleware = [cors, *middleware]
    # The pages of /docs come from this process: a park behind an air gap reaches no content network.
    app = FastAPIOffline(
        title="ParkCarbon",
        version="1",
        description=_DESCRIPTION,
        middleware=middleware,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        redoc_url=None,
        dependencies=[Depends(check_parameters(ports.accounting))],
        telemetry=instrumentation(telemetry),
        exception_handlers={
            GatewayError: _refused,
            RequestValidationError: _parameters_invalid,
            HTTPException: _not_served,
        },
    )
    uploads = readers.uploads
    # Routes are tried in this order: first those that machines ask all day.
    authorities, platforms = access_services.authorities, access_services.platforms
    app.include_router(push.router(ports.accounting, readers, push_services, platforms, authorities))
    app.include_router(contract.router(accounting.add_routes, ports.accounting, uploads))
    app.include_router(feed.router(webhook_services.feed, platforms))
    app.include_router(access.router(access_services.key_management, uploads))
    app.include_router(audit.router(access_services.key_management.units))
    app.include_router(people.router(access_services, uploads))
    app.include_router(oidc.router(access_services))
    app.include_router(oauth.router(access_services.issuance, uploads, issuer=access_services.issuer))
    app.include_router(templates.router())
    app.include_router(profiles.router(push_services, uploads))
    app.include_router(contract.router(evaluation.add_routes, ports.evaluation, uploads))
    app.include_router(indicator_values.router(ports.evaluation, readers))
    app.include_router(webhooks.router(webhook_services, uploads))
    app.include_router(library.router(push_services, uploads))
    app.include_router(jobs.router(ports.accounting, push_services, authorities))

    @app.get("/healthz", response_model=HealthAnswer, tags=["health"])
    async def get_health() -> Response:
        """Says that the process is up."""
        return answer({"status": "up"})

    @app.get(
        "/readyz",
        response_model=ReadinessAnswer,
        responses={503: {"model": ReadinessAnswer, "description": "Something that requests need does not answer"}},
        tags=["health"],
    )
    async def get_readiness() -> Response:
        """Says whether everything that requests need answers, and whether events are still received."""
        ready, answers = await readiness(ports.accounting, ports.database, ports.events)
        return answer({"ready": ready, **answers}, 200 if ready else 503)

    app.openapi = describe(app, (*accounting.BODIES, *evaluation.BODIES, indicator_values.EntriesBody))  # type: ignore[method-assign]  # FastAPI's documented way to extend its document
    _prepare(app)
    return app


def _prepare(app: FastAPI) -> None:
    """Has every route make its parsers now; FastAPI makes all of them when it looks for the route of the first request."""
    nobodys: Scope = {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(nobodys)


def operation_id(route: APIRoute) -> str:
    """Returns the id of an operation: the name of what it does, whatever its address is."""
    return route.name


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return problem_response(error, instance=request.url.path, request_id=request.state.request_id, language=language(request))


async def _parameters_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # FastAPI puts "path" or "query" before the name; its own answer would echo the input without bounds.
    entries = [{**entry, "loc": entry["loc"][1:]} for entry in error.errors()]
    return await _refused(request, fields_invalid(entries, ""))


async def _not_served(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return await _refused(request, MethodNotAllowed(found=request.method, allowed=allowed))
    return await _refused(request, PathUnknown())
