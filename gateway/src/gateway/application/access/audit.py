"""Appending to the audit log, and reading it."""

from collections.abc import Sequence

from gateway.application.ports import UnitOfWorkFactory, UnitsOfWork
from gateway.domain.access.audit import Entry, StoredEntry
from gateway.domain.callers import Action, Caller


async def append_entries(units: UnitOfWorkFactory, entries: Sequence[Entry]) -> None:
    """Stores entries in one transaction."""
    async with units() as unit:
        await unit.audit.append(entries)
        await unit.commit()


async def list_entries(
    units: UnitsOfWork, caller: Caller, *, after: int, limit: int, subject: str, park_id: str
) -> tuple[Sequence[StoredEntry], bool]:
    """Returns entries of the tenant in the order in which they were kept, and whether there are more.

    Args:
        units: Where they are.
        caller: Who asks.
        after: The position that they come after.
        limit: >= 1.
        subject: Only this caller's; "" for everyone's.
        park_id: Only of this park; "" for all.
    """
    caller.must(Action.AUDIT)
    async with units(caller.tenant) as unit:
        found = await unit.audit.entries(caller.tenant, after, limit + 1, subject, park_id)
    return found[:limit], len(found) > limit
