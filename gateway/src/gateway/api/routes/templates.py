"""The workbook that people fill in: one sheet for the rows, one that says what belongs into each column."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import Annotated, Any

import xlsxwriter
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.openapi import refusals
from gateway.api.parameters import caller_of, language
from gateway.domain.callers import Action
from gateway.domain.messages import Language
from gateway.domain.push.activity import FIELDS, HEADINGS, REQUIRED_FIELDS
from gateway.domain.push.media import Format

_SHEETS: Mapping[Language, tuple[str, str]] = {"en": ("records", "how to fill in"), "zh": ("活动数据", "填写说明")}
_TITLES: Mapping[Language, Sequence[str]] = {
    "en": ("column", "required", "what belongs there", "example"),
    "zh": ("列", "是否必填", "填写要求", "示例"),
}
_YES_NO: Mapping[Language, tuple[str, str]] = {"en": ("yes", "no"), "zh": ("是", "否")}
_RULES: Mapping[str, tuple[str, str, str]] = {
    "record_id": (
        "an id of your choice; a record counts once under its id, however often it is sent",
        "自定编号;同一编号无论上传多少次只计一次",
        "power-2022-01",
    ),
    "source_id": ("an emission source that is registered in the park", "已在园区登记的排放源编号", "electricity-bill"),
    "period_start": (
        "a date, or a date and time with its offset as text, such as 2022-01-01T00:15:00+08:00; inclusive",
        "日期;带时刻时请以文本填写并注明时区,如 2022-01-01T00:15:00+08:00;含起点",
        "2022-01-01",
    ),
    "period_end": ("the same; exclusive", "同上;不含终点", "2022-02-01"),
    "quantity": (
        "a plain decimal, at most 12 digits before and 6 after the point; as text where it has more than 15 digits",
        "十进制数,整数部分至多 12 位,小数至多 6 位;超过 15 位有效数字时请以文本填写",
        "1275.4",
    ),
    "unit": ("such as kWh, MWh, 10k kWh, t, Nm3, GJ", "如 kWh、MWh、万kWh、t、Nm3、GJ", "MWh"),
    "supersedes": ("only in a correction: the id of the record that this row corrects", "仅用于更正:被更正记录的编号", ""),
    "confirmed": ("true where an unusual value is right", "数值异常但确认无误时填 是", ""),
}
_MADE = datetime(2026, 1, 1)  # noqa: DTZ001 - a workbook's times have no zone; a fixed one keeps the file the same at every request


def router() -> APIRouter:
    """Returns the route of the template."""
    routes = APIRouter(prefix="/v1/templates", tags=["activity"])

    @routes.get(
        "/activity-records.xlsx",
        response_class=Response,
        responses={
            200: {"content": {Format.XLSX: {"schema": {"type": "string", "format": "binary"}}}, "description": "The workbook"},
            **refusals(403, 422),
        },
    )
    async def get_template(
        request: Request,
        lang: Annotated[Language | None, Query(description="Language of the headings; Accept-Language when left out")] = None,
    ) -> Response:
        """Returns the workbook for activity data, with Chinese or English headings; filled in, it is pushed as it is."""
        caller_of(request).must(Action.PUBLISHED)
        spoken = lang or language(request)
        headers = {
            "Content-Disposition": f'attachment; filename="activity-records.{spoken}.xlsx"',
            "Content-Language": spoken,
            "Vary": "Accept-Language",
        }
        return Response(template(spoken), headers=headers, media_type=Format.XLSX)

    return routes


def headings(spoken: Language) -> list[str]:
    """Returns the heading of each field in a language."""
    if spoken == "en":
        return list(FIELDS)
    return [next(heading for heading, named in HEADINGS.items() if named == field and heading != field) for field in FIELDS]


@cache
def template(spoken: Language) -> bytes:
    """Returns the workbook, the same bytes at every call."""
    written = BytesIO()
    book: Any = xlsxwriter.Workbook(written, {"in_memory": True})
    book.set_properties({"created": _MADE, "title": "ParkCarbon"})
    bold, text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
    rows_name, rules_name = _SHEETS[spoken]
    rows = book.add_worksheet(rows_name)
    rows.write_row(0, 0, headings(spoken), bold)
    rows.freeze_panes(1, 0)
    for column, field in enumerate(FIELDS):
        # Ids and decimals as text: a sheet's numbers lose leading zeros, and digits beyond the fifteenth.
        rows.set_column(column, column, 22, None if field.startswith("period") else text)
    rules = book.add_worksheet(rules_name)
    rules.write_row(0, 0, _TITLES[spoken], bold)
    rules.set_column(0, 1, 16)
    rules.set_column(2, 2, 90)
    rules.set_column(3, 3, 24, text)
    yes, no = _YES_NO[spoken]
    for row, (field, heading) in enumerate(zip(FIELDS, headings(spoken), strict=True), start=1):
        english, chinese, example = _RULES[field]
        rules.write_row(row, 0, [heading, yes if field in REQUIRED_FIELDS else no, chinese if spoken == "zh" else english, example])
    book.close()
    return written.getvalue()
