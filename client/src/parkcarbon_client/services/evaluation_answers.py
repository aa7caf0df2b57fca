"""What the platform answers about evaluations, as frozen values. Every decimal is exact; what is missing is None."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class SystemNode:
    """A node of an indicator system; an indicator where it has a kind.

    Attributes:
        kind: share, rate, count, amount or boolean; None for a node that others are below.
        direction: "+" where more is better.
        derived_from: The service whose facts fill its values.
    """

    node_id: str
    name_zh: str
    name_en: str
    weight: Decimal
    veto: bool
    parent_id: str | None = None
    kind: str | None = None
    unit: str | None = None
    direction: str | None = None
    derived_from: str | None = None
    description_zh: str | None = None
    description_en: str | None = None


@dataclass(frozen=True)
class Threshold:
    """Between which values the score of an indicator runs."""

    node_id: str
    minimum: Decimal
    maximum: Decimal
    source: str


@dataclass(frozen=True)
class IndicatorSystem:
    """An indicator system; nodes and the platform's thresholds are there only where one system is asked for."""

    system_id: str
    name_zh: str
    name_en: str
    scale: Decimal
    basis: str
    method: str
    source: str
    shipped: bool
    indicators: int
    nodes: tuple[SystemNode, ...] = ()
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True)
class ThresholdSet:
    """A version of thresholds; it never changes."""

    threshold_set_id: str
    system_id: str
    origin: str
    source: str
    rows: tuple[Threshold, ...]


@dataclass(frozen=True)
class Weight:
    """A weight of a node."""

    node_id: str
    weight: Decimal


@dataclass(frozen=True)
class WeightSet:
    """A version of weights; it never changes."""

    weight_set_id: str
    system_id: str
    method: str
    source: str
    weights: tuple[Weight, ...]


@dataclass(frozen=True)
class IndicatorValue:
    """What is known of an indicator in a year. Without a value, `missing` says why.

    Attributes:
        origin: manual or derived.
        conflicting_value: What a manual entry says otherwise than a derived value.
    """

    indicator_id: str
    name_zh: str
    name_en: str
    version: int
    value: Decimal | None = None
    unit: str | None = None
    origin: str | None = None
    evidence: str | None = None
    recorded_by: str | None = None
    recorded_time: datetime | None = None
    conflicting_value: Decimal | None = None
    conflicting_evidence: str | None = None
    missing: str | None = None


@dataclass(frozen=True)
class ValueProblem:
    """Why a value was refused; `cell` names its cell where it came in a workbook."""

    row: int
    indicator_id: str
    reason: str
    field: str
    found: str
    allowed: str
    message: str
    cell: str | None = None


@dataclass(frozen=True)
class RecordedValues:
    """What became of entered values; `blank` counts rows of a table without a value."""

    accepted: int
    unchanged: int
    rejected: int
    blank: int
    problems: tuple[ValueProblem, ...]


@dataclass(frozen=True)
class NodeScore:
    """The figures of a node of an indicator system; `score` is None where nothing below it is scored."""

    node_id: str
    name_zh: str
    name_en: str
    score: Decimal | None
    low: Decimal
    high: Decimal
    coverage_pct: Decimal
    weight: Decimal
    parent_id: str | None = None


@dataclass(frozen=True)
class IndicatorScore:
    """The figures of an indicator. Without a score, `missing` says whether its value or its threshold is.

    Attributes:
        lost_points: What it could still bring.
        gain_per_unit: Points for one unit of its value more, or less where less is better.
    """

    indicator_id: str
    name_zh: str
    name_en: str
    weight: Decimal
    value: Decimal | None = None
    unit: str | None = None
    score: Decimal | None = None
    missing: str | None = None
    points: Decimal | None = None
    lost_points: Decimal | None = None
    gain_per_unit: Decimal | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    threshold_source: str | None = None
    origin: str | None = None
    evidence: str | None = None
    conflicting_value: Decimal | None = None
    parent_id: str | None = None


@dataclass(frozen=True)
class Band:
    """A band that a score can still be in."""

    band: str
    name_zh: str
    name_en: str
    at_least: Decimal | None = None
    source: str | None = None


@dataclass(frozen=True)
class Verdict:
    """How an indicator stands to its target: met, missed or open."""

    indicator_id: str
    name_zh: str
    name_en: str
    verdict: str
    veto: bool
    value: Decimal | None = None
    unit: str | None = None
    comparison: str | None = None
    target: Decimal | None = None
    gap: Decimal | None = None
    source: str | None = None
    confidence: str | None = None


@dataclass(frozen=True)
class Strategy:
    """A line of advice for a weak side."""

    side: str
    text_zh: str
    text_en: str
    source: str


