"""The judgement of activity rows: what a batch of text columns says, and which of it can be accepted.

A batch comes as columns of text. Each distinct text is judged once; what depends on several fields is checked on whole columns.
The first problem of a row is its verdict. Nothing here knows what is stored: `record` decides that.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import numpy.ma  # the first np.unique loads it, which takes too long in the middle of a push
from numpy.typing import NDArray

from accounting.domain.batches import ActivityColumns, Candidates, TextColumn
from accounting.domain.emissions import AmountOutOfRange, Ratio, milligrams
from accounting.domain.factors import BasisSpan, FactorBook, FactorMissing
from accounting.domain.months import calendar
from accounting.domain.parks import DECIMAL_RULE_ZH, Park, Source
from accounting.domain.problems import RowProblem
from accounting.domain.reference import AmountBounds, ReferenceTables
from kernel.periods import INSTANT_RULE, NotAnInstant, OffsetMissing, format_instant, parse_instant
from kernel.quantities import DECIMAL_RULE, NotADecimal, format_scaled, parse_micro
from kernel.refusals import shown
from kernel.units import UnitError, UnitUnknown

RECORD_ID_RULE = "1 to 64 of A-Z a-z 0-9 . _ : / -, first a letter or digit"
RECORD_ID_RULE_ZH = "1 至 64 个字符,限 A-Z a-z 0-9 . _ : / -,首字符为字母或数字"
INSTANT_RULE_ZH = "带时区偏移、精确到秒的 RFC 3339 时间,如 2020-01-01T00:00:00+08:00,或表示当地零点的日期"
_SHEET_DAY = re.compile(r"[2-5][0-9]{4}", re.ASCII)
"""A day as a spreadsheet counts it, from 1954 to 2064."""
_SHEET_EPOCH = date(1899, 12, 30)
OFFSET_RULE = "2020-01-01T00:00:00+08:00"

_RECORD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}", re.ASCII)
_RECORD_IDS = re.compile(rf"(?:{_RECORD_ID.pattern}\n)*+", re.ASCII)
_Parsed = TypeVar("_Parsed")


class _Judgement:
    """Collects the first problem of each row."""

    def __init__(self, columns: ActivityColumns) -> None:
        self._columns = columns
        self.ok = np.ones(columns.rows, dtype=np.bool_)
        self.problems: dict[int, RowProblem] = {}

    def refuse(self, row: int, reason: str, field: str, found: str, allowed: str, allowed_zh: str | None = None) -> None:
        if self.ok[row]:
            self.ok[row] = False
            self.problems[row] = RowProblem(
                row_number=self._columns.row_number[row],
                record_id=shown(self._columns.record_id.at(row)),
                reason=reason,
                field=field,
                found=shown(found),
                allowed=allowed,
                allowed_zh=allowed if allowed_zh is None else allowed_zh,
            )

    def refuse_where(self, rows: NDArray[np.bool_], describe: Callable[[int], tuple[str, str, str, str, str | None]]) -> None:
        """Refuses the rows of a mask that are still good; `describe` gives reason, field, found, allowed, allowed_zh."""
        for row in np.flatnonzero(rows & self.ok).tolist():
            self.refuse(row, *describe(row))

    def parse(
        self,
        column: TextColumn,
        parse: Callable[[str], _Parsed | None],
        problem: Callable[[str], tuple[str, str, str, str, str | None]],
    ) -> list[_Parsed | None]:
        """Parses each distinct text once; rows whose text parses to None are refused."""
        parsed = [parse(text) for text in column.values]
        bad = [code for code, value in enumerate(parsed) if value is None]
        if bad:
            rows_of = np.argsort(column.codes(), kind="stable")
            ends = np.cumsum(np.bincount(column.codes(), minlength=len(column.values)))
            for code in bad:
                for row in rows_of[ends[code - 1] if code else 0 : ends[code]].tolist():
                    self.refuse(row, *problem(column.values[code]))
        return parsed


def judge(
    columns: ActivityColumns, park: Park, sources: Mapping[str, Source], book: FactorBook, reference: ReferenceTables, now_s: int
) -> tuple[Candidates, dict[int, RowProblem]]:
    """Reads a batch of text columns, computes what it emits, and says which rows cannot be accepted.

    Special cases: a date without time is its midnight in the park's zone; a record lies within one calendar year of the park and
    within the validity of one factor; a negative quantity is only allowed in a correction.

    Args:
        columns: the batch.
        park: whose zone, region and factor set apply.
        sources: the registered sources that the batch names, by id.
        book: the factors.
        reference: the carriers.
        now_s: seconds since 1970; a period that ends later is in the future.

    Returns:
        The good rows, and the first problem of each other row by its place in the batch.

    Source: [P] eq. (1), (3), (4), (5); [G] eq. (1).
    """
    judgement = _Judgement(columns)
    zone = park.zone
    ok = judgement.ok

    record_ids = columns.record_id.by_row()
    matches = _RECORD_ID.fullmatch
    if not _all_match(_RECORD_IDS, record_ids):
        for row, text in enumerate(record_ids):
            if matches(text) is None:
                reason = "ID_NOT_ALLOWED" if text else "FIELD_MISSING"
                judgement.refuse(row, reason, "record_id", text, RECORD_ID_RULE, RECORD_ID_RULE_ZH)

    judgement.parse(columns.source_id, sources.get, _source_problem)
    source_codes = columns.source_id.codes()
    start_s = _instants(judgement, columns.period_start, "period_start", zone)
    end_s = _instants(judgement, columns.period_end, "period_end", zone)
    quantity_micro = _quantities(judgement, columns.quantity)
    for row in np.flatnonzero(_flags(columns.supersedes, lambda text: bool(text) and not matches(text))).tolist():
        judgement.refuse(row, "ID_NOT_ALLOWED", "supersedes", columns.supersedes.at(row), RECORD_ID_RULE, RECORD_ID_RULE_ZH)
    for row in np.flatnonzero(_flags(columns.confirmed, lambda text: text not in ("", "true", "false"))).tolist():
        judgement.refuse(row, "CONFIRMED_NOT_A_FLAG", "confirmed", columns.confirmed.at(row), "true or false", "true 或 false")
    corrects = _flags(columns.supersedes, bool)
    confirmed = _flags(columns.confirmed, lambda text: text == "true")

    judgement.refuse_where(
        (quantity_micro < 0) & ~corrects,
        lambda row: ("QUANTITY_NEGATIVE", "quantity", columns.quantity.at(row), "0 or more", "不小于 0"),
    )
    first_month, last_month = _check_periods(judgement, columns, start_s, end_s, zone, confirmed, now_s)
    basis_index, bases, units = _bases(judgement, columns, park, sources, book, reference, source_codes, start_s, end_s)

    rows = np.flatnonzero(ok)
    emissions_mg, energy_mgce, rows = _amounts(judgement, columns, quantity_micro, basis_index, bases, rows, reference.bounds)
    source_of = columns.source_id.values
    supersedes = columns.supersedes.by_row()
    chosen = rows.tolist()
    basis_ids = [span.basis.basis_id for span in bases]
    candidates = Candidates(
        index=rows,
        record_id=[record_ids[row] for row in chosen],
        source_id=[source_of[code] for code in source_codes[rows].tolist()],
        start_s=start_s[rows],
        end_s=end_s[rows],
        quantity_micro=quantity_micro[rows],
        unit=[units[code] for code in columns.unit.codes()[rows].tolist()],
        basis_id=[basis_ids[index] for index in basis_index[rows].tolist()],
        emissions_mg=emissions_mg,
        energy_mgce=energy_mgce,
        first_month=first_month[rows],
        last_month=last_month[rows],
        supersedes=[supersedes[row] for row in chosen],
        confirmed=confirmed[rows],
    )
    return candidates, judgement.problems


def _all_match(lines: re.Pattern[str], texts: Sequence[str]) -> bool:
    """Tells whether every text matches, by one look at all of them; `lines` describes texts that each end in a line feed."""
    joined = "\n".join([*texts, ""])
    return joined.count("\n") == len(texts) and lines.fullmatch(joined) is not None


def _flags(column: TextColumn, test: Callable[[str], bool]) -> NDArray[np.bool_]:
    return np.array([test(text) for text in column.values], dtype=np.bool_)[column.codes()]


def _source_problem(text: str) -> tuple[str, str, str, str, str | None]:
    if text == "":
        return "FIELD_MISSING", "source_id", "", "the id of a registered source", "已登记排放源的编号"
    return "SOURCE_UNKNOWN", "source_id", text, "register it first, or correct the id", "请先登记,或更正编号"


def _instant_rules(text: str) -> tuple[str, str]:
    """Returns what an instant must be, in both languages, and for what looks like a day of a spreadsheet, which day that is.

    A spreadsheet stores days as numbers from 1899-12-30; a cell without a date format, and a CSV of it, shows them so.
    """
    if not _SHEET_DAY.fullmatch(text):
        return INSTANT_RULE, INSTANT_RULE_ZH
    day = (_SHEET_EPOCH + timedelta(days=int(text))).isoformat()
    return f"{INSTANT_RULE}; a spreadsheet's {text} is {day}", f"{INSTANT_RULE_ZH};电子表格中的 {text} 为 {day}"


def _instants(judgement: _Judgement, column: TextColumn, field: str, zone: ZoneInfo) -> NDArray[np.int64]:
    def parse(text: str) -> int | None:
        try:
            return parse_instant(text, zone)
        except NotAnInstant:
            return None

    def problem(text: str) -> tuple[str, str, str, str, str | None]:
        if text == "":
            return "FIELD_MISSING", field, "", INSTANT_RULE, INSTANT_RULE_ZH
        try:
            parse_instant(text, zone)
        except OffsetMissing:
            return "PERIOD_OFFSET_MISSING", field, text, OFFSET_RULE, None
        except NotAnInstant:
            pass
        return "PERIOD_NOT_AN_INSTANT", field, text, *_instant_rules(text)

    parsed = judgement.parse(column, parse, problem)
    return np.array([0 if value is None else value for value in parsed], dtype=np.int64)[column.codes()]


def _quantities(judgement: _Judgement, column: TextColumn) -> NDArray[np.int64]:
    def parse(text: str) -> int | None:
        try:
            return parse_micro(text)
        except NotADecimal:
            return None

    def problem(text: str) -> tuple[str, str, str, str, str | None]:
        reason = "QUANTITY_NOT_A_DECIMAL" if text else "FIELD_MISSING"
        return reason, "quantity", text, DECIMAL_RULE, DECIMAL_RULE_ZH

    parsed = judgement.parse(column, parse, problem)
    return np.array([0 if value is None else value for value in parsed], dtype=np.int64)[column.codes()]


def _check_periods(
    judgement: _Judgement,
    columns: ActivityColumns,
    start_s: NDArray[np.int64],
    end_s: NDArray[np.int64],
    zone: ZoneInfo,
    confirmed: NDArray[np.bool_],
    now_s: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Refuses impossible periods; returns the first and last month (YYYYMM) that each touches."""
    months = calendar(zone)

    def period(row: int) -> str:
        return f"{columns.period_start.at(row)} – {columns.period_end.at(row)}"

    def local(seconds: int) -> str:
        return format_instant(seconds, zone)

    judgement.refuse_where(
        end_s <= start_s,
        lambda row: ("PERIOD_END_BEFORE_START", "period_end", columns.period_end.at(row), columns.period_start.at(row), None),
    )
    judgement.refuse_where(
        end_s > now_s, lambda row: ("PERIOD_IN_THE_FUTURE", "period_end", columns.period_end.at(row), local(now_s), None)
    )
    judgement.refuse_where(
        start_s < months.edges_s[0],
        lambda row: ("PERIOD_TOO_EARLY", "period_start", columns.period_start.at(row), local(int(months.edges_s[0])), None),
    )
    last = len(months.edges_s) - 1
    first_index = np.clip(np.searchsorted(months.edges_s, start_s, side="right") - 1, 0, last)
    last_index = np.clip(np.searchsorted(months.edges_s, end_s - 1, side="right") - 1, 0, last)
    judgement.refuse_where(
        first_index // 12 != last_index // 12,
        lambda row: (
            "PERIOD_CROSSES_YEARS",
            "period_end",
            period(row),
            local(int(months.edges_s[min((first_index[row] // 12 + 1) * 12, last)])),
            None,
        ),
    )
    at_utc_edges = _among(start_s, months.utc_edges_s) & _among(end_s, months.utc_edges_s)
    at_local_edges = start_s == months.edges_s[first_index]
    judgement.refuse_where(
        at_utc_edges & ~at_local_edges & ~confirmed,
        lambda row: (
            "PERIOD_EDGES_IN_UTC",
            "period_start",
            period(row),
            local(int(months.edges_s[np.searchsorted(months.utc_edges_s, start_s[row])])),
            None,
        ),
    )
    return months.numbers[first_index], months.numbers[last_index]


def _among(values: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tells which values are among ascending ones, without sorting the values as `np.isin` does."""
    place = np.searchsorted(ascending, values)
    found: NDArray[np.bool_] = ascending[np.minimum(place, len(ascending) - 1)] == values
    return found


def _bases(
    judgement: _Judgement,
    columns: ActivityColumns,
    park: Park,
    sources: Mapping[str, Source],
    book: FactorBook,
    reference: ReferenceTables,
    source_codes: NDArray[np.intp],
    start_s: NDArray[np.int64],
    end_s: NDArray[np.int64],
) -> tuple[NDArray[np.intp], list[BasisSpan], list[str]]:
    """Finds each row's basis; returns its index, the bases, and the code of each distinct unit."""
    ok = judgement.ok
    zone = park.zone
    profiles: dict[tuple[str, str], int] = {}
    profile_of_code = np.array(
        [
            profiles.setdefault((source.carrier, source.gas), len(profiles)) if (source := sources.get(text)) else -1
            for text in columns.source_id.values
        ],
        dtype=np.intp,
    )
    unit_codes = columns.unit.codes()
    kinds = max(len(columns.unit.values), 1)
    combination = profile_of_code[source_codes] * kinds + unit_codes
    basis_index = np.full(columns.rows, -1, dtype=np.intp)
    bases: list[BasisSpan] = []
    canonical = list(columns.unit.values)
    profile_list = list(profiles)
    for code in np.unique(combination[ok]).tolist():
        rows = np.flatnonzero((combination == code) & ok)
        carrier_code, gas = profile_list[code // kinds]
        spelling = columns.unit.values[code % kinds]
        try:
            spans = book.spans(park.factor_set_id, reference.carriers[carrier_code], gas, park.region_code, spelling, zone)
        except FactorMissing as missing:
            for row in rows.tolist():
                found = columns.source_id.at(row)
                judgement.refuse(row, "FACTOR_MISSING", "source_id", found, str(missing), missing.sentence_zh)
            continue
        except UnitError as error:
            reason = "UNIT_UNKNOWN" if isinstance(error, UnitUnknown) else "UNIT_OF_ANOTHER_DIMENSION"
            for row in rows.tolist():
                judgement.refuse(row, reason if spelling else "FIELD_MISSING", "unit", spelling, ", ".join(error.allowed))
            continue
        canonical[code % kinds] = spans[0].basis.unit
        starts = np.array([span.start_s for span in spans], dtype=np.int64)
        ends = np.array([span.end_s for span in spans], dtype=np.int64)
        place = np.searchsorted(starts, start_s[rows], side="right") - 1
        outside = (place < 0) | (start_s[rows] >= ends[place])
        crossing = ~outside & (end_s[rows] > ends[place])
        covered = ", ".join(_span_text(span, zone) for span in spans)
        for row in rows[outside].tolist():
            allowed = f"factor set {park.factor_set_id} covers {carrier_code} only in {covered}"
            allowed_zh = f"因子集 {park.factor_set_id} 对 {carrier_code} 仅覆盖 {covered}"
            judgement.refuse(row, "FACTOR_MISSING", "period_start", columns.period_start.at(row), allowed, allowed_zh)
        for row, index in zip(rows[crossing].tolist(), place[crossing].tolist(), strict=True):
            found = f"{columns.period_start.at(row)} – {columns.period_end.at(row)}"
            judgement.refuse(row, "PERIOD_CROSSES_FACTORS", "period_end", found, format_instant(int(ends[index]), zone))
        good = ~outside & ~crossing
        basis_index[rows[good]] = place[good] + len(bases)
        bases.extend(spans)
    return basis_index, bases, canonical


def _span_text(span: BasisSpan, zone: ZoneInfo) -> str:
    start = format_instant(span.start_s, zone)[:10]
    return f"[{start}, {format_instant(span.end_s, zone)[:10]})" if span.end_s < 2**40 else f"[{start}, …)"


def largest_record(bounds: AmountBounds) -> tuple[str, str]:
    """Returns what one record may hold, in both languages."""
    emissions, energy = f"{format_scaled(bounds.emissions_mg, 9)} t CO2e", f"{format_scaled(bounds.energy_mgce, 9)} tce"
    return (
        f"less than {emissions} and {energy} in a record; correct the quantity or its unit",
        f"单条记录应少于 {emissions} 和 {energy};请更正数量或单位",
    )


def _amounts(
    judgement: _Judgement,
    columns: ActivityColumns,
    quantity_micro: NDArray[np.int64],
    basis_index: NDArray[np.intp],
    bases: list[BasisSpan],
    rows: NDArray[np.intp],
    bounds: AmountBounds,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.intp]]:
    """Computes emissions and energy of the good rows; drops those that are too large for a record."""

    def amounts(ratios: list[Ratio]) -> NDArray[np.int64]:
        return milligrams(quantity_micro[rows], basis_index[rows], ratios)

    while True:
        try:
            emissions_mg = amounts([span.basis.emissions for span in bases])
            energy_mgce = amounts([span.basis.energy for span in bases])
            too_large = (np.abs(emissions_mg) >= bounds.emissions_mg) | (np.abs(energy_mgce) >= bounds.energy_mgce)
        except AmountOutOfRange as error:
            too_large = np.zeros(len(rows), dtype=np.bool_)
            too_large[error.rows] = True
        if not too_large.any():
            return emissions_mg, energy_mgce, rows
        for row in rows[too_large].tolist():
            judgement.refuse(row, "AMOUNT_OUT_OF_RANGE", "quantity", columns.quantity.at(row), *largest_record(bounds))
        rows = rows[~too_large]
