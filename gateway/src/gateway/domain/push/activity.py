"""Activity rows on their way to accounting, and what became of them.

The gateway reads a file into columns of text and judges none of them: it refuses only what is not a row at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from operator import add

from gateway.domain import messages
from gateway.domain.limits import Limits

FIELDS = ("record_id", "source_id", "period_start", "period_end", "quantity", "unit", "supersedes", "confirmed")
"""The members of a row, in the order of the columns."""

REQUIRED_FIELDS = FIELDS[:6]

HEADINGS: Mapping[str, str] = {
    **{field: field for field in FIELDS},
    "记录编号": "record_id",
    "排放源编号": "source_id",
    "开始时间": "period_start",
    "结束时间": "period_end",
    "数量": "quantity",
    "单位": "unit",
    "更正的记录": "supersedes",
    "已确认": "confirmed",
}
"""The headings that a table may use for each field, English and Chinese."""


@dataclass(frozen=True)
class Layout:
    """The names that a sender's columns have.

    Attributes:
        headings: The field of each heading.
        fields: Those that every row has.
        given: Fields that need no column, as their value is known.
        passes_over_others: Whether a column of another name is left out, instead of refused.
    """

    headings: Mapping[str, str]
    given: frozenset[str] = frozenset()
    passes_over_others: bool = False
    fields: Sequence[str] = REQUIRED_FIELDS

    @property
    def required(self) -> Sequence[str]:
        """The fields that must have a column."""
        return [field for field in self.fields if field not in self.given]

    def heading_of(self, field: str) -> str:
        """Returns the first heading of a field; the field's own name where it has none."""
        return next((heading for heading, named in self.headings.items() if named == field), field)


PLAIN = Layout(HEADINGS)
"""The platform's own names."""


class Outcome(StrEnum):
    """What became of a row."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


@dataclass(frozen=True)
class ActivityRows:
    """Rows by column: text as it came in, "" where a row has none; every column has one entry per row.

    Attributes:
        row_numbers: Where each row stands in what the caller sent, from 1, ascending.
        confirmed: "true" where the sender confirms an unusual value, else "".
    """

    row_numbers: Sequence[int]
    record_id: Sequence[str]
    source_id: Sequence[str]
    period_start: Sequence[str]
    period_end: Sequence[str]
    quantity: Sequence[str]
    unit: Sequence[str]
    supersedes: Sequence[str]
    confirmed: Sequence[str]

    def __len__(self) -> int:
        return len(self.row_numbers)

    @cached_property
    def widest_bytes(self) -> int:
        """A bound on the text of the longest row: the longest of each column, of characters that take at most four bytes."""
        return 4 * sum(max(map(len, column), default=0) for column in self._columns())

    def batches(self, limits: Limits) -> Iterator["ActivityRows"]:
        """Yields the rows in order, in parts of at most `batch_rows` rows and about `batch_bytes` of text."""
        rows = len(self)
        # Ids and quantities make the bulk; the other columns repeat and are written once by the wire's dictionaries. A row may
        # still bring 64 KiB of its own, so every column counts when the rows do not obviously fit.
        if self.widest_bytes * min(rows, limits.batch_rows) <= limits.batch_bytes:
            for start in range(0, rows, limits.batch_rows):
                yield self._part(start, start + limits.batch_rows)
            return
        sizes = [0] * rows
        for column in self._columns():
            sizes = list(map(add, sizes, (len(text.encode()) for text in column)))
        start = 0
        held = 0
        for row, size in enumerate(sizes):
            if row - start == limits.batch_rows or (held + size > limits.batch_bytes and row > start):
                yield self._part(start, row)
                start, held = row, 0
            held += size
        if start < rows:
            yield self._part(start, rows)

    def _columns(self) -> tuple[Sequence[str], ...]:
        return (
            self.record_id,
            self.source_id,
            self.period_start,
            self.period_end,
            self.quantity,
            self.unit,
            self.supersedes,
            self.confirmed,
        )

    def _part(self, start: int, stop: int) -> "ActivityRows":
        if start == 0 and stop >= len(self):
            return self
        part = slice(start, stop)
        return ActivityRows(self.row_numbers[part], *(column[part] for column in self._columns()))


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was rejected, in words.

    Attributes:
        row: The row's number in what the caller sent.
        record_id: "" where the row could not be read so far.
        found: At most 200 characters of what was sent.
    """

    row: int
    record_id: str
    reason: str
    field: str
    found: str
    allowed: str
    message_en: str
    message_zh: str


