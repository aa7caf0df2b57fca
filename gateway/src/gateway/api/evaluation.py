"""Routes of the evaluation: indicator systems, values, evaluations, ranking, and what is calculated without being kept."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gateway.api import evaluation_models as shapes
from gateway.api.openapi import body_of, refusals
from gateway.api.parameters import PageSize, PageToken, ParkId, caller_of, language
from gateway.api.reading.body_reader import BodyReader
from gateway.api.reading.media import media_of
from gateway.api.reading.uploads import Uploads, read_json
from gateway.api.regions import RegionCode
from gateway.api.responses import answer
from gateway.api.schemas.model import ID_PATTERN
from gateway.api.value_tables import read_table
from gateway.application import evaluation as questions
from gateway.application.evaluation import ACTIONS, EvaluationPort
from gateway.domain.errors import FieldProblem, FieldsInvalid
from gateway.domain.messages import Language
from gateway.domain.push.activity import RowProblem
from gateway.domain.push.media import Format

_READ = refusals(403, 404, 422)
_SENT = refusals(400, 403, 404, 408, 409, 413, 415, 422, 429)
_NULL_WHERE_EMPTY = frozenset({"value", "score", "score_before"})
"""Members that a reader has to see as null; other empty ones are left out."""

_KEPT_EMPTY = frozenset({"next_page_token"})
_ZERO_IS_NONE = frozenset({"rank", "rank_low", "rank_high"})

SystemId = Annotated[str, Path(alias="system", pattern=ID_PATTERN, description="The system's id", examples=["guide-2021"])]
EvaluationId = Annotated[str, Path(alias="evaluation", pattern=ID_PATTERN, description="The evaluation's id")]
SystemQuery = Annotated[str, Query(pattern=ID_PATTERN, description="The system's id", examples=["guide-2021"])]
YearQuery = Annotated[int, Query(ge=1990, le=2200, examples=[2022])]
Spoken = Annotated[Literal["zh", "en"] | None, Query(description="Language of the file; Accept-Language when left out")]


def _file_of(media: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media: {"schema": {"type": "string", "format": "binary"}}}, "description": "The file"}}


_PDF = "application/pdf"
_XLSX = Format.XLSX
_CSV_EXAMPLE = "indicator_id,year,value,unit,evidence,confirmed\n53,2022,71.5,%,doc-2023-017,\n"
_VALUES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **body_of(shapes.EntriesBody)["requestBody"]["content"],
            Format.CSV: {"schema": {"type": "string"}, "example": _CSV_EXAMPLE},
            _XLSX: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class _Questions:
    """Asks for a request, and shows the answer in its language."""

    def __init__(self, evaluation: EvaluationPort) -> None:
        self._evaluation = evaluation

    async def ask(self, request: Request, question: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the answer as this API shows it."""
        given = await questions.ask(self._evaluation, caller_of(request), question, members)
        found: dict[str, Any] = shown(given, language(request))
        return found

    async def send_file(self, request: Request, question: str, members: Mapping[str, Any], name: str) -> Response:
        """Returns the file that a question is answered with."""
        content, media = await questions.file(self._evaluation, caller_of(request), question, members)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Language": members["language"],
            "Vary": "Accept-Language",
        }
        return Response(content, headers=headers, media_type=media)


def router(evaluation: EvaluationPort, readers: BodyReader) -> APIRouter:
    """Returns the routes of the evaluation.

    Args:
        evaluation: The service.
        readers: How bodies and files are received.
    """
    uploads = readers.uploads
    routes = APIRouter(prefix="/v1", tags=["evaluation"])
    asking = _Questions(evaluation)
    _add_catalogue(routes, asking, uploads)
    _add_values(routes, asking, readers)
    _add_evaluations(routes, asking, uploads)
    _add_calculations(routes, asking, uploads)
    return routes


