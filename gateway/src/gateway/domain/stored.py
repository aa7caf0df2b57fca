"""What the gateway keeps of pushes: files in chunks, jobs of its own, and answers under idempotency keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.account import Job
from gateway.domain.callers import Action, Caller
from gateway.domain.errors import GatewayError

CHUNK_BYTES = 512 * 1024
"""The size of the chunks in which an upload is kept."""


class JobUnknown(GatewayError):
    """There is no such job in the caller's tenant, or it is not for the caller's eyes."""

    kind = "not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__("JOB_NOT_FOUND", job_id=job_id)


class ResultsUnknown(GatewayError):
    """The job has no results: it is none of a push, or they are over their time."""

    kind = "not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__("RESULTS_NOT_FOUND", job_id=job_id)


class ProfileUnknown(GatewayError):
    """There is no such mapping profile, or not that version of it."""

    kind = "not_found"

    def __init__(self, found: str) -> None:
        super().__init__("PROFILE_NOT_FOUND", found=found)


class ProfileChangedMeanwhile(GatewayError):
    """Two requests saved the same profile at the same moment."""

    kind = "conflict"

    def __init__(self, profile_id: str) -> None:
        super().__init__("PROFILE_CHANGED_MEANWHILE", found=profile_id)


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


class KeyMalformed(GatewayError):
    """The header holds no key."""

    kind = "malformed"

    def __init__(self, found: str) -> None:
        super().__init__("IDEMPOTENCY_KEY_MALFORMED", found=found)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in chunks.

    Attributes:
        size_bytes: Of all chunks.
        chunks: How many; they count from 0.
    """

    file_id: str
    size_bytes: int
    chunks: int


@dataclass(frozen=True, slots=True)
class OwnJob:
    """A job of the gateway itself.

    Attributes:
        park_id: The park that it is about.
        owner: The subject that submitted it.
    """

    job: Job
    park_id: str
    owner: str

    def must_be_seen_by(self, caller: Caller) -> None:
        """Refuses whoever neither submitted it nor reads the park.

        Raises:
            JobUnknown: As for a job that does not exist.
        """
        if caller.subject == self.owner:
            return
        parks = caller.reached_parks
        if not caller.may(Action.READ) or (parks is not None and self.park_id not in parks):
            raise JobUnknown(self.job.job_id)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to submit.

    Attributes:
        arguments: As its handler reads them.
    """

    job_id: str
    kind: str
    tenant_id: str
    park_id: str
    owner: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer that a repetition of its request is given again.

    Attributes:
        fingerprint: SHA-256 of method, address, content type and body of the request, hexadecimal.
        headers: Those that belong to the answer itself.
        file_id: Where its body is kept.
    """

    fingerprint: str
    status: int
    headers: Mapping[str, str]
    file_id: str


@dataclass(frozen=True, slots=True)
class KeyState:
    """What is known of an idempotency key.

    Attributes:
        answer: None while the first request is under way.
    """

    answer: KeptAnswer | None


KEY_LEASE = timedelta(seconds=60)
"""How long a key waits for a request whose process has died; renewed while it lives."""

KEY_LIFETIME = timedelta(hours=24)
"""How long an answer is kept."""

RESULTS_LIFETIME = timedelta(days=30)
"""How long the results of a push are kept, and an upload whose job never came."""


@dataclass(frozen=True, slots=True)
class KeyOf:
    """Whose idempotency key: two callers may choose the same."""

    tenant_id: str
    subject: str
    key: str


@dataclass(frozen=True, slots=True)
class Until:
    """The moments that an idempotency key is held by: its lease, and its end."""

    now: datetime

    @property
    def lease(self) -> datetime:
        """When another request may take the key if this one's process dies."""
        return self.now + KEY_LEASE

    @property
    def over(self) -> datetime:
        """Keys from before are forgotten."""
        return self.now - KEY_LIFETIME
