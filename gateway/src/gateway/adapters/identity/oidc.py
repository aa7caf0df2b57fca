"""OpenID Connect issuers that the platform trusts, by their discovery documents."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import jwt

from chassis.clock import Clock
from chassis.logs import Logger
from gateway.adapters.identity.access_tokens import verified
from gateway.domain.errors import TokenRefused, Unavailable

_KEY_TYPES: Final[Mapping[str, str]] = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "EC",
    "ES384": "EC",
    "ES512": "EC",
    "EdDSA": "OKP",
}
"""The algorithms that can be pinned, all with a public key, and the type of key of each."""

_CLOCK_DIFFERENCE_SECONDS: Final = 30
_LARGEST_DOCUMENT_BYTES: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer whose tokens are believed.

    Attributes:
        issuer: Its name, an https URL, exactly as in its tokens.
        audience: What its tokens for us name as their audience.
        algorithms: Those that it signs with; no other is believed, whatever a token says.
    """

    issuer: str
    audience: str
    algorithms: Sequence[str] = ("RS256",)

    def __post_init__(self) -> None:
        unknown = [name for name in self.algorithms if name not in _KEY_TYPES]
        if unknown or not self.algorithms:
            raise ValueError(f"algorithms must be of {', '.join(_KEY_TYPES)}, got {', '.join(unknown) or 'none'}")
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
            raise ValueError(f"an issuer is an https URL, or http on this machine, got {self.issuer!r}")


@dataclass(slots=True)
class _Keys:
    by_kid: dict[str, jwt.PyJWK] = field(default_factory=dict)
    fetched_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class OidcIssuers:
    """Checks tokens of trusted issuers. Their keys are kept, and asked for again when a token names an unknown one, but no more
    often than every `again_seconds`: a flood of made-up key ids must not become a flood towards the issuer."""

    def __init__(
        self,
        trusted: Sequence[TrustedIssuer],
        *,
        client: httpx.AsyncClient,
        clock: Clock,
        logger: Logger,
        keep_seconds: float = 3600.0,
        again_seconds: float = 30.0,
    ) -> None:
        """Stores the parts; asks nobody yet.

        Args:
            trusted: By whom tokens are believed.
            client: Asks issuers; follows no redirect.
            clock: Tells whether a token or what is kept is over.
            logger: For an issuer that does not answer.
            keep_seconds: How long keys are kept.
            again_seconds: The least time between two questions to an issuer.
        """
        self._trusted = {each.issuer: each for each in trusted}
        self._keys = {each.issuer: _Keys() for each in trusted}
        self._client = client
        self._clock = clock
        self._logger = logger
        self._keep_seconds = keep_seconds
        self._again_seconds = again_seconds

    async def subject(self, token: str, issuer: str) -> str:
        """Returns the subject of a token of a trusted issuer.

        Raises:
            TokenRefused: The issuer is not trusted, or the token is invalid.
            Unavailable: The issuer's keys are not known and it does not answer.
        """
        claims = await self.claims(token, issuer)
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise TokenRefused("TOKEN_UNKNOWN")
        return subject

    async def claims(self, token: str, issuer: str, *, audience: str = "") -> dict[str, Any]:
        """Returns the claims of a token of a trusted issuer, meant for `audience` or for what the settings say."""
        trusted = self._trusted.get(issuer)
        if trusted is None:
            raise TokenRefused("TOKEN_UNKNOWN")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            raise TokenRefused("TOKEN_UNKNOWN") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        # The header chooses among what the issuer publishes and what the settings pin; keys and addresses in it are not looked at.
        if not isinstance(algorithm, str) or algorithm not in trusted.algorithms or not isinstance(kid, str) or "crit" in header:
            raise TokenRefused("TOKEN_UNKNOWN")
        key = await self._key(trusted, kid)
        if key is None or key.key_type != _KEY_TYPES[algorithm]:
            raise TokenRefused("TOKEN_UNKNOWN")
        found = verified(
            token,
            key.key,
            algorithm=algorithm,
            audience=audience or trusted.audience,
            issuer=trusted.issuer,
            required=("iss", "aud", "sub", "iat", "exp"),
        )
        now = self._clock.now().timestamp()
        begins = max(found["iat"], found.get("nbf", found["iat"]))
        if begins > now + _CLOCK_DIFFERENCE_SECONDS or found["exp"] <= now - _CLOCK_DIFFERENCE_SECONDS:
            raise TokenRefused("TOKEN_UNKNOWN")
        return found

    async def discovered(self, issuer: str) -> dict[str, Any]:
        """Returns the discovery document of a trusted issuer.

        Raises:
            Unavailable: It does not answer, or answers with something else.
        """
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        document = await self._get(address)
        if document.get("issuer") != issuer:
            self._logger.warning("an OIDC issuer names itself otherwise", issuer=issuer, found=str(document.get("issuer"))[:200])
            raise Unavailable("ISSUER_UNAVAILABLE")
        return document

    async def _key(self, trusted: TrustedIssuer, kid: str) -> jwt.PyJWK | None:
        keys = self._keys[trusted.issuer]
        now = self._clock.now().timestamp()
        if kid in keys.by_kid and now - keys.fetched_at < self._keep_seconds:
            return keys.by_kid[kid]
        async with keys.lock:
            if self._clock.now().timestamp() - keys.fetched_at >= self._again_seconds:
                keys.fetched_at = now
                try:
                    address = (await self.discovered(trusted.issuer)).get("jwks_uri")
                    keys.by_kid = _signing_keys(await self._get(str(address)))
                except Unavailable:
                    # what is kept goes on for as long as the issuer is away
                    if not keys.by_kid:
                        raise
            return keys.by_kid.get(kid)

    async def _get(self, address: str) -> dict[str, Any]:
        try:
            answer = await self._client.get(address)
            if answer.status_code == httpx.codes.OK and len(answer.content) <= _LARGEST_DOCUMENT_BYTES:
                document = answer.json()
                if isinstance(document, dict):
                    return document
            self._logger.warning("an OIDC issuer gives no document", address=address, status=answer.status_code)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            self._logger.warning("an OIDC issuer does not answer", address=address, error=type(error).__name__)
        raise Unavailable("ISSUER_UNAVAILABLE")


def _signing_keys(document: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    found = {}
    listed = document.get("keys")
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        try:
            key = jwt.PyJWK(entry)
        except jwt.PyJWTError:
            continue
        if key.key_id:
            found[key.key_id] = key
    return found
