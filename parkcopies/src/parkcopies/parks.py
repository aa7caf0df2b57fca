"""What a copy holds of a park: registers, yearly figures and sums.

A copy is written in any order and any number of times with the same end: registers never change, the highest version of a year's
figures and the highest position of a sum win.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from kernel.access import Place


@dataclass(frozen=True, slots=True)
class Park:
    """A park. `synced_time` is when its account was read as a whole; None while only facts are known of it."""

    park_id: str
    tenant_id: str
    name_zh: str
    name_en: str
    region_code: str
    time_zone: str
    synced_time: datetime | None = None

    @property
    def place(self) -> Place:
        """Where it belongs, for the rule of access."""
        return Place(self.tenant_id, self.park_id, self.region_code)


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An enterprise of a park."""

    park_id: str
    tenant_id: str
    enterprise_id: str


@dataclass(frozen=True, slots=True)
class Source:
    """What emits or uses energy. `counted_as` is total, removal or biogenic."""

    park_id: str
    tenant_id: str
    source_id: str
    enterprise_id: str
    carrier: str
    scope: int
    counted_as: str


@dataclass(frozen=True, slots=True)
class YearFigures:
    """What a park reports of a year, decimal text, empty where it is not reported."""

    park_id: str
    tenant_id: str
    year: int
    version: int
    gross_output_10k_cny: str
    gdp_10k_cny: str


@dataclass(frozen=True, slots=True)
class SpanSum:
    """The sum of a source over a span of months (YYYYMM), as it was at a position of the park."""

    park_id: str
    tenant_id: str
    source_id: str
    first_month: int
    last_month: int
    emissions_mg: int
    energy_mgce: int
    records: int
    position: int


@dataclass(frozen=True, slots=True)
class ParkAccount:
    """A park's account as accounting's lists give it."""

    park: Park
    enterprises: tuple[Enterprise, ...]
    sources: tuple[Source, ...]
    figures: tuple[YearFigures, ...]
    sums: tuple[SpanSum, ...]


IncomingFact: TypeAlias = Park | Enterprise | Source | YearFigures | list[SpanSum]
"""What one fact of accounting tells."""
