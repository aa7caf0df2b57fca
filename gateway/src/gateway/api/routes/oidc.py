"""Routes of people who sign in at another identity provider."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.api import cookies
from gateway.api.openapi import refusals
from gateway.application.access import people
from gateway.application.access.services import AccessServices
from gateway.domain.errors import FieldProblem, FieldsInvalid, SignInRefused


def router(access_services: AccessServices) -> APIRouter:
    """Returns the routes of signing in elsewhere."""
    routes = APIRouter(prefix="/v1", tags=["people"])
    identity_providers = access_services.identity_providers
    secure = access_services.issuer.startswith("https:")

    @routes.get(
        "/sign-in/elsewhere",
        status_code=303,
        response_class=Response,
        responses={303: {"description": "To the identity provider"}, **refusals(422)},
    )
    async def oidc_login(
        issuer: Annotated[
            str, Query(max_length=500, description="One of the platform's issuers", examples=["https://idp.example"])
        ],
    ) -> Response:
        """Sends the browser to an identity provider, to sign in there (OpenID Connect, authorization code with PKCE)."""
        if issuer not in identity_providers.issuers:
            allowed = ", ".join(identity_providers.issuers) or "-"
            raise FieldsInvalid([FieldProblem("FIELD_INVALID", "issuer", issuer[:200], f"one of {allowed}", f"以下之一:{allowed}")])
        departure = await identity_providers.begin(issuer)
        response = RedirectResponse(departure.url, 303)
        cookies.set_login_state(response, departure.ticket, secure=secure)
        return response

    @routes.get(
        "/sign-in/callback",
        status_code=303,
        response_class=Response,
        responses={303: {"description": "To the front end, signed in"}, **refusals(422)},
    )
    async def oidc_callback(
        request: Request,
        state: Annotated[str, Query(max_length=500)] = "",
        code: Annotated[str, Query(max_length=4000)] = "",
        error: Annotated[str, Query(max_length=200)] = "",
        iss: Annotated[str, Query(max_length=500)] = "",
        session_state: Annotated[str, Query(max_length=500)] = "",
        error_description: Annotated[str, Query(max_length=1000)] = "",
    ) -> Response:
        """Receives who comes back from an identity provider, and begins a session for the caller registered for that identity."""
        del session_state, error_description  # what providers add and nobody here reads
        ticket = cookies.read(request.headers.get("cookie", ""), cookies.LOGIN_STATE)
        if error or not ticket:
            raise SignInRefused("SIGN_IN_REFUSED")
        issuer, subject = await identity_providers.finish(ticket, state, code)
        owner = await access_services.authenticators.credentials.external(issuer, subject)
        if owner is None or not owner.active or (iss and iss != issuer):
            raise SignInRefused("SIGN_IN_REFUSED")
        signed_in = await people.sign_in_as(access_services.sign_in_services, owner)
        response = RedirectResponse("/", 303)
        cookies.set_session(response, signed_in.secret, secure=secure)
        cookies.forget(response, cookies.LOGIN_STATE, secure=secure)
        return response

    return routes
