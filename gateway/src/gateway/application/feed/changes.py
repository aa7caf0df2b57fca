"""The change feed: appended from events, read by regional platforms."""

from dataclasses import dataclass

from gateway.application.feed.ports import ChangeFeed, ChangeLog
from gateway.application.ports import UnitsOfWork
from gateway.application.services import ServicePort, region_of
from gateway.domain.callers import Caller
from gateway.domain.errors import ServiceRefused, Unavailable
from gateway.domain.feed.changes import NEWEST, Change, Changes, FeedRead, IncomingFact, part, position_of
from kernel.access import WholeParks


@dataclass(frozen=True, slots=True)
class FeedServices:
    """What reading the change feed needs.

    Attributes:
        feed: Where changes are read.
        units: Where it is kept which region a park lies in.
        accounting: Knows it of every park.
    """

    feed: ChangeFeed
    units: UnitsOfWork
    accounting: ServicePort


async def apply_fact(log: ChangeLog, change: IncomingFact) -> Change:
    """Appends a fact to its tenant's feed. The transaction is the inbox's, which commits it with the event's mark."""
    return await log.append(change)


async def list_changes(services: FeedServices, caller: Caller, *, since: str, limit: int) -> Changes:
    """Returns the changes of the parks that the caller sees as a whole after a cursor.

    Args:
        services: What reading needs.
        caller: Whose tenant is read.
        since: A cursor as an earlier part gave it; "" for the beginning, `newest` for the end.
        limit: >= 1.

    Raises:
        RoleMissing, ScopeMissing: The caller may not follow.
        BoundToEnterprises: It sees parts of parks only.
        ParameterInvalid: The feed never gave out such a cursor.
        CursorExpired: What came next is no longer kept.
    """
    parks = caller.must_follow()
    if since == NEWEST:
        return Changes((), str(await services.feed.newest(caller.tenant)), more=False)
    after = position_of(since)
    found = await read_changes(services, parks, after=after, limit=limit + 1)
    return part(found.changes, after=after, limit=limit)


async def read_changes(services: FeedServices, parks: WholeParks, *, after: int, limit: int) -> FeedRead:
    """Returns at most `limit` changes of parks after a position.

    A fact may be heard before its park's registration, which is in another topic and may be gone from there: then accounting is
    asked which region the park lies in. While it does not answer, whoever reads by region is held before the first such change.

    Raises:
        CursorExpired: What came next is no longer kept.
    """
    nowhere: set[str] = set()
    while True:
        found = await services.feed.read(parks, after=after, limit=limit, nowhere=nowhere)
        if not found.held_by:
            return found
        try:
            region_code = await region_of(services.accounting, parks.tenant, found.held_by)
        except (Unavailable, ServiceRefused):
            return found
        if not region_code:
            nowhere.add(found.held_by)
            continue
        async with services.units(parks.tenant) as unit:
            await unit.places.put(parks.tenant, found.held_by, region_code)
            await unit.commit()
