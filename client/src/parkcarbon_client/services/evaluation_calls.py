"""The calls of the evaluation service; see `core.call`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from parkcarbon_client.core.answers import Page, Registered
from parkcarbon_client.core.call import Call
from parkcarbon_client.core.encoding import to_json
from parkcarbon_client.core.errors import FileNotReadable
from parkcarbon_client.core.requests import list_page, path, query, register, send_json
from parkcarbon_client.core.responses import content_of, list_of, value_of
from parkcarbon_client.services.evaluation_answers import (
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
from parkcarbon_client.services.evaluation_entries import (
    NewIndicatorSystem,
    NewJudgements,
    NewRounds,
    NewStep,
    NewThresholdSet,
    NewValue,
    NewWeightSet,
    OwnData,
)

_SYSTEM = "/v1/indicator-systems/{system_id}"
_EVALUATION = "/v1/parks/{park_id}/evaluations/{evaluation_id}"
_VALUES = "/v1/parks/{park_id}/indicator-values"
_TABLES = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def indicator_systems() -> Call[tuple[IndicatorSystem, ...]]:
    """Reads the systems that the caller can use."""
    return Call("GET", "/v1/indicator-systems", list_of("systems", IndicatorSystem))


def indicator_system(system_id: str) -> Call[IndicatorSystem]:
    """Reads a system with its tree and the platform's thresholds."""
    return Call("GET", path(_SYSTEM, system_id=system_id), value_of(IndicatorSystem))


def create_indicator_system(system: NewIndicatorSystem) -> Call[Registered[IndicatorSystem]]:
    """Stores a system of the tenant's own."""
    return register("POST", "/v1/indicator-systems", system, IndicatorSystem)


def create_threshold_set(system_id: str, thresholds: NewThresholdSet) -> Call[Registered[ThresholdSet]]:
    """Stores a version of thresholds."""
    return register("POST", path(_SYSTEM + "/threshold-sets", system_id=system_id), thresholds, ThresholdSet)


def create_weight_set(system_id: str, weights: NewWeightSet) -> Call[Registered[WeightSet]]:
    """Stores a version of weights."""
    return register("POST", path(_SYSTEM + "/weight-sets", system_id=system_id), weights, WeightSet)


def indicator_values(park_id: str, system_id: str, year: int) -> Call[tuple[IndicatorValue, ...]]:
    """Reads every indicator of a system for a year."""
    params = query(system=system_id, year=year)
    return Call("GET", path(_VALUES, park_id=park_id), list_of("values", IndicatorValue), params=params)


def record_indicator_values(park_id: str, system_id: str, values: Sequence[NewValue]) -> Call[RecordedValues]:
    """Sends values."""
    body = {"system_id": system_id, "values": [_value_row(value) for value in values]}
    return send_json("POST", path(_VALUES, park_id=park_id), body, value_of(RecordedValues))


def push_indicator_values(park_id: str, system_id: str, file: Path) -> Call[RecordedValues]:
    """Sends a table of values as it is.

    Raises:
        FileNotReadable: It is named neither *.csv nor *.xlsx.
    """
    media_type = _TABLES.get(file.suffix.lower())
    if media_type is None:
        raise FileNotReadable(str(file), f"a file named *{file.suffix}", ", ".join(f"*{name}" for name in _TABLES))
    return Call(
        "POST",
        path(_VALUES, park_id=park_id),
        value_of(RecordedValues),
        params=query(system=system_id),
        content=file.read_bytes(),
        media_type=media_type,
    )


def indicator_workbook(park_id: str, system_id: str, year: int, language: str) -> Call[bytes]:
    """Reads the workbook of a system's values."""
    params = query(system=system_id, year=year, lang=language)
    return Call("GET", path(_VALUES + ".xlsx", park_id=park_id), content_of, params=params)