def _add_catalogue(routes: APIRouter, asking: _Questions, uploads: Uploads) -> None:
    """Adds the routes of systems, thresholds and weights."""

    @routes.get("/indicator-systems", response_model=shapes.SystemsAnswer, responses=refusals(403, 422))
    async def list_systems(request: Request) -> Response:
        """Returns the indicator systems that the caller can use: the shipped ones and the tenant's own."""
        found = await asking.ask(request, "ListIndicatorSystems", {})
        return answer({"systems": found.get("systems", [])})

    @routes.get("/indicator-systems/{system}", response_model=shapes.SystemAnswer, responses=_READ)
    async def read_system(request: Request, system: SystemId) -> Response:
        """Returns a system with its tree and the platform's thresholds."""
        found = await asking.ask(request, "GetIndicatorSystem", {"system_id": system})
        return answer({**found["system"], "thresholds": found.get("thresholds", [])})

    @routes.post(
        "/indicator-systems",
        status_code=201,
        response_model=shapes.SystemAnswer,
        responses={200: {"model": shapes.SystemAnswer, "description": "The same system existed"}, **_SENT},
        openapi_extra=body_of(shapes.SystemBody),
    )
    async def create_system(request: Request) -> Response:
        """Stores a system of the tenant's own; it needs no code. Weights sum to 1 at every node."""
        body = await read_json(uploads, request, shapes.SystemBody)
        found = await asking.ask(request, "CreateIndicatorSystem", {"system": _sent(body)})
        return _made(found, "system", f"/v1/indicator-systems/{body.system_id}")

    @routes.post(
        "/indicator-systems/{system}/threshold-sets",
        status_code=201,
        response_model=shapes.ThresholdSetAnswer,
        responses={200: {"model": shapes.ThresholdSetAnswer, "description": "The same set existed"}, **_SENT},
        openapi_extra=body_of(shapes.ThresholdSetBody),
    )
    async def create_threshold_set(request: Request, system: SystemId) -> Response:
        """Stores a version of thresholds; it never changes."""
        body = _sent(await read_json(uploads, request, shapes.ThresholdSetBody))
        peers, year = body.pop("peer_park_ids"), body.pop("peer_year", 0)
        members = {"threshold_set": {**body, "system_id": system}, "peer_park_ids": peers, "peer_year": year}
        found = await asking.ask(request, "CreateThresholdSet", members)
        return _made(found, "threshold_set", f"/v1/indicator-systems/{system}")

    @routes.post(
        "/indicator-systems/{system}/weight-sets",
        status_code=201,
        response_model=shapes.WeightSetAnswer,
        responses={200: {"model": shapes.WeightSetAnswer, "description": "The same set existed"}, **_SENT},
        openapi_extra=body_of(shapes.WeightSetBody),
    )
    async def create_weight_set(request: Request, system: SystemId) -> Response:
        """Stores a version of weights; it never changes."""
        body = _sent(await read_json(uploads, request, shapes.WeightSetBody))
        found = await asking.ask(request, "CreateWeightSet", {"weight_set": {**body, "system_id": system}})
        return _made(found, "weight_set", f"/v1/indicator-systems/{system}")


