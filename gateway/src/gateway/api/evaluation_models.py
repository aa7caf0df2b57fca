"""The bodies and answers of the evaluation's routes. Decimals are text; a figure that is missing is null or left out, never
zero."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from gateway.api.schemas.model import Answer, DecimalText, Id, Name, RequestBody

Year = Annotated[int, Field(ge=1990, le=2200)]
Cell = Annotated[str, Field(max_length=40)]
Text = Annotated[str, Field(max_length=500)]
Rows = Annotated[list["EntryBody"], Field(min_length=1, max_length=5_000)]


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [value]})


def _shown(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


class NodeBody(RequestBody):
    """A node of a system; an indicator where it has a kind."""

    node_id: Id
    parent_id: Annotated[str, Field(max_length=64)] = ""
    name_zh: Name
    name_en: Name
    weight: DecimalText
    kind: Literal["", "share", "rate", "count", "amount", "boolean"] = ""
    unit: Annotated[str, Field(max_length=40)] = ""
    direction: Literal["", "+", "-"] = ""
    description_zh: Text = ""
    description_en: Text = ""
    veto: bool = False


_NODE = {
    "node_id": "roof-solar",
    "name_zh": "屋顶光伏覆盖率",
    "name_en": "Roof area with solar panels",
    "weight": "1",
    "kind": "share",
    "unit": "%",
    "direction": "+",
}
_SYSTEM = {"system_id": "my-park", "name_zh": "本园指标", "name_en": "Our own", "source": "Management, 2026", "nodes": [_NODE]}


class SystemBody(RequestBody):
    """An indicator system of the tenant's own; parents stand before children, weights sum to 1 at every node."""

    model_config = _example(_SYSTEM)

    system_id: Id
    name_zh: Name
    name_en: Name
    scale: DecimalText = "100"
    basis: Literal["score", "targets"] = "score"
    source: Annotated[str, Field(min_length=1, max_length=500)]
    nodes: Annotated[list[NodeBody], Field(min_length=1, max_length=1_000)]


class ThresholdBody(RequestBody):
    """Between which values the score of an indicator runs."""

    node_id: Id
    minimum: DecimalText
    maximum: DecimalText
    source: Annotated[str, Field(min_length=1, max_length=500)]


class ThresholdSetBody(RequestBody):
    """A version of thresholds; with peers their least and greatest values, and no rows."""

    model_config = _example(
        {
            "threshold_set_id": "plan-2026",
            "origin": "park",
            "source": "Development plan 2026 to 2030",
            "rows": [{"node_id": "65", "minimum": "0.05", "maximum": "0.8", "source": "plan, table 3"}],
        }
    )

    threshold_set_id: Id
    origin: Literal["region", "park", "peers", "synthetic"] = "park"
    source: Annotated[str, Field(min_length=1, max_length=500)]
    rows: Annotated[list[ThresholdBody], Field(max_length=1_000)] = Field(default_factory=list)
    peer_park_ids: Annotated[list[Id], Field(max_length=1_000)] = Field(default_factory=list)
    peer_year: Year | None = None


class WeightBody(RequestBody):
    """A weight of a node."""

    node_id: Id
    weight: DecimalText


class WeightSetBody(RequestBody):
    """A version of weights, of every node of the system."""

    model_config = _example(
        {
            "weight_set_id": "experts-2026",
            "method": "ahp",
            "source": "twelve experts, March 2026",
            "weights": [
                {"node_id": "performance", "weight": "0.4"},
                {"node_id": "development", "weight": "0.35"},
                {"node_id": "impact", "weight": "0.25"},
            ],
        }
    )

    weight_set_id: Id
    method: Literal["ahp", "delphi", "given"] = "given"
    source: Annotated[str, Field(min_length=1, max_length=500)]
    weights: Annotated[list[WeightBody], Field(min_length=1, max_length=1_000)]


class EntryBody(RequestBody):
    """A value of an indicator: a decimal, or yes or no."""

    indicator_id: Annotated[str, Field(max_length=64)]
    year: Annotated[str, Field(max_length=10)]
    value: Annotated[str, Field(max_length=64)]
    unit: Annotated[str, Field(max_length=40)] = ""
    evidence: Annotated[str, Field(max_length=600)] = ""
    confirmed: bool = False


_ENTRY = {"indicator_id": "53", "year": "2022", "value": "71.5", "unit": "%", "evidence": "doc-2023-017"}


