"""Targets that are met or missed: the national zero-carbon parks.

Nothing is weighed. Carbon per unit of energy is the core indicator, and missing its target fails the whole (veto); the guiding ones
are told beside it.

Source: 发改环资〔2025〕910号.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from evaluation.domain.systems import IndicatorSystem, Node

CONDITION = "energy_10k_tce"
"""What targets depend on: the park's energy use of the year, 10⁴ tce."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an indicator must reach.

    Attributes:
        comparison: le (at most), ge (at least) or eq (yes).
        target: in the indicator's unit.
        from_energy_10k_tce: applies where the park uses at least this; inclusive.
        to_energy_10k_tce: and less than this; None for no bound.
    """

    system_id: str
    node_id: str
    comparison: str
    target: Fraction
    from_energy_10k_tce: Fraction
    to_energy_10k_tce: Fraction | None
    confidence: str
    source: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an indicator stands to its target.

    Attributes:
        target: that applies, or None where the park's energy use is unknown or no row covers it.
        met: None where value or target is missing.
        gap: how far the value is from the target, in its unit; 0 where it is met, None where it is unknown.
    """

    node: Node
    value: Fraction | None
    target: Target | None
    met: bool | None
    gap: Fraction | None


def judge_targets(
    system: IndicatorSystem, targets: Sequence[Target], values: Mapping[str, Fraction], energy_10k_tce: Fraction | None
) -> list[Verdict]:
    """Returns how each indicator stands to the target that applies to a park of this size.

    Args:
        system: whose basis is targets.
        targets: of any system; others are skipped.
        values: by indicator, in its unit.
        energy_10k_tce: the park's energy use of the year, 10⁴ tce, >= 0, or None where it is unknown.
    """
    return [_verdict(leaf, targets, system.system_id, values.get(leaf.node_id), energy_10k_tce) for leaf in system.leaves]


def passes(verdicts: Sequence[Verdict]) -> bool | None:
    """Returns whether every veto indicator meets its target; None where one of them is open and none is missed."""
    vetoes = [verdict.met for verdict in verdicts if verdict.node.veto]
    if any(met is False for met in vetoes):
        return False
    return None if any(met is None for met in vetoes) else True


def emissions_gap_t(emissions_t: Fraction, energy_tce: Fraction, target_t_per_tce: Fraction) -> Fraction:
    """Returns how many tonnes of CO2e a park is above what its energy allows, E − target·energy; 0 where it is not.

    Args:
        emissions_t: of the year, t CO2e, >= 0.
        energy_tce: of the year, tce, >= 0.
        target_t_per_tce: t CO2e per tce.

    Source: 发改环资〔2025〕910号, 单位能耗碳排放.
    """
    return max(emissions_t - target_t_per_tce * energy_tce, Fraction(0))


def _verdict(
    leaf: Node, targets: Sequence[Target], system_id: str, value: Fraction | None, energy_10k_tce: Fraction | None
) -> Verdict:
    rows = [row for row in targets if (row.system_id, row.node_id) == (system_id, leaf.node_id)]
    target = next((row for row in rows if _applies(row, energy_10k_tce)), None)
    if value is None or target is None:
        return Verdict(leaf, value, target, None, None)
    over = value - target.target
    short = {"le": over, "ge": -over, "eq": abs(over)}[target.comparison]
    return Verdict(leaf, value, target, short <= 0, max(short, Fraction(0)))


def _applies(row: Target, energy_10k_tce: Fraction | None) -> bool:
    if row.from_energy_10k_tce == 0 and row.to_energy_10k_tce is None:
        return True
    if energy_10k_tce is None:
        return False
    return row.from_energy_10k_tce <= energy_10k_tce and (row.to_energy_10k_tce is None or energy_10k_tce < row.to_energy_10k_tce)
