"""Every answer about a park of which little is known: what has no value is left out."""

from dataclasses import replace
from typing import Any

import pytest

from parkcarbon.evaluation.v1 import evaluation_pb2 as pb
from services.accounting.tests.integration.absence import Absences, optional_texts
from services.evaluation.tests.integration.stand import GUIDE, Tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICE = pb.DESCRIPTOR.services_by_name["EvaluationService"]
VALUES = (("performance", "2022", "2"), ("development", "2022", "1"))
ALWAYS_THERE = {
    # an indicator that stands under no other stands under the total
    "parkcarbon.evaluation.v1.IndicatorScore.parent_id",
    # weights that nobody stored have the name of their method
    "parkcarbon.evaluation.v1.Evaluation.weight_set_id",
    # nothing is planned from where nothing is scored
    "parkcarbon.evaluation.v1.PlanImprovementsResponse.score_before",
}
TARGETS = "zero-carbon-park"


async def test_no_optional_text_of_an_answer_is_there_and_empty(park: Tenant) -> None:
    park_id = park.park_id
    for name in ("b", "c"):
        other = replace(park, account=replace(park.account, park_id=f"{park_id}-{name}"))
        await other.account.create_park()
        if name == "b":
            # better than the first in everything, so that no weight changes their places
            await other.enter(("performance", "2022", "4"), ("development", "2022", "3"), system="pdi")
    nodes = [
        pb.Node(node_id="side", name_zh="方面", name_en="Side", weight="1"),
        pb.Node(
            node_id="leaf", parent_id="side", name_zh="指标", name_en="Leaf", weight="1", kind="count", unit="1", direction="+"
        ),
    ]
    system = pb.IndicatorSystem(system_id="bare", name_zh="指标", name_en="Ours", source="ourselves", nodes=nodes)
    threshold = pb.Threshold(node_id="leaf", minimum="0", maximum="9", source="ourselves")
    thresholds = pb.ThresholdSet(threshold_set_id="bare-1", system_id="bare", source="ourselves", rows=[threshold])
    weights = [pb.Weight(node_id=each, weight="1") for each in ("side", "leaf")]
    entered = [pb.EnteredValue(row_number=at, indicator_id=row[0], year=row[1], value=row[2]) for at, row in enumerate(VALUES, 1)]
    expert = pb.ExpertJudgements(expert_id="e-1", rows=[pb.JudgementRow(cells=["1", "2"]), pb.JudgementRow(cells=["", "1"])])
    estimates = pb.EstimateRound(experts=[pb.EstimateRow(points=["60", "40"]), pb.EstimateRow(points=["50", "50"])])
    seen = Absences()
    called = set()

    async def ask(method: str, request: Any) -> Any:
        called.add(method)
        answer = await park.ask(method, request)
        seen.look(answer)
        return answer

    await ask("CreateIndicatorSystem", pb.CreateIndicatorSystemRequest(system=system))
    await ask("ListIndicatorSystems", pb.ListIndicatorSystemsRequest())
    for each in (GUIDE, "bare"):
        await ask("GetIndicatorSystem", pb.GetIndicatorSystemRequest(system_id=each))
    await ask("CreateThresholdSet", pb.CreateThresholdSetRequest(threshold_set=thresholds))
    given = pb.WeightSet(weight_set_id="bare-w", system_id="bare", source="ourselves", weights=weights)
    await ask("CreateWeightSet", pb.CreateWeightSetRequest(weight_set=given))
    await ask("RecordIndicatorValues", pb.RecordIndicatorValuesRequest(park_id=park_id, system_id="pdi", rows=entered))
    kept = []
    for each in ("bare", TARGETS, GUIDE, "pdi", "pdi"):
        await ask("ListIndicatorValues", pb.ListIndicatorValuesRequest(park_id=park_id, system_id=each, year=2022))
        found = await ask("EvaluatePark", pb.EvaluateParkRequest(park_id=park_id, system_id=each, year=2022))
        kept.append(found.evaluation.evaluation_id)
        await ask("GetEvaluation", pb.GetEvaluationRequest(park_id=park_id, evaluation_id=kept[-1]))
    await ask("ListEvaluations", pb.ListEvaluationsRequest(park_id=park_id))
    await ask("CompareEvaluations", pb.CompareEvaluationsRequest(park_id=park_id, before_id=kept[-2], after_id=kept[-1]))
    step = pb.Step(step_id="solar", indicator_id="performance", change="1", cost_10k_cny="9")
    await ask("PlanImprovements", pb.PlanImprovementsRequest(park_id=park_id, evaluation_id=kept[-1], steps=[step], target="2"))
    await ask("RenderEvaluationReport", pb.RenderEvaluationReportRequest(park_id=park_id, evaluation_id=kept[0], language="en"))
    await ask("RenderValueTemplate", pb.RenderValueTemplateRequest(park_id=park_id, system_id=GUIDE, year=2022, language="en"))
    await ask("RankParks", pb.RankParksRequest(region_code="36", system_id="pdi", year=2022, draws=10))
    for each in ("pdi", "bare", TARGETS):
        await ask("CalculateEvaluation", pb.CalculateEvaluationRequest(system_id=each, year=2022))
    await ask("CompareJudgements", pb.CompareJudgementsRequest(items=["a", "b"], experts=[expert]))
    await ask("SummariseRounds", pb.SummariseRoundsRequest(items=["a", "b"], rounds=[estimates, estimates]))
    assert called == {method.name for method in SERVICE.methods}
    assert seen.empty == set()
    assert seen.absent == optional_texts(SERVICE) - ALWAYS_THERE
