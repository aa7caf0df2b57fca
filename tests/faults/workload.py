"""What is pushed: a seeded stream of batches in which some rows are sent again, changed, late, wrong, or corrections."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random

# the shares of one workload for every fault
RESENT_SHARE = 0.05
OTHER_BODY_SHARE = 0.02
LATE_SHARE = 0.02
POISON_SHARE = 0.01
CORRECTION_SHARE = 0.01

# within the validity of the factors of Wang et al. 2024
FIRST_HOUR = datetime(2020, 1, 1, tzinfo=UTC) - timedelta(hours=8)
HOURS = 3 * 365 * 24
LATEST_BATCHES = 30
UNITS = {"electricity": "MWh", "natural_gas": "10k Nm3", "refined_oil": "t"}
ITEMS = {
    "electricity": ("enterprise.purchased_energy", 2),
    "natural_gas": ("enterprise.fuel_combustion", 1),
    "refined_oil": ("enterprise.fuel_combustion", 1),
}
FACTOR_SET = "wang-2024"
CHINA = timedelta(hours=8)

Row = Mapping[str, str]


class Kind(StrEnum):
    """What a row is for."""

    NEW = "new"
    LATE = "late"
    RESENT = "resent"
    OTHER_BODY = "other_body"
    POISON = "poison"
    CORRECTION = "correction"


@dataclass(frozen=True)
class Batch:
    """Rows that are pushed in one request.

    Attributes:
        park_id: Whose.
        lane: Which stream of batches of the park; lanes have sources and ids of their own, so they come in any order.
        number: Counts from 1 in the lane.
        kinds: One per row.
        rows: As JSON members.
    """

    park_id: str
    lane: str
    number: int
    kinds: tuple[Kind, ...]
    rows: tuple[Row, ...]


class Workload:
    """The batches of one lane of a park. A batch refers to batches only that are done when it is asked for."""

    def __init__(self, seed: int, park_id: str, *, sources_per_carrier: int = 8, lane: str = "", under_way: int = 0) -> None:
        """Seeds the stream.

        Args:
            seed: The same seed and park give the same stream.
            park_id: Of the park.
            sources_per_carrier: Each takes one record an hour, >= 1.
            lane: Of the park; "" is the first.
            under_way: How many of the latest batches may not be done when the next is asked for, >= 0.
        """
        self.park_id = park_id
        self.lane = lane
        self.under_way = under_way
        self.sources = {f"{lane}{carrier}-{n}": carrier for carrier in UNITS for n in range(sources_per_carrier)}
        self._random = Random(f"{seed} {park_id}{lane}")
        self._number = 0
        self._ids = 0
        self._free = deque((source, hour) for hour in range(HOURS) for source in self.sources)
        # (number of the batch that it comes with, its place)
        self._set_aside: deque[tuple[int, tuple[str, int]]] = deque()
        self._sent: list[Row] = []
        self._correctable: list[Row] = []
        # what was made and may not be done
        self._pending: deque[list[Row]] = deque()

    def registrations(self) -> list[dict[str, str | int]]:
        """Returns the bodies of the sources to register."""
        return [
            {
                "source_id": source_id,
                "name_zh": source_id,
                "name_en": source_id,
                "item": ITEMS[carrier][0],
                "scope": ITEMS[carrier][1],
                "carrier": carrier,
                "settlement_basis": "meter",
            }
            for source_id, carrier in self.sources.items()
        ]

    def next_batch(self, size: int) -> Batch | None:
        """Returns the next batch, or None when every hour of every source has its record.

        Args:
            size: Rows, >= 1.
        """
        if len(self._free) < 2 * size:
            return None
        self._number += 1
        while len(self._pending) > self.under_way:
            done = self._pending.popleft()
            self._sent += done
            self._correctable += done
        made = [self._row() for _ in range(size)]
        self._pending.append([row for kind, row in made if kind in (Kind.NEW, Kind.LATE, Kind.CORRECTION)])
        return Batch(self.park_id, self.lane, self._number, tuple(kind for kind, _ in made), tuple(row for _, row in made))

    def _row(self) -> tuple[Kind, Row]:
        drawn = self._random.random()
        for kind, share in (
            (Kind.RESENT, RESENT_SHARE),
            (Kind.OTHER_BODY, OTHER_BODY_SHARE),
            (Kind.CORRECTION, CORRECTION_SHARE),
            (Kind.POISON, POISON_SHARE),
            (Kind.LATE, LATE_SHARE),
        ):
            if drawn < share:
                return self._special(kind)
            drawn -= share
        return Kind.NEW, self._record(self._free.popleft())

    def _special(self, kind: Kind) -> tuple[Kind, Row]:
        if kind is Kind.LATE:
            self._set_aside.append((self._number + self._random.randint(1, LATEST_BATCHES), self._free.popleft()))
            if self._set_aside[0][0] < self._number:
                return kind, self._record(self._set_aside.popleft()[1])
        elif kind is Kind.POISON:
            return kind, self._poison()
        elif kind is Kind.CORRECTION and self._correctable:
            at = self._random.randrange(len(self._correctable))
            self._correctable[at], target = self._correctable[-1], self._correctable[at]
            self._correctable.pop()
            return kind, {**target, "record_id": self._new_id(), "quantity": self._quantity(), "supersedes": target["record_id"]}
        elif self._sent:
            row = self._sent[self._random.randrange(len(self._sent))]
            if kind is Kind.RESENT:
                return kind, row
            return Kind.OTHER_BODY, {**row, "quantity": str(Decimal(row["quantity"]) + 1)}
        return Kind.NEW, self._record(self._free.popleft())

    def _record(self, place: tuple[str, int]) -> Row:
        source, hour = place
        start = FIRST_HOUR + timedelta(hours=hour)
        return {
            "record_id": self._new_id(),
            "source_id": source,
            "period_start": _local(start),
            "period_end": _local(start + timedelta(hours=1)),
            "quantity": self._quantity(),
            "unit": UNITS[self.sources[source]],
        }

    def _poison(self) -> Row:
        row = dict(self._record(self._free[0]))
        match self._random.randrange(4 if self._sent else 3):
            case 0:
                return row | {"quantity": "1e3"}
            case 1:
                return row | {"unit": "furlong"}
            case 2:
                return row | {"source_id": "nowhere"}
            case _:
                taken = self._random.choice(self._sent)
                return row | {name: taken[name] for name in ("source_id", "period_start", "period_end", "unit")}

    def _quantity(self) -> str:
        # close enough to each other that none is held as implausible
        return f"{self._random.randint(60_000_000, 140_000_000) / 1_000_000:.6f}"

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self.park_id}-{self.lane}{self._ids}"


def _local(moment: datetime) -> str:
    return (moment + CHINA).strftime("%Y-%m-%dT%H:%M:%S+08:00")
