"""What the change feed and webhooks need from outside."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.callers import Caller
from gateway.domain.feed.changes import Change, FeedRead, IncomingFact
from gateway.domain.feed.platforms import PlatformConnected
from gateway.domain.feed.webhooks import (
    Delivery,
    Webhook,
)
from kernel.access import WholeParks


class Webhooks(Protocol):
    """Webhooks, within a transaction."""

    async def put(self, webhook: Webhook) -> None:
        """Stores a webhook as its maker wants it: whoever is sending to it has it no longer."""
        ...

    async def keep(self, webhook: Webhook, *, held: bool = False) -> Webhook | None:
        """Stores how far the sender of a webhook has come; returns it as it is held then, None where the sender has lost it.

        Args:
            webhook: As `take` or this gave it, with what has changed.
            held: Whether the sender goes on.
        """
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


class ChangeLog(Protocol):
    """Where changes are appended, inside a transaction that someone else commits."""

    async def append(self, change: IncomingFact) -> Change:
        """Gives the change the tenant's next position, under a lock that lasts until the transaction ends."""
        ...


class ChangeFeed(Protocol):
    """Where changes are read."""

    async def read(self, parks: WholeParks, *, after: int, limit: int, nowhere: Collection[str] = ()) -> FeedRead:
        """Returns at most `limit` changes of parks with a position above `after`, ascending.

        Args:
            parks: Whose changes are read.
            after: A position; 0 for the beginning.
            limit: >= 1.
            nowhere: Parks that are in no region: their changes are passed over where a region is asked for.

        Raises:
            CursorExpired: `after` is not 0, and what came next is no longer kept.
        """
        ...

    async def newest(self, tenant_id: str) -> int:
        """Returns the last position of a tenant, 0 before the first."""
        ...


class Places(Protocol):
    """Which region each park lies in, within a transaction."""

    async def put(self, tenant_id: str, park_id: str, region_code: str) -> None:
        """Stores which region a park lies in; "" where it is not known, which changes nothing that is."""
        ...


class ChangeRetention(Protocol):
    """Removes changes that are past their retention, inside a unit of work."""

    async def tenants(self) -> Sequence[str]:
        """Returns every tenant that has a feed."""
        ...

    async def remove_before(self, tenant_id: str, moment: datetime, limit: int) -> int:
        """Forgets the oldest changes of a tenant, at most `limit`, up to the first that is not before a moment; says how many."""
        ...


class PlatformRegister(Protocol):
    """Which platforms are connected, inside a unit of work."""

    async def add(self, platform: PlatformConnected) -> bool:
        """Stores a platform; returns False when it was there."""
        ...


class WebhookSender(Protocol):
    """Sends one delivery."""

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        """Returns the status that the target answered, 0 where it did not, and what became of it in a word or two."""
        ...


class Platforms(Protocol):
    """Records which platforms are connected; that one cannot be recorded fails no request."""

    async def record_push(self, caller: Caller, auth_method: str, park_id: str) -> None:
        """Records that rows of a push were accepted.

        Args:
            caller: Who pushed.
            auth_method: By what it was authenticated.
            park_id: Into which park.
        """
        ...

    async def record_pull(self, caller: Caller, auth_method: str, park_ids: Collection[str]) -> None:
        """Records that parks, or changes of them, were read."""
        ...