def _add_values(routes: APIRouter, asking: _Questions, readers: BodyReader) -> None:
    """Adds the routes of values."""

    @routes.get("/parks/{park}/indicator-values", response_model=shapes.ValuesAnswer, responses=_READ)
    async def list_values(request: Request, park: ParkId, system: SystemQuery, year: YearQuery) -> Response:
        """Returns every indicator of a system for a year: its value with origin and evidence, or why it is missing."""
        found = await asking.ask(request, "ListIndicatorValues", {"park_id": park, "system_id": system, "year": year})
        return answer({"park_id": park, "system_id": system, "year": year, "values": found.get("values", [])})

    @routes.post(
        "/parks/{park}/indicator-values",
        response_model=shapes.RecordedValuesAnswer,
        responses=_SENT,
        openapi_extra=_VALUES_BODY,
    )
    async def record_values(
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
        caller_of(request).must(ACTIONS["RecordIndicatorValues"])
        media = media_of(request.headers.get("content-type"), allowed=(Format.JSON, Format.CSV, Format.XLSX))
        if media.format is Format.JSON:
            body = await read_json(readers.uploads, request, shapes.EntriesBody)
            if system not in (None, body.system_id):
                raise FieldsInvalid([FieldProblem("FIELD_INVALID", "system", str(system), body.system_id)])
            members = {"park_id": park, "system_id": body.system_id, "rows": _rows(body.values)}
            found = await asking.ask(request, "RecordIndicatorValues", members)
            return _recorded(found, found.get("problems", []), 0)
        if system is None:
            raise FieldsInvalid([FieldProblem("FIELD_MISSING", "system", "", "the id of an indicator system", "指标体系编号")])
        table = await read_table(readers, request, media)
        members = {"park_id": park, "system_id": system, "rows": [asdict(row) for row in table.rows]}
        found = await asking.ask(request, "RecordIndicatorValues", members)
        problems = [_unread(problem, language(request)) for problem in table.rejected]
        for problem in found.get("problems", []):
            cell = table.cell(problem["row"], problem["field"])
            problems.append({**problem, "cell": cell} if cell else problem)
        return _recorded(found, sorted(problems, key=itemgetter("row")), table.blank)

    @routes.get("/parks/{park}/indicator-values.xlsx", response_class=Response, responses={**_file_of(_XLSX), **_READ})
    async def read_workbook(request: Request, park: ParkId, system: SystemQuery, year: YearQuery, lang: Spoken = None) -> Response:
        """Returns a workbook with a row for each indicator, what was entered filled in."""
        members = {"park_id": park, "system_id": system, "year": year, "language": lang or language(request)}
        return await asking.send_file(request, "RenderTemplate", members, f"indicator-values.{year}.xlsx")


def _add_evaluations(routes: APIRouter, asking: _Questions, uploads: Uploads) -> None:
    """Adds the routes of evaluations and rankings."""

    @routes.post(
        "/parks/{park}/evaluations",
        status_code=201,
        response_model=shapes.EvaluationAnswer,
        responses=_SENT,
        openapi_extra=body_of(shapes.EvaluateBody),
    )
    async def evaluate(request: Request, park: ParkId) -> Response:
        """Evaluates a park and keeps the result with all of its inputs. Each request is an evaluation of its own."""
        body = await read_json(uploads, request, shapes.EvaluateBody)
        found = (await asking.ask(request, "EvaluatePark", {"park_id": park, **_sent(body)}))["evaluation"]
        return answer(found, 201, {"Location": f"/v1/parks/{park}/evaluations/{found['evaluation_id']}"})

    @routes.get("/parks/{park}/evaluations", response_model=shapes.EvaluationsAnswer, responses=_READ)
    async def list_evaluations(request: Request, park: ParkId, page_size: PageSize = 100, page_token: PageToken = "") -> Response:
        """Returns the evaluations of a park, newest first, without their trees."""
        members = {"park_id": park, "page_size": page_size, "page_token": page_token}
        found = await asking.ask(request, "ListEvaluations", members)
        return answer({"evaluations": found.get("evaluations", []), "next_page_token": found.get("next_page_token", "")})

    @routes.get("/parks/{park}/evaluations/{evaluation}", response_model=shapes.EvaluationAnswer, responses=_READ)
    async def read_evaluation(request: Request, park: ParkId, evaluation_id: EvaluationId) -> Response:
        """Returns an evaluation, computed again from the inputs that it was stored with."""
        found = await asking.ask(request, "GetEvaluation", {"park_id": park, "evaluation_id": evaluation_id})
        return answer(found["evaluation"])

    @routes.get("/parks/{park}/evaluations/{evaluation}/report.pdf", response_class=Response, responses={**_file_of(_PDF), **_READ})
    async def read_report(request: Request, park: ParkId, evaluation_id: EvaluationId, lang: Spoken = None) -> Response:
        """Returns the report of an evaluation with radar and tree, in Chinese or English."""
        members = {"park_id": park, "evaluation_id": evaluation_id, "language": lang or language(request)}
        return await asking.send_file(request, "RenderReport", members, f"evaluation.{evaluation_id}.pdf")

    @routes.get("/parks/{park}/evaluations/{evaluation}/comparison", response_model=shapes.ComparisonAnswer, responses=_READ)
    async def compare(
        request: Request,
        park: ParkId,
        evaluation_id: EvaluationId,
        before: Annotated[str, Query(pattern=ID_PATTERN, description="The evaluation to compare with")],
    ) -> Response:
        """Returns why an evaluation differs from another: by values, weights, thresholds and coverage, exactly."""
        members = {"park_id": park, "before_id": before, "after_id": evaluation_id}
        found = await asking.ask(request, "CompareEvaluations", members)
        return answer({"indicators": [], "only_before": [], "only_after": [], **found})

    @routes.post(
        "/parks/{park}/evaluations/{evaluation}:plan",
        response_model=shapes.PlanAnswer,
        responses=_SENT,
        openapi_extra=body_of(shapes.PlanBody),
    )
    async def plan(request: Request, park: ParkId, evaluation_id: EvaluationId) -> Response:
        """Returns the cheapest combination of steps that brings an evaluation to a target."""
        body = _sent(await read_json(uploads, request, shapes.PlanBody))
        found = await asking.ask(request, "PlanImprovements", {"park_id": park, "evaluation_id": evaluation_id, **body})
        return answer({"steps": [], **found})

    @routes.get("/regions/{code}/rankings", response_model=shapes.RankingAnswer, responses=_READ)
    async def rank(
        request: Request,
        code: RegionCode,
        system: SystemQuery,
        year: YearQuery,
        weight_set: Annotated[str, Query(max_length=64, description="annex, equal, or a weight set's id")] = "",
        threshold_sets: Annotated[str, Query(max_length=1400, description="Ids of threshold sets, with commas")] = "",
        draws: Annotated[int, Query(ge=1, le=10_000, description="Draws of weights")] = 1_000,
        seed: Annotated[int, Query(ge=0, le=2**32 - 1, description="The same seed gives the same intervals")] = 0,
        spread: Annotated[str, Query(pattern=r"^(0(\.[0-9]{1,6})?|1)$", description="Of each weight, 0 to 1")] = "0.2",
        page_size: PageSize = 100,
        page_token: PageToken = "",
    ) -> Response:
        """Ranks the caller's parks of a region, with the interval of each rank over drawn weights; a page of them."""
        members = {
            "region_code": code,
            "system_id": system,
            "year": year,
            "weight_set_id": weight_set,
            "threshold_set_ids": [each.strip() for each in threshold_sets.split(",") if each.strip()],
            "draws": draws,
            "seed": seed,
            "spread": spread,
            "page_size": page_size,
            "page_token": page_token,
        }
        found = await asking.ask(request, "RankParks", members)
        return answer({"region_code": code, "system_id": system, "year": year, "parks": [], "flips": [], **found})


def _add_calculations(routes: APIRouter, asking: _Questions, uploads: Uploads) -> None:
    """Adds the routes of what nothing is kept of."""

    @routes.post(
        "/evaluations:calculate",
        response_model=shapes.EvaluationAnswer,
        responses=_SENT,
        openapi_extra=body_of(shapes.CalculateBody),
    )
    async def calculate(request: Request) -> Response:
        """Evaluates what the request brings and keeps nothing; rows that break a rule are told and left out."""
        body = await read_json(uploads, request, shapes.CalculateBody)
        given = _sent(body)
        given["emissions_t_co2e"] = given.pop("scopes_1_and_2_t_co2e", "")
        found = await asking.ask(request, "Calculate", {**given, "values": _rows(body.values)})
        return answer({**found["evaluation"], "problems": found.get("problems", [])})

    @routes.post(
        "/weights:compare-judgements",
        response_model=shapes.JudgementsAnswer,
        responses=_SENT,
        openapi_extra=body_of(shapes.JudgementsBody),
    )
    async def compare_judgements(request: Request) -> Response:
        """Returns the weights that pairwise judgements say, and how consistent they are (AHP)."""
        body = _sent(await read_json(uploads, request, shapes.JudgementsBody))
        body["group_weights"] = [{"group": group, "weight": weight} for group, weight in body["group_weights"].items()]
        body["experts"] = [{**each, "rows": [{"cells": row} for row in each["rows"]]} for each in body["experts"]]
        return answer({"experts": [], **await asking.ask(request, "CompareJudgements", body)})

    @routes.post(
        "/weights:summarise-rounds",
        response_model=shapes.RoundsAnswer,
        responses=_SENT,
        openapi_extra=body_of(shapes.RoundsBody),
    )
    async def summarise_rounds(request: Request) -> Response:
        """Returns the summary of each round of expert estimates, and whether they have converged (Delphi)."""
        body = _sent(await read_json(uploads, request, shapes.RoundsBody))
        body["rounds"] = [{"experts": [{"points": points} for points in each]} for each in body["rounds"]]
        return answer({"rounds": [], **await asking.ask(request, "SummariseRounds", body)})


def _sent(body: BaseModel) -> dict[str, Any]:
    return body.model_dump(exclude_none=True)


def _rows(values: Sequence[shapes.EntryBody]) -> list[dict[str, Any]]:
    """Numbers rows from 1, and tells a confirmation as the contract does, as text."""
    return [
        {**_sent(each), "confirmed": "true" if each.confirmed else "", "row_number": number}
        for number, each in enumerate(values, start=1)
    ]


def _recorded(found: Mapping[str, Any], problems: Sequence[Mapping[str, Any]], blank: int) -> Response:
    counts = {"accepted": found["accepted"], "unchanged": found["unchanged"], "rejected": len(problems), "blank": blank}
    return answer({**counts, "problems": problems})


def _unread(problem: RowProblem, spoken: Language) -> dict[str, Any]:
    """Returns a row that the gateway could not read as the evaluation tells of those that it refuses."""
    told = {"row": problem.row, "indicator_id": "", "reason": problem.reason, "field": problem.field}
    said = problem.message_zh if spoken == "zh" else problem.message_en
    return {**told, "found": problem.found, "allowed": problem.allowed, "message": said}


def _made(found: Mapping[str, Any], name: str, location: str) -> Response:
    """Returns 201 with the address of what is new, or 200 for what existed before."""
    if found.get("created"):
        return answer(found[name], 201, {"Location": location})
    return answer(found[name])


def shown(value: Any, spoken: Language) -> Any:
    """Returns an answer of the service as this API shows it.

    Empty text is left out, or null where a reader has to see that a figure is missing; so is a rank of 0. The sentence of a problem
    and of what is missing is in the asked language only.
    """
    if isinstance(value, list):
        return [shown(each, spoken) for each in value]
    if not isinstance(value, dict):
        return value
    if "message_en" in value:
        value = {**value, "row": value["row_number"], "message": value[f"message_{spoken}"]}
        for told in ("row_number", "message_en", "message_zh"):
            del value[told]
    if "missing_zh" in value:
        value = {**value, "missing": value["missing_zh" if spoken == "zh" else "missing"]}
        del value["missing_zh"]
    found: dict[str, Any] = {}
    for key, member in value.items():
        if member == "" and key not in _KEPT_EMPTY:
            if key in _NULL_WHERE_EMPTY:
                found[key] = None
        elif key in _ZERO_IS_NONE and member == 0:
            if key == "rank":
                found[key] = None
        else:
            found[key] = shown(member, spoken)
    return found
