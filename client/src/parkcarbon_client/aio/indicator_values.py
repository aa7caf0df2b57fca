"""The methods of the asynchronous client that send values of indicators."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from parkcarbon_client.aio.sender import AsyncSender
from parkcarbon_client.generated.evaluation_entries import NewGivenValue
from parkcarbon_client.services import indicator_value_calls as calls
from parkcarbon_client.services.indicator_values import RecordedValues


class AsyncIndicatorValueMethods(AsyncSender):
    """Values of indicators, one by one or as tables."""

    async def record_indicator_values(self, park_id: str, system_id: str, values: Sequence[NewGivenValue]) -> RecordedValues:
        """Sends values and returns what became of them; the same again changes nothing.

        Args:
            park_id: The park.
            system_id: Such as guide-2021.
            values: 1 to 5,000; `given_value` makes one.
        """
        return await self.send(calls.record_indicator_values(park_id, system_id, values))

    async def push_indicator_values(self, park_id: str, system_id: str, path: str | PathLike[str]) -> RecordedValues:
        """Sends a CSV (*.csv) or the workbook of `render_value_template` filled in (*.xlsx), and returns what became of its rows.

        Raises:
            FileNotReadable: The file is named otherwise; nothing was sent.
        """
        return await self.send(calls.push_indicator_values(park_id, system_id, Path(path)))
