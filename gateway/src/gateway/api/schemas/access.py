"""The bodies and answers of callers, keys and tokens."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field

from gateway.api.schemas.model import Answer, Id, Name, RequestBody
from gateway.domain.callers import Action, Role

RoleName = Literal["platform_operator", "park_manager", "reader", "region_reader", "enterprise", "verifier", "public"]
ScopeName = Literal[
    "published",
    "read_own",
    "read",
    "follow",
    "register",
    "record",
    "rebuild",
    "verify",
    "publish",
    "release",
    "manage_keys",
    "manage_callers",
    "audit",
]
assert {role.value for role in Role} == set(RoleName.__args__)  # type: ignore[attr-defined]  # a Literal has them
assert {action.value for action in Action} == set(ScopeName.__args__)  # type: ignore[attr-defined]

CallerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]
EnterpriseName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}/[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Region = Annotated[str, Field(pattern=r"^[0-9]{2,6}$")]
_MOST = 1000


def _moment(value: object) -> object:
    """A strict model takes moments, and JSON has only texts."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class CallerBody(RequestBody):
    """Who may call, and what they may."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "示例电子数据上报", "roles": ["enterprise"], "enterprises": ["ganzhou-etdz/e-0001"]},
                {"name": "江西省平台", "roles": ["region_reader"], "regions": ["36"]},
            ]
        }
    )

    name: Name
    roles: Annotated[list[RoleName], Field(min_length=1, max_length=len(Role))]
    parks: Annotated[list[Id], Field(max_length=_MOST)] | None = None
    regions: Annotated[list[Region], Field(max_length=_MOST)] | None = None
    enterprises: Annotated[list[EnterpriseName], Field(max_length=_MOST)] | None = None
    issuer: Annotated[str, Field(max_length=500)] = ""
    external_subject: Annotated[str, Field(max_length=255)] = ""
    active: bool = True


class NewKeyBody(RequestBody):
    """A key to make; without `caller_id` for oneself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "api", "name": "MES, line 2", "scopes": ["record"]}]})

    caller_id: CallerId | None = None
    kind: Literal["api", "client", "signing"] = "api"
    name: Name
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=len(Action))] | None = None
    expires_time: Moment | None = None


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


_CALLER: dict[str, Any] = {
    "caller_id": "example-mes",
    "tenant_id": "ganzhou",
    "name": "示例电子数据上报",
    "roles": ["enterprise"],
    "enterprises": ["ganzhou-etdz/e-0001"],
    "active": True,
    "registered_time": "2026-11-21T02:00:00Z",
}
_KEY: dict[str, Any] = {
    "key_id": "pck_abcdefghijklmnop",
    "caller_id": "example-mes",
    "kind": "api",
    "name": "MES, line 2",
    "scopes": ["record"],
    "created_time": "2026-11-21T02:00:00Z",
    "expires_time": "2027-11-21T02:00:00Z",
}


class CallerAnswer(Answer):
    """A registered caller; a bound that is left out is none."""

    model_config = _example(_CALLER)

    caller_id: str
    tenant_id: str
    name: str
    roles: list[RoleName]
    parks: list[str] | None = None
    regions: list[str] | None = None
    enterprises: list[str] | None = None
    issuer: str | None = None
    external_subject: str | None = None
    active: bool
    registered_time: str


class CallersAnswer(Answer):
    """Callers in order of id."""

    model_config = _example({"callers": [_CALLER], "next_page_token": ""})

    callers: list[CallerAnswer]
    next_page_token: str


class WhoAnswer(Answer):
    """Who asks, as the platform sees it."""

    model_config = _example({"caller_id": "demo-park-manager", "tenant_id": "demo", "roles": ["park_manager"], "scopes": ["read"]})

    caller_id: str
    tenant_id: str
    roles: list[RoleName]
    scopes: list[ScopeName]
    parks: list[str] | None = None
    regions: list[str] | None = None
    enterprises: list[str] | None = None


class KeyAnswer(Answer):
    """A key, without its secret."""

    model_config = _example(_KEY)

    key_id: str
    caller_id: str
    kind: Literal["api", "client", "signing"]
    name: str
    scopes: list[ScopeName] | None = None
    created_time: str
    expires_time: str
    revoked_time: str | None = None


class NewKeyAnswer(KeyAnswer):
    """A key that was just made. `secret` is shown this once; an API key is sent as `<key_id>.<secret>`."""

    model_config = _example(
        {**_KEY, "secret": "xj3V…", "api_key": "pck_abcdefghijklmnop.xj3V…"},
    )

    secret: str
    api_key: str | None = None
    replaces: KeyAnswer | None = None


class KeysAnswer(Answer):
    """Keys in order of id."""

    model_config = _example({"api_keys": [_KEY], "next_page_token": ""})

    api_keys: list[KeyAnswer]
    next_page_token: str


class TokenAnswer(Answer):
    """RFC 6749 section 5.1. Without `scope` the token is good for all that the client may."""

    model_config = _example({"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 900, "scope": "record"})

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str | None = None
    refresh_token: str | None = None


class TokenErrorAnswer(Answer):
    """RFC 6749 section 5.2."""

    model_config = _example({"error": "invalid_client", "error_description": "wrong client id or secret"})

    error: Literal["invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type", "invalid_scope"]
    error_description: str


class RevokedAnswer(Answer):
    """Whatever the token was, it is good for nothing now."""

    model_config = _example({})


class KeySetAnswer(Answer):
    """RFC 7517: the public keys that access tokens are signed with."""

    model_config = _example(
        {"keys": [{"kty": "EC", "crv": "P-256", "kid": "0193…", "use": "sig", "alg": "ES256", "x": "…", "y": "…"}]}
    )

    keys: list[dict[str, str]]


class AuthorizationServerAnswer(Answer):
    """RFC 8414: where tokens come from."""

    model_config = _example(
        {
            "issuer": "https://parkcarbon.example",
            "token_endpoint": "https://parkcarbon.example/v1/oauth/token",
            "revocation_endpoint": "https://parkcarbon.example/v1/oauth/revoke",
            "jwks_uri": "https://parkcarbon.example/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "response_types_supported": [],
            "scopes_supported": ["read", "record"],
        }
    )

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    response_types_supported: list[str]
    scopes_supported: list[str]
