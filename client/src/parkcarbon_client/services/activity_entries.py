"""Rows of activity data that a program sends. Members that are None are left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class ActivityRow:
    """One row of activity data: how much of what was used, from when to when.

    Args:
        record_id: Chosen by the caller. The same id with the same content counts once; with other content it is refused.
        source_id: Where it was used.
        period_start: Inclusive. A date means midnight in the park's time zone; a datetime needs an offset.
        period_end: Exclusive.
        quantity: In `unit`, exact.
        unit: Such as kWh, MWh, t.
        supersedes: The id of the record that this row corrects.
        confirmed: True says that an implausible quantity is meant.
    """

    record_id: str
    source_id: str
    period_start: datetime | date
    period_end: datetime | date
    quantity: Decimal
    unit: str
    supersedes: str | None = None
    confirmed: bool | None = None
