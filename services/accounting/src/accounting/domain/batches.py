"""A batch of activity rows: as text columns when it comes in, and as candidates once each row has been read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_ROWS = 10_000
"""Rows of one batch, which is one transaction."""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of text: distinct values and one index per row, or one value per row and no index. Empty text is missing."""

    values: Sequence[str]
    indices: NDArray[np.intp] | None = None

    def by_row(self) -> Sequence[str]:
        """Returns one text per row."""
        if self.indices is None:
            return self.values
        values = self.values
        return [values[index] for index in self.indices.tolist()]

    def codes(self) -> NDArray[np.intp]:
        """Returns for each row the index of its text in `values`."""
        return np.arange(len(self.values), dtype=np.intp) if self.indices is None else self.indices

    def at(self, row: int) -> str:
        """Returns the text of one row."""
        return self.values[row if self.indices is None else int(self.indices[row])]


@dataclass(frozen=True, slots=True)
class ActivityColumns:
    """A batch as it came in. Every column has one text per row."""

    row_number: Sequence[int]
    record_id: TextColumn
    source_id: TextColumn
    period_start: TextColumn
    period_end: TextColumn
    quantity: TextColumn
    unit: TextColumn
    supersedes: TextColumn
    confirmed: TextColumn

    @property
    def rows(self) -> int:
        """How many rows the batch has."""
        return len(self.row_number)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows that nothing in themselves speaks against, by column; all of one length.

    Attributes:
        index: place of the row in the batch, counted from 0.
        start_s: first second of the period; end_s: the second after the last.
        quantity_micro: millionths of the unit.
        basis_id: what emissions_mg and energy_mgce were computed with.
        first_month: YYYYMM of the first month that the period touches; last_month: of the last.
        supersedes: id of the record that the row corrects, or empty.
        confirmed: the sender stands by an implausible value.
    """

    index: NDArray[np.intp]
    record_id: list[str]
    source_id: list[str]
    start_s: NDArray[np.int64]
    end_s: NDArray[np.int64]
    quantity_micro: NDArray[np.int64]
    unit: list[str]
    basis_id: list[str]
    emissions_mg: NDArray[np.int64]
    energy_mgce: NDArray[np.int64]
    first_month: NDArray[np.int64]
    last_month: NDArray[np.int64]
    supersedes: list[str]
    confirmed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.record_id)

    def take(self, rows: NDArray[np.intp]) -> "Candidates":
        """Returns the given rows, in the given order."""
        if len(rows) == len(self) and np.array_equal(rows, np.arange(len(self))):
            return self
        chosen = rows.tolist()

        def pick(column: list[str]) -> list[str]:
            return [column[row] for row in chosen]

        return Candidates(
            index=self.index[rows],
            record_id=pick(self.record_id),
            source_id=pick(self.source_id),
            start_s=self.start_s[rows],
            end_s=self.end_s[rows],
            quantity_micro=self.quantity_micro[rows],
            unit=pick(self.unit),
            basis_id=pick(self.basis_id),
            emissions_mg=self.emissions_mg[rows],
            energy_mgce=self.energy_mgce[rows],
            first_month=self.first_month[rows],
            last_month=self.last_month[rows],
            supersedes=pick(self.supersedes),
            confirmed=self.confirmed[rows],
        )

    def without(self, rows: Iterable[int]) -> "Candidates":
        """Returns all rows but the given ones."""
        gone = list(rows)
        if not gone:
            return self
        keep = np.ones(len(self), dtype=np.bool_)
        keep[gone] = False
        return self.take(np.flatnonzero(keep))
