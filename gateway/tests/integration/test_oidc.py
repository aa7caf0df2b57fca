"""Tokens of an OpenID Connect issuer, which answers in this process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chassis.clock import FixedClock
from gateway.adapters.identity.oidc import TrustedIssuer
from gateway.domain.limits import Limits

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
Serve = Callable[..., AbstractAsyncContextManager[Any]]
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Issuer:
    """A small issuer over a socket; what it publishes can be changed while it runs.

    Attributes:
        asked: The paths that were asked for.
    """

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    named: str = ""
    away: bool = False
    asked: list[str] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request."""
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        self.asked.append(path)
        documents = {
            "/.well-known/openid-configuration": {"issuer": self.named or self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": self.keys},
        }
        body = b"" if self.away else json.dumps(documents.get(path, {})).encode()
        status = b"503 Away" if self.away else b"200 OK"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body))
        await writer.drain()
        writer.close()


def jwk(private: rsa.RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key())), "kid": kid, "use": "sig", **more}


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    made = Issuer(keys=[jwk(RSA_KEY, "k1")])
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def api(serve: Serve, issuer: Issuer, clock: FixedClock) -> AsyncIterator[Any]:
    async with serve(Limits(), clock=clock, trusted=[TrustedIssuer(issuer.url, "parkcarbon")]) as running:
        body = {"name": "A", "roles": ["reader"], "issuer": issuer.url, "external_subject": "user-1"}
        async with running.client("operator-token") as operator:
            assert (await operator.put("/v1/callers/ada", json=body)).status_code == 201
        yield running


def token(issuer: Issuer, key: Any = RSA_KEY, *, algorithm: str = "RS256", kid: str | None = "k1", **claims: Any) -> str:
    now = int(NOW.timestamp())
    said = {"iss": issuer.url, "aud": "parkcarbon", "sub": "user-1", "iat": now, "exp": now + 300, **claims}
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode({name: value for name, value in said.items() if value is not None}, key, algorithm, headers=headers)


async def ask(api: Any, bearer: str) -> httpx.Response:
    async with api.client(bearer) as client:
        found: httpx.Response = await client.get("/v1/caller")
        return found


async def test_a_token_of_a_trusted_issuer_stands_for_the_caller_that_is_registered_for_it(api: Any, issuer: Issuer) -> None:
    answer = await ask(api, token(issuer))
    assert (answer.status_code, answer.json()["caller_id"], answer.json()["roles"]) == (200, "ada", ["reader"])
    await ask(api, token(issuer))
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_roles_that_a_token_claims_are_not_believed(api: Any, issuer: Issuer) -> None:
    answer = await ask(api, token(issuer, roles=["platform_operator"], scope="audit", tenant="nanchang"))
    assert (answer.json()["roles"], answer.json()["tenant_id"]) == (["reader"], "ganzhou")


async def test_a_subject_that_nobody_registered_is_unknown(api: Any, issuer: Issuer) -> None:
    assert (await ask(api, token(issuer, sub="user-2"))).json()["reason"] == "TOKEN_UNKNOWN"


async def test_an_identity_stands_for_one_caller(api: Any, issuer: Issuer) -> None:
    body = {"name": "B", "roles": ["platform_operator"], "issuer": issuer.url, "external_subject": "user-1"}
    for operator, expected in (("operator-token", 409), ("stranger-token", 409)):
        async with api.client(operator) as client:
            answer = await client.put("/v1/callers/ben", json=body)
        assert (answer.status_code, answer.json()["reason"]) == (expected, "IDENTITY_TAKEN")


async def test_what_is_not_right_is_refused(api: Any, issuer: Issuer) -> None:
    now = int(NOW.timestamp())
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    issuer.keys.append(jwk(RSA_KEY, "for-secrets", use="enc"))
    hs256 = jwt.api_jws.PyJWS()
    hs256._algorithms["HS256"].prepare_key = lambda key: key  # type: ignore[method-assign]  # as an attacker's library would
    confused = hs256.encode(
        json.dumps({"iss": issuer.url, "aud": "parkcarbon", "sub": "user-1", "iat": now, "exp": now + 300}).encode(),
        pem,
        "HS256",
        headers={"kid": "k1"},
    )
    forged = {
        "over": token(issuer, exp=now - 31),
        "from_the_future": token(issuer, iat=now + 31),
        "not_yet": token(issuer, nbf=now + 31),
        "other_audience": token(issuer, aud="others"),
        "no_audience": token(issuer, aud=None),
        "no_end": token(issuer, exp=None),
        "other_key": token(issuer, OTHER_RSA_KEY),
        "no_kid": token(issuer, kid=None),
        "unknown_kid": token(issuer, kid="k2"),
        "key_for_other_use": token(issuer, kid="for-secrets"),
        "algorithm_that_is_not_pinned": token(issuer, algorithm="PS256"),
        "secret_in_place_of_the_public_key": confused,
        "other_type_of_key": token(issuer, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
        "issuer_with_a_slash": token(issuer, iss=f"{issuer.url}/"),
        "untrusted_issuer": token(issuer, iss="https://evil.test"),
    }
    for name, text in forged.items():
        answer = await ask(api, text)
        assert (answer.status_code, answer.json()["reason"]) == (401, "TOKEN_UNKNOWN"), name


async def test_a_new_key_is_asked_for_but_a_flood_of_key_ids_is_not_passed_on(api: Any, issuer: Issuer, clock: FixedClock) -> None:
    assert (await ask(api, token(issuer))).status_code == 200
    issuer.keys[:] = [jwk(OTHER_RSA_KEY, "k2")]
    for number in range(20):
        assert (await ask(api, token(issuer, OTHER_RSA_KEY, kid=f"guess-{number}"))).status_code == 401
    assert len(issuer.asked) == 2
    clock.advance(timedelta(seconds=30))
    assert (await ask(api, token(issuer, OTHER_RSA_KEY, kid="k2"))).status_code == 200
    # the issuer has withdrawn the first
    assert (await ask(api, token(issuer))).status_code == 401


async def test_an_issuer_that_is_away_keeps_nobody_out_whose_key_is_known(api: Any, issuer: Issuer, clock: FixedClock) -> None:
    assert (await ask(api, token(issuer))).status_code == 200
    issuer.away = True
    clock.advance(timedelta(hours=1))
    late = int((NOW + timedelta(hours=2)).timestamp())
    assert (await ask(api, token(issuer, exp=late))).status_code == 200


async def test_an_issuer_that_was_never_reached_is_said_to_be_unavailable(api: Any, issuer: Issuer) -> None:
    issuer.away = True
    answer = await ask(api, token(issuer))
    assert (answer.status_code, answer.json()["reason"]) == (503, "ISSUER_UNAVAILABLE")
    assert answer.headers["retry-after"]


async def test_an_issuer_that_names_itself_otherwise_is_not_believed(api: Any, issuer: Issuer) -> None:
    issuer.named = "https://evil.test"
    assert (await ask(api, token(issuer))).json()["reason"] == "ISSUER_UNAVAILABLE"


@pytest.mark.parametrize(
    ("url", "algorithms"),
    [("http://idp.test", ["RS256"]), ("https://idp.test", ["HS256"]), ("https://idp.test", ["none"]), ("https://idp.test", [])],
)
def test_an_issuer_speaks_tls_and_signs_with_a_pair_of_keys(url: str, algorithms: list[str]) -> None:
    with pytest.raises(ValueError, match=r"https URL|algorithms must be"):
        TrustedIssuer(url, "parkcarbon", algorithms)
