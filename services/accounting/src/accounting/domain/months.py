"""The months of a time zone, as edges on the line of seconds."""

from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from accounting.domain.parks import FIRST_YEAR

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
    months = np.arange(f"{FIRST_YEAR}-01", f"{_LAST_YEAR}-01", dtype="datetime64[M]")
    numbers = np.arange(FIRST_YEAR, _LAST_YEAR)[:, np.newaxis] * 100 + np.arange(1, 13)
    return Calendar(
        # not by their texts: to read thousands of them keeps the first push waiting, and the loop with it
        edges_s=np.array([int(month.replace(tzinfo=zone).timestamp()) for month in months.astype("datetime64[s]").tolist()]),
        utc_edges_s=months.astype("datetime64[s]").astype(np.int64),
        numbers=numbers.ravel(),
    )