class EntriesBody(RequestBody):
    """Values of a park, at most 5,000 rows."""

    model_config = _example({"system_id": "guide-2021", "values": [_ENTRY]})

    system_id: Id
    values: Rows


class EvaluateBody(RequestBody):
    """What a park is to be evaluated by. Without a weight set the system's own weights count."""

    model_config = _example({"system_id": "guide-2021", "year": 2022, "weight_set_id": "annex"})

    system_id: Id
    year: Year
    weight_set_id: Annotated[str, Field(max_length=64)] = ""
    threshold_set_ids: Annotated[list[Id], Field(max_length=20)] = Field(default_factory=list)
    industry: Literal["", "electronics", "automotive", "new_energy"] = ""


class StepBody(RequestBody):
    """Something that the park could do about an indicator."""

    step_id: Id
    indicator_id: Id
    change: DecimalText
    cost_10k_cny: DecimalText
    divisible: bool = False


class PlanBody(RequestBody):
    """Steps to choose from, and the score to reach."""

    model_config = _example(
        {
            "target": "60",
            "steps": [{"step_id": "solar", "indicator_id": "52", "change": "20", "cost_10k_cny": "900", "divisible": True}],
        }
    )

    target: DecimalText
    steps: Annotated[list[StepBody], Field(min_length=1, max_length=500)]


class CalculateBody(RequestBody):
    """Data of the caller's own, of which nothing is kept."""

    model_config = _example(
        {
            "system_id": "pdi",
            "year": 2022,
            "values": [
                {"indicator_id": "performance", "year": "2022", "value": "2.94"},
                {"indicator_id": "development", "year": "2022", "value": "1.84"},
                {"indicator_id": "impact", "year": "2022", "value": "3.65"},
            ],
        }
    )

    system_id: Annotated[str, Field(max_length=64)] = ""
    system: SystemBody | None = None
    year: Year
    weight_set_id: Annotated[str, Field(max_length=64)] = ""
    weights: Annotated[list[WeightBody], Field(max_length=1_000)] = Field(default_factory=list)
    thresholds: Annotated[list[ThresholdBody], Field(max_length=1_000)] = Field(default_factory=list)
    values: Annotated[list[EntryBody], Field(max_length=5_000)] = Field(default_factory=list)
    industry: Literal["", "electronics", "automotive", "new_energy"] = ""
    energy_tce: DecimalText | None = None
    scopes_1_and_2_t_co2e: DecimalText | None = None
    intensity_t_per_10k_cny: DecimalText | None = None
    peer_intensities_t_per_10k_cny: Annotated[list[DecimalText], Field(max_length=10_000)] = Field(default_factory=list)


class ExpertBody(RequestBody):
    """One expert's matrix; an empty cell is a missing judgement, 1/3 is a number."""

    expert_id: Id
    group: Annotated[str, Field(max_length=64)] = ""
    rows: Annotated[list[Annotated[list[Cell], Field(max_length=15)]], Field(max_length=15)]


class JudgementsBody(RequestBody):
    """Pairwise judgements of experts."""

    model_config = _example(
        {
            "items": ["performance", "development", "impact"],
            "experts": [{"expert_id": "e-1", "rows": [["1", "2", "3"], ["", "1", "2"], ["", "", "1"]]}],
        }
    )

    items: Annotated[list[Name], Field(min_length=1, max_length=15)]
    experts: Annotated[list[ExpertBody], Field(min_length=1, max_length=200)]
    group_weights: dict[str, DecimalText] = Field(default_factory=dict)
    method: Literal["eigenvector", "geometric_mean"] = "eigenvector"
    random_index_table: Annotated[str, Field(max_length=64)] = "saaty-1980"


class RoundsBody(RequestBody):
    """Rounds of estimates: points by round, expert and item."""

    model_config = _example(
        {
            "items": ["performance", "development", "impact"],
            "rounds": [[["50", "30", "20"], ["45", "35", "20"]], [["50", "30", "20"], ["49", "31", "20"]]],
        }
    )

    items: Annotated[list[Name], Field(min_length=1, max_length=100)]
    rounds: Annotated[list[list[list[Cell]]], Field(min_length=1, max_length=20)]
    variation_below: DecimalText | None = None
    shift_below: DecimalText | None = None
    significance_below: DecimalText | None = None


