"""What the account gives back: records as they are kept, and the outcome of a rebuild."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """An accepted record. `superseded_by` is empty while it is in force."""

    position: int
    record_id: str
    source_id: str
    start_s: int
    end_s: int
    quantity_micro: int
    unit: str
    basis_id: str
    emissions_mg: int
    energy_mgce: int
    supersedes: str
    superseded_by: str
    recorded_time: datetime


@dataclass(frozen=True, slots=True)
class RebuiltSums:
    """What a rebuild found: how many records it read, and how many sums it wrote and had to correct."""

    records: int
    sums: int
    corrected: int
