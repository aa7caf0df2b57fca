"""Recording which platforms are connected to which parks."""

from collections.abc import Collection
from datetime import datetime

from gateway.application.ports import UnitOfWorkFactory
from gateway.domain.callers import Caller
from gateway.domain.feed.platforms import PlatformKind, connected


async def record_platforms(
    units: UnitOfWorkFactory, caller: Caller, auth_method: str, kind: PlatformKind, park_ids: Collection[str], now: datetime
) -> None:
    """Stores a platform at each park, and publishes the fact where it is new.

    Args:
        units: Where they are stored.
        caller: The platform.
        auth_method: By what it was authenticated.
        kind: Whether it pushes or pulls.
        park_ids: Where it was seen.
        now: When.
    """
    async with units(caller.tenant) as unit:
        for park_id in sorted(park_ids):
            fact = connected(caller, auth_method, kind, park_id, now)
            if await unit.platforms.add(fact):
                unit.collect(fact)
        await unit.commit()
