"""An evaluation: everything that it stands on, and what follows from that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from evaluation.domain.bands import Band, band_of, bands_reachable
from evaluation.domain.diagnosis import Contribution, contributions
from evaluation.domain.scoring import Scores, score
from evaluation.domain.strategies import SIDES, Strategy, strategies_for
from evaluation.domain.systems import IndicatorSystem
from evaluation.domain.targets import Target, Verdict, emissions_gap_t, judge_targets, passes
from evaluation.domain.thresholds import Threshold

TARGETS = "targets"
CORE = "carbon-per-energy"
"""The indicator whose target gives a gap in tonnes."""


@dataclass(frozen=True, slots=True)
class InputValue:
    """A value that an evaluation stands on, with where it comes from."""

    node_id: str
    value: Fraction
    origin: str
    evidence: str
    conflicting: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that an evaluation stands on; the result is a pure function of it.

    Attributes:
        weights: of every node.
        energy_tce: of the year, for targets that depend on it; None where it is unknown.
        synthetic: whether some thresholds are made up for a demonstration.
        bands, targets, strategies: those of the system, as they were shipped then.
    """

    system: IndicatorSystem
    year: int
    weight_set_id: str
    weights: Mapping[str, Fraction]
    threshold_set_ids: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    synthetic: bool
    values: tuple[InputValue, ...]
    energy_tce: Fraction | None
    emissions_t: Fraction | None
    industry: str
    bands: tuple[Band, ...]
    targets: tuple[Target, ...]
    strategies: tuple[Strategy, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What follows from inputs.

    Attributes:
        possible: the bands that the score can still be in, lowest first.
        verdicts: in a system of targets.
        passed: in a system of targets; None while it is open.
        gap_t: tonnes of CO2e above what the energy allows, or None.
    """

    inputs: Inputs
    scores: Scores
    contributions: Mapping[str, Contribution]
    possible: Sequence[Band]
    verdicts: Sequence[Verdict]
    passed: bool | None
    gap_t: Fraction | None
    strategies: Sequence[Strategy]

    @property
    def band(self) -> Band | None:
        """The band, where what is missing cannot change it."""
        return self.possible[0] if len(self.possible) == 1 else None

    @property
    def verdict(self) -> str:
        """passed, failed or open in a system of targets, else empty."""
        if self.inputs.system.basis != TARGETS:
            return ""
        return "open" if self.passed is None else "passed" if self.passed else "failed"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A kept evaluation of a park; immutable."""

    evaluation_id: str
    park_id: str
    tenant_id: str
    sequence: int
    scored_by: str
    scored_time: datetime
    inputs_sha256: str
    inputs: Inputs


def assessed(inputs: Inputs) -> Assessment:
    """Returns what follows from inputs: scores, bands, verdicts, advice.

    Advice is by the industry, the maturity that the band of the score stands for, and the three forces where the system has them;
    for other systems every side counts the same.

    Raises:
        RuleBroken: an input breaks a rule.
    """
    system = inputs.system
    values = {each.node_id: each.value for each in inputs.values}
    scores = score(system, inputs.weights, {row.node_id: row for row in inputs.thresholds}, values)
    total = scores.total
    possible: list[Band] = []
    verdicts: list[Verdict] = []
    gap: Fraction | None = None
    passed: bool | None = None
    if system.basis == TARGETS:
        energy = None if inputs.energy_tce is None else inputs.energy_tce / 10_000
        verdicts = judge_targets(system, inputs.targets, values, energy)
        passed = passes(verdicts)
        gap = _gap(inputs, verdicts)
    elif total.score is not None:
        possible = bands_reachable(inputs.bands, system.system_id, total.low, total.high)
    band = band_of(inputs.bands, system.system_id, total.score)
    sides = {side: found for side in SIDES if side in scores.nodes and (found := scores.nodes[side].score) is not None}
    advice: list[Strategy] = []
    if band is not None and band.maturity and inputs.industry:
        advice = strategies_for(inputs.strategies, inputs.industry, band.maturity, sides or dict.fromkeys(SIDES, Fraction(0)))
    parts = {part.node_id: part for part in contributions(scores)} if system.basis != TARGETS else {}
    return Assessment(inputs, scores, parts, possible, verdicts, passed, gap, advice)


def _gap(inputs: Inputs, verdicts: Sequence[Verdict]) -> Fraction | None:
    core = next((each for each in verdicts if each.node.node_id == CORE), None)
    if core is None or core.target is None or inputs.energy_tce is None or inputs.emissions_t is None:
        return None
    return emissions_gap_t(inputs.emissions_t, inputs.energy_tce, core.target.target)
