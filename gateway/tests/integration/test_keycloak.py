"""A real Keycloak as the identity provider: programs by client credentials, people by authorization code with PKCE, new keys."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from chassis.testing.keycloak import ADMIN, KeycloakMissing, KeycloakServer, running_keycloak
from gateway.adapters.identity.oidc import TrustedIssuer
from gateway.domain.limits import Limits

Serve = Callable[..., AbstractAsyncContextManager[Any]]
PASSWORD = "correct horse battery"
REALM: dict[str, Any] = {
    "realm": "park",
    "enabled": True,
    "sslRequired": "none",
    "clients": [
        {
            "clientId": "mes",
            "secret": "mes-secret",
            "serviceAccountsEnabled": True,
            "standardFlowEnabled": False,
            "protocolMappers": [
                {
                    "name": "for parkcarbon",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-audience-mapper",
                    "config": {"included.custom.audience": "parkcarbon", "access.token.claim": "true"},
                }
            ],
        },
        {"clientId": "stray", "secret": "stray-secret", "serviceAccountsEnabled": True, "standardFlowEnabled": False},
        {
            "clientId": "parkcarbon-web",
            "secret": "s3cret",
            "redirectUris": ["http://parkcarbon.test/v1/sign-in/callback"],
            # without a challenge it gives no code
            "attributes": {"pkce.code.challenge.method": "S256"},
        },
    ],
    "users": [
        {
            "id": "6a3cbd5c-3ba5-4f6e-9a8c-6b3cb1b1a001",
            "username": "ada",
            "enabled": True,
            "email": "ada@example.com",
            "emailVerified": True,
            "firstName": "Ada",
            "lastName": "L",
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}],
        }
    ],
}
ADA = REALM["users"][0]["id"]


class Ahead:
    """The clock of the machine, and what is added to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def keycloak() -> Iterator[KeycloakServer]:
    try:
        with running_keycloak(REALM) as server:
            yield server
    except KeycloakMissing as missing:
        pytest.skip(str(missing))


