"""What a program sends to the evaluation service: indicator systems, thresholds, weights, values, judgements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class NewNode:
    """A node of an indicator system; an indicator where it has a kind.

    Args:
        node_id: Unique in its system.
        name_zh: Chinese name.
        name_en: English name.
        weight: Of its parent, > 0; those below one node sum to 1.
        parent_id: The node above; "" at the top.
        kind: share, rate, count, amount or boolean; "" for a node that others are below.
        unit: Of its values, such as %.
        direction: "+" where more is better, "-" where less is.
        description_zh: What it is, in Chinese.
        description_en: What it is, in English.
        veto: Whether missing its target fails the whole.
    """

    node_id: str
    name_zh: str
    name_en: str
    weight: Decimal
    parent_id: str = ""
    kind: str = ""
    unit: str = ""
    direction: str = ""
    description_zh: str = ""
    description_en: str = ""
    veto: bool = False


@dataclass(frozen=True)
class NewIndicatorSystem:
    """An indicator system of one's own; parents stand before children."""

    system_id: str
    name_zh: str
    name_en: str
    source: str
    nodes: Sequence[NewNode]
    scale: Decimal = Decimal(100)
    basis: str = "score"


@dataclass(frozen=True)
class NewThreshold:
    """Between which values the score of an indicator runs, in its unit."""

    node_id: str
    minimum: Decimal
    maximum: Decimal
    source: str


@dataclass(frozen=True)
class NewThresholdSet:
    """A version of thresholds.

    Args:
        threshold_set_id: Chosen by the caller.
        source: Where they are from.
        rows: The thresholds; none with peers.
        origin: region, park, peers or synthetic.
        peer_park_ids: With origin peers: the parks whose least and greatest values they are.
        peer_year: The year of those values.
    """

    threshold_set_id: str
    source: str
    rows: Sequence[NewThreshold] = ()
    origin: str = "park"
    peer_park_ids: Sequence[str] = ()
    peer_year: int | None = None


@dataclass(frozen=True)
class NewWeight:
    """A weight of a node."""

    node_id: str
    weight: Decimal


@dataclass(frozen=True)
class NewWeightSet:
    """A version of weights, of every node of its system; `method` is ahp, delphi or given."""

    weight_set_id: str
    source: str
    weights: Sequence[NewWeight]
    method: str = "given"


@dataclass(frozen=True)
class NewValue:
    """A value of an indicator.

    Args:
        indicator_id: Of the system.
        year: YYYY.
        value: In `unit`; yes and no are True and False.
        unit: "" for the indicator's own.
        evidence: Where the proof is: a document's id or address.
        confirmed: True stands by a 0, and by a share of 1 % or less.
    """

    indicator_id: str
    year: int
    value: Decimal | bool
    unit: str = ""
    evidence: str = ""
    confirmed: bool = False


@dataclass(frozen=True)
class NewStep:
    """Something that a park could do about an indicator.

    Args:
        step_id: Chosen by the caller.
        indicator_id: What it changes.
        change: By how much, in the indicator's unit.
        cost_10k_cny: 10^4 CNY, >= 0.
        divisible: Whether a part of it can be done for a part of the cost.
    """

    step_id: str
    indicator_id: str
    change: Decimal
    cost_10k_cny: Decimal
    divisible: bool = False


@dataclass(frozen=True)
class OwnData:
    """Data of one's own to evaluate, of which the platform keeps nothing.

    Args:
        year: Of the values.
        values: What is known.
        system_id: A stored system, such as pdi, or enterprise-credit for the rating of an enterprise.
        system: Or a system of one's own.
        weight_set_id: annex, equal or a stored set; the system's own when left out.
        weights: Or weights of one's own.
        thresholds: Over the platform's.
        industry: electronics, automotive, new_energy or "": for advice.
        energy_tce: For targets that depend on it, t standard coal, >= 0.
        scopes_1_and_2_t_co2e: The same, t CO2e, >= 0.
        intensity_t_per_10k_cny: Of an enterprise, for its standing among peers, t CO2e per 10^4 CNY, >= 0.
        peer_intensities_t_per_10k_cny: Of its peers, itself left out.
    """

    year: int
    values: Sequence[NewValue]
    system_id: str = ""
    system: NewIndicatorSystem | None = None
    weight_set_id: str = ""
    weights: Sequence[NewWeight] = ()
    thresholds: Sequence[NewThreshold] = ()
    industry: str = ""
    energy_tce: Decimal | None = None
    scopes_1_and_2_t_co2e: Decimal | None = None
    intensity_t_per_10k_cny: Decimal | None = None
    peer_intensities_t_per_10k_cny: Sequence[Decimal] = ()


@dataclass(frozen=True)
class Expert:
    """One expert's matrix of judgements as text: "3", "1/3", or "" for a missing one."""

    expert_id: str
    rows: Sequence[Sequence[str]]
    group: str = ""


@dataclass(frozen=True)
class NewJudgements:
    """Pairwise judgements of experts (AHP); `method` is eigenvector or geometric_mean."""

    items: Sequence[str]
    experts: Sequence[Expert]
    group_weights: Mapping[str, Decimal] = field(default_factory=dict)
    method: str = "eigenvector"
    random_index_table: str = "saaty-1980"


@dataclass(frozen=True)
class NewRounds:
    """Rounds of estimates (Delphi): points by round, expert and item; the bounds say when they have converged."""

    items: Sequence[str]
    rounds: Sequence[Sequence[Sequence[Decimal]]]
    variation_below: Decimal | None = None
    shift_below: Decimal | None = None
    significance_below: Decimal | None = None
