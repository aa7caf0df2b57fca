"""The bodies and answers of people."""

from typing import Annotated

from pydantic import ConfigDict, Field

from gateway.api.schemas.access import RoleName, ScopeName
from gateway.api.schemas.model import Answer, RequestBody

_Login = Annotated[str, Field(min_length=3, max_length=254)]


class SignInBody(RequestBody):
    """Login and password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"login": "ada@example.com", "password": "correct horse battery"}]})

    login: _Login
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class LoginBody(RequestBody):
    """An e-mail address that someone signs in with."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"login": "ada@example.com"}]})

    login: _Login


class PasswordBody(RequestBody):
    """A new password, and the code of the message that allows it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "xj3V…", "password": "correct horse battery"}]})

    code: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class SessionAnswer(Answer):
    """Who is signed in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "caller_id": "ada",
                    "tenant_id": "ganzhou",
                    "name": "Ada",
                    "roles": ["reader"],
                    "scopes": ["read"],
                    "csrf_token": "V2hh…",
                    "ends_time": "2026-11-22T02:00:00Z",
                }
            ]
        }
    )

    caller_id: str
    tenant_id: str
    name: str
    roles: list[RoleName]
    scopes: list[ScopeName]
    csrf_token: str
    ends_time: str


class SignedOutAnswer(Answer):
    """Nobody is signed in any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class AcceptedAnswer(Answer):
    """What was asked for is done, or will be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


class LoginAnswer(Answer):
    """How a caller signs in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"caller_id": "ada", "login": "ada@example.com"}]})

    caller_id: str
    login: str