def unreadable(row: int, reason: str, *, record_id: str = "", field: str = "", found: str = "", allowed: str = "") -> RowProblem:
    """Returns the problem of a row that the gateway itself cannot read.

    Args:
        row: The row's number, from 1.
        reason: A key of `wording.REASONS`.
        record_id: The row's id where it could be read.
        field: The member or column that is wrong; "" for the row as a whole.
        found: What was sent; cut to 200 characters.
        allowed: What would do.
    """
    facts = {"field": field, "found": messages.shortened(found), "allowed": allowed}
    return RowProblem(
        row=row,
        record_id=messages.shortened(record_id),
        reason=reason,
        message_en=messages.sentence(reason, "en", facts),
        message_zh=messages.sentence(reason, "zh", facts),
        **facts,
    )


@dataclass(frozen=True, slots=True)
class ReadRows:
    """A file as the gateway read it: rows to send on, and rows that it could not read. No row number is in both."""

    rows: ActivityRows
    rejected: Sequence[RowProblem]


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What accounting made of a batch: one outcome per row, one problem per rejected row."""

    outcomes: Sequence[Outcome]
    problems: Sequence[RowProblem]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of every row of a file, in the file's order.

    Attributes:
        row_numbers: One per row.
        record_ids: One per row.
        outcomes: One per row.
        problems: By row number, one for each rejected row.
    """

    park_id: str
    row_numbers: Sequence[int]
    record_ids: Sequence[str]
    outcomes: Sequence[Outcome]
    problems: dict[int, RowProblem]

    def count(self, outcome: Outcome) -> int:
        """Returns how many rows ended so."""
        return self.outcomes.count(outcome)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows of a file ended how, so far."""

    accepted: int = 0
    duplicate: int = 0
    superseded: int = 0
    rejected: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.accepted + self.duplicate + self.superseded + self.rejected

    def count(self, outcome: Outcome) -> int:
        """Returns how many ended so."""
        found: int = getattr(self, outcome.value)
        return found

    def with_receipt(self, found: Receipt) -> "Tally":
        """Returns the tally with the rows of one more part."""
        return Tally(**{outcome.value: self.count(outcome) + found.count(outcome) for outcome in Outcome})


NOTHING = Tally()
"""Of no rows."""


def receipt(park_id: str, read: ReadRows, batches: Sequence[BatchOutcome]) -> Receipt:
    """Returns the receipt of a file: accounting's outcomes and the gateway's own refusals, merged by row number.

    Args:
        park_id: The park that the file was sent to.
        read: The file.
        batches: The outcomes of its batches, in order; together one outcome per row of `read.rows`.
    """
    outcomes = [outcome for batch in batches for outcome in batch.outcomes]
    problems = {problem.row: problem for batch in batches for problem in batch.problems}
    if not read.rejected:
        return Receipt(park_id, read.rows.row_numbers, read.rows.record_id, outcomes, problems)
    problems.update((problem.row, problem) for problem in read.rejected)
    merged = [*zip(read.rows.row_numbers, read.rows.record_id, outcomes, strict=True)]
    merged += [(problem.row, problem.record_id, Outcome.REJECTED) for problem in read.rejected]
    merged.sort(key=lambda entry: entry[0])
    return Receipt(
        park_id,
        [row for row, _, _ in merged],
        [record_id for _, record_id, _ in merged],
        [outcome for _, _, outcome in merged],
        problems,
    )