SENT = (
    SystemBody,
    ThresholdSetBody,
    WeightSetBody,
    EntriesBody,
    EvaluateBody,
    PlanBody,
    CalculateBody,
    JudgementsBody,
    RoundsBody,
)
"""Every body, for the API's description."""


class NodeAnswer(Answer):
    """A node of a system."""

    node_id: str
    parent_id: str | None = None
    name_zh: str
    name_en: str
    weight: str
    kind: str | None = None
    unit: str | None = None
    direction: str | None = None
    derived_from: str | None = None
    description_zh: str | None = None
    description_en: str | None = None
    veto: bool


class ThresholdAnswer(Answer):
    """A threshold."""

    node_id: str
    minimum: str
    maximum: str
    source: str


_SYSTEM_SHOWN = {
    "system_id": "pdi",
    "name_zh": "园区低碳发展指数(三力)",
    "name_en": "Park decarbonisation index, three forces",
    "scale": "5",
    "basis": "score",
    "method": "delphi",
    "source": "[S] slide 2.1",
    "shipped": True,
    "indicators": 3,
}


class SystemAnswer(Answer):
    """An indicator system; nodes and the platform's thresholds only where one is asked for."""

    model_config = _shown(_SYSTEM_SHOWN)

    system_id: str
    name_zh: str
    name_en: str
    scale: str
    basis: str
    method: str
    source: str
    shipped: bool
    indicators: int
    nodes: list[NodeAnswer] = Field(default_factory=list)
    thresholds: list[ThresholdAnswer] = Field(default_factory=list)


class SystemsAnswer(Answer):
    """Indicator systems in order of id."""

    model_config = _shown({"systems": [_SYSTEM_SHOWN]})

    systems: list[SystemAnswer]


class ThresholdSetAnswer(Answer):
    """A version of thresholds."""

    model_config = _shown(
        {
            "threshold_set_id": "plan-2026",
            "system_id": "guide-2021",
            "origin": "park",
            "source": "Development plan 2026 to 2030",
            "rows": [{"node_id": "65", "minimum": "0.05", "maximum": "0.8", "source": "plan, table 3"}],
        }
    )

    threshold_set_id: str
    system_id: str
    origin: str
    source: str
    rows: list[ThresholdAnswer]


class WeightAnswer(Answer):
    """A weight."""

    node_id: str
    weight: str


class WeightSetAnswer(Answer):
    """A version of weights."""

    model_config = _shown(
        {
            "weight_set_id": "experts-2026",
            "system_id": "pdi",
            "method": "ahp",
            "source": "twelve experts, March 2026",
            "weights": [{"node_id": "performance", "weight": "0.4"}],
        }
    )

    weight_set_id: str
    system_id: str
    method: str
    source: str
    weights: list[WeightAnswer]


class RowProblemAnswer(Answer):
    """Why a row was refused."""

    row: int
    indicator_id: str
    reason: str
    field: str
    cell: str | None = None
    found: str
    allowed: str
    message: str


class RecordedValuesAnswer(Answer):
    """What became of entered rows; a problem of a workbook names its cell, and `blank` counts rows of a table without a value."""

    model_config = _shown({"accepted": 1, "unchanged": 0, "rejected": 0, "blank": 0, "problems": []})

    accepted: int
    unchanged: int
    rejected: int
    blank: int
    problems: list[RowProblemAnswer]


class ValueAnswer(Answer):
    """What is known of an indicator; `value` is null while it is missing, and `missing` says why."""

    indicator_id: str
    name_zh: str
    name_en: str
    value: str | None
    unit: str | None = None
    origin: Literal["manual", "derived"] | None = None
    evidence: str | None = None
    recorded_by: str | None = None
    recorded_time: str | None = None
    version: int
    conflicting_value: str | None = None
    conflicting_evidence: str | None = None
    missing: str | None = None


class ValuesAnswer(Answer):
    """Every indicator of a system for a year."""

    model_config = _shown(
        {
            "park_id": "ganzhou-etdz",
            "system_id": "guide-2021",
            "year": 2022,
            "values": [
                {
                    "indicator_id": "52",
                    "name_zh": "能源利用绿色化",
                    "name_en": "Clean-energy share",
                    "value": "11.999936",
                    "unit": "%",
                    "origin": "derived",
                    "evidence": "accounting: clean energy / energy; records up to position 9",
                    "recorded_by": "accounting",
                    "version": 0,
                }
            ],
        }
    )

    park_id: str
    system_id: str
    year: int
    values: list[ValueAnswer]


