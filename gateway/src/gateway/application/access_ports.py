"""What telling callers apart needs from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.access import Key, RegisteredCaller, StoredKey
from gateway.domain.callers import Action


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the present moment, aware, in UTC."""
        ...


class Chance(Protocol):
    """Makes what nobody can guess."""

    def key_id(self) -> str:
        """Returns an id as `domain.access.KEY_ID` has them."""
        ...

    def secret(self) -> str:
        """Returns 256 random bits as 43 characters of A-Z a-z 0-9 - _."""
        ...


class Seals(Protocol):
    """Encrypts what the database keeps and must be read again."""

    def seal(self, secret: bytes, context: str) -> str:
        """Returns the secret, readable with the same context only."""
        ...

    def unseal(self, sealed: str, context: str) -> bytes | None:
        """Returns the secret; None when it was sealed under another key, or for another context."""
        ...


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token, without itself.

    Attributes:
        family_id: What it and all tokens that it was exchanged for have in common.
        used: Whether it was exchanged, or its family was withdrawn.
    """

    sha256: str
    family_id: str
    tenant_id: str
    caller_id: str
    key_id: str
    scopes: frozenset[Action] | None
    expires_time: datetime
    used: bool = False


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A pair that access tokens are signed with.

    Attributes:
        sealed: The private key, sealed.
        public_jwk: The public key as a JSON Web Key.
    """

    kid: str
    sealed: str
    public_jwk: str
    created_time: datetime


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token of our own says: who, with which client's key, for what."""

    tenant_id: str
    caller_id: str
    key_id: str
    scopes: frozenset[Action] | None


class Credentials(Protocol):
    """What callers can prove themselves by; it may remember for a while what it found."""

    async def key(self, key_id: str) -> StoredKey | None:
        """Returns a key with its caller."""
        ...

    async def external(self, issuer: str, subject: str) -> RegisteredCaller | None:
        """Returns whom a subject of an OIDC issuer stands for."""
        ...

    async def token_key(self, kid: str) -> TokenKey | None:
        """Returns one of our own signing keys."""
        ...

    async def token_keys(self, since: datetime) -> Sequence[TokenKey]:
        """Returns our own signing keys made since a moment, the newest first."""
        ...


class TokenReader(Protocol):
    """Reads access tokens that are signed documents."""

    async def own(self, token: str) -> AccessClaims | None:
        """Returns what a token of our own says; None for one of another issuer.

        Raises:
            TokenRefused: It is ours by its word, and is not right.
        """
        ...

    async def foreign(self, token: str) -> tuple[str, str]:
        """Returns issuer and subject of a token of a trusted issuer.

        Raises:
            TokenRefused: No trusted issuer, or not right.
        """
        ...


class TokenWriter(Protocol):
    """Makes access tokens."""

    def new_key(self) -> TokenKey:
        """Returns a new pair."""
        ...

    def usable(self, key: TokenKey) -> bool:
        """Says whether the private key can be read."""
        ...

    def write(self, claims: AccessClaims, key: TokenKey, lifetime_seconds: int) -> str:
        """Returns an access token that begins now."""
        ...


class AccessRegister(Protocol):
    """Callers, keys and what was given out for them, inside a unit of work."""

    async def put_caller(self, caller: RegisteredCaller) -> bool:
        """Stores a caller, in place of what was known of it; returns whether it is new.

        Raises:
            IdentityTaken: Another caller has its external identity.
        """
        ...

    async def caller(self, tenant_id: str, caller_id: str) -> RegisteredCaller | None:
        """Returns a caller."""
        ...

    async def callers(self, tenant_id: str, after: str, limit: int) -> Sequence[RegisteredCaller]:
        """Returns callers whose ids come after one, in order of id."""
        ...

    async def add_key(self, key: Key, proof: str) -> None:
        """Stores a new key."""
        ...

    async def key(self, tenant_id: str, key_id: str) -> Key | None:
        """Returns a key."""
        ...

    async def keys(self, tenant_id: str, caller_id: str | None, after: str, limit: int) -> Sequence[Key]:
        """Returns keys, of one caller unless it is None, whose ids come after one, in order of id."""
        ...

    async def end_key(self, key: Key) -> None:
        """Stores when a key ends and whether it is withdrawn; what was given out for a withdrawn one is withdrawn with it."""
        ...

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """Stores a new refresh token."""
        ...

    async def take_refresh_token(self, sha256: str, now: datetime) -> RefreshToken | None:
        """Marks a token as used and returns it as it was before; one transaction at a time gets it unused."""
        ...

    async def withdraw_family(self, family_id: str, now: datetime) -> None:
        """Marks every token of a family as used."""
        ...

    async def use_nonce(self, key_id: str, tenant_id: str, nonce: str, *, now: datetime, until: datetime) -> bool:
        """Stores a nonce until its signature is too old anyway; returns False when it was there."""
        ...

    async def add_token_key(self, key: TokenKey) -> None:
        """Stores a signing key."""
        ...

    async def token_keys(self, since: datetime) -> Sequence[TokenKey]:
        """Returns the signing keys made since a moment, the newest first."""
        ...
