"""Rows and refusals of a body, gathered one by one."""

from collections.abc import Iterable

from gateway.domain.errors import TooLarge
from gateway.domain.limits import Limits
from gateway.domain.push.activity import FIELDS, ActivityRows, ReadRows, RowProblem, unreadable


def check_row_count(body: bytes, limits: Limits) -> None:
    """Refuses a body that names more records than an upload may have rows, before anything is decoded."""
    if body.count(b'"record_id":') > limits.rows:
        raise TooLarge("TOO_MANY_ROWS", allowed=limits.rows)


class Rows:
    """Rows and refusals gathered one by one."""

    def __init__(self, limits: Limits) -> None:
        """Holds nothing yet; takes at most `limits.rows`."""
        self._limits = limits
        self._columns: tuple[list[str], ...] = tuple([] for _ in FIELDS)
        self._row_numbers: list[int] = []
        self._rejected: list[RowProblem] = []

    def keep(self, row: int, values: Iterable[str]) -> None:
        """Adds a row with its values in the order of FIELDS."""
        self._room()
        self._row_numbers.append(row)
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)

    def reject(self, problem: RowProblem) -> None:
        """Adds a row that cannot be read."""
        self._room()
        self._rejected.append(problem)

    def _room(self) -> None:
        if len(self._row_numbers) + len(self._rejected) >= self._limits.rows:
            raise TooLarge("TOO_MANY_ROWS", allowed=self._limits.rows)

    def read(self) -> ReadRows:
        """Returns what was gathered."""
        return ReadRows(ActivityRows(self._row_numbers, *self._columns), self._rejected)


def too_long(row: int, length: int, limits: Limits) -> RowProblem:
    """Returns the problem of a row of more bytes than a row may have."""
    return unreadable(row, "LINE_TOO_LONG", found=str(length), allowed=str(limits.row_bytes))
