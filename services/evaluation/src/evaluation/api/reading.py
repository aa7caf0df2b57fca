"""Requests on the wire as values of the domain."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from evaluation.application.weigh import Judgements
from evaluation.domain.diagnosis import Step
from evaluation.domain.systems import (
    IndicatorSystem,
    Node,
    WeightSet,
    decimal,
    exact,
)
from evaluation.domain.thresholds import Threshold, ThresholdSet
from evaluation.domain.values import Entry
from kernel.refusals import InvalidField
from parkcarbon.evaluation.v1 import evaluation_pb2 as pb

_NUMBER_RULE = "a number or a fraction such as 1/3"
_NUMBER_RULE_ZH = "数字或分数,如 1/3"
_MAX_NUMBER_CHARACTERS = 40


def number(field: str, text: str) -> float:
    """Reads a judgement or an estimate: plain ASCII text of a number, or of two with a stroke between.

    Raises:
        InvalidField: it is none.
    """
    try:
        if not text.isascii() or len(text) > _MAX_NUMBER_CHARACTERS or "_" in text:
            raise ValueError(text)
        return float(Fraction(text.strip()))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise InvalidField(field, text, _NUMBER_RULE, _NUMBER_RULE_ZH) from error


def read_system(given: pb.IndicatorSystem) -> IndicatorSystem:
    """Reads a system; it is checked by its use case."""
    return IndicatorSystem(
        system_id=given.system_id,
        tenant_id="",
        name_zh=given.name_zh,
        name_en=given.name_en,
        scale=exact("scale", given.scale or "100"),
        basis=given.basis or "score",
        method=given.method or "given",
        source=given.source,
        nodes=tuple(
            Node(
                node_id=node.node_id,
                parent_id=node.parent_id,
                name_zh=node.name_zh,
                name_en=node.name_en,
                weight=exact(f"nodes[{node.node_id}].weight", node.weight),
                kind=node.kind,
                unit=node.unit,
                direction=node.direction,
                description_zh=node.description_zh,
                description_en=node.description_en,
                veto=node.veto,
            )
            for node in given.nodes
        ),
    )


def read_thresholds(rows: Iterable[pb.Threshold]) -> tuple[Threshold, ...]:
    """Reads thresholds."""
    return tuple(
        Threshold(
            row.node_id,
            exact(f"thresholds[{row.node_id}].minimum", row.minimum),
            exact(f"thresholds[{row.node_id}].maximum", row.maximum),
            row.source,
        )
        for row in rows
    )


def read_threshold_set(given: pb.ThresholdSet) -> ThresholdSet:
    """Reads a set of thresholds."""
    return ThresholdSet(
        given.threshold_set_id, given.system_id, "", given.origin or "park", given.source, read_thresholds(given.rows)
    )


def read_intensity(given: pb.CalculateEvaluationRequest) -> tuple[Fraction, tuple[Fraction, ...]] | None:
    """Reads an enterprise's emissions per output, and those of its peers; None where there is neither.

    Raises:
        InvalidField: one is no decimal or below 0, or peers stand without what they are compared with.
    """
    texts = list(given.peer_intensities_t_per_10k_cny)
    if not given.intensity_t_per_10k_cny and not texts:
        return None
    own = exact("intensity_t_per_10k_cny", given.intensity_t_per_10k_cny)
    peers = tuple(exact(f"peer_intensities_t_per_10k_cny[{place}]", text) for place, text in enumerate(texts, start=1))
    for value in (own, *peers):
        if value < 0:
            raise InvalidField("intensity_t_per_10k_cny", decimal(value), ">= 0 t per 10^4 CNY", "不小于 0 t/万元")
    return own, peers


def read_weights(rows: Iterable[pb.Weight]) -> dict[str, Fraction]:
    """Reads weights by node.

    Raises:
        InvalidField: one is no decimal, or a node comes twice.
    """
    found: dict[str, Fraction] = {}
    for row in rows:
        if row.node_id in found:
            raise InvalidField(f"weights[{row.node_id}]", row.weight, "given once", "仅出现一次")
        found[row.node_id] = exact(f"weights[{row.node_id}]", row.weight)
    return found


def read_weight_set(given: pb.WeightSet) -> WeightSet:
    """Reads a set of weights."""
    weights = read_weights(given.weights)
    return WeightSet(given.weight_set_id, given.system_id, "", given.method or "given", given.source, weights)


def read_entries(rows: Iterable[pb.EnteredValue]) -> list[Entry]:
    """Reads entered rows."""
    return [Entry(row.row_number, row.indicator_id, row.year, row.value, row.unit, row.evidence, row.confirmed) for row in rows]


def read_values(rows: Iterable[pb.GivenValue]) -> list[Entry]:
    """Reads the values that a calculation is given, numbered from 1."""
    return [
        Entry(number, row.indicator_id, row.year, row.value, row.unit, row.evidence, "true" if row.confirmed else "")
        for number, row in enumerate(rows, start=1)
    ]


def read_steps(given: Iterable[pb.Step]) -> list[Step]:
    """Reads what a park could do."""
    return [
        Step(
            each.step_id,
            each.indicator_id,
            exact(f"steps[{each.step_id}].change", each.change),
            exact(f"steps[{each.step_id}].cost_10k_cny", each.cost_10k_cny),
            each.divisible,
        )
        for each in given
    ]


def read_judgements(given: Iterable[pb.ExpertJudgements]) -> list[Judgements]:
    """Reads experts' matrices; an empty cell is a missing judgement."""
    return [
        Judgements(
            expert.expert_id,
            expert.group,
            [
                [number(f"{expert.expert_id}[{i}][{j}]", cell) if cell else None for j, cell in enumerate(row.cells, start=1)]
                for i, row in enumerate(expert.rows, start=1)
            ],
        )
        for expert in given
    ]


def group_weights(given: Mapping[str, str]) -> Mapping[str, float]:
    """Reads what each group of experts weighs."""
    return {group: number(f"group_weights.{group}", weight) for group, weight in given.items()}
