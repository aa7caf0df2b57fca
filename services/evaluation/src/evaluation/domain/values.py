"""Values of indicators: what is entered, what fills itself, and where the two differ.

A value is exact decimal text in the indicator's unit. What is missing is missing: a zero is refused unless its sender says that it
is meant, because in tables an empty cell becomes a zero more often than a zero is true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from evaluation.domain.systems import IndicatorSystem, Node, decimal
from kernel.quantities import DECIMAL_RULE, NotADecimal, parse_micro
from kernel.refusals import shown

ORIGINS = ("manual", "derived")
YES, NO = "yes", "no"
TRUTHS: Mapping[str, Fraction] = {
    **dict.fromkeys(("yes", "true", "是"), Fraction(1)),
    **dict.fromkeys(("no", "false", "否"), Fraction(0)),
}
"""How a yes-or-no indicator is written, in both languages and by sheets, in small letters."""

RULES_ZH: Mapping[str, str] = {
    DECIMAL_RULE: "十进制数,整数部分至多 12 位,小数至多 6 位,如 882077.299",
    "one row": "一行",
    "yes or no (是 / 否)": "是 或 否(yes / no)",
    "true or false": "true 或 false",
    "0 to 100 %": "0 至 100 %",
    "0 or 1": "0 或 1",
    "empty": "空",
}
"""The rules that are words, in Chinese."""

FIRST_YEAR, LAST_YEAR = 1990, 2200
MAX_ROWS = 5_000
_MAX_EVIDENCE_CHARACTERS = 500

PROBLEMS: Mapping[str, tuple[str, str]] = {
    "INDICATOR_UNKNOWN": ("indicator {found!r} is not in system {allowed}", "指标 {found!r} 不在指标体系 {allowed} 中"),
    "INDICATOR_TWICE": ("indicator {found!r} of the same year stands in two rows", "同一年度的指标 {found!r} 出现两行"),
    "YEAR_NOT_ALLOWED": ("year must be {allowed}, got {found!r}", "年份应为 {allowed},实际为 {found!r}"),
    "VALUE_NOT_A_DECIMAL": ("value must be {allowed}, got {found!r}", "取值应为 {allowed},实际为 {found!r}"),
    "VALUE_NOT_YES_OR_NO": ("value must be {allowed}, got {found!r}", "取值应为 {allowed},实际为 {found!r}"),
    "VALUE_NOT_WHOLE": ("a count must be {allowed}, got {found}", "数量应为 {allowed},实际为 {found}"),
    "VALUE_OUT_OF_RANGE": ("value must be {allowed}, got {found}", "取值应为 {allowed},实际为 {found}"),
    "ZERO_NOT_CONFIRMED": (
        "0 is a value, not a missing one; set confirmed to true if {allowed} is 0, or leave the value out",
        "0 是有效取值而非缺失;如 {allowed} 确为 0,请将“确认”(confirmed)填为 是(true),否则请将取值留空",
    ),
    "FRACTION_FOR_PERCENT": (
        "{found} % looks like a fraction, {allowed} % may be meant; set confirmed to true if it is right",
        "{found} % 疑似小数写法,可能应为 {allowed} %;如确认无误,请将“确认”(confirmed)填为 是(true)",
    ),
    "UNIT_NOT_ALLOWED": ("unit must be one of {allowed}, got {found!r}", "单位应为 {allowed} 之一,实际为 {found!r}"),
    "EVIDENCE_TOO_LONG": ("evidence must be {allowed}, got {found} characters", "佐证引用应为 {allowed},实际为 {found} 个字符"),
    "CONFIRMED_NOT_A_BOOLEAN": ("confirmed must be {allowed}, got {found!r}", "confirmed 应为 {allowed},实际为 {found!r}"),
}
"""Why a row is rejected, in both languages."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as somebody entered it: text in every field.

    Attributes:
        row_number: in what was sent, for messages.
        year: of the value.
        value: plain decimal text, or yes or no.
        unit: of the value; empty takes the indicator's own.
        evidence: where the proof is: a document's id or address.
        confirmed: "true" when a value that would be refused as implausible is meant.
    """

    row_number: int
    indicator_id: str
    year: str
    value: str
    unit: str = ""
    evidence: str = ""
    confirmed: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is rejected. Keeps row, field, what was found and what is allowed."""

    row_number: int
    indicator_id: str
    reason: str
    field: str
    found: str
    allowed: str
    allowed_zh: str = ""

    @property
    def message_en(self) -> str:
        """The sentence in English."""
        return PROBLEMS[self.reason][0].format(found=self.found, allowed=self.allowed)

    @property
    def message_zh(self) -> str:
        """The sentence in Chinese."""
        return PROBLEMS[self.reason][1].format(found=self.found, allowed=self.allowed_zh or self.allowed)


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of an indicator in a year.

    Attributes:
        value: canonical decimal text in the indicator's unit; 1 and 0 for yes and no.
        origin: manual or derived.
        evidence: a document's reference, or the figure and the facts that it is derived from.
        recorded_by: the subject who entered it, or the service that derived it.
        version: 1 and up; the highest of an origin is in force.
    """

    park_id: str
    tenant_id: str
    system_id: str
    indicator_id: str
    year: int
    origin: str
    version: int
    value: str
    unit: str
    evidence: str
    recorded_by: str
    recorded_time: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """The value of an indicator that counts, and the one beside it that says otherwise."""

    chosen: Value
    conflicting: Value | None = None


@dataclass(frozen=True, slots=True)
class UnitConversion:
    """How a unit that may be entered becomes the indicator's: multiply by the ratio."""

    unit: str
    into: str
    ratio: Fraction


