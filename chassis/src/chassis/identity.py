"""Who is calling: a short-lived signed statement that travels with every call between services.

The gateway authenticates users once and signs `Caller`; services verify the signature and trust nothing else.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final

import grpc
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.clock import Clock
from kernel.access import Caller
from kernel.refusals import Kind, Refusal

CALLER_METADATA_KEY: Final = "x-parkcarbon-caller"
_ALGORITHM: Final = "EdDSA"
_REMEMBERED_CALLERS: Final = 4096
_BOUNDS: Final = ("scopes", "parks", "regions", "enterprises")
# Two machines' clocks differ a little; a token "from the future" by more than this was not made by our gateway.
_CLOCK_DIFFERENCE: Final = timedelta(seconds=30)


class NotAuthenticated(Refusal):
    """The call carries no valid statement of who makes it."""

    kind = Kind.UNAUTHENTICATED
    reason = "CALLER_NOT_AUTHENTICATED"


def generate_key_pair() -> tuple[bytes, bytes]:
    """Makes an Ed25519 pair.

    Returns:
        The private key (PKCS#8, unencrypted) and the public key, both as PEM.
    """
    private = Ed25519PrivateKey.generate()
    return (
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


class CallerSigner:
    """Signs callers as EdDSA JSON Web Tokens."""

    def __init__(self, private_key_pem: bytes, *, issuer: str, audience: str, clock: Clock, lifetime_seconds: int = 300) -> None:
        """Loads the key.

        Args:
            private_key_pem: Ed25519, PKCS#8.
            issuer: Who signs.
            audience: Who shall believe it.
            clock: Tells when a token begins and ends.
            lifetime_seconds: How long a token is valid, > 0.
        """
        self._key = serialization.load_pem_private_key(private_key_pem, password=None)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._lifetime_seconds = lifetime_seconds
        self._signed: OrderedDict[Caller, tuple[str, float]] = OrderedDict()

    def sign(self, caller: Caller) -> str:
        """Returns a token for `caller`.

        The same token is returned for a fifth of its lifetime, which keeps signing out of the path of most calls and
        leaves every token at least four fifths of its life.
        """
        now = self._clock.now().timestamp()
        known = self._signed.get(caller)
        if known is not None and 0 <= now - known[1] < self._lifetime_seconds / 5:
            return known[0]
        token = jwt.encode(
            {
                "iss": self._issuer,
                "aud": self._audience,
                "sub": caller.subject,
                "tenant": caller.tenant,
                "roles": sorted(caller.roles),
                **{bound: sorted(values) for bound in _BOUNDS if (values := getattr(caller, bound)) is not None},
                "iat": int(now),
                "exp": int(now) + self._lifetime_seconds,
            },
            self._key,  # type: ignore[arg-type]  # jwt checks the type of the key against the algorithm itself
            algorithm=_ALGORITHM,
        )
        self._signed[caller] = (token, now)
        self._signed.move_to_end(caller)
        if len(self._signed) > _REMEMBERED_CALLERS:
            self._signed.popitem(last=False)
        return token


class CallerVerifier:
    """Reads callers from tokens, and refuses every token that our signer did not make."""

    def __init__(self, public_key_pem: bytes, *, issuer: str, audience: str, clock: Clock) -> None:
        """Loads the key.

        Args:
            public_key_pem: Ed25519, SubjectPublicKeyInfo.
            issuer: The only one believed.
            audience: The only one accepted.
            clock: Tells whether a token is over.
        """
        self._key = serialization.load_pem_public_key(public_key_pem)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._verified: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def verify(self, token: str) -> Caller:
        """Returns the caller of a token.

        A verified token is remembered until it ends; its end is checked on every call.

        Raises:
            NotAuthenticated: If it is not signed by the key with EdDSA, is over, is meant for others, or lacks a claim.
        """
        now = self._clock.now().timestamp()
        known = self._verified.get(token)
        if known is None:
            known = self._read(token, now)
            self._verified[token] = known
            if len(self._verified) > _REMEMBERED_CALLERS:
                self._verified.popitem(last=False)
        caller, ends_at = known
        if now >= ends_at:
            self._verified.pop(token, None)
            raise NotAuthenticated("the statement of the caller is over")
        return caller

    def _read(self, token: str, now: float) -> tuple[Caller, float]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,  # type: ignore[arg-type]  # as in sign
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                # Time is checked against our clock, not the machine's, below and on every call.
                options={
                    "require": ["exp", "iat", "iss", "aud", "sub", "tenant", "roles"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise NotAuthenticated("the statement of the caller is not valid") from error
        subject, tenant, roles = claims["sub"], claims["tenant"], claims["roles"]
        issued_at, ends_at = claims["iat"], claims["exp"]
        bounds = {bound: claims.get(bound) for bound in _BOUNDS}
        if not (
            isinstance(tenant, str)
            and _are_texts(roles)
            and all(values is None or _are_texts(values) for values in bounds.values())
            and isinstance(issued_at, int | float)
            and isinstance(ends_at, int | float)
        ):
            raise NotAuthenticated("the statement of the caller has claims of the wrong type")
        if issued_at > now + _CLOCK_DIFFERENCE.total_seconds():
            raise NotAuthenticated("the statement of the caller is from the future")
        found = {bound: frozenset(values) for bound, values in bounds.items() if values is not None}
        return Caller(subject, tenant, frozenset(roles), **found), float(ends_at)


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


_current: ContextVar[Caller] = ContextVar("chassis_current_caller")
_statement: ContextVar[str] = ContextVar("chassis_current_statement")


def current_caller() -> Caller:
    """Returns who makes the call that is being handled.

    Raises:
        NotAuthenticated: Outside of a call, and on a server without a verifier.
    """
    try:
        return _current.get()
    except LookupError:
        raise NotAuthenticated("the call names no caller") from None


class CallerForwarder:
    """States the caller of the call that is being handled to the next service, in the gateway's own words.

    A service that asks another on behalf of its caller needs no key of its own, and cannot speak for anybody else.
    """

    def sign(self, caller: Caller) -> str:
        """Returns the statement that the call came with.

        Raises:
            NotAuthenticated: Outside of a call, or for another caller than that of the call.
        """
        if caller != current_caller():
            raise NotAuthenticated("a service speaks for the caller of the call that it handles, and for nobody else")
        return _statement.get()


class CallerGuard:
    """Lets a call in only when it says who makes it, and makes that `current_caller()` while it is handled."""

    def __init__(self, verifier: CallerVerifier) -> None:
        """Stores who verifies."""
        self._verifier = verifier

    @asynccontextmanager
    async def __call__(self, _method: str, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[None]:
        """Verifies the call's metadata, then lets the handler run.

        Raises:
            NotAuthenticated: If the statement is absent, given twice, or not valid.
        """
        tokens = [value for key, value in context.invocation_metadata() or () if key == CALLER_METADATA_KEY]
        if len(tokens) != 1:
            raise NotAuthenticated(f"the call needs exactly one {CALLER_METADATA_KEY}, got {len(tokens)}")
        token = tokens[0]
        statement = token if isinstance(token, str) else token.decode("ascii", "replace")
        # Each call has a task, and so a context, of its own: there is nothing to reset.
        _current.set(self._verifier.verify(statement))
        _statement.set(statement)
        yield