class NodeScoreAnswer(Answer):
    """The figures of a node; `score` is null where nothing below it is scored."""

    node_id: str
    parent_id: str | None = None
    name_zh: str
    name_en: str
    score: str | None
    low: str
    high: str
    coverage_pct: str
    weight: str


class IndicatorScoreAnswer(Answer):
    """The figures of an indicator; `missing` is value or threshold where `score` is null."""

    indicator_id: str
    parent_id: str | None = None
    name_zh: str
    name_en: str
    value: str | None
    unit: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    threshold_source: str | None = None
    score: str | None
    missing: Literal["value", "threshold"] | None = None
    weight: str
    points: str | None = None
    lost_points: str | None = None
    gain_per_unit: str | None = None
    origin: str | None = None
    evidence: str | None = None
    conflicting_value: str | None = None


class VerdictAnswer(Answer):
    """How an indicator stands to its target."""

    indicator_id: str
    name_zh: str
    name_en: str
    value: str | None
    unit: str | None = None
    comparison: str | None = None
    target: str | None = None
    verdict: Literal["met", "missed", "open"]
    gap: str | None = None
    veto: bool
    source: str | None = None
    confidence: str | None = None


class BandAnswer(Answer):
    """A band that the score can still be in."""

    band: str
    name_zh: str
    name_en: str
    at_least: str
    source: str


class StrategyAnswer(Answer):
    """A line of advice."""

    side: str
    text_zh: str
    text_en: str
    source: str


_TOTAL = {
    "node_id": "total",
    "name_zh": "总分",
    "name_en": "total",
    "score": "2.752",
    "low": "2.752",
    "high": "2.752",
    "coverage_pct": "100",
    "weight": "1",
}
_EVALUATION = {
    "evaluation_id": "7d2f6a52-3f0a-4c39-9d53-0a4f6a5a2f11",
    "park_id": "ganzhou-etdz",
    "system_id": "pdi",
    "year": 2022,
    "weight_set_id": "delphi",
    "threshold_set_ids": [],
    "scored_time": "2026-03-01T12:00:00Z",
    "scored_by": "ada",
    "scale": "5",
    "basis": "score",
    "total": _TOTAL,
    "bands": [{"band": "mature", "name_zh": "成熟期", "name_en": "mature", "at_least": "2.5", "source": "platform default"}],
    "inputs_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "synthetic": False,
    "problems": [],
}


class EvaluationAnswer(Answer):
    """An evaluation; `bands` has one entry where what is missing cannot change it. Lists leave the tree out."""

    model_config = _shown(_EVALUATION)

    evaluation_id: str | None = None
    park_id: str | None = None
    system_id: str
    year: int
    weight_set_id: str | None = None
    threshold_set_ids: list[str]
    scored_time: str | None = None
    scored_by: str | None = None
    scale: str
    basis: str
    total: NodeScoreAnswer | None = None
    nodes: list[NodeScoreAnswer] = Field(default_factory=list)
    indicators: list[IndicatorScoreAnswer] = Field(default_factory=list)
    bands: list[BandAnswer]
    verdicts: list[VerdictAnswer] = Field(default_factory=list)
    verdict: Literal["passed", "failed", "open"] | None = None
    emissions_gap_t_co2e: str | None = None
    strategies: list[StrategyAnswer] = Field(default_factory=list)
    inputs_sha256: str | None = None
    synthetic: bool
    problems: list[RowProblemAnswer] = Field(default_factory=list)


class EvaluationsAnswer(Answer):
    """Evaluations, newest first."""

    model_config = _shown({"evaluations": [_EVALUATION], "next_page_token": ""})

    evaluations: list[EvaluationAnswer]
    next_page_token: str


class LeafChangeAnswer(Answer):
    """The effects on one indicator's points."""

    indicator_id: str
    value_points: str
    weight_points: str
    threshold_points: str


class ComparisonAnswer(Answer):
    """Why two evaluations differ; the four effects sum to the change."""

    model_config = _shown(
        {
            "change": "4",
            "value_points": "10",
            "weight_points": "0",
            "threshold_points": "0",
            "coverage_points": "-6",
            "indicators": [],
            "only_before": [],
            "only_after": ["53"],
        }
    )

    change: str
    value_points: str
    weight_points: str
    threshold_points: str
    coverage_points: str
    indicators: list[LeafChangeAnswer]
    only_before: list[str]
    only_after: list[str]


