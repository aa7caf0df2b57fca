"""What nothing is kept of: calculations on one's own data, judgements, rounds; and the files."""

import io
import zipfile

import pytest

from parkcarbon.evaluation.v1 import evaluation_pb2 as pb
from services.accounting.tests.integration.stand import refusal
from services.evaluation.tests.integration.stand import GUIDE, Tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")


def entries(**values: str) -> list[pb.GivenValue]:
    return [pb.GivenValue(indicator_id=name.replace("_", "-"), year="2022", value=value) for name, value in values.items()]


async def test_a_park_of_pdi_is_calculated_without_being_known(park: Tenant) -> None:
    request = pb.CalculateEvaluationRequest(
        system_id="pdi",
        year=2022,
        values=entries(performance="2.94", development="1.84", impact="3.65"),
        industry="electronics",
    )
    found = (await park.ask("CalculateEvaluation", request, park.reader)).evaluation
    assert found.total.score == "2.752"
    assert [found.HasField(each) for each in ("evaluation_id", "park_id", "scored_time", "scored_by", "inputs_sha256")] == [
        False
    ] * 5
    assert [each.side for each in found.strategies] == ["development", "performance", "performance", "impact", "impact"]


async def test_what_cannot_be_calculated_is_refused_with_node_and_rule(park: Tenant) -> None:
    request = pb.CalculateEvaluationRequest(system_id="pdi", year=2022, values=entries(performance="2.94", impact="-1"))
    answer = await park.ask("CalculateEvaluation", request)
    assert [(each.row_number, each.indicator_id, each.reason) for each in answer.problems] == [(2, "impact", "VALUE_OUT_OF_RANGE")]
    request.weights.extend(pb.Weight(node_id=each, weight="0.3") for each in ("performance", "development", "impact"))
    wrong = await refusal(park.ask("CalculateEvaluation", request))
    assert (wrong.reason, wrong.metadata["node"], wrong.metadata["found"]) == ("WEIGHTS_NOT_ONE", "total", "0.9")
    request.ClearField("weights")
    request.thresholds.add(node_id="impact", minimum="3", maximum="3", source="mine")
    same = await refusal(park.ask("CalculateEvaluation", request))
    assert (same.reason, same.metadata["node"]) == ("THRESHOLD_EMPTY", "impact")
    request.ClearField("thresholds")
    request.year = 2021
    assert (await refusal(park.ask("CalculateEvaluation", request))).metadata["field"] == "values[1].year"


async def test_the_credit_of_an_enterprise_is_a_calculation_with_reasons(park: Tenant) -> None:
    values = entries(accepted_share="90", months_covered="100", evidence_share="60", on_time_share="80")
    found = (
        await park.ask(
            "CalculateEvaluation", pb.CalculateEvaluationRequest(system_id="enterprise-credit", year=2022, values=values)
        )
    ).evaluation
    # (90 + 100 + 60)/12 + 80/4 of 50 that are known; the other half is open
    assert found.total.coverage_pct == "50"
    assert [band.band for band in found.bands] == ["C", "B", "A", "AA", "AAA"]
    lost = max(found.indicators, key=lambda each: float(each.lost_points or 0))
    assert lost.indicator_id == "on-time-share"
    # worse than one of four peers, equal to another: (2 + 1/2)/4
    request = pb.CalculateEvaluationRequest(system_id="enterprise-credit", year=2022, values=values, intensity_t_per_10k_cny="2")
    request.peer_intensities_t_per_10k_cny.extend(["1", "2", "3", "4"])
    answer = (await park.ask("CalculateEvaluation", request)).evaluation
    (leaf,) = [each for each in answer.indicators if each.indicator_id == "intensity-percentile"]
    assert (leaf.value, leaf.origin, leaf.evidence) == ("62.5", "derived", "2 t per 10^4 CNY against 4 peers")
    # 62.5/4 more, of 75 that are known by now
    assert (answer.total.coverage_pct, answer.total.low) == ("75", "56.458333")
    request.peer_intensities_t_per_10k_cny.append("-1")
    assert (await refusal(park.ask("CalculateEvaluation", request))).metadata["field"] == "intensity_t_per_10k_cny"
    del request.peer_intensities_t_per_10k_cny[:]
    assert (await refusal(park.ask("CalculateEvaluation", request))).reason == "PEERS_TOO_FEW"
    request.peer_intensities_t_per_10k_cny.append("1")
    request.values.extend(entries(intensity_percentile="3"))
    assert (await refusal(park.ask("CalculateEvaluation", request))).metadata["field"] == "intensity_t_per_10k_cny"
    request.system_id = "pdi"
    assert (await refusal(park.ask("CalculateEvaluation", request))).reason == "NODE_UNKNOWN"