def evaluate(  # one argument for each member of the request
    park_id: str, system_id: str, year: int, weight_set_id: str, threshold_set_ids: Sequence[str], industry: str, key: str
) -> Call[Evaluation]:
    """Evaluates a park. The key makes a repetition the same evaluation."""
    body = {
        "system_id": system_id,
        "year": year,
        "weight_set_id": weight_set_id,
        "threshold_set_ids": list(threshold_set_ids),
        "industry": industry,
    }
    url_path = path("/v1/parks/{park_id}/evaluations", park_id=park_id)
    return send_json("POST", url_path, body, value_of(Evaluation), headers={"Idempotency-Key": key})


def evaluation(park_id: str, evaluation_id: str) -> Call[Evaluation]:
    """Reads an evaluation with its tree."""
    return Call("GET", path(_EVALUATION, park_id=park_id, evaluation_id=evaluation_id), value_of(Evaluation))


def list_evaluations(park_id: str, page_token: str = "") -> Call[Page[Evaluation]]:
    """Reads a page of evaluations, newest first."""
    return list_page(path("/v1/parks/{park_id}/evaluations", park_id=park_id), "evaluations", Evaluation, page_token)


def comparison(park_id: str, evaluation_id: str, before_id: str) -> Call[Comparison]:
    """Reads why an evaluation differs from another."""
    url_path = path(_EVALUATION + "/comparison", park_id=park_id, evaluation_id=evaluation_id)
    return Call("GET", url_path, value_of(Comparison), params=query(before=before_id))


def plan(park_id: str, evaluation_id: str, target: Decimal, steps: Sequence[NewStep]) -> Call[Plan]:
    """Computes the cheapest steps to a target."""
    url_path = path(_EVALUATION + ":plan", park_id=park_id, evaluation_id=evaluation_id)
    return send_json("POST", url_path, {"target": target, "steps": list(steps)}, value_of(Plan))


def report(park_id: str, evaluation_id: str, language: str) -> Call[bytes]:
    """Reads the report of an evaluation, a PDF."""
    url_path = path(_EVALUATION + "/report.pdf", park_id=park_id, evaluation_id=evaluation_id)
    return Call("GET", url_path, content_of, params=query(lang=language))


def ranking(  # one argument for each parameter
    region_code: str,
    system_id: str,
    year: int,
    weight_set_id: str,
    threshold_set_ids: Sequence[str],
    draws: int,
    seed: int,
    spread: Decimal,
    page_token: str = "",
) -> Call[Ranking]:
    """Ranks the parks of a region; a page of a thousand of them."""
    params = query(
        system=system_id,
        year=year,
        weight_set=weight_set_id,
        threshold_sets=",".join(threshold_set_ids),
        draws=draws,
        seed=seed,
        spread=format(spread, "f"),
        page_size=1000,
        page_token=page_token,
    )
    return Call("GET", path("/v1/regions/{region_code}/rankings", region_code=region_code), value_of(Ranking), params=params)


def calculate(data: OwnData) -> Call[Evaluation]:
    """Evaluates own data."""
    body = {**to_json(replace(data, values=())), "values": [_value_row(value) for value in data.values]}
    return send_json("POST", "/v1/evaluations:calculate", body, value_of(Evaluation))


def compare_judgements(judgements: NewJudgements) -> Call[Judgements]:
    """Computes the weights that follow from judgements."""
    return send_json("POST", "/v1/weights:compare-judgements", judgements, value_of(Judgements))


def summarise_rounds(rounds: NewRounds) -> Call[tuple[Round, ...]]:
    """Computes the summary of rounds of estimates."""
    return send_json("POST", "/v1/weights:summarise-rounds", rounds, list_of("rounds", Round))


def _value_row(value: NewValue) -> dict[str, Any]:
    """Returns the row of a value; the API takes years and truths as text, as tables have them."""
    if not isinstance(value.value, Decimal | bool):
        raise TypeError(f"value must be a Decimal or a bool, got {value.value!r}")
    text = ("no", "yes")[value.value] if isinstance(value.value, bool) else format(value.value, "f")
    return {**to_json(value), "year": str(value.year), "value": text}
