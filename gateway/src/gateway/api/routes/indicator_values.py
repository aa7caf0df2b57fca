"""The route of entered indicator values, which come as JSON, CSV or the workbook of the template."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.generated.evaluation import GivenValueBody, ValueProblem
from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import ParkId, caller_of, language
from gateway.api.reading.body_reader import BodyReader
from gateway.api.reading.media import media_of
from gateway.api.reading.uploads import read_json
from gateway.api.responses import answer
from gateway.api.schemas.model import ID_PATTERN, Answer, Id, RequestBody
from gateway.api.value_tables import read_table
from gateway.application.services import ServicePort
from gateway.domain.callers import Action
from gateway.domain.errors import FieldProblem, FieldsInvalid
from gateway.domain.messages import Language
from gateway.domain.push import activity
from gateway.domain.push.media import Format

_CSV_EXAMPLE = "indicator_id,year,value,unit,evidence,confirmed\n53,2022,71.5,%,doc-2023-017,\n"
_ENTRY: dict[str, Any] = {"indicator_id": "53", "year": "2022", "value": "71.5", "unit": "%", "evidence": "doc-2023-017"}


class EntriesBody(RequestBody):
    """Values of a park, at most 5,000 rows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"system_id": "guide-2021", "values": [_ENTRY]}]})

    system_id: Id
    values: Annotated[list[GivenValueBody], Field(min_length=1, max_length=5_000)]


class EntryProblem(ValueProblem):
    """Why a row was refused; of a workbook with its cell."""

    cell: str | None = None


class RecordedValues(Answer):
    """What became of entered rows; `blank` counts rows of a table without a value."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"accepted": 1, "unchanged": 0, "rejected": 0, "blank": 0, "problems": []}]}
    )

    accepted: int
    unchanged: int
    rejected: int
    blank: int
    problems: list[EntryProblem]


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **body_of(EntriesBody)["requestBody"]["content"],
            Format.CSV: {"schema": {"type": "string"}, "example": _CSV_EXAMPLE},
            Format.XLSX: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def router(evaluation: ServicePort, readers: BodyReader) -> APIRouter:
    """Returns the route.

    Args:
        evaluation: The service that judges the rows.
        readers: How bodies and files are received.
    """
    routes = APIRouter(prefix="/v1", tags=["evaluation"])

    @routes.post(
        "/parks/{park}/indicator-values",
        response_model=RecordedValues,
        responses=refusals(400, 403, 404, 408, 409, 413, 415, 422, 429),
        openapi_extra=_BODY,
    )
    async def record_indicator_values(
        request: Request,
        park: ParkId,
        system: Annotated[
            str | None, Query(pattern=ID_PATTERN, description="The system of a CSV or workbook; JSON names its own")
        ] = None,
    ) -> Response:
        """Records values; good rows are kept whatever the others are, and the same again changes nothing.

        Takes JSON, CSV, and the workbook that `GET …/indicator-values.xlsx` gives: rows of it without a value say nothing.
        """
        # Asked before a file is read: what the caller may not send is not worth unpacking.
        caller_of(request).must(Action.RECORD)
        media = media_of(request.headers.get("content-type"), allowed=(Format.JSON, Format.CSV, Format.XLSX))

        async def record(system_id: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
            members = {"park_id": park, "system_id": system_id, "rows": rows}
            return await evaluation.ask(caller_of(request), "RecordIndicatorValues", members, language(request))

        if media.format is Format.JSON:
            body = await read_json(readers.uploads, request, EntriesBody)
            if system not in (None, body.system_id):
                raise FieldsInvalid([FieldProblem("FIELD_INVALID", "system", str(system), body.system_id)])
            found = await record(body.system_id, _rows(body.values))
            return _recorded(found, found["problems"], 0)
        if system is None:
            raise FieldsInvalid([FieldProblem("FIELD_MISSING", "system", "", "the id of an indicator system", "指标体系编号")])
        table = await read_table(readers, request, media)
        found = await record(system, [asdict(row) for row in table.rows])
        problems = [_unread(problem, language(request)) for problem in table.rejected]
        for problem in found["problems"]:
            cell = table.cell(problem["row"], problem["field"])
            problems.append({**problem, "cell": cell} if cell else problem)
        return _recorded(found, sorted(problems, key=itemgetter("row")), table.blank)

    return routes


def _rows(values: Sequence[GivenValueBody]) -> list[dict[str, Any]]:
    """Numbers rows from 1, and tells a confirmation as the contract does, as text."""
    return [
        {**each.model_dump(), "confirmed": "true" if each.confirmed else "", "row_number": number}
        for number, each in enumerate(values, start=1)
    ]


def _recorded(found: Mapping[str, Any], problems: Sequence[Mapping[str, Any]], blank: int) -> Response:
    counts = {"accepted": found["accepted"], "unchanged": found["unchanged"], "rejected": len(problems), "blank": blank}
    return answer({**counts, "problems": problems})


def _unread(problem: activity.RowProblem, spoken: Language) -> dict[str, Any]:
    """Returns a row that the gateway could not read as the evaluation tells of those that it refuses."""
    told = {"row": problem.row, "indicator_id": "", "reason": problem.reason, "field": problem.field}
    said = problem.message_zh if spoken == "zh" else problem.message_en
    return {**told, "found": problem.found, "allowed": problem.allowed, "message": said}
