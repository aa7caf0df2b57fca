"""Routes of people: signing in and out, invitations, passwords."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import cookies
from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import CallerId, caller_of
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.responses import answer
from gateway.api.schemas import people as models
from gateway.application.access import people
from gateway.application.access.people import SignedIn
from gateway.application.access.services import AccessServices
from gateway.domain.access.people import Session, csrf_token
from gateway.domain.callers import Action
from gateway.domain.errors import TokenRefused

_SENT = (400, 408, 413, 415, 422, 429)


def router(access_services: AccessServices, uploads: Uploads) -> APIRouter:
    """Returns the routes of people."""
    routes = APIRouter(prefix="/v1", tags=["people"])
    sign_in_services = access_services.sign_in_services
    secure = access_services.issuer.startswith("https:")

    @routes.post(
        "/sign-in",
        status_code=201,
        response_model=models.SessionAnswer,
        responses=refusals(*_SENT),
        openapi_extra=body_of(models.SignInBody),
    )
    async def sign_in(request: Request) -> Response:
        """Begins a session and sets its cookie, which no script can read.

        Every request that changes something brings the session's `csrf_token` as `X-CSRF-Token`. A session is over after two hours
        without use, and after twelve in any case.
        """
        body = await read_json(uploads, request, models.SignInBody)
        return _begun(await people.sign_in(sign_in_services, body.login, body.password))

    def _begun(signed_in: SignedIn) -> Response:
        response = answer(_session(signed_in.session, signed_in.secret), 201)
        cookies.set_session(response, signed_in.secret, secure=secure)
        return response

    @routes.get("/session", response_model=models.SessionAnswer, responses=refusals(403, 422))
    async def get_session(request: Request) -> Response:
        """Returns who is signed in, and the token that changes need."""
        secret = _secret(request)
        return answer(_session(await people.session_of(sign_in_services, secret), secret))

    @routes.delete("/session", response_model=models.SignedOutAnswer, responses=refusals(403, 422))
    async def sign_out(request: Request) -> Response:
        """Ends the session, here and everywhere at once."""
        await people.sign_out(sign_in_services, _secret(request))
        response = answer({})
        cookies.forget(response, cookies.SESSION, secure=secure)
        return response

    @routes.put(
        "/callers/{caller}/login",
        response_model=models.LoginAnswer,
        responses=refusals(403, 404, 409, *_SENT),
        openapi_extra=body_of(models.LoginBody),
    )
    async def invite_caller(request: Request, caller_id: CallerId) -> Response:
        """Lets a registered caller sign in, and sends an invitation: a message with the code that sets the password."""
        caller = caller_of(request)
        caller.must(Action.MANAGE_CALLERS)
        body = await read_json(uploads, request, models.LoginBody)
        person = await people.invite_caller(sign_in_services, caller, caller_id, body.login)
        return answer({"caller_id": person.caller_id, "login": person.login})

    @routes.post(
        "/password-resets",
        status_code=202,
        response_model=models.AcceptedAnswer,
        responses=refusals(*_SENT),
        openapi_extra=body_of(models.LoginBody),
    )
    async def request_password_reset(request: Request) -> Response:
        """Sends a message with a code that sets a new password; the answer is the same whether or not anyone has the login."""
        body = await read_json(uploads, request, models.LoginBody)
        await people.request_password_reset(sign_in_services, body.login)
        return answer({}, 202)

    @routes.post(
        "/passwords",
        response_model=models.AcceptedAnswer,
        responses=refusals(*_SENT),
        openapi_extra=body_of(models.PasswordBody),
    )
    async def set_password(request: Request) -> Response:
        """Sets a password by the code of a message, and ends every session of the person."""
        body = await read_json(uploads, request, models.PasswordBody)
        await people.set_password(sign_in_services, body.code, body.password)
        return answer({})

    return routes


def _secret(request: Request) -> str:
    secret = cookies.session_secret(request.headers.get("cookie", ""))
    if not secret:
        raise TokenRefused("SESSION_OVER")
    return secret


def _session(session: Session, secret: str) -> dict[str, object]:
    caller = session.owner.caller()
    return {
        "caller_id": caller.subject,
        "tenant_id": caller.tenant,
        "name": session.owner.name,
        "roles": sorted(caller.roles),
        "scopes": [action.value for action in Action if caller.may(action)],
        "csrf_token": csrf_token(secret),
        "ends_time": session.ends.isoformat().replace("+00:00", "Z"),
    }