async def test_judgements_become_weights_that_a_system_takes(park: Tenant) -> None:
    rows = [["1", "4", "3", "7"], ["", "1", "1/3", "3"], ["", "", "1", "5"], ["", "", "", "1"]]
    expert = pb.ExpertJudgements(expert_id="e-1", rows=[pb.JudgementRow(cells=row) for row in rows])
    request = pb.CompareJudgementsRequest(
        items=["experience", "education", "charisma", "age"], experts=[expert], random_index_table="saaty-2008"
    )
    found = await park.ask("CompareJudgements", request, park.reader)
    assert [round(float(each.weight), 3) for each in found.together.weights] == [0.548, 0.127, 0.27, 0.056]
    assert sum(int(each.weight[2:].ljust(6, "0")) for each in found.together.weights) == 1_000_000
    assert round(float(found.together.consistency_ratio), 3) == 0.044
    assert found.experts[0].expert_id == "e-1"
    assert not found.together.HasField("expert_id")
    for wrong_request, field in (
        (pb.CompareJudgementsRequest(items=["a", "b", "a", "c"], experts=[expert]), "items"),
        (pb.CompareJudgementsRequest(items=request.items, experts=[expert, expert]), "experts"),
        (
            pb.CompareJudgementsRequest(items=request.items, experts=[expert], group_weights={"acadmy": "3"}),
            "group_weights",
        ),
    ):
        assert (await refusal(park.ask("CompareJudgements", wrong_request))).metadata["field"] == field
    expert.rows[1].cells[0] = "1/2"
    wrong = await refusal(park.ask("CompareJudgements", pb.CompareJudgementsRequest(items=request.items, experts=[expert])))
    assert (wrong.reason, wrong.metadata["node"]) == ("MATRIX_NOT_RECIPROCAL", "education/experience")
    expert.rows[1].cells[0] = "a quarter"
    wrong = await refusal(park.ask("CompareJudgements", pb.CompareJudgementsRequest(items=request.items, experts=[expert])))
    assert (wrong.reason, wrong.metadata["field"]) == ("INVALID_FIELD", "e-1[2][1]")


async def test_rounds_of_estimates_are_summarised(park: Tenant) -> None:
    def estimates(*rows: tuple[int, ...]) -> pb.EstimateRound:
        return pb.EstimateRound(experts=[pb.EstimateRow(points=map(str, row)) for row in rows])

    request = pb.SummariseRoundsRequest(
        items=["performance", "development", "impact"],
        rounds=[
            estimates((50, 30, 20), (50, 31, 19), (49, 30, 21), (51, 29, 20)),
            estimates((50, 30, 20), (50, 30, 20), (50, 30, 20), (50, 31, 19)),
        ],
    )
    found = await park.ask("SummariseRounds", request, park.reader)
    assert [each.converged for each in found.rounds] == [False, True]
    assert found.rounds[1].concordance == "1"
    assert [each.HasField("shift") for each in found.rounds] == [False, True]
    request.rounds[0].experts[0].points[0] = "0"
    assert "rounds[1].expert[1].performance" in (await refusal(park.ask("SummariseRounds", request))).metadata["field"]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_report_is_a_pdf_of_the_evaluation(park: Tenant, language: str) -> None:
    for system in (GUIDE, "zero-carbon-park"):
        kept = await park.evaluate(system=system, industry="electronics")
        request = pb.RenderEvaluationReportRequest(park_id=park.park_id, evaluation_id=kept.evaluation_id, language=language)
        found = await park.ask("RenderEvaluationReport", request, park.reader)
        assert found.media_type == "application/pdf"
        assert found.content.startswith(b"%PDF-")
        # embedded, not only named
        assert b"/FontFile2" in found.content
        assert (await park.ask("RenderEvaluationReport", request, park.reader)).content == found.content
    request.language = "fr"
    assert (await refusal(park.ask("RenderEvaluationReport", request))).metadata["field"] == "language"


async def test_a_report_is_made_of_whatever_a_system_is(park: Tenant) -> None:
    """Thirteen nodes of the first level, names of any length, markup in them, and nothing known: the radar is left out."""
    weights = ["0.076923"] * 12 + ["0.076924"]
    nodes = [
        pb.Node(
            node_id=f"n{number}",
            name_zh="很长的名称" * 20,
            name_en="<b>&" * 20,
            weight=weight,
            kind="share",
            unit="%",
            direction="+",
        )
        for number, weight in enumerate(weights)
    ]
    system = pb.IndicatorSystem(system_id="wide", name_zh="宽", name_en="Wide & <flat>", source="a test", nodes=nodes)
    await park.ask("CreateIndicatorSystem", pb.CreateIndicatorSystemRequest(system=system))
    for known in ((), (("n0", "2022", "50"),)):
        await park.enter(*known, system="wide")
        kept = await park.evaluate(system="wide")
        for language in ("zh", "en"):
            request = pb.RenderEvaluationReportRequest(park_id=park.park_id, evaluation_id=kept.evaluation_id, language=language)
            assert (await park.ask("RenderEvaluationReport", request)).content.startswith(b"%PDF-")


async def test_the_template_has_a_row_for_each_indicator_and_what_was_entered(park: Tenant) -> None:
    await park.enter(("1", "2022", "80"), ("52", "2022", "45"), evidence="=cmd()")
    request = pb.RenderValueTemplateRequest(park_id=park.park_id, system_id=GUIDE, year=2022, language="zh")
    found = await park.ask("RenderValueTemplate", request, park.reader)
    with zipfile.ZipFile(io.BytesIO(found.content)) as book:
        texts = book.read("xl/sharedStrings.xml").decode()
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 70
    # what was entered beside a value of the platform is there to be entered again, and the platform's beside it
    assert all(each in texts for each in ("园区新型网络覆盖率", ">80<", ">45<", "=cmd()", "指标编号", "平台数据:12 %(accounting: "))
    assert "<f>" not in sheet
