"""Idempotency keys, and the answers that are stored under them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.callers import Caller
from gateway.domain.errors import GatewayError


class KeyInUse(GatewayError):
    """A request with the same idempotency key is being answered."""

    kind = "conflict"

    def __init__(self, key: str) -> None:
        super().__init__("IDEMPOTENCY_KEY_IN_USE", found=key)


class KeyReused(GatewayError):
    """The idempotency key was used for another request."""

    kind = "invalid"

    def __init__(self, key: str) -> None:
        super().__init__("IDEMPOTENCY_KEY_REUSED", found=key)


class KeyBeyondRights(GatewayError):
    """The answer under the idempotency key was given to more rights than the credential of the repetition has."""

    kind = "denied"

    def __init__(self, key: str) -> None:
        super().__init__("IDEMPOTENCY_KEY_BEYOND_RIGHTS", found=key)


class KeyMalformed(GatewayError):
    """The header holds no key."""

    kind = "malformed"

    def __init__(self, found: str) -> None:
        super().__init__("IDEMPOTENCY_KEY_MALFORMED", found=found)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer that a repetition of its request is given again.

    Attributes:
        fingerprint: SHA-256 of method, address, content type and body of the request, hexadecimal.
        headers: Those that belong to the answer itself.
        file_id: Where its body is kept.
        caller: Who was answered, with its rights; None where that was not stored.
    """

    fingerprint: str
    status: int
    headers: Mapping[str, str]
    file_id: str
    caller: Caller | None = None

    def is_for(self, caller: Caller) -> bool:
        """Says whether a caller has the rights that the answer was given to: a narrower credential may not be shown it."""
        return self.caller is None or self.caller.within(caller) == self.caller


@dataclass(frozen=True, slots=True)
class KeyState:
    """What is known of an idempotency key.

    Attributes:
        answer: None while the first request is under way.
    """

    answer: StoredAnswer | None


KEY_LEASE = timedelta(seconds=60)
"""How long a key waits for a request whose process has died; renewed while it lives."""

KEY_LIFETIME = timedelta(hours=24)
"""How long an answer is kept."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Whose idempotency key: two callers may choose the same."""

    tenant_id: str
    subject: str
    key: str


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key that a request has taken.

    Attributes:
        begun_time: When it took it: whoever takes the key over from a process that seemed dead has another.
    """

    key: IdempotencyKey
    begun_time: datetime


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """The moments that an idempotency key is held by: its lease, and its end."""

    now: datetime

    @property
    def lease(self) -> datetime:
        """When another request may take the key if this one's process dies."""
        return self.now + KEY_LEASE

    @property
    def over(self) -> datetime:
        """Keys from before are deleted."""
        return self.now - KEY_LIFETIME
