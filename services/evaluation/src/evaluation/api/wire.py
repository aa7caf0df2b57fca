"""Values of the domain as answers on the wire."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil

from chassis.wire import rfc3339
from evaluation.application.values import Shown
from evaluation.domain.ahp import Priorities
from evaluation.domain.comparison import YearOverYear
from evaluation.domain.delphi import Round
from evaluation.domain.diagnosis import Plan, Step
from evaluation.domain.evaluations import TARGETS, Assessment, Evaluation
from evaluation.domain.ranked import Ranking
from evaluation.domain.ranking import Flip
from evaluation.domain.scoring import LeafScore, NodeScore
from evaluation.domain.systems import (
    PLATFORM,
    TOTAL,
    IndicatorSystem,
    Node,
    WeightSet,
    decimal,
    rounded_parts,
    rounded_weights,
)
from evaluation.domain.thresholds import Threshold, ThresholdSet
from evaluation.domain.values import Problem
from parkcarbon.evaluation.v1 import evaluation_pb2 as pb


def optional(value: Fraction | None) -> str | None:
    """Writes an exact number; what is missing is absent."""
    return None if value is None else decimal(value)


def written(value: float) -> str:
    """Writes a float of an analysis with nine significant digits."""
    return f"{value:.9g}"


def system(found: IndicatorSystem, *, tree: bool) -> pb.IndicatorSystem:
    """Writes a system, with its nodes where `tree` says so."""
    return pb.IndicatorSystem(
        system_id=found.system_id,
        name_zh=found.name_zh,
        name_en=found.name_en,
        scale=decimal(found.scale),
        basis=found.basis,
        method=found.method,
        source=found.source,
        shipped=found.tenant_id == PLATFORM,
        indicators=len(found.leaves),
        nodes=[
            pb.Node(
                node_id=node.node_id,
                parent_id=node.parent_id or None,
                name_zh=node.name_zh,
                name_en=node.name_en,
                weight=decimal(node.weight),
                kind=node.kind or None,
                unit=node.unit or None,
                direction=node.direction or None,
                derived_from=node.derived_from or None,
                description_zh=node.description_zh or None,
                description_en=node.description_en or None,
                veto=node.veto,
            )
            for node in (found.nodes if tree else ())
        ],
    )


def thresholds(rows: Iterable[Threshold]) -> list[pb.Threshold]:
    """Writes thresholds."""
    return [
        pb.Threshold(node_id=row.node_id, minimum=decimal(row.minimum), maximum=decimal(row.maximum), source=row.source)
        for row in rows
    ]


def threshold_set(found: ThresholdSet) -> pb.ThresholdSet:
    """Writes a set of thresholds."""
    return pb.ThresholdSet(
        threshold_set_id=found.set_id,
        system_id=found.system_id,
        origin=found.origin,
        source=found.source,
        rows=thresholds(found.rows),
    )


def weight_set(found: WeightSet) -> pb.WeightSet:
    """Writes a set of weights."""
    return pb.WeightSet(
        weight_set_id=found.set_id,
        system_id=found.system_id,
        method=found.method,
        source=found.source,
        weights=[pb.Weight(node_id=node_id, weight=decimal(weight)) for node_id, weight in found.weights.items()],
    )


def problems(found: Iterable[Problem]) -> list[pb.ValueProblem]:
    """Writes why rows were refused."""
    return [
        pb.ValueProblem(
            row_number=each.row_number,
            indicator_id=each.indicator_id,
            reason=each.reason,
            field=each.field,
            found=each.found,
            allowed=each.allowed,
            message_en=each.message_en,
            message_zh=each.message_zh,
        )
        for each in found
    ]


def shown_value(each: Shown) -> pb.IndicatorValue:
    """Writes what is known of an indicator."""
    found = pb.IndicatorValue(
        indicator_id=each.node.node_id,
        name_zh=each.node.name_zh,
        name_en=each.node.name_en,
        unit=each.node.unit or None,
        missing=each.missing or None,
        missing_zh=each.missing_zh or None,
    )
    if each.value is not None:
        found.value = each.value.value
        found.origin = each.value.origin
        if each.value.evidence:
            found.evidence = each.value.evidence
        if each.value.recorded_by:
            found.recorded_by = each.value.recorded_by
        if each.value.origin == "manual":
            found.recorded_time = rfc3339(each.value.recorded_time)
        found.version = each.value.version
    if each.conflicting is not None:
        found.conflicting_value = each.conflicting.value
        if each.conflicting.evidence:
            found.conflicting_evidence = each.conflicting.evidence
    return found


def _node(score: NodeScore, node: Node | None) -> pb.NodeScore:
    return pb.NodeScore(
        node_id=TOTAL if node is None else node.node_id,
        parent_id=None if node is None else node.parent_id or TOTAL,
        name_zh="总分" if node is None else node.name_zh,
        name_en="total" if node is None else node.name_en,
        score=optional(score.score),
        low=decimal(score.low),
        high=decimal(score.high),
        coverage_pct=decimal(100 * score.coverage),
        weight=decimal(score.weight),
    )


def _indicator(leaf: LeafScore, assessment: Assessment) -> pb.IndicatorScore:
    given = next((each for each in assessment.inputs.values if each.node_id == leaf.node.node_id), None)
    part = assessment.contributions.get(leaf.node.node_id)
    return pb.IndicatorScore(
        indicator_id=leaf.node.node_id,
        parent_id=leaf.node.parent_id or TOTAL,
        name_zh=leaf.node.name_zh,
        name_en=leaf.node.name_en,
        value=optional(leaf.value),
        unit=leaf.node.unit or None,
        minimum=decimal(leaf.threshold.minimum) if leaf.threshold else None,
        maximum=decimal(leaf.threshold.maximum) if leaf.threshold else None,
        threshold_source=(leaf.threshold.source or None) if leaf.threshold else None,
        score=optional(leaf.score),
        missing=leaf.missing or None,
        weight=decimal(leaf.weight),
        points=decimal(part.points) if part else None,
        lost_points=decimal(part.lost) if part else None,
        gain_per_unit=optional(part.gain_per_unit) if part else None,
        origin=(given.origin or None) if given else None,
        evidence=(given.evidence or None) if given else None,
        conflicting_value=(given.conflicting or None) if given else None,
    )


def _summary(found: Assessment) -> pb.Evaluation:
    """Writes what lists have of an assessment."""
    inputs, system_ = found.inputs, found.inputs.system
    return pb.Evaluation(
        system_id=system_.system_id,
        year=inputs.year,
        weight_set_id=inputs.weight_set_id or None,
        threshold_set_ids=inputs.threshold_set_ids,
        scale=decimal(system_.scale),
        basis=system_.basis,
        verdict=found.verdict or None,
        emissions_gap_t_co2e=optional(found.gap_t) if found.gap_t else None,
        synthetic=inputs.synthetic,
        bands=[
            pb.Band(
                band=each.band,
                name_zh=each.name_zh,
                name_en=each.name_en,
                at_least=decimal(each.at_least),
                source=each.source,
            )
            for each in found.possible
        ],
        total=None if system_.basis == TARGETS else _node(found.scores.total, None),
    )


def assessment(found: Assessment) -> pb.Evaluation:
    """Writes what follows from inputs; a kept evaluation has more."""
    system_, scores = found.inputs.system, found.scores
    answer = _summary(found)
    answer.strategies.extend(
        pb.Strategy(side=each.side, text_zh=each.text_zh, text_en=each.text_en, source=each.source) for each in found.strategies
    )
    if system_.basis == TARGETS:
        answer.verdicts.extend(
            pb.Verdict(
                indicator_id=each.node.node_id,
                name_zh=each.node.name_zh,
                name_en=each.node.name_en,
                value=optional(each.value),
                unit=each.node.unit or None,
                comparison=(each.target.comparison or None) if each.target else None,
                target=decimal(each.target.target) if each.target else None,
                verdict="open" if each.met is None else "met" if each.met else "missed",
                gap=optional(each.gap),
                veto=each.node.veto,
                source=(each.target.source or None) if each.target else None,
                confidence=(each.target.confidence or None) if each.target else None,
            )
            for each in found.verdicts
        )
        return answer
    answer.nodes.append(answer.total)
    answer.nodes.extend(_node(scores.nodes[node.node_id], node) for node in system_.nodes if not node.is_leaf)
    answer.indicators.extend(_indicator(leaf, found) for leaf in scores.leaves.values())
    return answer


def evaluation(kept: Evaluation, found: Assessment, *, tree: bool) -> pb.Evaluation:
    """Writes a kept evaluation, with its tree where `tree` says so."""
    answer = assessment(found) if tree else _summary(found)
    answer.evaluation_id = kept.evaluation_id
    answer.park_id = kept.park_id
    answer.scored_time = rfc3339(kept.scored_time)
    answer.scored_by = kept.scored_by
    answer.inputs_sha256 = kept.inputs_sha256
    return answer


def comparison(found: YearOverYear) -> pb.CompareEvaluationsResponse:
    """Writes why two evaluations differ; the rounded figures add up like the exact ones.

    The indicators' effects are rounded so that those of all, with coverage, sum to the change; a sum of them is the effect of all.
    """
    effects = [effect for each in found.leaves for effect in (each.value, each.weight, each.threshold)]
    *rounded, coverage = rounded_parts([*effects, found.coverage])
    by_value, by_weight, by_threshold = rounded[0::3], rounded[1::3], rounded[2::3]
    return pb.CompareEvaluationsResponse(
        change=decimal(found.change),
        value_points=decimal(sum(by_value, Fraction(0))),
        weight_points=decimal(sum(by_weight, Fraction(0))),
        threshold_points=decimal(sum(by_threshold, Fraction(0))),
        coverage_points=decimal(coverage),
        indicators=[
            pb.LeafChange(
                indicator_id=each.node_id,
                value_points=decimal(value),
                weight_points=decimal(weight),
                threshold_points=decimal(threshold),
            )
            for each, value, weight, threshold in zip(found.leaves, by_value, by_weight, by_threshold, strict=True)
        ],
        only_before=found.only_before,
        only_after=found.only_after,
    )


def plan(found: Plan, steps: Sequence[Step], before: Fraction | None) -> pb.PlanImprovementsResponse:
    """Writes the cheapest steps to a target."""
    costs = {step.step_id: step.cost_10k_cny for step in steps}
    return pb.PlanImprovementsResponse(
        steps=[
            pb.TakenStep(step_id=step_id, share=decimal(share), cost_10k_cny=decimal(share * costs[step_id]))
            for step_id, share in found.taken.items()
        ],
        cost_10k_cny=decimal(found.cost_10k_cny),
        score_before=optional(before),
        score_after=decimal(found.score),
        proven_optimal=found.proven_optimal,
        cost_gap_10k_cny=decimal(Fraction(ceil(found.cost_gap_10k_cny * 10**6), 10**6)),
    )


def ranking(found: Ranking) -> pb.RankParksResponse:
    """Writes the ranks of parks, all of them."""
    rows = []
    for place, (park, total) in enumerate(found.parks):
        rank = found.ranks.get(park.park_id)
        row = pb.RankedPark(
            park_id=park.park_id,
            name_zh=park.name_zh,
            name_en=park.name_en,
            score=optional(total.score),
            low=decimal(total.low),
            high=decimal(total.high),
            coverage_pct=decimal(100 * total.coverage),
            rank_best=found.reachable[place][0],
            rank_worst=found.reachable[place][1],
        )
        if rank is not None:
            row.rank = rank.rank
            row.percentile = decimal(rank.percentile, 2)
            row.rank_low = int(found.intervals.low[place])
            row.rank_high = int(found.intervals.high[place])
            row.first_pct = written(100 * float(found.intervals.first_share[place]))
        rows.append(row)
    return pb.RankParksResponse(
        parks=rows,
        flips=[_flip(leaf, flip, found) for leaf, flip in found.flips],
        park_count=len(rows),
        scored_count=len(found.ranks),
        weight_set_id=found.weight_set_id,
        synthetic=found.synthetic,
    )


def _flip(leaf: str, flip: Flip, found: Ranking) -> pb.WeightFlip:
    if flip.change is None:
        return pb.WeightFlip(indicator_id=leaf)
    return pb.WeightFlip(
        indicator_id=leaf,
        change=written(flip.change),
        above_park_id=found.parks[flip.above][0].park_id,
        below_park_id=found.parks[flip.below][0].park_id,
    )


def priorities(found: Priorities, items: Sequence[str], expert_id: str | None = None) -> pb.Priorities:
    """Writes what a matrix says; its weights are rounded to six decimals that sum to 1."""
    answer = pb.Priorities(
        expert_id=expert_id,
        weights=_weights(items, found.weights.tolist()),
        principal_eigenvalue=written(found.principal_eigenvalue),
        consistency_index=written(found.consistency_index),
        consistency_ratio=written(found.consistency_ratio),
        consistent=found.consistent,
    )
    if found.reconsider is not None:
        look = found.reconsider
        answer.reconsider.first = items[look.first]
        answer.reconsider.second = items[look.second]
        answer.reconsider.judgement = written(look.judgement)
        answer.reconsider.suggested = written(look.suggested)
        answer.reconsider.consistency_ratio_after = written(look.ratio_after)
    return answer


def _weights(items: Sequence[str], weights: Sequence[float]) -> list[pb.Weight]:
    rounded = rounded_weights(weights)
    return [pb.Weight(node_id=item, weight=decimal(weight)) for item, weight in zip(items, rounded, strict=True)]


def rounds(found: Iterable[Round], items: Sequence[str]) -> list[pb.RoundSummary]:
    """Writes the summary of each round."""
    return [
        pb.RoundSummary(
            weights=_weights(items, each.weights.tolist()),
            medians=map(written, each.medians.tolist()),
            variations=map(written, each.variation.tolist()),
            quartile_ranges=map(written, each.quartile_range.tolist()),
            concordance=written(each.concordance),
            significance=written(each.significance),
            shift=None if each.shift is None else written(each.shift),
            converged=each.converged,
        )
        for each in found
    ]
