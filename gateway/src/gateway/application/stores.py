"""What the gateway keeps of pushes and pulls, as ports: one transaction at a time."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.application.feed.ports import Hooks
from gateway.application.library.ports import Documents
from gateway.application.push.ports import Files, Jobs, Profiles
from gateway.domain.idempotency import KeptAnswer, KeyOf, KeyState


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the moment, with its offset."""
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
