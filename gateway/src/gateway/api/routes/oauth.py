"""The token endpoint and what programs find it by."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.parameters import language
from gateway.api.reading.uploads import Uploads
from gateway.api.responses import answer
from gateway.api.schemas import access as models
from gateway.application.access import token_issuance
from gateway.application.access.token_issuance import TokenIssuance
from gateway.domain.access.credentials import SCOPE_OFFLINE
from gateway.domain.callers import Action
from gateway.domain.errors import GrantRefused

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20
_KEPT_SECONDS = 300
"""How long others may keep our public keys; a new one is published before the old one ends."""


@dataclass(frozen=True, slots=True)
class _Form:
    client_id: str
    client_secret: str
    fields: dict[str, str]


def router(issuance: TokenIssuance, uploads: Uploads, *, issuer: str) -> APIRouter:
    """Returns the routes of tokens.

    Args:
        issuance: What tokens are given out with.
        uploads: Receives bodies within bounds.
        issuer: The URL of the root as callers see it.
    """
    routes = APIRouter(tags=["tokens"])
    refused: dict[int | str, dict[str, Any]] = {
        400: {"model": models.TokenErrorAnswer, "description": "The request, the scope or the refresh token is invalid"},
        401: {"model": models.TokenErrorAnswer, "description": "Wrong client id or secret"},
    }
    fields = {
        "client_id": {"type": "string"},
        "client_secret": {"type": "string"},
    }

    @routes.post(
        "/v1/oauth/token",
        response_model=models.TokenAnswer,
        responses=_answers(refused),
        openapi_extra=_form(
            {
                "grant_type": {"type": "string", "enum": ["client_credentials", "refresh_token"]},
                "scope": {"type": "string", "description": f"With spaces; {SCOPE_OFFLINE} asks for a refresh token"},
                "refresh_token": {"type": "string"},
                **fields,
            },
            required=["grant_type"],
            example={"grant_type": "client_credentials", "scope": "record"},
        ),
    )
    async def issue_token(request: Request) -> Response:
        """Gives an access token for a client's id and secret, or for a refresh token, which is good for one exchange.

        The client says who it is by HTTP Basic or in the form (RFC 6749 section 2.3.1).
        """
        try:
            form = await _read(uploads, request)
            match form.fields.get("grant_type"):
                case "client_credentials":
                    given = await token_issuance.client_credentials(
                        issuance, form.client_id, form.client_secret, form.fields.get("scope", "")
                    )
                case "refresh_token":
                    token = form.fields.get("refresh_token", "")
                    given = await token_issuance.refresh(issuance, form.client_id, form.client_secret, token)
                case None:
                    raise GrantRefused("invalid_request")
                case _:
                    raise GrantRefused("unsupported_grant_type")
        except GrantRefused as error:
            return _refusal(error, request)
        body: dict[str, object] = {
            "access_token": given.access_token,
            "token_type": "Bearer",
            "expires_in": given.expires_seconds,
        }
        if given.scopes is not None:
            body["scope"] = " ".join(sorted(given.scopes))
        if given.refresh_token:
            body["refresh_token"] = given.refresh_token
        return answer(body)

    @routes.post(
        "/v1/oauth/revoke",
        response_model=models.RevokedAnswer,
        responses=_answers(refused),
        openapi_extra=_form({"token": {"type": "string"}, **fields}, required=["token"], example={"token": "…"}),
    )
    async def revoke_token(request: Request) -> Response:
        """Withdraws a refresh token and what it was exchanged for (RFC 7009); an unknown one changes nothing."""
        try:
            form = await _read(uploads, request)
            await token_issuance.revoke(issuance, form.client_id, form.client_secret, form.fields.get("token", ""))
        except GrantRefused as error:
            return _refusal(error, request)
        return answer({})

    @routes.get("/.well-known/jwks.json", response_model=models.KeySetAnswer)
    async def get_jwks() -> Response:
        """Returns the public keys that access tokens are signed with (RFC 7517)."""
        keys = [json.loads(key.public_jwk) for key in await token_issuance.published_keys(issuance)]
        return answer({"keys": keys}, headers={"Cache-Control": f"public, max-age={_KEPT_SECONDS}"})

    @routes.get("/.well-known/oauth-authorization-server", response_model=models.AuthorizationServerAnswer)
    async def get_authorization_server_metadata() -> Response:
        """Returns where tokens come from (RFC 8414)."""
        return answer(
            {
                "issuer": issuer,
                "token_endpoint": f"{issuer}/v1/oauth/token",
                "revocation_endpoint": f"{issuer}/v1/oauth/revoke",
                "jwks_uri": f"{issuer}/.well-known/jwks.json",
                "grant_types_supported": ["client_credentials", "refresh_token"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "response_types_supported": [],
                "scopes_supported": [*(action.value for action in Action), SCOPE_OFFLINE],
            },
            headers={"Cache-Control": f"public, max-age={_KEPT_SECONDS}"},
        )

    return routes


async def _read(uploads: Uploads, request: Request) -> _Form:
    """Returns the form and who the client says it is.

    Raises:
        GrantRefused: invalid_request, or invalid_client for an Authorization header that is none.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise GrantRefused("invalid_request")
    async with uploads.receive(request, limit_bytes=uploads.limits.body_bytes) as body:
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
        except ValueError:
            raise GrantRefused("invalid_request") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise GrantRefused("invalid_request")
    offered = request.headers.getlist("authorization")
    if not offered:
        return _Form(fields.get("client_id", ""), fields.get("client_secret", ""), fields)
    if len(offered) > 1 or "client_secret" in fields:
        raise GrantRefused("invalid_request")
    scheme, _, value = offered[0].partition(" ")
    try:
        named = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise GrantRefused("invalid_client") from None
    if scheme.lower() != "basic":
        raise GrantRefused("invalid_client")
    client_id, _, secret = named.partition(":")
    return _Form(unquote_plus(client_id), unquote_plus(secret), fields)


def _refusal(error: GrantRefused, request: Request) -> Response:
    spoken = language(request)
    headers = {"Content-Language": spoken, "Vary": "Accept-Language"}
    if error.code == "invalid_client":
        headers["WWW-Authenticate"] = 'Basic realm="parkcarbon", charset="UTF-8"'
    body = {"error": error.code, "error_description": error.sentence("en" if spoken == "en" else "zh")}
    return answer(body, 401 if error.code == "invalid_client" else 400, headers)


def _answers(refused: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    from_all = {
        408: "The body did not arrive in time",
        413: "More bytes than a form may have",
        415: "A compressed body",
        422: "A query parameter",
    }
    found: dict[int | str, dict[str, Any]] = {code: {"description": text} for code, text in from_all.items()}
    return {**found, **refused, 429: {"description": "Too much at once"}, 503: {"description": "The database does not answer"}}


def _form(properties: dict[str, Any], *, required: list[str], example: dict[str, str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema, "example": example}}}}
