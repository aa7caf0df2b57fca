"""The months of a time zone, as edges on the line of seconds."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from accounting.domain.parks import FIRST_YEAR
from kernel.periods import Month

_LAST_YEAR = 2200


@dataclass(frozen=True, slots=True)
class Calendar:
    """The months of a zone and of UTC, as seconds since 1970, from FIRST_YEAR on."""

    edges_s: NDArray[np.int64]
    utc_edges_s: NDArray[np.int64]
    numbers: NDArray[np.int64]


@lru_cache(maxsize=64)
def calendar(zone: ZoneInfo) -> Calendar:
    """Returns the months of a zone."""
    months = [Month(year, month) for year in range(FIRST_YEAR, _LAST_YEAR) for month in range(1, 13)]
    utc = ZoneInfo("UTC")
    return Calendar(
        edges_s=np.array([_begin_s(month, zone) for month in months], dtype=np.int64),
        utc_edges_s=np.array([_begin_s(month, utc) for month in months], dtype=np.int64),
        numbers=np.array([month.number for month in months], dtype=np.int64),
    )


def _begin_s(month: Month, zone: ZoneInfo) -> int:
    # not by its text: to read thousands of them keeps the first push waiting, and the loop with it
    return int(datetime(month.year, month.month, 1, tzinfo=zone).timestamp())
