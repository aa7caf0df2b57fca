"""Retention: entries of the audit log and changes of the feed are removed after the days that the settings name."""

from dataclasses import dataclass
from datetime import timedelta

from gateway.application.ports import Clock, UnitsOfWork
from gateway.domain.access.audit import removal

AT_ONCE = 5_000
"""What one transaction takes away at most."""

AUDIT_RETENTION = "audit retention"
"""The work that the database lets take old entries away, and no other."""

_FEED_RETENTION = "feed retention"


@dataclass(frozen=True, slots=True)
class Retention:
    """What is removed, and after how long.

    Attributes:
        units: Where the audit log and the changes are.
        clock: Tells what is old.
        audit_life: How long an entry is kept; None for ever.
        feed_life: How long a change is kept; None for ever.
    """

    units: UnitsOfWork
    clock: Clock
    audit_life: timedelta | None
    feed_life: timedelta | None


async def apply_retention(retention: Retention) -> tuple[int, int]:
    """Removes what is past its retention; returns how many entries and how many changes.

    Safe to repeat, and from several replicas at once.
    """
    return await _remove_entries(retention), await _remove_changes(retention)


async def _remove_entries(retention: Retention) -> int:
    """Each transaction that takes entries away adds one to each tenant that says how many."""
    if retention.audit_life is None:
        return 0
    removed_in_all = 0
    while True:
        now = retention.clock.now()
        before = now - retention.audit_life
        async with retention.units(work=AUDIT_RETENTION) as unit:
            removed = await unit.audit.remove_before(before, AT_ONCE)
            if removed:
                await unit.audit.append([removal(tenant_id, count, before, now) for tenant_id, count in sorted(removed.items())])
                await unit.commit()
        taken = sum(removed.values())
        removed_in_all += taken
        if taken < AT_ONCE:
            return removed_in_all


async def _remove_changes(retention: Retention) -> int:
    if retention.feed_life is None:
        return 0
    removed_in_all = 0
    async with retention.units(work=_FEED_RETENTION) as unit:
        tenants = await unit.changes.tenants()
    for tenant_id in tenants:
        taken = AT_ONCE
        while taken == AT_ONCE:
            async with retention.units(work=_FEED_RETENTION) as unit:
                taken = await unit.changes.remove_before(tenant_id, retention.clock.now() - retention.feed_life, AT_ONCE)
                await unit.commit()
            removed_in_all += taken
    return removed_in_all
