"""Evaluating: a park, and what a caller gives."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from evaluation.application.catalogue import thresholds_of, weights_of
from evaluation.application.ports import Clock, Ports, Records, Shipped
from evaluation.application.selection import Selection, put_together, valid_selection
from evaluation.application.systems import system_of
from evaluation.application.values import known_values
from evaluation.application.year_accounts import year_accounts
from evaluation.domain.callers import READ, READ_PUBLISHED, RECORD
from evaluation.domain.comparison import YearOverYear, year_over_year
from evaluation.domain.credit import INTENSITY, intensity_percentile
from evaluation.domain.diagnosis import PLAN_LIMIT_S, Plan, Step, cheapest_plan
from evaluation.domain.errors import ResourceNotFound
from evaluation.domain.evaluations import Assessment, Evaluation, Inputs, InputValue, assessed
from evaluation.domain.facts import EvaluationScored
from evaluation.domain.systems import IndicatorSystem, checked_system, decimal, weighed
from evaluation.domain.thresholds import Threshold, checked_thresholds, merged
from evaluation.domain.values import Entry, Problem, judged
from kernel.access import Caller, require
from kernel.periods import time_zone
from kernel.refusals import InvalidField
from parkcopies.parks import Park

_EVALUATIONS_AT_ONCE = 10
_SHORT_NODES = 150
"""A tree of so many nodes is judged in some ten milliseconds, in the event loop; a larger one, of up to 1,000, elsewhere."""

PLAN_SECONDS = 2 * PLAN_LIMIT_S
"""The search ends by itself before that."""

CALCULATE_SECONDS = 10.0


async def evaluate_park(ports: Ports, caller: Caller, park_id: str, selection: Selection) -> tuple[Evaluation, Assessment]:
    """Evaluates a park and keeps the result with all of its inputs.

    Raises:
        Denied, OutOfScope, ParkNotFound, ResourceNotFound, InvalidField: nothing to evaluate for this caller.
    """
    require(caller, RECORD)
    park = await ports.parks.reach(caller, park_id)
    valid_selection(selection)
    async with ports.write(caller.tenant) as uow:
        await uow.parks.lock(park.park_id)
        inputs = (await _inputs(ports.shipped, ports.clock, uow, caller, [park], selection))[park.park_id]
        assessment = await _assessed(inputs)
        now = ports.clock.now()
        newest = await uow.evaluations.page(park.park_id, 2**62, 1)
        evaluation = Evaluation(
            evaluation_id=ports.new_id(),
            park_id=park.park_id,
            tenant_id=park.tenant_id,
            sequence=newest[0].sequence + 1 if newest else 1,
            scored_by=caller.subject,
            scored_time=now,
            inputs_sha256=ports.documents.digest(inputs),
            inputs=inputs,
        )
        await uow.evaluations.add(evaluation, assessment, now.astimezone(time_zone(park.time_zone)).year)
        uow.collect(EvaluationScored(evaluation, assessment))
        await uow.commit()
    return evaluation, assessment


async def _assessed(inputs: Inputs) -> Assessment:
    """Returns what follows from inputs; from those of a large tree in a thread, where other calls go on meanwhile."""
    return assessed(inputs) if len(inputs.system.nodes) <= _SHORT_NODES else await asyncio.to_thread(assessed, inputs)


async def _inputs(
    shipped: Shipped, clock: Clock, records: Records, caller: Caller, parks: Sequence[Park], selection: Selection
) -> Mapping[str, Inputs]:
    system = await system_of(shipped, records.systems, caller, selection.system_id)
    name, weights = await weights_of(records.weight_sets, caller, system, selection.weight_set_id)
    thresholds, synthetic = await thresholds_of(shipped, records.threshold_sets, caller, system, selection.threshold_set_ids)
    values = await known_values(shipped, clock, records, system, parks, selection.year)
    accounts = await year_accounts(records, [park.park_id for park in parks], selection.year)
    found = {}
    for park in parks:
        account = accounts[park.park_id]
        has_energy = account.energy_tce > 0
        found[park.park_id] = put_together(
            shipped,
            system,
            selection,
            (name, weights),
            (thresholds, synthetic),
            tuple(values[park.park_id].values()),
            account.energy_tce if has_energy else None,
            account.emissions_t if has_energy else None,
        )
    return found


async def read_evaluation(ports: Ports, caller: Caller, park_id: str, evaluation_id: str) -> tuple[Evaluation, Assessment]:
    """Returns one evaluation of a park, computed again from its stored inputs.

    Raises:
        Denied, OutOfScope, ParkNotFound, ResourceNotFound: nothing to see for this caller.
    """
    _, found = await stored_evaluation(ports, caller, park_id, evaluation_id)
    return found, await _assessed(found.inputs)


async def stored_evaluation(ports: Ports, caller: Caller, park_id: str, evaluation_id: str) -> tuple[Park, Evaluation]:
    """Returns a park and one of its evaluations, which is not judged again.

    Raises:
        Denied, OutOfScope, ParkNotFound, ResourceNotFound: nothing to see for this caller.
    """
    require(caller, READ)
    park = await ports.parks.reach(caller, park_id)
    async with ports.read(caller.tenant) as records:
        found = await records.evaluations.get(park.park_id, evaluation_id)
    if found is None:
        raise ResourceNotFound("evaluation", evaluation_id)
    return park, found


async def list_evaluations(
    ports: Ports, caller: Caller, park_id: str, before: int, limit: int
) -> list[tuple[Evaluation, Assessment]]:
    """Returns a page of a park's evaluations, newest first."""
    require(caller, READ)
    park = await ports.parks.reach(caller, park_id)
    page: list[tuple[Evaluation, Assessment]] = []
    async with ports.read(caller.tenant) as records:
        # A page is of up to a thousand: other calls go on meanwhile.
        while len(page) < limit:
            some = await records.evaluations.page(park.park_id, before, min(limit - len(page), _EVALUATIONS_AT_ONCE))
            for each in some:
                page.append((each, await _assessed(each.inputs)))
                await asyncio.sleep(0)
            if len(some) < _EVALUATIONS_AT_ONCE:
                break
            before = some[-1].sequence
    return page


