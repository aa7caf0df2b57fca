"""Routes of callers and their keys."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import CallerId, PageSize, caller_of
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.responses import answer
from gateway.api.schemas import access as models
from gateway.application.access import callers
from gateway.application.access.callers import KeyManagement, NewKey
from gateway.domain.access.credentials import Key, KeyKind, RegisteredCaller
from gateway.domain.callers import Action, Role
from gateway.domain.paging import Paging

KeyId = Annotated[
    str, Path(alias="key", pattern=r"^pck_[a-z2-7]{16}$", description="The key's id", examples=["pck_abcdefghijklmnop"])
]
After = Annotated[str, Query(max_length=100, pattern=r"^[A-Za-z0-9._@-]*$", description="`next_page_token` of the page before")]


def router(key_management: KeyManagement, uploads: Uploads) -> APIRouter:
    """Returns the routes of callers and keys."""
    routes = APIRouter(prefix="/v1", tags=["access"])

    @routes.get("/caller", response_model=models.WhoAnswer, responses=refusals(403, 422))
    async def get_own_caller(request: Request) -> Response:
        """Returns who asks, and what this credential may."""
        caller = caller_of(request)
        return answer(
            {
                "caller_id": caller.subject,
                "tenant_id": caller.tenant,
                "roles": sorted(caller.roles),
                "scopes": [action.value for action in Action if caller.may(action)],
                **_bounds(caller),
            }
        )

    @routes.put(
        "/callers/{caller}",
        status_code=201,
        response_model=models.CallerAnswer,
        responses={
            200: {"model": models.CallerAnswer, "description": "The caller was known, and may now what this says"},
            **refusals(400, 403, 408, 409, 413, 415, 422, 429),
        },
        openapi_extra=body_of(models.CallerBody),
    )
    async def register_caller(request: Request, caller_id: CallerId) -> Response:
        """Registers a caller of the tenant, or says anew what it may; in force within half a minute everywhere.

        `region_reader` needs `regions`, `enterprise` needs `enterprises` and `verifier` needs `parks`: without, the role would
        reach everything.
        """
        caller = caller_of(request)
        caller.must(Action.MANAGE_CALLERS)
        body = await read_json(uploads, request, models.CallerBody)
        given = RegisteredCaller(
            tenant_id=caller.tenant,
            caller_id=caller_id,
            name=body.name,
            roles=frozenset(Role(role) for role in body.roles),
            parks=None if body.parks is None else frozenset(body.parks),
            regions=None if body.regions is None else frozenset(body.regions),
            enterprises=None if body.enterprises is None else frozenset(body.enterprises),
            issuer=body.issuer,
            external_subject=body.external_subject,
            active=body.active,
            registered_time=key_management.clock.now(),
        )
        found = await callers.register_caller(key_management, caller, given)
        headers = {"Location": f"/v1/callers/{caller_id}"} if found.created else {}
        return answer(_caller(found.value), 201 if found.created else 200, headers)

    @routes.get("/callers", response_model=models.CallersAnswer, responses=refusals(403, 422))
    async def list_callers(request: Request, page_size: PageSize = 100, page_token: After = "") -> Response:
        """Returns the callers of the tenant, in order of id."""
        found = await callers.list_callers(key_management, caller_of(request), Paging(page_size, page_token))
        return answer({"callers": [_caller(each) for each in found.items], "next_page_token": found.next_page_token})

    @routes.get("/callers/{caller}", response_model=models.CallerAnswer, responses=refusals(403, 404, 422))
    async def get_caller(request: Request, caller_id: CallerId) -> Response:
        """Returns a caller of the tenant."""
        return answer(_caller(await callers.get_caller(key_management, caller_of(request), caller_id)))

    @routes.post(
        "/api-keys",
        status_code=201,
        response_model=models.NewKeyAnswer,
        responses=refusals(400, 403, 404, 408, 413, 415, 422, 429),
        openapi_extra=body_of(models.NewKeyBody),
    )
    async def create_key(request: Request) -> Response:
        """Makes a key for oneself, or as an operator for any caller of the tenant; its secret is shown this once.

        `api` is sent with each request, `client` is exchanged for access tokens at `/v1/oauth/token`, `signing` signs requests
        and is never sent.
        """
        caller = caller_of(request)
        caller.must(Action.MANAGE_KEYS)
        body = await read_json(uploads, request, models.NewKeyBody)
        made = await callers.create_key(
            key_management,
            caller,
            caller_id=body.caller_id or caller.subject,
            kind=KeyKind(body.kind),
            name=body.name,
            scopes=None if body.scopes is None else frozenset(Action(scope) for scope in body.scopes),
            expires_time=body.expires_time,
        )
        return _made(made)

    @routes.get("/api-keys", response_model=models.KeysAnswer, responses=refusals(403, 422))
    async def list_keys(
        request: Request,
        caller: Annotated[
            str,
            Query(max_length=100, pattern=r"^[A-Za-z0-9._@-]*$", description="Whose; nothing for one's own, and an operator's all"),
        ] = "",
        page_size: PageSize = 100,
        page_token: After = "",
    ) -> Response:
        """Returns keys without their secrets, withdrawn ones too, in order of id."""
        found = await callers.list_keys(key_management, caller_of(request), caller, Paging(page_size, page_token))
        return answer({"api_keys": [_key(each) for each in found.items], "next_page_token": found.next_page_token})

    @routes.post("/api-keys/{key}:rotate", status_code=201, response_model=models.NewKeyAnswer, responses=refusals(403, 404, 422))
    async def rotate_key(request: Request, key_id: KeyId) -> Response:
        """Makes a key in the place of another, which works for a day more; what was begun by that one goes on by the new one."""
        return _made(await callers.rotate_key(key_management, caller_of(request), key_id))

    @routes.delete("/api-keys/{key}", response_model=models.KeyAnswer, responses=refusals(403, 404, 422))
    async def revoke_key(request: Request, key_id: KeyId) -> Response:
        """Withdraws a key and what was given out for it, within half a minute everywhere.

        Webhooks that were made by it, and uploads that wait, end with it.
        """
        return answer(_key(await callers.revoke_key(key_management, caller_of(request), key_id)))

    return routes


def _bounds(holder: Any) -> dict[str, list[str]]:
    names = ("parks", "regions", "enterprises")
    return {name: sorted(values) for name in names if (values := getattr(holder, name)) is not None}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _caller(found: RegisteredCaller) -> dict[str, object]:
    external = {"issuer": found.issuer, "external_subject": found.external_subject} if found.issuer else {}
    return {
        "caller_id": found.caller_id,
        "tenant_id": found.tenant_id,
        "name": found.name,
        "roles": sorted(found.roles),
        **_bounds(found),
        **external,
        "active": found.active,
        "registered_time": _time(found.registered_time),
    }


def _key(key: Key) -> dict[str, object]:
    return {
        "key_id": key.key_id,
        "caller_id": key.caller_id,
        "kind": key.kind.value,
        "name": key.name,
        **({} if key.scopes is None else {"scopes": sorted(key.scopes)}),
        "created_time": _time(key.created_time),
        "expires_time": _time(key.expires_time),
        **({} if key.revoked_time is None else {"revoked_time": _time(key.revoked_time)}),
    }


def _made(made: NewKey) -> Response:
    key = made.key
    sent = {"api_key": f"{key.key_id}.{made.secret}"} if key.kind is KeyKind.API else {}
    replaced = {} if made.previous is None else {"replaces": _key(made.previous)}
    return answer({**_key(key), "secret": made.secret, **sent, **replaced}, 201)