def accepted_units(leaf: Node, conversions: Sequence[UnitConversion]) -> Mapping[str, Fraction]:
    """Returns the units that a value of an indicator may have, with what each is multiplied by."""
    return {leaf.unit: Fraction(1), **{each.unit: each.ratio for each in conversions if each.into == leaf.unit}}


@dataclass(frozen=True, slots=True)
class _Refused(Exception):
    reason: str
    field: str
    found: str
    allowed: str
    allowed_zh: str = ""


def judged(
    system: IndicatorSystem, entries: Sequence[Entry], conversions: Sequence[UnitConversion]
) -> tuple[list[tuple[Entry, int, Fraction]], list[Problem]]:
    """Judges rows: those that can be kept, as (row, year, value in the indicator's unit), and why the others cannot.

    Special cases: a share outside of 0 to 100 % is refused; a share above 0 and up to 1 % and a zero are refused until confirmed.
    """
    kept: list[tuple[Entry, int, Fraction]] = []
    problems: list[Problem] = []
    seen: set[tuple[str, int]] = set()
    for entry in entries:
        try:
            leaf = system.by_id.get(entry.indicator_id)
            if leaf is None or not leaf.is_leaf:
                raise _Refused("INDICATOR_UNKNOWN", "indicator_id", entry.indicator_id, system.system_id)
            year = _year(entry.year)
            if (entry.indicator_id, year) in seen:
                raise _Refused("INDICATOR_TWICE", "indicator_id", entry.indicator_id, "one row")
            if len(entry.evidence) > _MAX_EVIDENCE_CHARACTERS or not (entry.evidence == "" or entry.evidence.isprintable()):
                allowed = f"at most {_MAX_EVIDENCE_CHARACTERS} printable characters"
                allowed_zh = f"至多 {_MAX_EVIDENCE_CHARACTERS} 个可见字符"
                raise _Refused("EVIDENCE_TOO_LONG", "evidence", str(len(entry.evidence)), allowed, allowed_zh)
            value = _value(leaf, entry, conversions)
        except _Refused as refused:
            found, allowed = shown(refused.found), refused.allowed
            allowed_zh = RULES_ZH.get(allowed, refused.allowed_zh)
            problems.append(
                Problem(entry.row_number, entry.indicator_id, refused.reason, refused.field, found, allowed, allowed_zh)
            )
        else:
            seen.add((entry.indicator_id, year))
            kept.append((entry, year, value))
    return kept, problems


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 4 and FIRST_YEAR <= int(text) <= LAST_YEAR):
        allowed_zh = f"{FIRST_YEAR} 至 {LAST_YEAR} 的四位数字"
        raise _Refused("YEAR_NOT_ALLOWED", "year", text, f"four digits, {FIRST_YEAR} to {LAST_YEAR}", allowed_zh)
    return int(text)


