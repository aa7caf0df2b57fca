"""People: invitations, passwords, sessions and their cookies, and signing in at an identity provider."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.utils import base64url_encode
from starlette.responses import Response

from chassis.clock import FixedClock
from chassis.logs import Level, configure
from gateway.adapters.identity.oidc import TrustedIssuer
from gateway.adapters.mail import FolderTransport, Mailer
from gateway.api.cookies import set_session
from gateway.domain.access.people import SESSION_LIFE, checked_password, login_of
from gateway.domain.limits import Limits

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOGIN, PASSWORD = "ada@example.com", "correct horse battery"
Serve = Callable[..., AbstractAsyncContextManager[Any]]
PARK = {"park_id": "p1", "name_zh": "园", "name_en": "P", "region_code": "360700", "factor_set_id": "wang-2024"}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def api(serve: Serve, clock: FixedClock) -> AsyncIterator[Any]:
    async with serve(Limits(), clock=clock) as running:
        async with running.client("operator-token") as operator:
            await operator.put("/v1/callers/ada", json={"name": "Ada", "roles": ["park_manager"]})
        yield running


def letters(api: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = api.access_services.sign_in_services.mail.sent
    return found


def code(api: Any) -> str:
    found = re.search(r"    (\S{43})\n", letters(api)[-1][1])
    assert found
    return found[1]


async def invited(api: Any, login: str = LOGIN, caller_id: str = "ada") -> None:
    async with api.client("operator-token") as operator:
        answer = await operator.put(f"/v1/callers/{caller_id}/login", json={"login": login})
        assert answer.json() == {"caller_id": caller_id, "login": login}


@pytest.fixture
async def ready(api: Any) -> Any:
    """Ada has set her password."""
    await invited(api)
    async with api.client(None) as anyone:
        assert (await anyone.post("/v1/passwords", json={"code": code(api), "password": PASSWORD})).status_code == 200
    return api


async def sign_in(client: httpx.AsyncClient, login: str = LOGIN, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/v1/sign-in", json={"login": login, "password": password})


class TestPasswords:
    async def test_an_invitation_goes_by_letter_and_is_in_no_answer(self, api: Any) -> None:
        await invited(api, "Ada@Example.COM".lower())
        assert letters(api)[-1][0] == LOGIN
        assert "/v1/" not in letters(api)[-1][1]
        assert "?" not in letters(api)[-1][1]

    async def test_a_code_is_good_once_and_for_a_week(self, api: Any, clock: FixedClock) -> None:
        await invited(api)
        async with api.client(None) as anyone:
            first = {"code": code(api), "password": PASSWORD}
            assert [(await anyone.post("/v1/passwords", json=first)).status_code for _ in range(2)] == [200, 401]
            await invited(api)
            clock.advance(timedelta(days=7))
            late = await anyone.post("/v1/passwords", json={"code": code(api), "password": PASSWORD})
        assert (late.status_code, late.json()["reason"]) == (401, "CODE_REFUSED")

    async def test_a_password_that_is_too_easy_leaves_the_code_good(self, api: Any) -> None:
        await invited(api)
        async with api.client(None) as anyone:
            easy = await anyone.post("/v1/passwords", json={"code": code(api), "password": "short"})
            good = await anyone.post("/v1/passwords", json={"code": code(api), "password": PASSWORD})
        assert (easy.status_code, easy.json()["errors"][0]["found"]) == (422, "***")
        assert good.status_code == 200

    async def test_asking_for_a_reset_tells_nobody_who_has_a_login(self, ready: Any, clock: FixedClock) -> None:
        before = len(letters(ready))
        async with ready.client(None) as anyone:
            unknown = await anyone.post("/v1/password-resets", json={"login": "eve@example.com"})
            known = await anyone.post("/v1/password-resets", json={"login": LOGIN})
            assert (unknown.status_code, unknown.content) == (known.status_code, known.content) == (202, b"{}")
            assert len(letters(ready)) == before + 1
            clock.advance(timedelta(hours=1))
            late = await anyone.post("/v1/passwords", json={"code": code(ready), "password": PASSWORD})
        assert late.status_code == 401

    async def test_a_new_password_ends_every_session(self, ready: Any) -> None:
        async with ready.client(None) as first, ready.client(None) as second:
            await sign_in(first)
            await second.post("/v1/password-resets", json={"login": LOGIN})
            await second.post("/v1/passwords", json={"code": code(ready), "password": "another horse battery"})
            assert (await first.get("/v1/session")).status_code == 401
            assert (await sign_in(second)).status_code == 401
            assert (await sign_in(second, password="another horse battery")).status_code == 201

    async def test_a_login_is_one_callers(self, ready: Any) -> None:
        async with ready.client("stranger-token") as stranger:
            await stranger.put("/v1/callers/eve", json={"name": "Eve", "roles": ["reader"]})
            answer = await stranger.put("/v1/callers/eve/login", json={"login": LOGIN})
            nobody = await stranger.put("/v1/callers/ada/login", json={"login": "x@example.com"})
        assert (answer.status_code, answer.json()["reason"]) == (409, "IDENTITY_TAKEN")
        assert (nobody.status_code, nobody.json()["reason"]) == (404, "CALLER_NOT_FOUND")

    @pytest.mark.parametrize("password", ["", "a" * 11, "a" * 30, "ada.lovelace rules", "a" * 120 + "bcdefghij"])
    def test_passwords_that_are_none(self, password: str) -> None:
        with pytest.raises(Exception, match="12 to 128 characters"):
            checked_password(password, "ada.lovelace@example.com")

    @pytest.mark.parametrize("login", ["", "ada", "@example.com", "a b@example.com", "a@b@c", "a@-b", "x" * 65 + "@example.com"])
    def test_logins_that_are_none(self, login: str) -> None:
        with pytest.raises(Exception, match="an e-mail address"):
            login_of(login)


class TestLockout:
    async def test_whatever_is_wrong_is_refused_alike(self, ready: Any) -> None:
        async with ready.client(None) as anyone:
            answers = [
                await sign_in(anyone, password="wrong horse battery"),
                await sign_in(anyone, login="eve@example.com"),
                await sign_in(anyone, login="no address"),
            ]
        assert {answer.status_code for answer in answers} == {401}
        assert len({json.dumps({**answer.json(), "request_id": ""}) for answer in answers}) == 1

    async def test_five_failures_lock_the_login_for_longer_each_time(self, ready: Any, clock: FixedClock) -> None:
        async with ready.client(None) as anyone:
            for _ in range(5):
                await sign_in(anyone, password="wrong horse battery")
            assert (await sign_in(anyone)).status_code == 401
            clock.advance(timedelta(minutes=1))
            await sign_in(anyone, password="wrong horse battery")
            clock.advance(timedelta(minutes=1))
            assert (await sign_in(anyone)).status_code == 401
            clock.advance(timedelta(minutes=1))
            assert (await sign_in(anyone)).status_code == 201

    async def test_guesses_at_once_are_all_counted(self, ready: Any) -> None:
        async with ready.client(None) as anyone:
            await asyncio.gather(*(sign_in(anyone, password=f"wrong horse {number}") for number in range(8)))
            assert (await sign_in(anyone)).status_code == 401

    async def test_the_right_password_clears_the_count(self, ready: Any) -> None:
        async with ready.client(None) as anyone:
            for _ in range(3):
                for _ in range(4):
                    await sign_in(anyone, password="wrong horse battery")
                assert (await sign_in(anyone)).status_code == 201


class TestSessions:
    async def test_a_session_is_a_cookie_that_no_script_reads(self, ready: Any) -> None:
        async with ready.client(None) as browser:
            answer = await sign_in(browser)
            (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
            assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
            assert int(cookie["max-age"]) == SESSION_LIFE.total_seconds()
            assert cookie.value not in answer.text
            told = (await browser.get("/v1/session")).json()
            assert told == answer.json()
            assert (told["caller_id"], told["roles"], told["ends_time"]) == ("ada", ["park_manager"], "2026-11-22T00:00:00Z")
            assert (await browser.get("/v1/parks")).status_code == 200

    def test_over_tls_the_cookie_is_the_hosts_alone(self) -> None:
        response = Response()
        set_session(response, "s", secure=True)
        set_cookie = response.headers["set-cookie"].lower()
        assert set_cookie.startswith("__host-parkcarbon-session=s;")
        assert "; secure" in set_cookie
        assert "domain" not in set_cookie

    async def test_a_change_needs_the_token_of_the_session(self, ready: Any) -> None:
        async with ready.client(None) as browser:
            token = (await sign_in(browser)).json()["csrf_token"]
            bare = await browser.post("/v1/parks", json=PARK)
            wrong = await browser.post("/v1/parks", json=PARK, headers={"X-CSRF-Token": token[:-1] + "A"})
            right = await browser.post("/v1/parks", json=PARK, headers={"X-CSRF-Token": token})
        for refused in (bare, wrong):
            assert (refused.status_code, refused.json()["reason"]) == (403, "CSRF_TOKEN_WRONG")
        assert right.status_code == 201

    async def test_a_session_rests_for_two_hours_and_lasts_for_twelve(self, ready: Any, clock: FixedClock) -> None:
        async with ready.client(None) as browser:
            await sign_in(browser)
            for _ in range(11):
                clock.advance(timedelta(minutes=65))
                assert (await browser.get("/v1/session")).status_code == 200
            clock.advance(timedelta(minutes=5))
            assert (await browser.get("/v1/session")).json()["reason"] == "SESSION_OVER"
            await sign_in(browser)
            clock.advance(timedelta(hours=2))
            assert (await browser.get("/v1/session")).status_code == 401

    async def test_signing_out_ends_it_everywhere_at_once(self, ready: Any) -> None:
        async with ready.client(None) as browser, ready.client(None) as copy:
            token = (await sign_in(browser)).json()["csrf_token"]
            copy.cookies.update(browser.cookies)
            assert (await copy.get("/v1/session")).status_code == 200
            left = await browser.delete("/v1/session", headers={"X-CSRF-Token": token})
            assert 'parkcarbon-session=""; HttpOnly; Max-Age=0' in left.headers["set-cookie"]
            assert (await copy.get("/v1/session")).status_code == 401

    async def test_an_inactive_caller_is_signed_out(self, ready: Any) -> None:
        async with ready.client(None) as browser, ready.client("operator-token") as operator:
            await sign_in(browser)
            await operator.put("/v1/callers/ada", json={"name": "Ada", "roles": ["park_manager"], "active": False})
            assert (await browser.get("/v1/parks")).status_code == 401
            assert (await sign_in(browser)).status_code == 401

    async def test_a_credential_in_the_header_comes_before_a_cookie(self, ready: Any) -> None:
        async with ready.client("reader-token") as both:
            await sign_in(both)
            assert (await both.get("/v1/caller")).json()["roles"] == ["reader"]

    @pytest.mark.parametrize("value", ["", "x", "令牌", "a" * 9000, '"'])
    async def test_a_made_up_cookie_opens_nothing(self, ready: Any, value: str) -> None:
        async with ready.client(None, Cookie=f"parkcarbon-session={value}".encode()) as anyone:
            assert (await anyone.get("/v1/parks")).status_code == 401


async def test_letters_go_into_a_folder_that_only_its_owner_reads(tmp_path: Any) -> None:
    post = Mailer(
        FolderTransport(tmp_path / "mail", lambda: "one"), sender="p@example.com", logger=configure("t", level=Level.ERROR)
    )
    post.send(LOGIN, "主题", "代码 123")
    await post.stop()
    (letter,) = (tmp_path / "mail").iterdir()
    assert (letter.name, letter.stat().st_mode & 0o777) == ("one.eml", 0o600)
    assert b"To: ada@example.com" in letter.read_bytes()
    assert "代码 123" in letter.read_text(encoding="utf-8")


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """An identity provider of the code flow: remembers what a code was asked for, and gives a token for it once."""

    url: str = ""
    subject: str = "u-1"
    nonce: str | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        body = (await reader.readexactly(int(length[1]))).decode() if length else ""
        path = head.split(" ")[1]
        document: dict[str, Any] = {}
        if path == "/.well-known/openid-configuration":
            document = {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            }
        elif path == "/keys":
            document = {"keys": [{**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "k"}]}
        elif path == "/token":
            document = self.token({name: values[0] for name, values in parse_qs(body).items()}, head)
        text = json.dumps(document).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(text), text))
        await writer.drain()
        writer.close()

    def token(self, form: dict[str, str], head: str) -> dict[str, Any]:
        asked = self.codes.pop(form["code"], None)
        if asked is None or "Basic " not in head:
            return {"error": "invalid_grant"}
        challenge = base64url_encode(sha256(form["code_verifier"].encode()).digest()).decode()
        assert (challenge, form["redirect_uri"]) == (asked["code_challenge"], asked["redirect_uri"])
        now = int(NOW.timestamp())
        claims = {"iss": self.url, "aud": asked["client_id"], "sub": self.subject, "iat": now, "exp": now + 60}
        claims["nonce"] = self.nonce or asked["nonce"]
        return {"id_token": jwt.encode(claims, KEY, "RS256", headers={"kid": "k"})}

    def agree(self, location: str) -> dict[str, str]:
        """What the browser comes back with after the person has agreed."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == ("code", "S256", "openid")
        self.codes["c-1"] = asked
        return {"code": "c-1", "state": asked["state"]}