async def compare_evaluations(ports: Ports, caller: Caller, park_id: str, before_id: str, after_id: str) -> YearOverYear:
    """Returns why two evaluations of a park differ.

    Raises:
        InvalidField: they judge by systems of different names.
        RuleBroken: one of them has no score, or the system judges by targets.
    """
    before, first = await read_evaluation(ports, caller, park_id, before_id)
    after, last = await read_evaluation(ports, caller, park_id, after_id)
    expected, found = weighed(before.inputs.system).system_id, after.inputs.system.system_id
    if expected != found:
        raise InvalidField("after_id", found, f"an evaluation by {expected}", f"按 {expected} 进行的评价")
    return year_over_year(first.scores, last.scores)


async def plan_improvements(
    ports: Ports, caller: Caller, park_id: str, evaluation_id: str, steps: Sequence[Step], target: Fraction
) -> tuple[Plan, Fraction | None]:
    """Returns the cheapest steps that bring an evaluation to a target, as far as time allows, and the score as it is.

    Raises:
        RuleBroken: the system judges by targets, or a step or the target breaks a rule.
        Unreachable: no combination reaches the target.
    """
    _, evaluation = await stored_evaluation(ports, caller, park_id, evaluation_id)
    weighed(evaluation.inputs.system)
    return await ports.executor.run(caller, PLAN_SECONDS, _planned, evaluation.inputs, steps, target)


def _planned(inputs: Inputs, steps: Sequence[Step], target: Fraction) -> tuple[Plan, Fraction | None]:
    scores = assessed(inputs).scores
    return cheapest_plan(scores, steps, target), scores.total.score


@dataclass(frozen=True, slots=True)
class OwnData:
    """What a caller gives for a calculation that nothing is kept of.

    Attributes:
        system: a whole one, or None for one by its id.
        weights: of every node, or None for those of the name.
        thresholds: over the platform's.
        intensity: of an enterprise, t CO2e per 10⁴ CNY, and of its peers, for the indicator that they decide.
    """

    system: IndicatorSystem | None
    weights: Mapping[str, Fraction] | None
    thresholds: tuple[Threshold, ...]
    entries: Sequence[Entry]
    energy_tce: Fraction | None
    emissions_t: Fraction | None
    intensity: tuple[Fraction, tuple[Fraction, ...]] | None = None


async def calculate(ports: Ports, caller: Caller, selection: Selection, own: OwnData) -> tuple[Assessment, list[Problem]]:
    """Evaluates what the caller gives and keeps nothing; rows that break a rule are told and left out.

    Raises:
        Denied, OutOfScope, ResourceNotFound, InvalidField, RuleBroken: what is given cannot be evaluated.
    """
    require(caller, READ_PUBLISHED)
    valid_selection(selection)
    async with ports.read(caller.tenant) as records:
        system = (
            checked_system(own.system)
            if own.system
            else await system_of(ports.shipped, records.systems, caller, selection.system_id)
        )
        stored = await weights_of(records.weight_sets, caller, system, selection.weight_set_id if own.weights is None else "")
        thresholds, synthetic = await thresholds_of(ports.shipped, records.threshold_sets, caller, system, ())
    weights = stored if own.weights is None else ("given", own.weights)
    kept, problems = judged(system, own.entries, ports.shipped.conversions)
    wrong_year = [entry for entry, year, _ in kept if year != selection.year]
    if wrong_year:
        found = wrong_year[0]
        raise InvalidField(f"values[{found.row_number}].year", found.year, f"the year {selection.year}", f"{selection.year} 年")
    values = tuple(InputValue(entry.indicator_id, value, "manual", entry.evidence) for entry, _, value in kept)
    if own.intensity is not None:
        values = (*values, _against_peers(system, values, *own.intensity))
    given = merged(thresholds, checked_thresholds(system, own.thresholds))
    inputs = put_together(ports.shipped, system, selection, weights, (given, synthetic), values, own.energy_tce, own.emissions_t)
    if len(system.nodes) <= _SHORT_NODES:
        return assessed(inputs), problems
    return await ports.executor.run(caller, CALCULATE_SECONDS, assessed, inputs), problems


def _against_peers(
    system: IndicatorSystem, values: Sequence[InputValue], own_t_per_10k_cny: Fraction, peers_t_per_10k_cny: Sequence[Fraction]
) -> InputValue:
    leaf = system.leaf(INTENSITY)
    if any(value.node_id == INTENSITY for value in values):
        raise InvalidField("intensity_t_per_10k_cny", INTENSITY, "left out where its percentile is a value", "省略(已给出其百分位)")
    found = Fraction(decimal(intensity_percentile(own_t_per_10k_cny, peers_t_per_10k_cny)))
    evidence = f"{decimal(own_t_per_10k_cny)} t per 10^4 CNY against {len(peers_t_per_10k_cny)} peers"
    return InputValue(leaf.node_id, found, "derived", evidence)