def _value(leaf: Node, entry: Entry, conversions: Sequence[UnitConversion]) -> Fraction:
    if entry.confirmed not in ("", "true", "false"):
        raise _Refused("CONFIRMED_NOT_A_BOOLEAN", "confirmed", entry.confirmed, "true or false")
    units = accepted_units(leaf, conversions)
    if entry.unit and entry.unit not in units:
        raise _Refused("UNIT_NOT_ALLOWED", "unit", entry.unit, ", ".join(filter(None, units)) or "empty")
    if leaf.kind == "boolean":
        truth = TRUTHS.get(entry.value.lower())
        if truth is None:
            raise _Refused("VALUE_NOT_YES_OR_NO", "value", entry.value, "yes or no (是 / 否)")
        return truth
    try:
        micro = parse_micro(entry.value)
    except NotADecimal as error:
        raise _Refused("VALUE_NOT_A_DECIMAL", "value", entry.value, DECIMAL_RULE) from error
    # as it is kept: what a conversion rounds to 0 is one
    value = Fraction(decimal(Fraction(micro, 10**6) * units[entry.unit or leaf.unit]))
    refusal = out_of_range(leaf, value)
    if refusal:
        raise _Refused(refusal[0], "value", decimal(value), refusal[1])
    mistake = looks_mistaken(leaf, value)
    if mistake and entry.confirmed != "true":
        allowed_zh = leaf.name_zh if mistake[0] == "ZERO_NOT_CONFIRMED" else ""
        raise _Refused(mistake[0], "value", decimal(value), mistake[1], allowed_zh)
    return value


def looks_mistaken(leaf: Node, value: Fraction) -> tuple[str, str] | None:
    """Returns the reason why a value in the indicator's unit is kept only when it is confirmed, and what may be meant, or None."""
    if leaf.kind == "boolean":
        return None
    if value == 0:
        return "ZERO_NOT_CONFIRMED", leaf.name_en
    if leaf.kind == "share" and value <= 1:
        return "FRACTION_FOR_PERCENT", decimal(value * 100)
    return None


def out_of_range(leaf: Node, value: Fraction) -> tuple[str, str] | None:
    """Returns the reason and the rule that a value in the indicator's unit breaks, or None.

    A share lies in 0 to 100 %, a count is whole and not negative, an amount not negative, a yes or no 0 or 1; a rate is free.
    """
    if leaf.kind == "share" and not 0 <= value <= 100:
        return "VALUE_OUT_OF_RANGE", "0 to 100 %"
    if leaf.kind in ("count", "amount") and value < 0:
        return "VALUE_OUT_OF_RANGE", f">= 0 {leaf.unit}"
    if leaf.kind == "count" and value.denominator != 1:
        return "VALUE_NOT_WHOLE", f"a whole number of {leaf.unit}"
    if leaf.kind == "boolean" and value not in (0, 1):
        return "VALUE_OUT_OF_RANGE", "0 or 1"
    return None


def millionths(text: str) -> int:
    """Returns the count of millionths that a kept value states, exactly; the inverse of how it was written.

    >>> millionths("39.47"), millionths("-0.5"), millionths("9999999999990000")
    (39470000, -500000, 9999999999990000000000)
    """
    whole, _, decimals = text.partition(".")
    return int(whole + decimals.ljust(6, "0"))


def counting(manual: Mapping[str, str], derived: Mapping[str, str]) -> dict[str, str]:
    """Returns what counts of each indicator, as `in_force` does: derived before manual.

    Args:
        manual: the newest entered values by indicator.
        derived: by indicator.
    """
    return {**manual, **derived}


def in_force(values: Sequence[Value]) -> dict[str, Known]:
    """Returns what counts of each indicator: the newest derived value where there is one, else the newest manual one.

    A derived value stands on facts of the platform, so it counts; a manual one that says otherwise is shown beside it as a conflict
    and never overwritten.
    """
    newest: dict[tuple[str, str], Value] = {}
    for value in values:
        key = (value.indicator_id, value.origin)
        if key not in newest or newest[key].version < value.version:
            newest[key] = value
    found: dict[str, Known] = {}
    for indicator_id in dict.fromkeys(value.indicator_id for value in values):
        derived, manual = newest.get((indicator_id, "derived")), newest.get((indicator_id, "manual"))
        if derived is not None and manual is not None:
            differs = Fraction(derived.value) != Fraction(manual.value)
            found[indicator_id] = Known(derived, manual if differs else None)
        else:
            only = derived or manual
            assert only is not None
            found[indicator_id] = Known(only)
    return found
