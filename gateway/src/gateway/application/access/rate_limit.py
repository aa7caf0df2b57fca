"""Counting the requests of callers."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from gateway.application.ports import Clock, UnitOfWorkFactory
from gateway.domain.access.rate_limit import SHARES, WINDOW_S, RateExceeded, RateLimitStatus, granted

_REMEMBERED = 10_000


@dataclass(slots=True)
class _Minute:
    start_s: int = 0
    left: int = 0
    used: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Quotas:
    """The minutes of callers. Replicas share them through the database; while it is away, each counts by itself."""

    def __init__(self, units: UnitOfWorkFactory, clock: Clock) -> None:
        """Knows no caller yet."""
        self._units = units
        self._clock = clock
        self._minutes: OrderedDict[tuple[str, str], _Minute] = OrderedDict()

    async def take(self, tenant_id: str, subject: str, limit: int) -> RateLimitStatus:
        """Counts one request.

        Args:
            tenant_id: Of the caller.
            subject: The caller.
            limit: Requests of a minute, >= 1.

        Raises:
            RateExceeded: The minute is used up.
        """
        now = int(self._clock.now().timestamp())
        start = now - now % WINDOW_S
        minute = self._minutes.get((tenant_id, subject))
        if minute is None:
            minute = self._minutes[tenant_id, subject] = _Minute()
            if len(self._minutes) > _REMEMBERED:
                self._minutes.popitem(last=False)
        else:
            self._minutes.move_to_end((tenant_id, subject))
        if minute.start_s != start or minute.left == 0:
            async with minute.lock:
                if minute.start_s != start:
                    minute.start_s, minute.left, minute.used = start, 0, 0
                if minute.left == 0 and minute.used < limit:
                    share = max(1, limit // SHARES)
                    minute.used = await self._reserve(tenant_id, subject, start, share)
                    minute.left = granted(minute.used, share, limit)
        if minute.left == 0:
            raise RateExceeded(limit, start + WINDOW_S - now)
        minute.left -= 1
        return RateLimitStatus(limit, max(0, limit - minute.used) + minute.left, start + WINDOW_S - now)

    async def _reserve(self, tenant_id: str, subject: str, start_s: int, share: int) -> int:
        try:
            async with self._units() as unit:
                used = await unit.audit.reserve(tenant_id, subject, start_s, share)
                await unit.commit()
        except Exception as error:
            if getattr(error, "kind", "") != "unavailable":
                raise
            return share
        return used
