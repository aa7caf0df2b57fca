"""Serves parkcarbon.evaluation.v1.EvaluationService: wire to use case to wire."""

from typing import Any

import grpc

from chassis.identity import current_caller
from chassis.paging import Paging, page_size
from evaluation.api import reading, wire
from evaluation.api.measures import Measures
from evaluation.api.rankings import RankingPages
from evaluation.application import catalogue, evaluate, files, rank, values, weigh
from evaluation.application.evaluate import OwnData
from evaluation.application.ports import Ports
from evaluation.application.rank import DEFAULT_DRAWS, DEFAULT_SPREAD
from evaluation.application.selection import Selection
from evaluation.domain.delphi import Agreement
from evaluation.domain.systems import decimal, exact
from parkcarbon.evaluation.v1 import evaluation_pb2 as pb
from parkcarbon.evaluation.v1 import evaluation_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]
_PDF = "application/pdf"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NEWEST = 2**62


class EvaluationServicer(evaluation_pb2_grpc.EvaluationServiceServicer):
    """One method per rpc; the contract is in evaluation.proto."""

    def __init__(self, ports: Ports, measures: Measures) -> None:
        """Stores what the use cases work with, and what is counted."""
        self._ports = ports
        self._measures = measures
        self._rankings = RankingPages()

    async def ListIndicatorSystems(
        self, request: pb.ListIndicatorSystemsRequest, context: _Context
    ) -> pb.ListIndicatorSystemsResponse:
        """Returns the systems that the caller can use."""
        found = await catalogue.list_systems(self._ports, current_caller())
        return pb.ListIndicatorSystemsResponse(systems=[wire.system(each, tree=False) for each in found])

    async def GetIndicatorSystem(self, request: pb.GetIndicatorSystemRequest, context: _Context) -> pb.GetIndicatorSystemResponse:
        """Returns one system with its tree."""
        found, thresholds = await catalogue.read_system(self._ports, current_caller(), request.system_id)
        return pb.GetIndicatorSystemResponse(system=wire.system(found, tree=True), thresholds=wire.thresholds(thresholds))

    async def CreateIndicatorSystem(
        self, request: pb.CreateIndicatorSystemRequest, context: _Context
    ) -> pb.CreateIndicatorSystemResponse:
        """Stores a system of the tenant's own."""
        kept, created = await catalogue.create_system(self._ports, current_caller(), reading.read_system(request.system))
        return pb.CreateIndicatorSystemResponse(system=wire.system(kept, tree=True), created=created)

    async def CreateThresholdSet(self, request: pb.CreateThresholdSetRequest, context: _Context) -> pb.CreateThresholdSetResponse:
        """Stores a version of thresholds."""
        kept, created = await catalogue.create_threshold_set(
            self._ports,
            current_caller(),
            reading.read_threshold_set(request.threshold_set),
            peers=tuple(request.peer_park_ids),
            peer_year=request.peer_year,
        )
        return pb.CreateThresholdSetResponse(threshold_set=wire.threshold_set(kept), created=created)

    async def CreateWeightSet(self, request: pb.CreateWeightSetRequest, context: _Context) -> pb.CreateWeightSetResponse:
        """Stores a version of weights."""
        kept, created = await catalogue.create_weight_set(
            self._ports, current_caller(), reading.read_weight_set(request.weight_set)
        )
        return pb.CreateWeightSetResponse(weight_set=wire.weight_set(kept), created=created)

    async def RecordIndicatorValues(
        self, request: pb.RecordIndicatorValuesRequest, context: _Context
    ) -> pb.RecordIndicatorValuesResponse:
        """Records values of a park."""
        accepted, unchanged, problems = await values.record_values(
            self._ports, current_caller(), request.park_id, request.system_id, reading.read_entries(request.rows)
        )
        self._measures.entered(accepted=accepted, unchanged=unchanged, rejected=len(problems))
        return pb.RecordIndicatorValuesResponse(accepted=accepted, unchanged=unchanged, problems=wire.problems(problems))

    async def ListIndicatorValues(
        self, request: pb.ListIndicatorValuesRequest, context: _Context
    ) -> pb.ListIndicatorValuesResponse:
        """Returns every indicator of a system for a year."""
        _, found = await values.list_values(self._ports, current_caller(), request.park_id, request.system_id, request.year)
        return pb.ListIndicatorValuesResponse(
            park_id=request.park_id, system_id=request.system_id, year=request.year, values=map(wire.shown_value, found)
        )

    async def EvaluatePark(self, request: pb.EvaluateParkRequest, context: _Context) -> pb.EvaluateParkResponse:
        """Evaluates a park and keeps the result."""
        kept, found = await evaluate.evaluate_park(self._ports, current_caller(), request.park_id, _selection(request))
        self._measures.evaluated(kept.inputs.system)
        return pb.EvaluateParkResponse(evaluation=wire.evaluation(kept, found, tree=True))

    async def ListEvaluations(self, request: pb.ListEvaluationsRequest, context: _Context) -> pb.ListEvaluationsResponse:
        """Returns a page of a park's evaluations."""
        page = Paging(f"{request.park_id}/evaluations", request.page_size, request.page_token)
        found = await evaluate.list_evaluations(
            self._ports, current_caller(), request.park_id, page.after_number(first=_NEWEST), page.limit
        )
        shown, token = page.cut(found, lambda each: (each[0].sequence,))
        return pb.ListEvaluationsResponse(
            evaluations=[wire.evaluation(kept, each, tree=False) for kept, each in shown], next_page_token=token
        )

    async def GetEvaluation(self, request: pb.GetEvaluationRequest, context: _Context) -> pb.GetEvaluationResponse:
        """Returns one evaluation."""
        kept, found = await evaluate.read_evaluation(self._ports, current_caller(), request.park_id, request.evaluation_id)
        return pb.GetEvaluationResponse(evaluation=wire.evaluation(kept, found, tree=True))

    async def CompareEvaluations(self, request: pb.CompareEvaluationsRequest, context: _Context) -> pb.CompareEvaluationsResponse:
        """Returns why two evaluations differ."""
        found = await evaluate.compare_evaluations(
            self._ports, current_caller(), request.park_id, request.before_id, request.after_id
        )
        return wire.comparison(found)

    async def PlanImprovements(self, request: pb.PlanImprovementsRequest, context: _Context) -> pb.PlanImprovementsResponse:
        """Returns the cheapest steps to a target."""
        steps, target = reading.read_steps(request.steps), exact("target", request.target)
        plan, before = await evaluate.plan_improvements(
            self._ports, current_caller(), request.park_id, request.evaluation_id, steps, target
        )
        return wire.plan(plan, steps, before)

    async def RenderEvaluationReport(
        self, request: pb.RenderEvaluationReportRequest, context: _Context
    ) -> pb.RenderEvaluationReportResponse:
        """Returns the report of an evaluation."""
        content = await files.render_report(self._ports, current_caller(), request.park_id, request.evaluation_id, request.language)
        return pb.RenderEvaluationReportResponse(content=content, media_type=_PDF)

    async def RenderValueTemplate(
        self, request: pb.RenderValueTemplateRequest, context: _Context
    ) -> pb.RenderValueTemplateResponse:
        """Returns the template for entering values."""
        selection = Selection(request.system_id, request.year)
        content = await files.render_template(self._ports, current_caller(), request.park_id, selection, request.language)
        return pb.RenderValueTemplateResponse(content=content, media_type=_XLSX)

    async def RankParks(self, request: pb.RankParksRequest, context: _Context) -> pb.RankParksResponse:
        """Ranks parks of a region."""
        caller, size = current_caller(), page_size(request.page_size)

        async def ranked() -> pb.RankParksResponse:
            selection = Selection(request.system_id, request.year, request.weight_set_id, tuple(request.threshold_set_ids))
            draws = request.draws or DEFAULT_DRAWS
            spread = exact("spread", request.spread) if request.spread else DEFAULT_SPREAD
            answer = await rank.rank_parks(
                self._ports,
                caller,
                request.region_code,
                selection,
                draws=draws,
                seed=request.seed,
                spread=spread,
                present=wire.ranking,
            )
            answer.region_code, answer.system_id, answer.year = request.region_code, request.system_id, request.year
            answer.threshold_set_ids.extend(request.threshold_set_ids)
            answer.draws, answer.seed, answer.spread = draws, request.seed, decimal(spread)
            return answer

        return await self._rankings.page(caller, request, size, ranked)

    async def CalculateEvaluation(
        self, request: pb.CalculateEvaluationRequest, context: _Context
    ) -> pb.CalculateEvaluationResponse:
        """Evaluates what the caller gives."""
        own = OwnData(
            system=reading.read_system(request.system) if request.HasField("system") else None,
            weights=reading.read_weights(request.weights) if request.weights else None,
            thresholds=reading.read_thresholds(request.thresholds),
            entries=reading.read_values(request.values),
            energy_tce=exact("energy_tce", request.energy_tce) if request.energy_tce else None,
            emissions_t=exact("scopes_1_and_2_t_co2e", request.scopes_1_and_2_t_co2e) if request.scopes_1_and_2_t_co2e else None,
            intensity=reading.read_intensity(request),
        )
        selection = Selection(request.system_id, request.year, request.weight_set_id, (), request.industry)
        found, problems = await evaluate.calculate(self._ports, current_caller(), selection, own)
        return pb.CalculateEvaluationResponse(evaluation=wire.assessment(found), problems=wire.problems(problems))

    async def CompareJudgements(self, request: pb.CompareJudgementsRequest, context: _Context) -> pb.CompareJudgementsResponse:
        """Returns the weights that judgements say."""
        items = tuple(request.items)
        together, each, table_id = await weigh.compare_judgements(
            self._ports,
            current_caller(),
            items,
            reading.read_judgements(request.experts),
            group_weights=reading.group_weights(request.group_weights),
            method=request.method,
            table_id=request.random_index_table,
        )
        return pb.CompareJudgementsResponse(
            together=wire.priorities(together, items),
            experts=[wire.priorities(found, items, expert.expert_id) for found, expert in zip(each, request.experts, strict=True)],
            random_index_table=table_id,
        )

    async def SummariseRounds(self, request: pb.SummariseRoundsRequest, context: _Context) -> pb.SummariseRoundsResponse:
        """Returns the summary of each round of estimates."""
        limits = Agreement()
        agreement = Agreement(
            reading.number("variation_below", request.variation_below) if request.variation_below else limits.variation_below,
            reading.number("shift_below", request.shift_below) if request.shift_below else limits.shift_below,
            reading.number("significance_below", request.significance_below)
            if request.significance_below
            else limits.significance_below,
        )
        given = [
            [
                [reading.number(f"rounds[{number}].expert[{place}]", text) for text in row.points]
                for place, row in enumerate(each.experts, start=1)
            ]
            for number, each in enumerate(request.rounds, start=1)
        ]
        found = await weigh.summarise_rounds(self._ports, current_caller(), tuple(request.items), given, agreement)
        return pb.SummariseRoundsResponse(rounds=wire.rounds(found, tuple(request.items)))


def _selection(request: pb.EvaluateParkRequest) -> Selection:
    sets = tuple(request.threshold_set_ids)
    return Selection(request.system_id, request.year, request.weight_set_id, sets, request.industry)
