"""Platforms that are connected to parks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.dialects import upsert
from evaluation.adapters import tables
from evaluation.domain.platforms import Platform
from kernel.periods import time_zone
from parkcopies.parks import Park
from parkcopies.sql import rows_by_park


class SqlPlatforms:
    """Platforms by park."""

    def __init__(self, session: AsyncSession) -> None:
        """Stores the session, whose transaction decides what is seen."""
        self._session = session

    async def seen_until(self, park_ids: Sequence[str], year: int) -> Mapping[str, Sequence[Platform]]:
        """Returns the platforms of each park that were first seen before the year ended by the park's own time."""
        found = await rows_by_park(self._session, Platform, tables.connected_platform, park_ids)
        parks = await rows_by_park(self._session, Park, tables.park, found)
        zones = {park_id: time_zone(park.time_zone) for park_id, (park,) in parks.items()}
        return {
            park_id: [each for each in found[park_id] if each.connected_time.astimezone(zone).year <= year]
            for park_id, zone in zones.items()
        }

    async def keep(self, platform: Platform) -> None:
        """Keeps a platform; one that is there stays."""
        await upsert(self._session, tables.connected_platform, [asdict(platform)])
