"""The rows that are sent: quarter-hour readings of electricity meters, in order of time, each with an id of its own.

A batch holds some quarters of an hour of every meter. Nothing is random but the quantities, which follow from the seed.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

SEED = 20261121
METERS = 100
PARK = "bench"
_BEGIN = datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=8)))
_QUARTER = timedelta(minutes=15)
HEADER = "record_id,source_id,period_start,period_end,quantity,unit"

Reading = tuple[str, str, str, str, str, str]
"""record_id, source_id, period_start, period_end, quantity, unit, as text."""


def meter(number: int) -> str:
    """Returns the id of a meter."""
    return f"meter-{number:04d}"


@dataclass
class Readings:
    """Readings without end; no two calls give the same.

    Attributes:
        prefix: Of every record id, so that two streams never share one.
    """

    prefix: str
    _quarter: int = 0

    def batch(self, rows: int) -> Sequence[Reading]:
        """Returns the next rows, a multiple of METERS."""
        quantities = random.Random(SEED + self._quarter)
        found: list[Reading] = []
        for _ in range(rows // METERS):
            start = _BEGIN + self._quarter * _QUARTER
            begins, ends, stamp = start.isoformat(), (start + _QUARTER).isoformat(), f"{start:%Y%m%dT%H%M}"
            for number in range(METERS):
                quantity = f"{quantities.randrange(1, 10**6) / 1000:.3f}"
                found.append((f"{self.prefix}-{number:04d}-{stamp}", meter(number), begins, ends, quantity, "kWh"))
            self._quarter += 1
        return found

    def batches(self, count: int, rows: int) -> Iterator[Sequence[Reading]]:
        """Yields the next batches."""
        for _ in range(count):
            yield self.batch(rows)


def as_json(rows: Sequence[Reading]) -> bytes:
    """Writes rows as the body of a push."""
    names = HEADER.split(",")
    return json.dumps([dict(zip(names, row, strict=True)) for row in rows], separators=(",", ":")).encode()


def as_csv(rows: Sequence[Reading]) -> bytes:
    """Writes rows as a file with a heading."""
    return "\n".join([HEADER, *map(",".join, rows), ""]).encode()


def as_ndjson(rows: Sequence[Reading]) -> bytes:
    """Writes rows as lines of JSON."""
    names = HEADER.split(",")
    return b"".join(json.dumps(dict(zip(names, row, strict=True)), separators=(",", ":")).encode() + b"\n" for row in rows)
