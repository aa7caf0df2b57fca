"""Values of indicators that a program sends, what became of them, and one value out of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from parkcarbon_client.generated.accounting_answers import GetIndicatorsResponse
from parkcarbon_client.generated.evaluation_answers import ValueProblem
from parkcarbon_client.generated.evaluation_entries import NewGivenValue


@dataclass(frozen=True)
class EntryProblem(ValueProblem):
    """Why an entered value was refused; `cell` names its cell where it came in a workbook."""

    cell: str | None = None


@dataclass(frozen=True)
class RecordedValues:
    """What became of entered values; `blank` counts rows of a table without a value."""

    accepted: int
    unchanged: int
    rejected: int
    blank: int
    problems: tuple[EntryProblem, ...]


def given_value(
    indicator_id: str, year: int, value: Decimal | bool, unit: str = "", evidence: str = "", *, confirmed: bool = False
) -> NewGivenValue:
    """Returns a value as the API takes it: as text, as it stands in tables.

    >>> given_value("28", 2022, True).value
    'yes'

    Args:
        indicator_id: Of the system.
        year: YYYY.
        value: In `unit`; yes and no are True and False.
        unit: "" for the indicator's own.
        evidence: Where the proof is: a document's id or address.
        confirmed: True stands by a 0, and by a share of 1 % or less.

    Raises:
        TypeError: The value is something else, such as a float, which has already lost digits.
    """
    if not isinstance(value, Decimal | bool):
        raise TypeError(f"value must be a Decimal or a bool, got {value!r}")
    text = ("no", "yes")[value] if isinstance(value, bool) else format(value, "f")
    return NewGivenValue(indicator_id, str(year), text, unit, evidence, confirmed=confirmed)


def indicator_value(answer: GetIndicatorsResponse, name: str) -> Decimal | None:
    """Returns the value of the indicator of that name, None when it is missing or not among them."""
    return next((indicator.value for indicator in answer.indicators if indicator.name == name), None)
