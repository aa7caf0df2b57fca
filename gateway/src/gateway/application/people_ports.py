"""What signing in needs from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.people import Person, Session


class Passwords(Protocol):
    """Slow hashes of passwords."""

    async def hash(self, password: str) -> str:
        """Returns the hash of a password, with a salt of its own."""
        ...

    async def fits(self, password: str, hashed: str) -> bool:
        """Says whether a hash is of this password; as slow for "" as for any hash, so that time tells nothing."""
        ...


class Mail(Protocol):
    """Sends letters."""

    def post(self, to: str, subject: str, text: str) -> None:
        """Sends a letter in its own time; that it could not be sent is logged and not told."""
        ...


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a letter's code is good for: to set a password once."""

    sha256: str
    tenant_id: str
    caller_id: str
    expires_time: datetime


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a browser is sent to sign in elsewhere.

    Attributes:
        url: At the identity provider.
        ticket: What the browser has to bring back, sealed; nobody but this gateway reads it.
    """

    url: str
    ticket: str


class Guests(Protocol):
    """People who sign in at another identity provider (OpenID Connect, authorization code with PKCE)."""

    @property
    def issuers(self) -> Sequence[str]:
        """The issuers that people can sign in at."""
        ...

    async def depart(self, issuer: str) -> Departure:
        """Sends someone to an issuer.

        Raises:
            Unavailable: It does not answer.
        """
        ...

    async def arrive(self, ticket: str, state: str, code: str) -> tuple[str, str]:
        """Returns issuer and subject of someone who comes back.

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
