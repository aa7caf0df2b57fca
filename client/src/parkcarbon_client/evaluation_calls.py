"""The routes of the evaluation as values; see `calls`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import httpx

from parkcarbon_client.answers import Page, Registered
from parkcarbon_client.calls import (
    JSON,
    Call,
    body_of,
    file,
    given,
    in_park,
    listing,
    object_of,
    path_of,
    reading,
    registration,
)
from parkcarbon_client.decoding import decode
from parkcarbon_client.entries import (
    NewIndicatorSystem,
    NewJudgements,
    NewRounds,
    NewStep,
    NewThresholdSet,
    NewValue,
    NewWeightSet,
    OwnData,
    to_json,
    value_row,
)
from parkcarbon_client.errors import AnswerNotUnderstood, FileNotReadable
from parkcarbon_client.evaluation_answers import (
    Comparison,
    Evaluation,
    IndicatorSystem,
    IndicatorValue,
    Judgements,
    Plan,
    Ranking,
    RecordedValues,
    Round,
    ThresholdSet,
    WeightSet,
)

T = TypeVar("T")
_TABLES = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def indicator_systems() -> Call[tuple[IndicatorSystem, ...]]:
    """Reads the systems that the caller can use."""
    return Call("GET", "/v1/indicator-systems", lambda response: _all(response, "systems", IndicatorSystem))


def indicator_system(system_id: str) -> Call[IndicatorSystem]:
    """Reads a system with its tree and the platform's thresholds."""
    return Call("GET", path_of("v1", "indicator-systems", system_id), reading(IndicatorSystem))


def create_indicator_system(system: NewIndicatorSystem) -> Call[Registered[IndicatorSystem]]:
    """Stores a system of the tenant's own."""
    return registration("/v1/indicator-systems", system, IndicatorSystem)


def create_threshold_set(system_id: str, thresholds: NewThresholdSet) -> Call[Registered[ThresholdSet]]:
    """Stores a version of thresholds."""
    return registration(path_of("v1", "indicator-systems", system_id, "threshold-sets"), thresholds, ThresholdSet)


def create_weight_set(system_id: str, weights: NewWeightSet) -> Call[Registered[WeightSet]]:
    """Stores a version of weights."""
    return registration(path_of("v1", "indicator-systems", system_id, "weight-sets"), weights, WeightSet)


def indicator_values(park_id: str, system_id: str, year: int) -> Call[tuple[IndicatorValue, ...]]:
    """Reads every indicator of a system for a year."""
    return Call(
        "GET",
        in_park(park_id, "indicator-values"),
        lambda response: _all(response, "values", IndicatorValue),
        params=given({"system": system_id, "year": year}),
    )


def record_indicator_values(park_id: str, system_id: str, values: Sequence[NewValue]) -> Call[RecordedValues]:
    """Sends values."""
    body = {"system_id": system_id, "values": [value_row(value) for value in values]}
    return _posted(in_park(park_id, "indicator-values"), body, RecordedValues)


def push_indicator_values(park_id: str, system_id: str, path: Path) -> Call[RecordedValues]:
    """Sends a table of values as it is.

    Raises:
        FileNotReadable: It is named neither *.csv nor *.xlsx.
    """
    media_type = _TABLES.get(path.suffix.lower())
    if media_type is None:
        raise FileNotReadable(str(path), f"a file named *{path.suffix}", ", ".join(f"*{name}" for name in _TABLES))
    return Call(
        "POST",
        in_park(park_id, "indicator-values"),
        reading(RecordedValues),
        params={"system": system_id},
        content=path.read_bytes(),
        media_type=media_type,
    )


def indicator_workbook(park_id: str, system_id: str, year: int, language: str) -> Call[bytes]:
    """Reads the workbook of a system's values."""
    params = given({"system": system_id, "year": year, "lang": language})
    return Call("GET", in_park(park_id, "indicator-values.xlsx"), file, params=params)


