"""The API's description: every operation with an example, every refusal it can give, and nothing that it cannot."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.api import problems
from gateway.api.idempotency import takes_key
from gateway.api.middleware import OPEN_PATHS
from gateway.api.problems import STATUS, TYPE_PREFIX
from gateway.api.schemas import access, library, people, profiles, webhooks
from gateway.api.schemas.model import Answer
from gateway.api.schemas.problems import Problem
from gateway.domain import messages
from gateway.domain.callers import Action

_REFERENCE = "#/components/schemas/{model}"
_SENT = (
    access.CallerBody,
    access.NewKeyBody,
    people.SignInBody,
    people.LoginBody,
    people.PasswordBody,
    profiles.MappingProfileBody,
    webhooks.WebhookBody,
    library.DocumentBody,
)
_SECURITY: Mapping[str, dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token, an API key as `<key id>.<secret>`, or a token as the platform's operator gave it out",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "An API key as `<key id>.<secret>`"},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`PC1-HMAC-SHA256 Credential=…, Timestamp=…, Nonce=…, BodySHA256=…, Signature=…`",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-parkcarbon-session",
        "description": "Of someone who is signed in; what changes something also brings X-CSRF-Token",
    },
    "clientCredentials": {
        "type": "oauth2",
        "flows": {"clientCredentials": {"tokenUrl": "/v1/oauth/token", "scopes": {action.value: "" for action in Action}}},
    },
}

_REASONS: Mapping[int, tuple[str, str, str]] = {
    400: ("malformed", "FIELD_DUPLICATE", "The body is not strict JSON: cut off, NaN, a member twice, nested too deeply"),
    401: ("unauthenticated", "TOKEN_UNKNOWN", "No token, a malformed one, or one that is not in force"),
    403: ("denied", "ROLE_MISSING", "The caller's roles do not allow it"),
    404: ("not_found", "PARK_UNKNOWN", "It does not exist in the caller's tenant"),
    408: ("timeout", "BODY_TOO_SLOW", "The body did not arrive in time"),
    409: ("already_exists", "PARK_EXISTS", "The id exists with other content"),
    410: ("gone", "CURSOR_EXPIRED", "The feed begins after the cursor; `found` is the cursor, `allowed` the oldest that is left"),
    413: ("too_large", "BODY_TOO_LARGE", "More bytes or rows than one request may carry"),
    415: ("unsupported", "MEDIA_TYPE_UNSUPPORTED", "Another media type, charset or content encoding"),
    422: ("invalid", "FIELDS_INVALID", "Members, parameters or the file as a whole are invalid; every one is named"),
    429: ("exhausted", "SERVER_BUSY", "Too much at once; Retry-After says when to come back"),
    503: (
        "unavailable",
        "ACCOUNTING_UNAVAILABLE",
        "Something behind the gateway does not answer; Retry-After says when to come back",
    ),
}
_IDEMPOTENCY_KEY: Mapping[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 257},
    "description": "Names this request: sent again with its key, it is answered as before and done once",
}
_IF_NONE_MATCH: Mapping[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` of an earlier answer: 304 where nothing has changed",
}
_FACTS = {"field": "region_code", "found": "36070", "allowed": "six digits", "action": "record", "count": "1"}


def refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Returns the refusals of an operation by status code; 401, 429 and 503 are everyone's."""
    return {code: {"description": _REASONS[code][2]} for code in sorted({401, 429, 503, *codes})}


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Returns the description of a small JSON body, which is read by hand and not by the framework."""
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI, bodies: Sequence[type[BaseModel]]) -> Callable[[], dict[str, Any]]:
    """Returns the function that gives the app's OpenAPI document, made once, when it is first asked for.

    Args:
        app: The application with all of its routes.
        bodies: What the routes of the services take.
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, bodies)
        return app.openapi_schema

    return document


def _document(app: FastAPI, bodies: Sequence[type[BaseModel]]) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags)
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    described: list[type[BaseModel]] = [*_SENT, *bodies, Problem]
    _, sent = models_json_schema([(model, "validation") for model in described], ref_template=_REFERENCE, by_alias=True)
    schemas.update(sent["$defs"])
    _put_back_nulls(schemas, Answer)
    components["securitySchemes"] = dict(_SECURITY)
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/v1/") and path not in OPEN_PATHS:
                operation["security"] = [{scheme: []} for scheme in _SECURITY]
            if method == "post" and takes_key(path) and path not in OPEN_PATHS:
                operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
                for status in (400, 409, 422):
                    operation["responses"].setdefault(str(status), {"description": _REASONS[status][2]})
            if any(parameter["name"] == "fields" for parameter in operation.get("parameters", ())):
                _describe_representations(operation)
            for code, response in operation["responses"].items():
                if int(code) >= 400 and "content" not in response:
                    response["content"] = {problems.MEDIA_TYPE: _problem(path, int(code))}
    return found


def _put_back_nulls(schemas: dict[str, Any], answer: type[BaseModel]) -> None:
    """Gives answers their examples as they are written: FastAPI leaves members out that are null, which readers have to see."""
    for model in answer.__subclasses__():
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and "examples" in extra and model.__name__ in schemas:
            schemas[model.__name__]["examples"] = extra["examples"]
        _put_back_nulls(schemas, model)


def _describe_representations(operation: dict[str, Any]) -> None:
    """Says what every answer with representations takes and gives; see `conditional`."""
    operation["parameters"].append(_IF_NONE_MATCH)
    operation["responses"]["304"] = {"description": "It is what the entity tag names"}
    good = operation["responses"]["200"]
    good["content"]["text/csv"] = {"schema": {"type": "string"}, "example": "a,b\r\n1,2\r\n"}
    good["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "Names the answer as it stands"}}


def _problem(path: str, code: int) -> dict[str, Any]:
    kind, reason, _ = _REASONS[code]
    assert STATUS[kind] == code
    wordings = messages.REASONS.get(reason)
    example = {
        "type": TYPE_PREFIX + reason.lower().replace("_", "-"),
        "title": messages.title(reason, kind, "en"),
        "status": code,
        "detail": wordings.sentence_en.format_map({**_FACTS, "first": "…"}) if wordings else messages.title(reason, kind, "en"),
        "instance": path,
        "request_id": "0b6f…",
        "reason": reason,
    }
    return {"schema": {"$ref": _REFERENCE.format(model="Problem")}, "example": example}
