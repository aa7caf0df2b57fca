"""What callers and their credentials need from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.access.audit import Entry, StoredEntry
from gateway.domain.access.credentials import Key, RegisteredCaller, StoredKey
from gateway.domain.access.people import Person, Session
from gateway.domain.access.tokens import Grant
from gateway.domain.callers import Action, Caller


class SecretGenerator(Protocol):
    """Generates secrets and ids that nobody can guess."""

    def key_id(self) -> str:
        """Returns an id as `domain.access.KEY_ID` has them."""
        ...

    def secret(self) -> str:
        """Returns 256 random bits as 43 characters of A-Z a-z 0-9 - _."""
        ...


class SecretCipher(Protocol):
    """Encrypts secrets that are stored and must be read again."""

    def encrypt(self, secret: bytes, context: str) -> str:
        """Returns the secret, readable with the same context only."""
        ...

    def decrypt(self, sealed: str, context: str) -> bytes | None:
        """Returns the secret; None when it was encrypted under another key, or for another context."""
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
        sealed: The private key, encrypted.
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

    async def caller(self, tenant_id: str, caller_id: str) -> RegisteredCaller | None:
        """Returns a registered caller."""
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
            TokenRefused: It names us as its issuer, and is invalid.
        """
        ...

    async def foreign(self, token: str) -> tuple[str, str]:
        """Returns issuer and subject of a token of a trusted issuer.

        Raises:
            TokenRefused: No trusted issuer, or an invalid token.
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
        """Stores when a key ends, for which other, and whether it is withdrawn; what was given out for a withdrawn one ends too."""
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


class TokenStore(Protocol):
    """Which caller a token stands for."""

    async def find(self, sha256: str) -> Caller | None:
        """Returns the caller of a token that is in force, by the token's digest."""
        ...


class TokenRegister(Protocol):
    """Where tokens are granted, inside a unit of work."""

    async def put(self, grant: Grant) -> None:
        """Grants a token, or changes whom a granted one stands for."""
        ...


class AuditRegister(Protocol):
    """The audit log and what callers have used of their minutes, inside a unit of work."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Stores entries."""
        ...

    async def entries(self, tenant_id: str, after: int, limit: int, subject: str, park_id: str) -> Sequence[StoredEntry]:
        """Returns entries of a tenant whose positions come after one; of a caller and a park, unless they are ""."""
        ...

    async def remove_before(self, moment: datetime, limit: int) -> Mapping[str, int]:
        """Deletes entries before a moment, of the oldest `limit`; returns how many of each tenant."""
        ...

    async def reserve(self, tenant_id: str, subject: str, start_s: int, share: int) -> int:
        """Adds a share to what a caller has used of a minute; returns what it has used with it."""
        ...


class Passwords(Protocol):
    """Slow hashes of passwords."""

    async def hash(self, password: str) -> str:
        """Returns the hash of a password, with a salt of its own."""
        ...

    async def fits(self, password: str, hashed: str) -> bool:
        """Says whether a hash is of this password; as slow for "" as for any hash, so that time tells nothing."""
        ...


class Mail(Protocol):
    """Sends e-mail."""

    def send(self, to: str, subject: str, text: str) -> None:
        """Sends a message in the background; that it could not be sent is logged, and the caller does not learn of it."""
        ...


@dataclass(frozen=True, slots=True)
class Ticket:
    """A code that sets a password once, as it is stored."""

    sha256: str
    tenant_id: str
    caller_id: str
    expires_time: datetime


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A redirect to an identity provider, which begins a sign-in there.

    Attributes:
        url: At the identity provider.
        ticket: What the browser sends back, encrypted; nobody but this gateway reads it.
    """

    url: str
    ticket: str


class IdentityProviders(Protocol):
    """People who sign in at another identity provider (OpenID Connect, authorization code with PKCE)."""

    @property
    def issuers(self) -> Sequence[str]:
        """The issuers that people can sign in at."""
        ...

    async def begin(self, issuer: str) -> AuthorizationRequest:
        """Begins a sign-in at an issuer.

        Raises:
            Unavailable: It does not answer.
        """
        ...

    async def finish(self, ticket: str, state: str, code: str) -> tuple[str, str]:
        """Finishes a sign-in; returns issuer and subject of the person.

        Raises:
            SignInRefused: The ticket is not ours or over, the state is another's, or the issuer gives nothing for the code.
        """
        ...


class PeopleRegister(Protocol):
    """People and their sessions, inside a unit of work."""

    async def put_person(self, person: Person) -> None:
        """Stores a person in place of what was known of it.

        Raises:
            IdentityTaken: Another caller has the login.
        """
        ...

    async def person(self, tenant_id: str, caller_id: str) -> Person | None:
        """Returns the person that a caller is."""
        ...

    async def person_of(self, login: str) -> Person | None:
        """Returns the person of a login, locked until the transaction ends so that guesses are counted one after the other."""
        ...

    async def add_ticket(self, ticket: Ticket) -> None:
        """Stores a ticket, in place of earlier ones of the same caller."""
        ...

    async def take_ticket(self, sha256: str) -> Ticket | None:
        """Returns a ticket, which is gone thereby."""
        ...

    async def begin_session(self, sha256: str, tenant_id: str, caller_id: str, now: datetime) -> None:
        """Stores a session."""
        ...

    async def session(self, sha256: str) -> Session | None:
        """Returns a session."""
        ...

    async def touch_session(self, sha256: str, now: datetime) -> None:
        """Stores that a session was used."""
        ...

    async def end_sessions(self, tenant_id: str, caller_id: str, sha256s: Sequence[str] | None = None) -> None:
        """Ends sessions of a caller, all unless they are named."""
        ...


class AuditLog(Protocol):
    """Takes the entries of the audit log; that they cannot be written fails no request."""

    def note(self, entry: Entry) -> None:
        """Keeps an entry soon."""
        ...

    async def keep(self, entry: Entry) -> None:
        """Returns when an entry is kept, or cannot be."""
        ...