class TakenStepAnswer(Answer):
    """How much of a step is taken."""

    step_id: str
    share: str
    cost_10k_cny: str


class PlanAnswer(Answer):
    """The cheapest steps to a target."""

    model_config = _shown(
        {
            "steps": [{"step_id": "solar", "share": "0.5", "cost_10k_cny": "450"}],
            "cost_10k_cny": "450",
            "score_before": "52",
            "score_after": "60",
        }
    )

    steps: list[TakenStepAnswer]
    cost_10k_cny: str
    score_before: str | None
    score_after: str


class RankedParkAnswer(Answer):
    """Where a park stands; unscored parks have no rank."""

    park_id: str
    name_zh: str
    name_en: str
    rank: int | None
    score: str | None
    low: str
    high: str
    coverage_pct: str
    percentile: str | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    first_pct: str | None = None
    rank_best: int
    rank_worst: int


class FlipAnswer(Answer):
    """How far a weight moves before two neighbours change places; without a change nothing flips them."""

    indicator_id: str
    change: str | None = None
    above_park_id: str | None = None
    below_park_id: str | None = None


class RankingAnswer(Answer):
    """A page of the parks of a region, best first, and by what they were ranked; the flips are on the first page."""

    model_config = _shown(
        {
            "region_code": "3607",
            "system_id": "pdi",
            "year": 2022,
            "parks": [
                {
                    "park_id": "ganzhou-etdz",
                    "name_zh": "赣州经开区",
                    "name_en": "Ganzhou",
                    "rank": 1,
                    "score": "2.752",
                    "low": "2.752",
                    "high": "2.752",
                    "coverage_pct": "100",
                    "percentile": "100",
                    "rank_low": 1,
                    "rank_high": 2,
                    "first_pct": "93.4",
                    "rank_best": 1,
                    "rank_worst": 2,
                }
            ],
            "next_page_token": "",
            "park_count": 2,
            "scored_count": 2,
            "weight_set_id": "delphi",
            "threshold_set_ids": [],
            "draws": 1000,
            "seed": 0,
            "spread": "0.2",
            "synthetic": False,
            "flips": [{"indicator_id": "impact", "change": "-0.12", "above_park_id": "ganzhou-etdz", "below_park_id": "other"}],
        }
    )

    region_code: str
    system_id: str
    year: int
    parks: list[RankedParkAnswer]
    flips: list[FlipAnswer]
    next_page_token: str
    park_count: int
    scored_count: int
    weight_set_id: str
    threshold_set_ids: list[str]
    draws: int
    seed: int
    spread: str
    synthetic: bool


class ReconsiderAnswer(Answer):
    """The judgement that fits the others least."""

    first: str
    second: str
    judgement: str
    suggested: str
    consistency_ratio_after: str


class PrioritiesAnswer(Answer):
    """What a matrix says."""

    expert_id: str | None = None
    weights: list[WeightAnswer]
    principal_eigenvalue: str
    consistency_index: str
    consistency_ratio: str
    consistent: bool
    reconsider: ReconsiderAnswer | None = None


class JudgementsAnswer(Answer):
    """What all experts say together, and what each says."""

    model_config = _shown(
        {
            "together": {
                "weights": [{"node_id": "performance", "weight": "0.539615"}],
                "principal_eigenvalue": "3.00920271",
                "consistency_index": "0.00460136",
                "consistency_ratio": "0.00793338",
                "consistent": True,
            },
            "experts": [],
            "random_index_table": "saaty-1980",
        }
    )

    together: PrioritiesAnswer
    experts: list[PrioritiesAnswer]
    random_index_table: str


class RoundAnswer(Answer):
    """Summary of a round."""

    weights: list[WeightAnswer]
    medians: list[str]
    variations: list[str]
    quartile_ranges: list[str]
    concordance: str
    significance: str
    shift: str | None = None
    converged: bool


class RoundsAnswer(Answer):
    """Summary of each round."""

    model_config = _shown(
        {
            "rounds": [
                {
                    "weights": [{"node_id": "performance", "weight": "0.475"}],
                    "medians": ["47.5"],
                    "variations": ["0.0744322927"],
                    "quartile_ranges": ["2.5"],
                    "concordance": "1",
                    "significance": "0.135335283",
                    "converged": False,
                }
            ]
        }
    )

    rounds: list[RoundAnswer]
