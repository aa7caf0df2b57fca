"""People who sign in at an OpenID Connect issuer: authorization code with PKCE (RFC 7636), state and nonce."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx

from chassis.clock import Clock
from chassis.logs import Logger
from gateway.adapters.identity.oidc import OidcIssuers
from gateway.application.access.ports import AuthorizationRequest, SecretCipher, SecretGenerator
from gateway.domain.errors import SignInRefused, TokenRefused, Unavailable

_CONTEXT: Final = "sign-in elsewhere"
_LIFE_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class OidcClient:
    """What this platform is at an issuer.

    Attributes:
        client_id: Its name there.
        client_secret: "" for a public client, which PKCE alone protects.
    """

    client_id: str
    client_secret: str


class OidcIdentityProviders:
    """IdentityProviders over discovery documents. What the callback has to know travels in the browser, encrypted."""

    def __init__(
        self,
        clients: Mapping[str, OidcClient],
        issuers: OidcIssuers,
        *,
        redirect_uri: str,
        http: httpx.AsyncClient,
        secret_generator: SecretGenerator,
        cipher: SecretCipher,
        clock: Clock,
        logger: Logger,
    ) -> None:
        """Stores the parts.

        Args:
            clients: What this platform is at each issuer that people can sign in at.
            issuers: Reads their documents and checks their tokens.
            redirect_uri: Where browsers come back.
            http: Asks the issuers.
            secret_generator: Makes state, nonce and verifier.
            cipher: Keeps them from the browser that carries them.
            clock: Tells when it took too long.
            logger: For issuers that give nothing.
        """
        self._clients = dict(clients)
        self._oidc = issuers
        self._redirect_uri = redirect_uri
        self._http = http
        self._secret_generator = secret_generator
        self._cipher = cipher
        self._clock = clock
        self._logger = logger

    @property
    def issuers(self) -> Sequence[str]:
        """The issuers that people can sign in at."""
        return tuple(self._clients)

    async def begin(self, issuer: str) -> AuthorizationRequest:
        """Sends someone to an issuer."""
        address = str((await self._oidc.discovered(issuer)).get("authorization_endpoint", ""))
        if urlsplit(address).scheme not in ("https", "http"):
            raise Unavailable("ISSUER_UNAVAILABLE")
        state, nonce, verifier = (self._secret_generator.secret() for _ in range(3))
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": self._clients[issuer].client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        ends = int(self._clock.now().timestamp()) + _LIFE_SECONDS
        context = json.dumps({"issuer": issuer, "state": state, "nonce": nonce, "verifier": verifier, "ends": ends})
        separator = "&" if urlsplit(address).query else "?"
        return AuthorizationRequest(
            f"{address}{separator}{urlencode(parameters)}", self._cipher.encrypt(context.encode(), _CONTEXT)
        )

    async def finish(self, ticket: str, state: str, code: str) -> tuple[str, str]:
        """Returns issuer and subject of someone who comes back."""
        raw = self._cipher.decrypt(ticket, _CONTEXT)
        context = json.loads(raw) if raw is not None else None
        if context is None or self._clock.now().timestamp() >= context["ends"]:
            raise SignInRefused("SIGN_IN_REFUSED")
        issuer = context["issuer"]
        if not hmac.compare_digest(context["state"].encode(), state.encode()) or not code or issuer not in self._clients:
            raise SignInRefused("SIGN_IN_REFUSED")
        token = await self._exchange(issuer, code, context["verifier"])
        try:
            claims = await self._oidc.claims(token, issuer, audience=self._clients[issuer].client_id)
        except TokenRefused as error:
            raise SignInRefused("SIGN_IN_REFUSED") from error
        subject, nonce = claims["sub"], claims.get("nonce")
        if nonce != context["nonce"] or not isinstance(subject, str) or not subject:
            raise SignInRefused("SIGN_IN_REFUSED")
        return issuer, subject

    async def _exchange(self, issuer: str, code: str, verifier: str) -> str:
        client = self._clients[issuer]
        address = str((await self._oidc.discovered(issuer)).get("token_endpoint", ""))
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": client.client_id,
            "code_verifier": verifier,
        }
        credentials = (client.client_id, client.client_secret) if client.client_secret else None
        try:
            answer = await self._http.post(address, data=form, auth=credentials or httpx.USE_CLIENT_DEFAULT)
            found = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            self._logger.warning("an OIDC issuer does not answer", address=address, error=type(error).__name__)
            raise Unavailable("ISSUER_UNAVAILABLE") from error
        token = found.get("id_token") if isinstance(found, dict) else None
        if not isinstance(token, str):
            raise SignInRefused("SIGN_IN_REFUSED")
        return token
