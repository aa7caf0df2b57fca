"""What the change feed and webhooks need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.webhooks import Delivery, Webhook


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
