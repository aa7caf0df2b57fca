"""Tables of indicator values: what their columns are called, and which of their rows say something.

Nothing is judged here: whether an indicator exists, and whether its value can be right, is the evaluation's to say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.push.activity import Layout, RowProblem

MOST_ROWS = 5_000
"""Rows of one request."""

VALUE_FIELDS = ("indicator_id", "year", "value", "unit", "evidence", "confirmed")
"""The members of a row."""

_REQUIRED = VALUE_FIELDS[:3]
_PASSED_OVER = ("name", "description")
"""Columns of the workbook that are there for people."""

VALUE_HEADINGS: Mapping[str, str] = {
    **{field: field for field in (*VALUE_FIELDS, *_PASSED_OVER)},
    "指标编号": "indicator_id",
    "名称": "name",
    "年度": "year",
    "取值": "value",
    "单位": "unit",
    "佐证": "evidence",
    "确认": "confirmed",
    "说明": "description",
}
"""The headings that a table may use, English and Chinese."""

VALUES = Layout(VALUE_HEADINGS, fields=_REQUIRED)
"""How such a table is read."""

_CONFIRMED: Mapping[str, str] = {"true": "true", "yes": "true", "是": "true", "false": "", "no": "", "否": ""}


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A row as it was entered, text in every field.

    Attributes:
        row_number: Where it stands in the file, from 1.
    """

    row_number: int
    indicator_id: str
    year: str
    value: str
    unit: str
    evidence: str
    confirmed: str


@dataclass(frozen=True, slots=True)
class ValueTable:
    """A file as it was read.

    Attributes:
        columns: The field of each column, in order.
        rows: Those that say something.
        blank: How many have neither value nor evidence nor confirmation: of these nothing is known yet, so they say nothing.
        rejected: Those that are no rows.
        is_sheet: Whether its cells have addresses.
    """

    columns: Sequence[str]
    rows: Sequence[ValueRow]
    blank: int
    rejected: Sequence[RowProblem]
    is_sheet: bool

    def cell(self, row_number: int, field: str) -> str:
        """Returns the address of a cell of a sheet, such as D7; "" where there is none."""
        if not self.is_sheet or field not in self.columns:
            return ""
        return f"{_letters(self.columns.index(field))}{row_number}"


def value_row(row_number: int, cells: Mapping[str, str]) -> ValueRow | None:
    """Returns a row by its cells, or None for one that says nothing.

    A value of `71.5%` is 71.5 of the unit %, as a sheet in a percent format shows it; beside another unit it stays as it is.
    """
    found = {field: cells.get(field, "").strip() for field in VALUE_FIELDS}
    if not (found["value"] or found["evidence"] or found["confirmed"]):
        return None
    if found["value"].endswith("%") and found["unit"] in ("", "%"):
        found["value"], found["unit"] = found["value"].removesuffix("%").rstrip(), "%"
    found["confirmed"] = _CONFIRMED.get(found["confirmed"].lower(), found["confirmed"])
    return ValueRow(row_number, **found)


def _letters(column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, last = divmod(column - 1, 26)
        letters = chr(ord("A") + last) + letters
    return letters