def evaluate(  # one argument for each member of the request
    park_id: str, system_id: str, year: int, weight_set_id: str, threshold_set_ids: Sequence[str], industry: str, key: str
) -> Call[Evaluation]:
    """Evaluates a park. The key makes a repetition the same evaluation."""
    asked = {
        "system_id": system_id,
        "year": year,
        "weight_set_id": weight_set_id,
        "threshold_set_ids": list(threshold_set_ids),
        "industry": industry,
    }
    return Call(
        "POST",
        in_park(park_id, "evaluations"),
        reading(Evaluation),
        content=json.dumps(asked).encode(),
        media_type=JSON,
        headers={"Idempotency-Key": key},
    )


def evaluation(park_id: str, evaluation_id: str) -> Call[Evaluation]:
    """Reads an evaluation with its tree."""
    return Call("GET", in_park(park_id, "evaluations", evaluation_id), reading(Evaluation))


def list_evaluations(park_id: str, page_token: str) -> Call[Page[Evaluation]]:
    """Reads a page of evaluations, newest first."""
    return listing(in_park(park_id, "evaluations"), "evaluations", Evaluation, page_token)


def comparison(park_id: str, evaluation_id: str, before_id: str) -> Call[Comparison]:
    """Reads why an evaluation differs from another."""
    path = in_park(park_id, "evaluations", evaluation_id, "comparison")
    return Call("GET", path, reading(Comparison), params={"before": before_id})


def plan(park_id: str, evaluation_id: str, target: Decimal, steps: Sequence[NewStep]) -> Call[Plan]:
    """Asks for the cheapest steps to a target."""
    body = {"target": format(target, "f"), "steps": [to_json(step) for step in steps]}
    return _posted(in_park(park_id, "evaluations", evaluation_id) + ":plan", body, Plan)


def report(park_id: str, evaluation_id: str, language: str) -> Call[bytes]:
    """Reads the report of an evaluation, a PDF."""
    path = in_park(park_id, "evaluations", evaluation_id, "report.pdf")
    return Call("GET", path, file, params=given({"lang": language}))


def ranking(  # one argument for each parameter
    region_code: str,
    system_id: str,
    year: int,
    weight_set_id: str,
    threshold_set_ids: Sequence[str],
    draws: int,
    seed: int,
    spread: Decimal,
    page_token: str,
) -> Call[Ranking]:
    """Ranks the parks of a region; a page of a thousand of them."""
    params: dict[str, str | int | None] = {
        "system": system_id,
        "year": year,
        "weight_set": weight_set_id,
        "threshold_sets": ",".join(threshold_set_ids),
        "draws": draws,
        "seed": seed,
        "spread": format(spread, "f"),
        "page_size": 1000,
        "page_token": page_token,
    }
    return Call("GET", path_of("v1", "regions", region_code, "rankings"), reading(Ranking), params=given(params))


def calculate(data: OwnData) -> Call[Evaluation]:
    """Evaluates own data."""
    return Call("POST", "/v1/evaluations:calculate", reading(Evaluation), content=body_of(data), media_type=JSON)


def compare_judgements(judgements: NewJudgements) -> Call[Judgements]:
    """Asks for the weights that judgements say."""
    return Call("POST", "/v1/weights:compare-judgements", reading(Judgements), content=body_of(judgements), media_type=JSON)


def summarise_rounds(rounds: NewRounds) -> Call[tuple[Round, ...]]:
    """Asks for the summary of rounds of estimates."""
    return Call(
        "POST",
        "/v1/weights:summarise-rounds",
        lambda response: _all(response, "rounds", Round),
        content=body_of(rounds),
        media_type=JSON,
    )


def _posted(path: str, body: object, kind: type[T]) -> Call[T]:
    return Call("POST", path, reading(kind), content=json.dumps(body, ensure_ascii=False).encode(), media_type=JSON)


def _all(response: httpx.Response, member: str, kind: type[T]) -> tuple[T, ...]:
    items = object_of(response).get(member)
    if not isinstance(items, list):
        raise AnswerNotUnderstood(member, "a list", items)
    return tuple(decode(kind, item) for item in items)
