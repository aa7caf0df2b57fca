"""What the gateway keeps of pushes and pulls, as ports: one transaction at a time."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.documents import Description, Document, Statistics, StoredContent
from gateway.domain.profiles import MappingProfile, SavedProfile
from gateway.domain.stored import KeptAnswer, KeyOf, KeyState, NewJob, OwnJob, StoredFile
from gateway.domain.webhooks import Delivery, Webhook


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the moment, with its offset."""
        ...


class Files(Protocol):
    """Files in chunks, within a transaction."""

    async def append(self, tenant_id: str, park_id: str, file_id: str, number: int, content: bytes) -> None:
        """Adds a chunk; the file begins with its chunk 0. A chunk that is there already stays as it is."""
        ...

    async def find(self, tenant_id: str, file_id: str) -> StoredFile | None:
        """Returns a file, None where there is none."""
        ...

    async def chunk(self, tenant_id: str, file_id: str, number: int) -> bytes | None:
        """Returns a chunk, None behind the last."""
        ...

    async def delete(self, tenant_id: str, file_id: str) -> None:
        """Forgets a file."""
        ...

    async def rename(self, tenant_id: str, file_id: str, new_id: str) -> None:
        """Gives a file its lasting name; where there is one of that name already, that one stays and this one goes."""
        ...

    async def expire(self, before: datetime) -> None:
        """Forgets the files of pushes that began before a moment."""
        ...


class Jobs(Protocol):
    """The gateway's own jobs, within a transaction."""

    async def submit(self, job: NewJob) -> OwnJob:
        """Stores a job; it is worked off once that is committed."""
        ...

    async def find(self, tenant_id: str, job_id: str) -> OwnJob | None:
        """Returns a job of the tenant, None where there is none."""
        ...


class Profiles(Protocol):
    """Mapping profiles, within a transaction."""

    async def newest(self, tenant_id: str, profile_id: str) -> SavedProfile | None:
        """Returns the newest version; locks the profile until the transaction ends where it may write."""
        ...

    async def version(self, tenant_id: str, profile_id: str, version: int) -> SavedProfile | None:
        """Returns one version."""
        ...

    async def add(self, tenant_id: str, profile_id: str, version: int, profile: MappingProfile, saved_by: str) -> SavedProfile:
        """Saves a version."""
        ...

    async def list(self, tenant_id: str, *, after: str, limit: int) -> Sequence[SavedProfile]:
        """Returns the newest version of each profile with an id above `after`, in order of id."""
        ...


class Keys(Protocol):
    """Idempotency keys, within a transaction."""

    async def take(self, key: KeyOf, now: datetime) -> KeyState | None:
        """Takes a key for the request that asks; returns what is known of it where another has it, None where it is taken now."""
        ...

    async def renew(self, key: KeyOf, now: datetime) -> None:
        """Says that the request which has the key is still under way."""
        ...

    async def keep(self, key: KeyOf, answer: KeptAnswer) -> None:
        """Stores the answer under its key."""
        ...

    async def release(self, key: KeyOf) -> None:
        """Forgets a key that has no answer, so that the request can be sent again."""
        ...


class Hooks(Protocol):
    """Webhooks, within a transaction."""

    async def put(self, webhook: Webhook, *, held: bool = False) -> None:
        """Stores a webhook, and gives back the lease on it unless it is still being sent to."""
        ...

    async def find(self, tenant_id: str, webhook_id: str) -> Webhook | None:
        """Returns a webhook, None where there is none."""
        ...

    async def list(self, tenant_id: str) -> Sequence[Webhook]:
        """Returns the webhooks of a tenant in order of making."""
        ...

    async def delete(self, tenant_id: str, webhook_id: str) -> None:
        """Forgets a webhook and its deliveries."""
        ...

    async def take(self, now: datetime) -> Webhook | None:
        """Takes the active webhook that is due for longest for a minute, None where none is."""
        ...

    async def log(self, webhook: Webhook, delivery: Delivery) -> None:
        """Notes an attempt."""
        ...

    async def deliveries(self, tenant_id: str, webhook_id: str) -> Sequence[Delivery]:
        """Returns the latest attempts, the newest first."""
        ...


class Documents(Protocol):
    """The library, within a transaction."""

    async def find(self, tenant_id: str, document_id: str, version: int | None) -> Document | None:
        """Returns a version of a document, the newest when none is named."""
        ...

    async def add(
        self,
        tenant_id: str,
        document_id: str,
        version: int,
        description: Description,
        content: StoredContent | None,
        saved_by: str,
    ) -> Document:
        """Saves a version, which is the newest from now on."""
        ...

    async def index(self, tenant_id: str, document_id: str, pieces: Sequence[str]) -> None:
        """Says by which pieces a document is found, from now on."""
        ...

    async def view(self, tenant_id: str, document_id: str, month: str) -> int:
        """Counts a view, and returns how many there were."""
        ...

    async def list(
        self, tenant_id: str, *, kind: str, pieces: Sequence[str], after: tuple[str, str] | None, limit: int
    ) -> Sequence[Document]:
        """Returns documents in their newest version, the last issued first, then by id."""
        ...

    async def statistics(self, tenant_id: str, from_month: str, to_month: str) -> Statistics:
        """Returns what came and what was read from a month, inclusive, to another, exclusive."""
        ...


class Store(Protocol):
    """One transaction; without `commit` nothing of it stays."""

    @property
    def files(self) -> Files:
        """Files."""
        ...

    @property
    def jobs(self) -> Jobs:
        """Jobs."""
        ...

    @property
    def profiles(self) -> Profiles:
        """Mapping profiles."""
        ...

    @property
    def keys(self) -> Keys:
        """Idempotency keys."""
        ...

    @property
    def documents(self) -> Documents:
        """The library."""
        ...

    @property
    def hooks(self) -> Hooks:
        """Webhooks."""
        ...

    async def commit(self) -> None:
        """Makes everything permanent."""
        ...


class Stores(Protocol):
    """Opens transactions."""

    def write(self, tenant_id: str | None) -> AbstractAsyncContextManager[Store]:
        """Opens one that may write, for a tenant, or for the platform's own work."""
        ...

    def read(self, tenant_id: str | None) -> AbstractAsyncContextManager[Store]:
        """Opens one that sees one moment and writes nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Keeping:
    """What use cases of pushes need beside accounting.

    Attributes:
        new_id: Names what has no name yet.
        wake: Tells whoever works off jobs that there is one.
    """

    stores: Stores
    clock: Clock
    new_id: Callable[[], str]
    wake: Callable[[], None]


async def read_file(stores: Stores, tenant_id: str, file_id: str) -> AsyncIterator[bytes]:
    """Yields the chunks of a file; no transaction is open while one is worked on."""
    number = 0
    while True:
        async with stores.read(tenant_id) as store:
            content = await store.files.chunk(tenant_id, file_id, number)
        if content is None:
            return
        yield content
        number += 1