class TestElsewhere:
    @pytest.fixture
    async def provider(self) -> AsyncIterator[Provider]:
        made = Provider()
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield made

    @pytest.fixture
    async def guest(self, serve: Serve, provider: Provider, clock: FixedClock) -> AsyncIterator[Any]:
        async with serve(Limits(), clock=clock, trusted=[TrustedIssuer(provider.url, "parkcarbon")]) as running:
            body = {"name": "Bo", "roles": ["reader"], "issuer": provider.url, "external_subject": "u-1"}
            async with running.client("operator-token") as operator:
                assert (await operator.put("/v1/callers/bo", json=body)).status_code == 201
            yield running

    async def departed(self, browser: httpx.AsyncClient, provider: Provider) -> dict[str, str]:
        answer = await browser.get("/v1/sign-in/elsewhere", params={"issuer": provider.url})
        assert answer.status_code == 303
        return provider.agree(answer.headers["location"])

    async def test_who_comes_back_is_signed_in(self, guest: Any, provider: Provider) -> None:
        async with guest.client(None) as browser:
            back = await browser.get("/v1/sign-in/callback", params=await self.departed(browser, provider))
            assert (back.status_code, back.headers["location"]) == (303, "/")
            assert (await browser.get("/v1/session")).json()["caller_id"] == "bo"

    async def test_what_is_not_right_signs_nobody_in(self, guest: Any, provider: Provider, clock: FixedClock) -> None:
        async def tried(change: dict[str, str], *, other_browser: bool = False, minutes: int = 0) -> int:
            async with guest.client(None) as browser, guest.client(None) as other:
                params = await self.departed(browser, provider) | change
                clock.advance(timedelta(minutes=minutes))
                answer: httpx.Response = await (other if other_browser else browser).get("/v1/sign-in/callback", params=params)
                assert "parkcarbon-session" not in answer.headers.get("set-cookie", "")
                return answer.status_code

        assert await tried({"state": "of another"}) == 401
        assert await tried({"code": "unknown"}) == 401
        assert await tried({"error": "access_denied"}) == 401
        assert await tried({"iss": "https://evil.test"}) == 401
        assert await tried({}, other_browser=True) == 401
        provider.nonce = "of another sign-in"
        assert await tried({}) == 401
        provider.nonce, provider.subject = None, "u-2"
        assert await tried({}) == 401
        provider.subject = "u-1"
        assert await tried({}, minutes=10) == 401

    async def test_people_are_sent_to_the_platforms_issuers_only(self, guest: Any) -> None:
        async with guest.client(None) as browser:
            answer = await browser.get("/v1/sign-in/elsewhere", params={"issuer": "https://evil.test"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "issuer")
