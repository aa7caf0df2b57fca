"""Why a row of a batch is rejected: one table of reasons with their sentences in both languages.

A problem keeps its facts (row, field, what was found, what is allowed) and makes its sentences from them.
"""

from dataclasses import dataclass

REASONS: dict[str, tuple[str, str]] = {
    "FIELD_MISSING": ("{field} is missing, it must be {allowed}", "缺少 {field},应为 {allowed}"),
    "ID_NOT_ALLOWED": ("{field} must be {allowed}, got {found!r}", "{field} 应为 {allowed},实际为 {found!r}"),
    "SOURCE_UNKNOWN": (
        "source {found!r} is not registered in this park; {allowed}",
        "本园区没有登记排放源 {found!r};{allowed}",
    ),
    "PERIOD_NOT_AN_INSTANT": ("{field} must be {allowed}, got {found!r}", "{field} 应为 {allowed},实际为 {found!r}"),
    "PERIOD_OFFSET_MISSING": (
        "{field} has a time but no offset, write {allowed}, got {found!r}",
        "{field} 有时间但没有时区偏移,应写为 {allowed},实际为 {found!r}",
    ),
    "PERIOD_END_BEFORE_START": (
        "period_end must be later than period_start {allowed}, got {found}",
        "结束时间应晚于开始时间 {allowed},实际为 {found}",
    ),
    "PERIOD_IN_THE_FUTURE": (
        "period_end must not be later than now, {allowed}, got {found}",
        "结束时间不得晚于当前时间 {allowed},实际为 {found}",
    ),
    "PERIOD_TOO_EARLY": ("period_start must be {allowed} or later, got {found}", "开始时间不得早于 {allowed},实际为 {found}"),
    "PERIOD_CROSSES_YEARS": (
        "a record lies within one calendar year of the park's time zone: split it at {allowed}, got {found}",
        "一条记录应在园区时区的同一自然年内:请在 {allowed} 处拆分,实际为 {found}",
    ),
    "PERIOD_EDGES_IN_UTC": (
        "period {found} runs from month edge to month edge in UTC, but the park's months start at {allowed}; "
        "set confirmed to true if this is meant",
        "周期 {found} 按 UTC 月界划分,而园区的月从 {allowed} 开始;如确系如此,请将 confirmed 设为 true",
    ),
    "PERIOD_OVERLAPS": (
        "period {found} overlaps {allowed} of the same source",
        "周期 {found} 与同一排放源的 {allowed} 重叠",
    ),
    "QUANTITY_NOT_A_DECIMAL": ("quantity must be {allowed}, got {found!r}", "数量应为 {allowed},实际为 {found!r}"),
    "QUANTITY_NEGATIVE": (
        "quantity must be {allowed} unless the row corrects a record, got {found}",
        "数量应{allowed}(更正记录除外),实际为 {found}",
    ),
    "QUANTITY_HELD": (
        "quantity {found} is {allowed} of this source; set confirmed to true if it is right",
        "数量 {found} 为该排放源{allowed};如确认无误,请将 confirmed 设为 true",
    ),
    "AMOUNT_OUT_OF_RANGE": (
        "quantity {found} is more than can be: {allowed}",
        "数量 {found} 超出可能的范围:{allowed}",
    ),
    "UNIT_UNKNOWN": ("unit {found!r} is unknown, it must be one of {allowed}", "未知的单位 {found!r},应为 {allowed} 之一"),
    "UNIT_OF_ANOTHER_DIMENSION": (
        "unit {found!r} measures something else than this source, it must be one of {allowed}",
        "单位 {found!r} 与该排放源的量纲不符,应为 {allowed} 之一",
    ),
    "FACTOR_MISSING": (
        "{allowed}; got {found}",
        "因子缺失:{allowed};实际为 {found}",
    ),
    "PERIOD_CROSSES_FACTORS": (
        "a record lies within the validity of one factor: split it at {allowed}, got {found}",
        "一条记录应在同一因子的有效期内:请在 {allowed} 处拆分,实际为 {found}",
    ),
    "CONFIRMED_NOT_A_FLAG": ("confirmed must be {allowed}, got {found!r}", "confirmed 应为 {allowed},实际为 {found!r}"),
    "RECORD_ID_CONFLICT": (
        "record_id was accepted before with {allowed}, got {found}; correct it with a new record that supersedes it",
        "该 record_id 先前已按 {allowed} 接收,实际为 {found};请用新记录的 supersedes 更正",
    ),
    "RECORD_ID_TAKEN": (
        "record_id {found!r} is taken, it must be {allowed}",
        "record_id {found!r} 已被占用,应为{allowed}",
    ),
    "SUPERSEDES_UNKNOWN": (
        "supersedes must name {allowed}, got {found!r}",
        "supersedes 应为 {allowed},实际为 {found!r}",
    ),
    "ALREADY_SUPERSEDED": (
        "record {found!r} is already superseded by {allowed!r}; correct that one",
        "记录 {found!r} 已被 {allowed!r} 取代;请更正后者",
    ),
}
"""Reason → sentence in English, sentence in Chinese."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why one row is rejected.

    Attributes:
        reason: a key of REASONS.
        field: the field to look at.
        found: what it held, at most 80 characters of it.
        allowed: what it may hold, in English.
        allowed_zh: the same in Chinese.
    """

    row_number: int
    record_id: str
    reason: str
    field: str
    found: str
    allowed: str
    allowed_zh: str

    @property
    def message_en(self) -> str:
        """The sentence in English."""
        return REASONS[self.reason][0].format(field=self.field, found=_printable(self.found), allowed=self.allowed)

    @property
    def message_zh(self) -> str:
        """The sentence in Chinese."""
        return REASONS[self.reason][1].format(field=self.field, found=_printable(self.found), allowed=self.allowed_zh)


def _printable(text: str) -> str:
    """An escape would take ten characters: ten thousand rows of such text would make an answer too large to be sent."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)
