"""The change feed: appended from events, read by regional platforms."""

from gateway.application.feed.ports import ChangeFeed, ChangeLog
from gateway.domain.callers import Action, Caller
from gateway.domain.feed.changes import NEWEST, Change, Changes, IncomingFact, part, position_of


async def apply_fact(log: ChangeLog, change: IncomingFact) -> Change:
    """Appends a fact to its tenant's feed. The transaction is the inbox's, which commits it with the event's mark."""
    return await log.append(change)


async def list_changes(feed: ChangeFeed, caller: Caller, *, since: str, limit: int) -> Changes:
    """Returns the changes of the parks that the caller reaches after a cursor.

    Args:
        feed: Where changes are read.
        caller: Whose tenant is read.
        since: A cursor as an earlier part gave it; "" for the beginning, `newest` for the end.
        limit: >= 1.

    Raises:
        ParameterInvalid: The feed never gave out such a cursor.
        CursorExpired: What came next is no longer kept.
    """
    caller.must(Action.FOLLOW)
    if since == NEWEST:
        return Changes((), str(await feed.newest(caller.tenant)), more=False)
    after = position_of(since)
    return part(await feed.read(caller, after=after, limit=limit + 1), after=after, limit=limit)
