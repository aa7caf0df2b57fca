"""The change feed: facts of the services, numbered in each tenant without gaps.

Positions count from 1 in each tenant. They are given under a lock that is held until the change is committed, so a reader that has
seen position n will never see a new position below it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.errors import ParameterInvalid

NEWEST = "newest"
"""In the place of a cursor: where the feed ends at present."""

_POSITION = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingFact:
    """A fact that a service published.

    Attributes:
        type: The fact's full message name.
        time: RFC 3339, when it happened.
        event_id: Unique in its source.
        data_json: The fact as a JSON object.
        region_code: Of the park, where the fact is that it was registered; "" otherwise.
    """

    tenant_id: str
    park_id: str
    topic: str
    type: str
    time: str
    event_id: str
    data_json: str
    region_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(IncomingFact):
    """A fact with its place in the tenant's feed."""

    position: int


@dataclass(frozen=True, slots=True)
class FeedRead:
    """What a read of the feed found.

    Attributes:
        changes: Ascending by position.
        held_by: The park of the change before which the read ended, as nobody knows yet which region it lies in; "" where the read
            did not end for that. Were it passed over, it would be missing once the park is known to lie in the reader's region.
    """

    changes: Sequence[Change]
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """A part of the feed.

    Attributes:
        next: The cursor that continues after it.
        more: Whether anything is there already.
    """

    changes: Sequence[Change]
    next: str
    more: bool


def position_of(cursor: str) -> int:
    """Returns the position that a cursor stands after; 0 for the empty cursor, the beginning.

    Raises:
        ParameterInvalid: The cursor is not one that the feed gave out.
    """
    if not cursor:
        return 0
    if _POSITION.fullmatch(cursor) is None:
        raise ParameterInvalid(
            field="since",
            found=cursor,
            allowed="a cursor as `next` gave it, `newest`, or nothing",
            allowed_zh="`next` 给出的游标、`newest`,或为空",
        )
    return int(cursor)


def part(changes: Sequence[Change], *, after: int, limit: int) -> Changes:
    """Returns the first `limit` of the changes read, which may be one more than that.

    Args:
        changes: At most `limit` + 1 changes after `after`, ascending.
        after: The position that they were read from, exclusive.
        limit: >= 1.
    """
    shown = changes[:limit]
    return Changes(shown, str(shown[-1].position if shown else after), len(changes) > limit)
