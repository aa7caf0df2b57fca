"""Serves parkcarbon.evaluation.v1.EvaluationService: wire to use case to wire."""

from typing import Any

import grpc

from chassis.identity import current_caller
from evaluation.api import wire
from evaluation.api.measures import Measures
from evaluation.api.pages import RankingPages
from evaluation.application import catalogue, evaluate, values, weigh
from evaluation.application.evaluate import DEFAULT_DRAWS, DEFAULT_SPREAD, Asked, OwnData
from evaluation.application.ports import Outside
from evaluation.domain.delphi import Agreement
from evaluation.domain.systems import decimal, exact
from kernel.refusals import InvalidField
from parkcarbon.evaluation.v1 import evaluation_pb2 as pb
from parkcarbon.evaluation.v1 import evaluation_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]
_PDF = "application/pdf"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MAX_PAGE = 1_000
_DEFAULT_PAGE = 100
_NEWEST = 2**62


class EvaluationServicer(evaluation_pb2_grpc.EvaluationServiceServicer):
    """One method per rpc; the contract is in evaluation.proto."""

    def __init__(self, outside: Outside, measures: Measures) -> None:
        self._outside = outside
        self._measures = measures
        self._rankings = RankingPages()

    async def ListIndicatorSystems(
        self, request: pb.ListIndicatorSystemsRequest, context: _Context
    ) -> pb.ListIndicatorSystemsResponse:
        """Returns the systems that the caller can use."""
        found = await catalogue.list_systems(self._outside, current_caller())
        return pb.ListIndicatorSystemsResponse(systems=[wire.system(each, tree=False) for each in found])

    async def GetIndicatorSystem(self, request: pb.GetIndicatorSystemRequest, context: _Context) -> pb.GetIndicatorSystemResponse:
        """Returns one system with its tree."""
        found, thresholds = await catalogue.read_system(self._outside, current_caller(), request.system_id)
        return pb.GetIndicatorSystemResponse(system=wire.system(found, tree=True), thresholds=wire.thresholds(thresholds))

    async def CreateIndicatorSystem(
        self, request: pb.CreateIndicatorSystemRequest, context: _Context
    ) -> pb.CreateIndicatorSystemResponse:
        """Stores a system of the tenant's own."""
        kept, created = await catalogue.create_system(self._outside, current_caller(), wire.read_system(request.system))
        return pb.CreateIndicatorSystemResponse(system=wire.system(kept, tree=True), created=created)

    async def CreateThresholdSet(self, request: pb.CreateThresholdSetRequest, context: _Context) -> pb.CreateThresholdSetResponse:
        """Stores a version of thresholds."""
        kept, created = await catalogue.create_threshold_set(
            self._outside,
            current_caller(),
            wire.read_threshold_set(request.threshold_set),
            peers=tuple(request.peer_park_ids),
            peer_year=request.peer_year,
        )
        return pb.CreateThresholdSetResponse(threshold_set=wire.threshold_set(kept), created=created)

    async def CreateWeightSet(self, request: pb.CreateWeightSetRequest, context: _Context) -> pb.CreateWeightSetResponse:
        """Stores a version of weights."""
        kept, created = await catalogue.create_weight_set(self._outside, current_caller(), wire.read_weight_set(request.weight_set))
        return pb.CreateWeightSetResponse(weight_set=wire.weight_set(kept), created=created)

    async def RecordIndicatorValues(
        self, request: pb.RecordIndicatorValuesRequest, context: _Context
    ) -> pb.RecordIndicatorValuesResponse:
        """Records values of a park."""
        accepted, unchanged, problems = await values.record_values(
            self._outside, current_caller(), request.park_id, request.system_id, wire.read_entries(request.rows)
        )
        self._measures.entered(accepted=accepted, unchanged=unchanged, rejected=len(problems))
        return pb.RecordIndicatorValuesResponse(accepted=accepted, unchanged=unchanged, problems=wire.problems(problems))

    async def ListIndicatorValues(
        self, request: pb.ListIndicatorValuesRequest, context: _Context
    ) -> pb.ListIndicatorValuesResponse:
        """Returns every indicator of a system for a year."""
        _, found = await values.list_values(self._outside, current_caller(), request.park_id, request.system_id, request.year)
        return pb.ListIndicatorValuesResponse(
            park_id=request.park_id, system_id=request.system_id, year=request.year, values=map(wire.shown_value, found)
        )

    async def EvaluatePark(self, request: pb.EvaluateParkRequest, context: _Context) -> pb.EvaluateParkResponse:
        """Evaluates a park and keeps the result."""
        kept, found = await evaluate.evaluate_park(self._outside, current_caller(), request.park_id, _asked(request))
        self._measures.evaluated(kept.inputs.system)
        return pb.EvaluateParkResponse(evaluation=wire.evaluation(kept, found, tree=True))

    async def ListEvaluations(self, request: pb.ListEvaluationsRequest, context: _Context) -> pb.ListEvaluationsResponse:
        """Returns a page of a park's evaluations."""
        size = _page_size(request.page_size)
        found = await evaluate.list_evaluations(
            self._outside, current_caller(), request.park_id, _before(request.page_token), size + 1
        )
        token = str(found[size - 1][0].sequence) if len(found) > size else ""
        page = [wire.evaluation(kept, each, tree=False) for kept, each in found[:size]]
        return pb.ListEvaluationsResponse(evaluations=page, next_page_token=token)

    async def GetEvaluation(self, request: pb.GetEvaluationRequest, context: _Context) -> pb.GetEvaluationResponse:
        """Returns one evaluation."""
        kept, found = await evaluate.read_evaluation(self._outside, current_caller(), request.park_id, request.evaluation_id)
        return pb.GetEvaluationResponse(evaluation=wire.evaluation(kept, found, tree=True))

    async def CompareEvaluations(self, request: pb.CompareEvaluationsRequest, context: _Context) -> pb.CompareEvaluationsResponse:
        """Returns why two evaluations differ."""
        found = await evaluate.compare_evaluations(
            self._outside, current_caller(), request.park_id, request.before_id, request.after_id
        )
        return wire.comparison(found)

    async def PlanImprovements(self, request: pb.PlanImprovementsRequest, context: _Context) -> pb.PlanImprovementsResponse:
        """Returns the cheapest steps to a target."""
        steps, target = wire.read_steps(request.steps), exact("target", request.target)
        plan, before = await evaluate.plan_improvements(
            self._outside, current_caller(), request.park_id, request.evaluation_id, steps, target
        )
        return wire.plan(plan, steps, before)

    async def RenderEvaluationReport(
        self, request: pb.RenderEvaluationReportRequest, context: _Context
    ) -> pb.RenderEvaluationReportResponse:
        """Returns the report of an evaluation."""
        content = await evaluate.render_report(
            self._outside, current_caller(), request.park_id, request.evaluation_id, request.language
        )
        return pb.RenderEvaluationReportResponse(content=content, media_type=_PDF)

    async def RenderValueTemplate(
        self, request: pb.RenderValueTemplateRequest, context: _Context
    ) -> pb.RenderValueTemplateResponse:
        """Returns the template for entering values."""
        asked = Asked(request.system_id, request.year)
        content = await evaluate.render_template(self._outside, current_caller(), request.park_id, asked, request.language)
        return pb.RenderValueTemplateResponse(content=content, media_type=_XLSX)

    async def RankParks(self, request: pb.RankParksRequest, context: _Context) -> pb.RankParksResponse:
        """Ranks parks of a region."""
        caller, size = current_caller(), _page_size(request.page_size)

        async def ranked() -> pb.RankParksResponse:
            asked = Asked(request.system_id, request.year, request.weight_set_id, tuple(request.threshold_set_ids))
            draws = request.draws or DEFAULT_DRAWS
            spread = exact("spread", request.spread) if request.spread else DEFAULT_SPREAD
            answer = await evaluate.rank_parks(
                self._outside,
                caller,
                request.region_code,
                asked,
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
            system=wire.read_system(request.system) if request.HasField("system") else None,
            weights=wire.read_weights(request.weights) if request.weights else None,
            thresholds=wire.read_thresholds(request.thresholds),
            entries=wire.read_values(request.values),
            energy_tce=exact("energy_tce", request.energy_tce) if request.energy_tce else None,
            emissions_t=exact("scopes_1_and_2_t_co2e", request.scopes_1_and_2_t_co2e) if request.scopes_1_and_2_t_co2e else None,
            intensity=wire.read_intensity(request),
        )
        asked = Asked(request.system_id, request.year, request.weight_set_id, (), request.industry)
        found, problems = await evaluate.calculate(self._outside, current_caller(), asked, own)
        return pb.CalculateEvaluationResponse(evaluation=wire.assessment(found), problems=wire.problems(problems))

    async def CompareJudgements(self, request: pb.CompareJudgementsRequest, context: _Context) -> pb.CompareJudgementsResponse:
        """Returns the weights that judgements say."""
        items = tuple(request.items)
        together, each, table_id = await weigh.compare_judgements(
            self._outside,
            current_caller(),
            items,
            wire.read_judgements(request.experts),
            group_weights=wire.group_weights(request.group_weights),
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
            wire.number("variation_below", request.variation_below) if request.variation_below else limits.variation_below,
            wire.number("shift_below", request.shift_below) if request.shift_below else limits.shift_below,
            wire.number("significance_below", request.significance_below)
            if request.significance_below
            else limits.significance_below,
        )
        given = [
            [
                [wire.number(f"rounds[{number}].expert[{place}]", text) for text in row.points]
                for place, row in enumerate(each.experts, start=1)
            ]
            for number, each in enumerate(request.rounds, start=1)
        ]
        found = await weigh.summarise_rounds(self._outside, current_caller(), tuple(request.items), given, agreement)
        return pb.SummariseRoundsResponse(rounds=wire.rounds(found, tuple(request.items)))


def _asked(request: pb.EvaluateParkRequest) -> Asked:
    sets = tuple(request.threshold_set_ids)
    return Asked(request.system_id, request.year, request.weight_set_id, sets, request.industry)


def _page_size(asked: int) -> int:
    if not 0 <= asked <= _MAX_PAGE:
        raise InvalidField("page_size", str(asked), f"0 to {_MAX_PAGE}", f"0 至 {_MAX_PAGE}")
    return asked or _DEFAULT_PAGE


def _before(token: str) -> int:
    if token == "":
        return _NEWEST
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise InvalidField("page_token", token, "a next_page_token of the same list", "同一列表给出的 next_page_token")
    return int(token)
