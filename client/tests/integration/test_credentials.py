"""Signed requests, client credentials, and reading only what has changed, over a socket."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from parkcarbon_client import (
    ClientCredentials,
    NewKeyMade,
    ParkCarbonClient,
    ProblemError,
    RetryPolicy,
    SignedRequests,
    Webhook,
    calls,
    representations,
)
from parkcarbon_client.core.decoding import decode

if TYPE_CHECKING:
    from client.tests.conftest import FakePlatform

WHO = {"caller_id": "a", "tenant_id": "t", "roles": [], "scopes": []}
NOW = 1_795_000_000.5


def transport(answer: Any) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        found: httpx.Response = answer(request)
        return found

    return httpx.MockTransport(note), asked


def test_a_signature_is_over_what_is_sent_as_the_api_says_it() -> None:
    way, asked = transport(lambda _: httpx.Response(200, json={"parks": []}))
    auth = SignedRequests("pck_1", "a secret", now=lambda: NOW, new_nonce=lambda: "n" * 16)
    with ParkCarbonClient("http://platform", auth=auth, transport=way) as client:
        client.send(representations.with_fields(calls.list_parks(page_token="a/b c"), "parks", ["park_id"]))
    (request,) = asked
    # the eight lines of docs/api.md, written out
    body = hashlib.sha256(b"").hexdigest()
    lines = f"PC1-HMAC-SHA256\nGET\n/v1/parks\npage_token=a%2Fb+c&fields=park_id\n\n1795000000\n{'n' * 16}\n{body}"
    assert f"?{lines.splitlines()[3]}" in str(request.url)
    proof = hmac.new(b"a secret", lines.encode(), "sha256").hexdigest()
    assert request.headers["Authorization"] == (
        f"PC1-HMAC-SHA256 Credential=pck_1, Timestamp=1795000000, Nonce={'n' * 16}, BodySHA256={body}, Signature={proof}"
    )
    assert b"a secret" not in str(request.headers).encode()


def test_a_request_that_is_sent_again_is_signed_anew() -> None:
    statuses = iter([503, 503, 200])
    way, asked = transport(lambda _: httpx.Response(next(statuses), json=WHO))
    policy = RetryPolicy(retries=3, jitter=lambda: 0.0)
    with ParkCarbonClient("http://p", auth=SignedRequests("k", "s"), retries=policy, transport=way, sleep=lambda _: None) as client:
        client.get_own_caller()
    assert len({request.headers["Authorization"] for request in asked}) == 3


class Tokens:
    """A platform that gives tokens, each good until it is taken back."""

    def __init__(self) -> None:
        self.given = 0
        self.refuses = False
        self.good = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/oauth/token":
            if self.refuses:
                return httpx.Response(401, json={"error": "invalid_client", "error_description": "no such client"})
            self.given += 1
            self.good = f"token-{self.given}"
            return httpx.Response(200, json={"access_token": self.good, "token_type": "Bearer", "expires_in": 900})
        if request.headers.get("Authorization") != f"Bearer {self.good}":
            return httpx.Response(401, json={"reason": "TOKEN_UNKNOWN", "title": "no", "status": 401})
        return httpx.Response(200, json=WHO)


def test_a_token_is_asked_for_once_and_again_before_it_ends_or_when_it_is_refused() -> None:
    tokens, clock = Tokens(), [0.0]
    way, asked = transport(tokens)
    auth = ClientCredentials("http://p/", "pck_1", "s", scopes=("read", "follow"), now=lambda: clock[0])
    with ParkCarbonClient("http://p", auth=auth, transport=way) as client:
        client.get_own_caller()
        client.get_own_caller()
        assert tokens.given == 1
        assert asked[0].content == b"grant_type=client_credentials&client_id=pck_1&client_secret=s&scope=read+follow"
        clock[0] = 871.0  # 900 s less the half minute that a request may take
        client.get_own_caller()
        assert tokens.given == 2
        tokens.good = "taken back"
        client.get_own_caller()
        assert tokens.given == 3
        tokens.good, tokens.refuses = "taken back", True
        with pytest.raises(ProblemError) as caught:
            client.get_own_caller()
        assert caught.value.status == 401


def test_a_client_that_gets_no_token_says_why_and_asks_for_nothing_else() -> None:
    tokens = Tokens()
    tokens.refuses = True
    way, asked = transport(tokens)
    with (
        ParkCarbonClient("http://p", auth=ClientCredentials("http://p", "k", "s"), transport=way) as client,
        pytest.raises(ProblemError, match="no such client"),
    ):
        client.get_own_caller()
    assert [request.url.path for request in asked] == ["/v1/oauth/token"]


def test_what_has_not_changed_is_not_read_again(platform: FakePlatform) -> None:
    body = json.dumps({"changes": [], "next": "0", "more": False}).encode()
    with ParkCarbonClient(platform.url, platform.token) as client:
        platform.tell(200, {"ETag": '"a"'}, body)
        known = client.if_changed(calls.get_changes("", None))
        assert known is not None
        assert (known.etag, known.value.next) == ('"a"', "0")
        platform.tell(304, {"ETag": '"a"'})
        assert client.if_changed(calls.get_changes("", None), known.etag) is None
        assert [asked.headers.get("if-none-match") for asked in platform.asked] == [None, '"a"']
        platform.tell(304)
        with pytest.raises(ProblemError):
            client.get_changes()  # nobody asked for that answer


def test_a_table_has_its_rows_and_the_next_page(platform: FakePlatform) -> None:
    platform.tell(200, {"Content-Type": "text/csv", "X-Next-Page-Token": "7"}, '\ufeffpark_id,name\r\np,"\'=1+1\r\n2"\r\n'.encode())
    with ParkCarbonClient(platform.url, platform.token) as client:
        table = client.send(representations.as_csv(calls.list_parks()))
    assert (table.rows(), table.next_page_token) == ([{"park_id": "p", "name": "'=1+1\r\n2"}], "7")
    assert platform.asked[0].headers["accept"].startswith("text/csv")


def test_a_secret_is_in_no_representation() -> None:
    key = {"key_id": "k", "caller_id": "c", "kind": "api", "name": "n", "secret": "s3cret", "api_key": "k.s3cret"}
    times = {"created_time": "2026-11-21T02:00:00Z", "expires_time": "2027-11-21T02:00:00Z"}
    made = decode(NewKeyMade, {**key, **times})
    assert made.secret == "s3cret"
    assert "s3cret" not in f"{made!r} {made}"
    hook = {"webhook_id": "w", "url": "https://r", "types": [], "made_by": "a", "position": 0, "state": "active", "failures": 0}
    due = {"made_time": times["created_time"], "due_time": times["created_time"], "secret": "whsec_s3cret"}
    assert "s3cret" not in repr(decode(Webhook, {**hook, **due}))
