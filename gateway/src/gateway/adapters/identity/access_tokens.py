"""Access tokens of our own: ES256, for at most fifteen minutes (RFC 9068)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chassis.clock import Clock
from gateway.application.access.ports import AccessClaims, SecretCipher, TokenKey
from gateway.domain.callers import Action
from gateway.domain.errors import TokenRefused

_ALGORITHM: Final = "ES256"
_TYPE: Final = "at+jwt"
_CLAIMS: Final = ("iss", "aud", "sub", "client_id", "tenant", "scope", "iat", "exp", "jti")
_ALL: Final = "*"
"""The scope claim of a token that was given all that its caller may."""


class AccessTokenWriter:
    """Makes access tokens, and the pairs that they are signed with."""

    def __init__(self, *, issuer: str, audience: str, cipher: SecretCipher, new_id: Callable[[], str], clock: Clock) -> None:
        """Stores the parts.

        Args:
            issuer: Our own name, the URL of the root.
            audience: Who shall believe it.
            cipher: Keeps private keys.
            new_id: Makes ids.
            clock: Tells when a token begins.
        """
        self._issuer = issuer
        self._audience = audience
        self._cipher = cipher
        self._new_id = new_id
        self._clock = clock

    def new_key(self) -> TokenKey:
        """Returns a new pair."""
        kid = self._new_id()
        private = ec.generate_private_key(ec.SECP256R1())
        jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
        raw = private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        public = json.dumps({**jwk, "kid": kid, "use": "sig", "alg": _ALGORITHM}, sort_keys=True)
        return TokenKey(kid, self._cipher.encrypt(raw, kid), public, self._clock.now())

    def usable(self, key: TokenKey) -> bool:
        """Says whether the private key can be read."""
        return self._cipher.decrypt(key.sealed, key.kid) is not None

    def write(self, claims: AccessClaims, key: TokenKey, lifetime_seconds: int) -> str:
        """Returns an access token that begins now."""
        raw = self._cipher.decrypt(key.sealed, key.kid)
        assert raw is not None, "only a usable key signs"
        now = int(self._clock.now().timestamp())
        return jwt.encode(
            {
                "iss": self._issuer,
                "aud": self._audience,
                "sub": claims.caller_id,
                "client_id": claims.key_id,
                "tenant": claims.tenant_id,
                "scope": _ALL if claims.scopes is None else " ".join(sorted(claims.scopes)),
                "iat": now,
                "exp": now + lifetime_seconds,
                "jti": self._new_id(),
            },
            serialization.load_der_private_key(raw, password=None),  # type: ignore[arg-type]  # jwt checks the type against the algorithm itself
            algorithm=_ALGORITHM,
            headers={"kid": key.kid, "typ": _TYPE},
        )


class AccessTokenReader:
    """A TokenReader: our own tokens by our own keys, and others' by their issuers'.

    A token's header says which key it was signed with and nothing else that is believed: the algorithm is the issuer's, a key or
    its address in the header is refused.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        key_of: Callable[[str], Awaitable[TokenKey | None]],
        foreign: Callable[[str, str], Awaitable[str]],
        clock: Clock,
    ) -> None:
        """Stores the parts.

        Args:
            issuer: Our own name.
            audience: The only one accepted.
            key_of: Finds one of our keys by its id.
            foreign: Of a token and the issuer that it names, returns the subject, or raises TokenRefused.
            clock: Tells whether a token is over.
        """
        self._issuer = issuer
        self._audience = audience
        self._key_of = key_of
        self._foreign = foreign
        self._clock = clock

    async def own(self, token: str) -> AccessClaims | None:
        """Returns what a token of our own says; None for one of another issuer."""
        if issuer_of(token) != self._issuer:
            return None
        header = _header(token)
        kid = header.get("kid")
        if header != {"alg": _ALGORITHM, "typ": _TYPE, "kid": kid} or not isinstance(kid, str):
            raise TokenRefused("TOKEN_UNKNOWN")
        key = await self._key_of(kid)
        if key is None:
            raise TokenRefused("TOKEN_UNKNOWN")
        claims = verified(
            token,
            jwt.PyJWK.from_json(key.public_jwk).key,
            algorithm=_ALGORITHM,
            audience=self._audience,
            issuer=self._issuer,
            required=_CLAIMS,
        )
        now = self._clock.now().timestamp()
        if not claims["iat"] <= now + 1 or not now < claims["exp"]:
            raise TokenRefused("TOKEN_UNKNOWN")
        texts = {name: claims[name] for name in ("tenant", "sub", "client_id", "scope")}
        if not all(isinstance(value, str) for value in texts.values()):
            raise TokenRefused("TOKEN_UNKNOWN")
        scope = texts["scope"]
        try:
            scopes = None if scope == _ALL else frozenset(Action(name) for name in scope.split())
        except ValueError:
            raise TokenRefused("TOKEN_UNKNOWN") from None
        return AccessClaims(texts["tenant"], texts["sub"], texts["client_id"], scopes)

    async def foreign(self, token: str) -> tuple[str, str]:
        """Returns issuer and subject of a token of a trusted issuer."""
        issuer = issuer_of(token)
        return issuer, await self._foreign(token, issuer)


def _header(token: str) -> dict[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, RecursionError):
        raise TokenRefused("TOKEN_UNKNOWN") from None


def issuer_of(token: str) -> str:
    """Returns the issuer that a token names, believed only as far as to choose by whose keys it is checked.

    Raises:
        TokenRefused: It names none.
    """
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.InvalidTokenError, RecursionError):
        issuer = None
    if not isinstance(issuer, str) or not issuer:
        raise TokenRefused("TOKEN_UNKNOWN")
    return issuer


def verified(token: str, key: Any, *, algorithm: str, audience: str, issuer: str, required: tuple[str, ...]) -> dict[str, Any]:
    """Returns the claims of a token whose signature, audience and issuer are right; its time is the caller's to check.

    Raises:
        TokenRefused: They are not, or a claim is missing or of the wrong type.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            # Time is checked against our clock, not the machine's.
            options={"require": list(required), "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except (jwt.InvalidTokenError, jwt.InvalidKeyError, RecursionError):
        raise TokenRefused("TOKEN_UNKNOWN") from None
    times = [claims[name] for name in ("iat", "exp", "nbf") if name in claims]
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
        raise TokenRefused("TOKEN_UNKNOWN")
    return claims
