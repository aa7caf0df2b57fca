"""Authentication beside a bearer token: signed requests, and access tokens by OAuth2 client credentials.

Both are an `httpx.Auth`, for the clients of this library and for any other of httpx:

>>> ParkCarbonClient("https://parkcarbon.example", auth=SignedRequests(key_id, secret))  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Generator

import httpx

SCHEME = "PC1-HMAC-SHA256"
_EARLIER_SECONDS = 30.0
"""How long before its end a token is no longer used: a request takes its time."""


class SignedRequests(httpx.Auth):
    """Signs each request with a key of the kind `signing`; the secret is never sent.

    A request that is sent again is signed anew, as a nonce is good once.

    Args:
        key_id: The key's id.
        secret: As it was shown when the key was made.
        now: Seconds since 1970; may be off by five minutes.
        new_nonce: 16 to 64 characters of A-Z a-z 0-9 _ -, another each time.
    """

    requires_request_body = True

    def __init__(
        self,
        key_id: str,
        secret: str,
        *,
        now: Callable[[], float] = time.time,
        new_nonce: Callable[[], str] = lambda: secrets.token_urlsafe(16),
    ) -> None:
        self._key_id = key_id
        self._secret = secret
        self._now = now
        self._new_nonce = new_nonce

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Signs the request."""
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        timestamp, nonce = str(int(self._now())), self._new_nonce()
        digest = hashlib.sha256(request.content).hexdigest()
        lines = [SCHEME, request.method, path, query, request.headers.get("Content-Type", ""), timestamp, nonce, digest]
        proof = hmac.new(self._secret.encode(), "\n".join(lines).encode(), "sha256").hexdigest()
        request.headers["Authorization"] = (
            f"{SCHEME} Credential={self._key_id}, Timestamp={timestamp}, Nonce={nonce}, BodySHA256={digest}, Signature={proof}"
        )
        yield request


class ClientCredentials(httpx.Auth):
    """Requests an access token by OAuth2 client credentials when there is none in force, and again when one is refused.

    Args:
        base_url: Where the platform is.
        client_id: The id of a key of the kind `client`.
        secret: As it was shown when the key was made.
        scopes: What the token is narrowed to; none for all that the key may.
        now: Seconds of a clock that does not go back.

    Source: RFC 6749 section 4.4.
    """

    requires_response_body = True

    def __init__(
        self,
        base_url: str,
        client_id: str,
        secret: str,
        *,
        scopes: tuple[str, ...] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/oauth/token"
        self._client_id = client_id
        self._secret = secret
        self._scopes = scopes
        self._now = now
        self._token = ""
        self._ends_s = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Puts the token on the request. Where no token is given, the refusal of the token is the answer."""
        requested_now = not self._token or self._now() >= self._ends_s
        if requested_now and not self._accept((yield self._token_request())):
            return
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and not requested_now and self._accept((yield self._token_request())):
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _token_request(self) -> httpx.Request:
        form = {"grant_type": "client_credentials", "client_id": self._client_id, "client_secret": self._secret}
        return httpx.Request("POST", self._url, data={**form, **({"scope": " ".join(self._scopes)} if self._scopes else {})})

    def _accept(self, response: httpx.Response) -> bool:
        if not response.is_success:
            return False
        token = response.json()
        self._token = str(token["access_token"])
        self._ends_s = self._now() + float(token["expires_in"]) - _EARLIER_SECONDS
        return True