@dataclass(frozen=True)
class Evaluation:
    """An evaluation; lists leave nodes and indicators out, and one that was only calculated has no id and no park.

    Attributes:
        bands: One where what is missing cannot change it.
        synthetic: Whether some thresholds are made up for a demonstration.
        verdict: passed, failed or open, of a system of targets.
        problems: Values that were left out of a calculation.
    """

    system_id: str
    year: int
    scale: Decimal
    bands: tuple[Band, ...]
    synthetic: bool
    evaluation_id: str = ""
    park_id: str = ""
    weight_set_id: str | None = None
    threshold_set_ids: tuple[str, ...] = ()
    scored_time: datetime | None = None
    scored_by: str | None = None
    basis: str = "score"
    total: NodeScore | None = None
    nodes: tuple[NodeScore, ...] = ()
    indicators: tuple[IndicatorScore, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    verdict: str | None = None
    emissions_gap_t_co2e: Decimal | None = None
    strategies: tuple[Strategy, ...] = ()
    inputs_sha256: str | None = None
    problems: tuple[ValueProblem, ...] = ()

    def weakest(self, count: int = 10) -> tuple[IndicatorScore, ...]:
        """Returns the indicators that lose most points, the worst first.

        Args:
            count: How many at most, >= 1.
        """
        losing = [each for each in self.indicators if each.lost_points]
        return tuple(sorted(losing, key=lambda each: each.lost_points or 0, reverse=True)[:count])


@dataclass(frozen=True)
class LeafChange:
    """The effects on one indicator's points."""

    indicator_id: str
    value_points: Decimal
    weight_points: Decimal
    threshold_points: Decimal


@dataclass(frozen=True)
class Comparison:
    """Why two evaluations differ; the four effects sum to the change."""

    change: Decimal
    value_points: Decimal
    weight_points: Decimal
    threshold_points: Decimal
    coverage_points: Decimal
    indicators: tuple[LeafChange, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


@dataclass(frozen=True)
class TakenStep:
    """How much of a step is taken, 0 to 1."""

    step_id: str
    share: Decimal
    cost_10k_cny: Decimal


@dataclass(frozen=True)
class Plan:
    """The cheapest steps to a target, or the best that were found in the time.

    Attributes:
        proven_optimal: Whether no plan is cheaper.
        cost_gap_10k_cny: How much cheaper another plan could be at most.
    """

    steps: tuple[TakenStep, ...]
    cost_10k_cny: Decimal
    score_after: Decimal
    proven_optimal: bool
    cost_gap_10k_cny: Decimal
    score_before: Decimal | None = None


@dataclass(frozen=True)
class RankedPark:
    """Where a park stands; a park without a score has no rank.

    Attributes:
        rank_low: The best rank over drawn weights; `rank_high` the worst.
        rank_best: The best rank that missing values still leave; `rank_worst` the worst.
        first_pct: In how many draws it came first, per cent.
    """

    park_id: str
    name_zh: str
    name_en: str
    low: Decimal
    high: Decimal
    coverage_pct: Decimal
    rank_best: int
    rank_worst: int
    rank: int | None = None
    score: Decimal | None = None
    percentile: Decimal | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    first_pct: Decimal | None = None


@dataclass(frozen=True)
class Flip:
    """How far a weight moves before two neighbours change places; without a change nothing flips them."""

    indicator_id: str
    change: Decimal | None = None
    above_park_id: str | None = None
    below_park_id: str | None = None


@dataclass(frozen=True)
class Ranking:
    """The parks of a region, best first, and by what they were ranked.

    Attributes:
        park_count: How many there are; `scored_count` of them have a score.
        synthetic: Whether some thresholds are made up for a demonstration.
        next_page_token: "" where these are all.
    """

    region_code: str
    system_id: str
    year: int
    parks: tuple[RankedPark, ...]
    flips: tuple[Flip, ...]
    park_count: int
    scored_count: int
    weight_set_id: str
    threshold_set_ids: tuple[str, ...]
    draws: int
    seed: int
    spread: Decimal
    synthetic: bool
    next_page_token: str


@dataclass(frozen=True)
class Reconsider:
    """The judgement that fits the others least."""

    first: str
    second: str
    judgement: str
    suggested: str
    consistency_ratio_after: Decimal


@dataclass(frozen=True)
class Priorities:
    """The weights that follow from a matrix of judgements."""

    weights: tuple[Weight, ...]
    principal_eigenvalue: Decimal
    consistency_index: Decimal
    consistency_ratio: Decimal
    consistent: bool
    expert_id: str | None = None
    reconsider: Reconsider | None = None


@dataclass(frozen=True)
class Judgements:
    """The weights of all experts together, and those of each."""

    together: Priorities
    experts: tuple[Priorities, ...]
    random_index_table: str


@dataclass(frozen=True)
class Round:
    """The summary of a round of estimates."""

    weights: tuple[Weight, ...]
    medians: tuple[Decimal, ...]
    variations: tuple[Decimal, ...]
    quartile_ranges: tuple[Decimal, ...]
    concordance: Decimal
    significance: Decimal
    converged: bool
    shift: Decimal | None = None
