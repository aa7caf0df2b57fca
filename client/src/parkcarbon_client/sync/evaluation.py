# Written by client/generate_sync.py from aio/evaluation.py: edit that file and run `make gen`.
"""The methods of the blocking client for the evaluation service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from os import PathLike
from pathlib import Path

from parkcarbon_client.core.answers import Registered
from parkcarbon_client.core.call import Call
from parkcarbon_client.core.requests import new_idempotency_key
from parkcarbon_client.services import evaluation_calls as calls
from parkcarbon_client.services.evaluation_answers import (
    Comparison,
    Evaluation,
    IndicatorSystem,
    IndicatorValue,
    Judgements,
    Plan,
    Ranking,
    RecordedValues,
    Round,
    ThresholdSet,
    WeightSet,
)
from parkcarbon_client.services.evaluation_entries import (
    NewIndicatorSystem,
    NewJudgements,
    NewRounds,
    NewStep,
    NewThresholdSet,
    NewValue,
    NewWeightSet,
    OwnData,
)
from parkcarbon_client.sync.sender import Sender


class EvaluationMethods(Sender):
    """Indicator systems, values, evaluations, plans, rankings, weights."""

    def indicator_systems(self) -> tuple[IndicatorSystem, ...]:
        """Returns the shipped systems and the tenant's own, without their trees."""
        return self.send(calls.indicator_systems())

    def indicator_system(self, system_id: str) -> IndicatorSystem:
        """Returns a system with its tree and the platform's thresholds."""
        return self.send(calls.indicator_system(system_id))

    def create_indicator_system(self, system: NewIndicatorSystem) -> Registered[IndicatorSystem]:
        """Stores a system of the tenant's own; idempotent like `create_park`."""
        return self.send(calls.create_indicator_system(system))

    def create_threshold_set(self, system_id: str, thresholds: NewThresholdSet) -> Registered[ThresholdSet]:
        """Stores a version of thresholds; idempotent like `create_park`."""
        return self.send(calls.create_threshold_set(system_id, thresholds))

    def create_weight_set(self, system_id: str, weights: NewWeightSet) -> Registered[WeightSet]:
        """Stores a version of weights; idempotent like `create_park`."""
        return self.send(calls.create_weight_set(system_id, weights))

    def indicator_values(self, park_id: str, system_id: str, year: int) -> tuple[IndicatorValue, ...]:
        """Returns every indicator of a system for a year: its value with origin and evidence, or why it is missing."""
        return self.send(calls.indicator_values(park_id, system_id, year))

    def record_indicator_values(self, park_id: str, system_id: str, values: Sequence[NewValue]) -> RecordedValues:
        """Records values; good ones are kept whatever the others are, and the same again changes nothing.

        Args:
            park_id: The park.
            system_id: Such as guide-2021.
            values: 1 to 5,000.
        """
        return self.send(calls.record_indicator_values(park_id, system_id, values))

    def push_indicator_values(self, park_id: str, system_id: str, path: str | PathLike[str]) -> RecordedValues:
        """Sends a CSV (*.csv) or the workbook of `indicator_workbook` filled in (*.xlsx), and returns what became of its rows.

        Raises:
            FileNotReadable: The file is named otherwise; nothing was sent.
        """
        return self.send(calls.push_indicator_values(park_id, system_id, Path(path)))

    def indicator_workbook(self, park_id: str, system_id: str, year: int, *, language: str = "") -> bytes:
        """Returns an XLSX with a row for each indicator, what was entered filled in; `language` is zh or en, else the client's."""
        return self.send(calls.indicator_workbook(park_id, system_id, year, language))

    def evaluate(
        self,
        park_id: str,
        system_id: str,
        year: int,
        *,
        weight_set_id: str = "",
        threshold_set_ids: Sequence[str] = (),
        industry: str = "",
        idempotency_key: str = "",
    ) -> Evaluation:
        """Evaluates a park by an indicator system and keeps the result.

        Args:
            park_id: The park.
            system_id: Such as guide-2021 or pdi.
            year: Of the values.
            weight_set_id: annex, equal, or a stored set; the system's own when left out.
            threshold_set_ids: Stored sets over the platform's thresholds, later ones first.
            industry: electronics, automotive, new_energy or "": for advice.
            idempotency_key: The same key within a day is the same evaluation; a new one when left out.
        """
        key = idempotency_key or new_idempotency_key()
        return self.send(calls.evaluate(park_id, system_id, year, weight_set_id, threshold_set_ids, industry, key))

    def evaluation(self, park_id: str, evaluation_id: str) -> Evaluation:
        """Returns an evaluation with its tree."""
        return self.send(calls.evaluation(park_id, evaluation_id))

    def iterate_evaluations(self, park_id: str) -> Iterator[Evaluation]:
        """Yields the evaluations of a park, newest first, without their trees."""
        return self._items(lambda token: calls.list_evaluations(park_id, token))

    def comparison(self, park_id: str, evaluation_id: str, *, before_id: str) -> Comparison:
        """Returns why an evaluation differs from an earlier one: values, weights, thresholds, coverage, exactly."""
        return self.send(calls.comparison(park_id, evaluation_id, before_id))

    def plan(self, park_id: str, evaluation_id: str, *, target: Decimal, steps: Sequence[NewStep]) -> Plan:
        """Returns the cheapest combination of steps that brings an evaluation to a target.

        Args:
            park_id: The park.
            evaluation_id: The evaluation to start from.
            target: The score to reach, on the system's scale.
            steps: 1 to 500 to choose from.
        """
        return self.send(calls.plan(park_id, evaluation_id, target, steps))

    def report(self, park_id: str, evaluation_id: str, *, language: str = "") -> bytes:
        """Returns the report of an evaluation as a PDF; `language` is zh or en, else the client's."""
        return self.send(calls.report(park_id, evaluation_id, language))

    def ranking(
        self,
        region_code: str,
        system_id: str,
        year: int,
        *,
        weight_set_id: str = "",
        threshold_set_ids: Sequence[str] = (),
        draws: int = 1000,
        seed: int = 0,
        spread: Decimal = Decimal("0.2"),
    ) -> Ranking:
        """Ranks the caller's parks of a region, all of them, with the interval of each rank over drawn weights.

        Args:
            region_code: 2, 4 or 6 digits of GB/T 2260.
            system_id: Such as guide-2021.
            year: Of the values.
            weight_set_id: annex, equal, or a stored set; the system's own when left out.
            threshold_set_ids: Stored sets over the platform's thresholds.
            draws: 1 to 10,000.
            seed: The same seed gives the same intervals.
            spread: How far each weight is drawn from its own, as a share of it, 0 to 1.
        """

        def page(token: str) -> Call[Ranking]:
            sets = threshold_set_ids
            return calls.ranking(region_code, system_id, year, weight_set_id, sets, draws, seed, spread, token)

        ranking = self.send(page(""))
        while ranking.next_page_token:
            further = self.send(page(ranking.next_page_token))
            ranking = replace(ranking, parks=ranking.parks + further.parks, next_page_token=further.next_page_token)
        return ranking

    def calculate(self, data: OwnData) -> Evaluation:
        """Evaluates data of one's own, of which nothing is kept; with `enterprise-credit` it rates an enterprise."""
        return self.send(calls.calculate(data))

    def compare_judgements(self, judgements: NewJudgements) -> Judgements:
        """Returns the weights that follow from pairwise judgements, and how consistent these are (AHP)."""
        return self.send(calls.compare_judgements(judgements))

    def summarise_rounds(self, rounds: NewRounds) -> tuple[Round, ...]:
        """Returns the summary of each round of estimates, and whether they have converged (Delphi)."""
        return self.send(calls.summarise_rounds(rounds))