async def token(keycloak: KeycloakServer, client: str, realm: str = "park", **form: str) -> str:
    """An access token of a client, by its secret."""
    asked = {"grant_type": "client_credentials", "client_id": client, "client_secret": f"{client}-secret"} | form
    async with httpx.AsyncClient(trust_env=False, timeout=60) as caller:
        answer = await caller.post(f"{keycloak.issuer(realm)}/protocol/openid-connect/token", data=asked)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def said(bearer: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(bearer, options={"verify_signature": False})
    return claims


async def register(api: Any, caller_id: str, keycloak: KeycloakServer, subject: str) -> None:
    body = {"name": caller_id, "roles": ["reader"], "issuer": keycloak.issuer("park"), "external_subject": subject}
    async with api.client("operator-token") as operator:
        assert (await operator.put(f"/v1/callers/{caller_id}", json=body)).status_code in (200, 201)


def trusting(serve: Serve, keycloak: KeycloakServer, **more: Any) -> AbstractAsyncContextManager[Any]:
    return serve(Limits(), trusted=[TrustedIssuer(keycloak.issuer("park"), "parkcarbon")], **more)


async def whoami(api: Any, bearer: str) -> httpx.Response:
    async with api.client(bearer) as client:
        answer: httpx.Response = await client.get("/v1/caller")
        return answer


async def test_a_program_comes_in_by_client_credentials(serve: Serve, keycloak: KeycloakServer) -> None:
    bearer = await token(keycloak, "mes")
    async with trusting(serve, keycloak) as api:
        assert (await whoami(api, bearer)).json()["reason"] == "TOKEN_UNKNOWN"
        await register(api, "mes", keycloak, said(bearer)["sub"])
        answer = await whoami(api, bearer)
        broken = await whoami(api, bearer[:-6] + ("AAAAAA" if bearer[-6:] != "AAAAAA" else "BBBBBB"))
    assert (answer.status_code, answer.json()["caller_id"], answer.json()["roles"]) == (200, "mes", ["reader"])
    assert broken.status_code == 401


async def test_a_token_for_somebody_else_is_refused(serve: Serve, keycloak: KeycloakServer) -> None:
    bearer = await token(keycloak, "stray")
    assert "parkcarbon" not in str(said(bearer).get("aud"))
    async with trusting(serve, keycloak) as api:
        await register(api, "stray", keycloak, said(bearer)["sub"])
        assert (await whoami(api, bearer)).status_code == 401


async def signed_in_there(address: str, password: str) -> httpx.Response:
    """Fills Keycloak's form for signing in; returns what it answers, a redirect back where it let the person in."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        page = await browser.get(address)
        assert page.status_code == 200, page.text
        action = re.search(r'action="([^"]+)"', page.text)
        assert action is not None, page.text
        # Keycloak marks its cookies as for TLS, on this machine too, where a browser sends them all the same.
        cookies = SimpleCookie()
        for value in page.headers.get_list("set-cookie"):
            cookies.load(value)
        sent = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
        return await browser.post(html.unescape(action[1]), data={"username": "ada", "password": password}, headers=sent)


async def test_a_person_signs_in_by_authorization_code_with_pkce(serve: Serve, keycloak: KeycloakServer) -> None:
    async with trusting(serve, keycloak) as api, api.client(None) as browser:
        await register(api, "ada", keycloak, ADA)
        sent = await browser.get("/v1/sign-in/elsewhere", params={"issuer": keycloak.issuer("park")})
        assert sent.status_code == 303
        wrong = await signed_in_there(sent.headers["location"], "not the password")
        assert wrong.status_code == 200
        back = await signed_in_there(sent.headers["location"], PASSWORD)
        assert back.status_code == 302, back.text
        address = urlsplit(back.headers["location"])
        assert f"{address.scheme}://{address.netloc}{address.path}" == "http://parkcarbon.test/v1/sign-in/callback"
        params = {name: values[0] for name, values in parse_qs(address.query).items()}
        arrived = await browser.get("/v1/sign-in/callback", params=params)
        assert (arrived.status_code, arrived.headers["location"]) == (303, "/"), arrived.text
        assert (await browser.get("/v1/session")).json()["caller_id"] == "ada"
        again = await browser.get("/v1/sign-in/callback", params=params)
    assert again.status_code == 401


async def test_keycloak_gives_no_code_without_a_challenge(keycloak: KeycloakServer) -> None:
    asked = {
        "response_type": "code",
        "client_id": "parkcarbon-web",
        "redirect_uri": "http://parkcarbon.test/v1/sign-in/callback",
        "scope": "openid",
        "state": "s",
    }
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        answer = await browser.get(f"{keycloak.issuer('park')}/protocol/openid-connect/auth", params=asked)
    assert (answer.status_code, "code_challenge" in answer.headers.get("location", "")) == (302, True)


async def rotate(keycloak: KeycloakServer) -> None:
    """Gives the realm a new key that it signs with from now on; the old one stays published."""
    admin = await token(keycloak, "admin-cli", "master", grant_type="password", username=ADMIN, password=ADMIN)
    async with httpx.AsyncClient(
        base_url=f"{keycloak.url}/admin/realms/park", headers={"Authorization": f"Bearer {admin}"}, trust_env=False, timeout=60
    ) as operator:
        realm = (await operator.get("")).json()
        config = {"priority": ["500"], "enabled": ["true"], "active": ["true"], "keySize": ["2048"], "algorithm": ["RS256"]}
        body = {
            "name": "newer",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm["id"],
            "config": config,
        }
        made = await operator.post("/components", json=body)
        assert made.status_code == 201, made.text


async def test_a_new_key_is_learnt_when_a_token_names_it(serve: Serve, keycloak: KeycloakServer) -> None:
    clock = Ahead()
    old = await token(keycloak, "mes")
    async with trusting(serve, keycloak, clock=clock) as api:
        await register(api, "mes", keycloak, said(old)["sub"])
        assert (await whoami(api, old)).status_code == 200
        await rotate(keycloak)
        new = await token(keycloak, "mes")
        assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
        # an issuer is asked twice in 30 s by no flood of key ids
        clock.ahead = timedelta(seconds=31)
        assert [(await whoami(api, each)).status_code for each in (new, old)] == [200, 200]
