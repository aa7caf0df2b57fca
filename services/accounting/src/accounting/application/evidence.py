"""Whether the stored records of a park are those that were accepted."""

import asyncio
from typing import Final

from accounting.application.ports import Activity, Ports
from accounting.domain.errors import EvidenceBroken
from accounting.domain.evidence import ChainHead, ChainPart, first_head
from accounting.domain.parks import Park

_PART: Final = 2_000
"""Records read at once."""


async def verify_records(ports: Ports, park: Park) -> ChainHead:
    """Computes the hash chain of a park from its stored records, and compares it with what is stored of it.

    Holds no lock: what is recorded meanwhile is verified by `verify_since`, under the lock of who goes on from there.

    Returns:
        The head of the records that were verified.

    Raises:
        EvidenceBroken: a record is not what was accepted, or there is one too many or too few.
    """
    async with ports.read(park.tenant_id) as account:
        head = await account.parks.head(park.park_id)
        await verify_since(account.activity, park, first_head(park.tenant_id, park.park_id), head)
    return head


async def verify_since(activity: Activity, park: Park, verified: ChainHead, head: ChainHead) -> None:
    """Verifies the records after a head that was verified, which must be all there are up to another.

    Raises:
        EvidenceBroken: as `verify_records`.
    """
    at = verified
    while at.position < head.position:
        part = await activity.chained(park.park_id, at.position, min(at.position + _PART, head.position))
        broken = await asyncio.to_thread(_first_break, part, at, park.tenant_id)
        if broken is not None:
            raise EvidenceBroken(park.park_id, broken)
        at = part.head(at)
    if at != head:
        raise EvidenceBroken(park.park_id, max(head.position, 1))
    if await activity.newest_position(park.park_id) > head.position:
        raise EvidenceBroken(park.park_id, head.position + 1)


def _first_break(part: ChainPart, before: ChainHead, tenant_id: str) -> int | None:
    return next(part.breaks(before, tenant_id), None)
