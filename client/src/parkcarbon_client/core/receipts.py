"""What became of a file that was sent in pieces."""

from __future__ import annotations

from dataclasses import dataclass, replace

from parkcarbon_client.core.answers import ActivityOutcome, RowResult

COUNTS = ("rows", "accepted", "duplicate", "superseded", "rejected")


@dataclass(frozen=True)
class Receipt:
    """What became of the rows of a file.

    A row counted as `duplicate` was accepted before: by an earlier push, or by an attempt of this push whose answer was lost.

    Attributes:
        park_id: Where the rows went.
        rows: How many rows were judged: the sum of the four counts below.
        accepted: New records.
        duplicate: Rows that were already there with the same content.
        superseded: Corrections that took the place of an earlier record.
        rejected: Rows that were refused; the others are kept.
        rejected_rows: Each refused row; `row` is its line in the file (CSV, NDJSON) or its place in the array (JSON), from 1.
    """

    park_id: str
    rows: int = 0
    accepted: int = 0
    duplicate: int = 0
    superseded: int = 0
    rejected: int = 0
    rejected_rows: tuple[RowResult, ...] = ()

    def plus(self, other: Receipt) -> Receipt:
        """Returns this receipt with the rows of another behind its own."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return replace(self, **counts, rejected_rows=self.rejected_rows + other.rejected_rows)

    def with_outcome(self, outcome: ActivityOutcome, row_offset: int) -> Receipt:
        """Returns this receipt with one piece more.

        Args:
            outcome: The answer to the piece.
            row_offset: What to add to the piece's row numbers to get the file's.
        """
        rejected = tuple(replace(result, row=result.row + row_offset) for result in outcome.results if result.outcome == "rejected")
        counts = {name: getattr(outcome, name) for name in COUNTS}
        return self.plus(Receipt(self.park_id, **counts, rejected_rows=rejected))

    def with_refused(self, result: RowResult) -> Receipt:
        """Returns this receipt with one row more that was refused before it was sent."""
        return replace(self, rows=self.rows + 1, rejected=self.rejected + 1, rejected_rows=(*self.rejected_rows, result))


@dataclass(frozen=True)
class PushProgress:
    """How far a push is: bytes of the file that were answered, of how many, and the receipt so far."""

    bytes_done: int
    bytes_total: int
    receipt: Receipt
