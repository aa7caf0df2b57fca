"""Evaluating: a park, a region's parks, and what a caller gives."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluation.application.catalogue import thresholds_of, weights_of
from evaluation.application.parks import reach_park, reach_region
from evaluation.application.ports import Documents, Outside, Records
from evaluation.application.systems import system_of
from evaluation.application.values import counting_values, input_value, known_values, shown_values, valid_year
from evaluation.domain.callers import READ, READ_PUBLISHED, RECORD
from evaluation.domain.comparison import Standing, YearOverYear, reachable_ranks, standings, year_over_year
from evaluation.domain.credit import INTENSITY, intensity_percentile
from evaluation.domain.diagnosis import PLAN_LIMIT_S, Plan, Step, cheapest_plan
from evaluation.domain.errors import ThingNotFound
from evaluation.domain.evaluations import Assessment, Evaluation, Inputs, InputValue, assessed
from evaluation.domain.facts import EvaluationScored
from evaluation.domain.parks import Park
from evaluation.domain.ranking import Flip, RankIntervals, drawn_weights, flips, rank_intervals
from evaluation.domain.scoring import NodeScore
from evaluation.domain.strategies import INDUSTRIES
from evaluation.domain.systems import IndicatorSystem, checked_system, decimal, leaf_weights, weighed
from evaluation.domain.thresholds import Threshold, checked_thresholds, merged
from evaluation.domain.totals import Totals
from evaluation.domain.values import Entry, Problem, judged
from kernel.access import Caller, require
from kernel.periods import time_zone
from kernel.refusals import InvalidField

MAX_PARKS = 10_000
MAX_DRAWS = 10_000
MAX_CELLS = 50_000_000
"""Parks × draws of one ranking."""

_PARKS_AT_ONCE = 25
"""Read, derived and scored between two looks at other calls: each a millisecond."""

_EVALUATIONS_AT_ONCE = 10
_SHORT_NODES = 150
"""A tree of so many nodes is judged in some ten milliseconds, in the event loop; a larger one, of up to 1,000, elsewhere."""

PLAN_SECONDS = 2 * PLAN_LIMIT_S
"""The search ends by itself before that."""

RANK_SECONDS = 60.0
FILE_SECONDS = 20.0
CALCULATE_SECONDS = 10.0

DEFAULT_DRAWS = 1_000
DEFAULT_SPREAD = Fraction(1, 5)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be evaluated: system, year, weights, thresholds, industry; names as a caller gives them."""

    system_id: str
    year: int
    weight_set_id: str = ""
    threshold_set_ids: tuple[str, ...] = ()
    industry: str = ""


async def evaluate_park(outside: Outside, caller: Caller, park_id: str, asked: Asked) -> tuple[Evaluation, Assessment]:
    """Evaluates a park and keeps the result with all of its inputs.

    Raises:
        Denied, OutOfScope, ParkNotFound, ThingNotFound, InvalidField: nothing to evaluate for this caller.
    """
    require(caller, RECORD)
    park = await reach_park(outside, caller, park_id)
    _checked(asked)
    async with outside.write() as uow:
        await uow.lock(park)
        inputs = (await _inputs(outside, uow, caller, [park], asked))[park.park_id]
        assessment = await _assessed(inputs)
        now = outside.clock.now()
        newest = await uow.evaluations(park.park_id, 2**62, 1)
        evaluation = Evaluation(
            evaluation_id=outside.new_id(),
            park_id=park.park_id,
            tenant_id=park.tenant_id,
            sequence=newest[0].sequence + 1 if newest else 1,
            scored_by=caller.subject,
            scored_time=now,
            inputs_sha256=outside.documents.digest(inputs),
            inputs=inputs,
        )
        await uow.add_evaluation(evaluation, assessment, now.astimezone(time_zone(park.time_zone)).year)
        uow.collect(EvaluationScored(evaluation, assessment))
        await uow.commit()
    return evaluation, assessment


async def _assessed(inputs: Inputs) -> Assessment:
    """Returns what follows from inputs; from those of a large tree in a thread, where other calls go on meanwhile."""
    return assessed(inputs) if len(inputs.system.nodes) <= _SHORT_NODES else await asyncio.to_thread(assessed, inputs)


def _checked(asked: Asked) -> None:
    valid_year(asked.year)
    if asked.industry not in ("", *INDUSTRIES):
        listed = ", ".join(INDUSTRIES)
        raise InvalidField("industry", asked.industry, f"one of {listed}, or empty", f"{listed} 之一,或为空")


async def _inputs(outside: Outside, records: Records, caller: Caller, parks: Sequence[Park], asked: Asked) -> Mapping[str, Inputs]:
    system = await system_of(outside, records, caller, asked.system_id)
    name, weights = await weights_of(records, caller, system, asked.weight_set_id)
    thresholds, synthetic = await thresholds_of(outside, records, caller, system, asked.threshold_set_ids)
    values = await known_values(outside, records, system, parks, asked.year)
    accounts = await records.year_accounts([park.park_id for park in parks], asked.year)
    found = {}
    for park in parks:
        account = accounts[park.park_id]
        has_energy = account.energy_tce > 0
        found[park.park_id] = _put_together(
            outside,
            system,
            asked,
            (name, weights),
            (thresholds, synthetic),
            tuple(values[park.park_id].values()),
            account.energy_tce if has_energy else None,
            account.emissions_t if has_energy else None,
        )
    return found


def _put_together(
    outside: Outside,
    system: IndicatorSystem,
    asked: Asked,
    weights: tuple[str, Mapping[str, Fraction]],
    thresholds: tuple[tuple[Threshold, ...], bool],
    values: tuple[InputValue, ...],
    energy_tce: Fraction | None,
    emissions_t: Fraction | None,
) -> Inputs:
    shipped = outside.shipped
    return Inputs(
        system=system,
        year=asked.year,
        weight_set_id=weights[0],
        weights=weights[1],
        threshold_set_ids=asked.threshold_set_ids,
        thresholds=thresholds[0],
        synthetic=thresholds[1],
        values=values,
        energy_tce=energy_tce,
        emissions_t=emissions_t,
        industry=asked.industry,
        bands=tuple(band for band in shipped.bands if band.system_id == system.system_id),
        targets=tuple(target for target in shipped.targets if target.system_id == system.system_id),
        strategies=shipped.strategies if asked.industry else (),
    )


async def read_evaluation(outside: Outside, caller: Caller, park_id: str, evaluation_id: str) -> tuple[Evaluation, Assessment]:
    """Returns one evaluation of a park, computed again from its stored inputs.

    Raises:
        Denied, OutOfScope, ParkNotFound, ThingNotFound: nothing to see for this caller.
    """
    _, found = await _stored(outside, caller, park_id, evaluation_id)
    return found, await _assessed(found.inputs)


async def _stored(outside: Outside, caller: Caller, park_id: str, evaluation_id: str) -> tuple[Park, Evaluation]:
    require(caller, READ)
    park = await reach_park(outside, caller, park_id)
    async with outside.read() as records:
        found = await records.evaluation(park.park_id, evaluation_id)
    if found is None:
        raise ThingNotFound("evaluation", evaluation_id)
    return park, found


async def list_evaluations(
    outside: Outside, caller: Caller, park_id: str, before: int, limit: int
) -> list[tuple[Evaluation, Assessment]]:
    """Returns a page of a park's evaluations, newest first."""
    require(caller, READ)
    park = await reach_park(outside, caller, park_id)
    async with outside.read() as records:
        page: list[tuple[Evaluation, Assessment]] = []
        # A page is of up to a thousand: other calls go on meanwhile.
        while len(page) < limit:
            some = await records.evaluations(park.park_id, before, min(limit - len(page), _EVALUATIONS_AT_ONCE))
            for each in some:
                page.append((each, await _assessed(each.inputs)))
                await asyncio.sleep(0)
            if len(some) < _EVALUATIONS_AT_ONCE:
                break
            before = some[-1].sequence
    return page


async def compare_evaluations(outside: Outside, caller: Caller, park_id: str, before_id: str, after_id: str) -> YearOverYear:
    """Returns why two evaluations of a park differ.

    Raises:
        InvalidField: they judge by systems of different names.
        RuleBroken: one of them has no score, or the system judges by targets.
    """
    before, first = await read_evaluation(outside, caller, park_id, before_id)
    after, last = await read_evaluation(outside, caller, park_id, after_id)
    expected, found = weighed(before.inputs.system).system_id, after.inputs.system.system_id
    if expected != found:
        raise InvalidField("after_id", found, f"an evaluation by {expected}", f"按 {expected} 进行的评价")
    return year_over_year(first.scores, last.scores)


async def plan_improvements(
    outside: Outside, caller: Caller, park_id: str, evaluation_id: str, steps: Sequence[Step], target: Fraction
) -> tuple[Plan, Fraction | None]:
    """Returns the cheapest steps that bring an evaluation to a target, as far as time allows, and the score as it is.

    Raises:
        RuleBroken: the system judges by targets, or a step or the target breaks a rule.
        Unreachable: no combination reaches the target.
    """
    _, evaluation = await _stored(outside, caller, park_id, evaluation_id)
    weighed(evaluation.inputs.system)
    return await outside.executor.run(caller, PLAN_SECONDS, _planned, evaluation.inputs, steps, target)


def _planned(inputs: Inputs, steps: Sequence[Step], target: Fraction) -> tuple[Plan, Fraction | None]:
    scores = assessed(inputs).scores
    return cheapest_plan(scores, steps, target), scores.total.score


async def render_report(outside: Outside, caller: Caller, park_id: str, evaluation_id: str, language: str) -> bytes:
    """Returns the report of an evaluation as a PDF.

    Raises:
        InvalidField: the language is neither zh nor en.
    """
    park, evaluation = await _stored(outside, caller, park_id, evaluation_id)
    spoken = valid_language(language)
    return await outside.executor.run(caller, FILE_SECONDS, _reported, outside.documents, evaluation, park, spoken)


def _reported(documents: Documents, evaluation: Evaluation, park: Park, language: str) -> bytes:
    return documents.report(evaluation, assessed(evaluation.inputs), park, language)


async def render_template(outside: Outside, caller: Caller, park_id: str, asked: Asked, language: str) -> bytes:
    """Returns an XLSX for entering a year's values, with what was entered filled in and what the platform has beside it."""
    require(caller, READ)
    park = await reach_park(outside, caller, park_id)
    _checked(asked)
    async with outside.read() as records:
        system = await system_of(outside, records, caller, asked.system_id)
        shown = (await shown_values(outside, records, system, [park], asked.year))[park.park_id]
    found = [value for each in shown for value in (each.value, each.conflicting) if value is not None]
    entered, derived = (
        {value.indicator_id: input_value(value) for value in found if value.origin == origin} for origin in ("manual", "derived")
    )
    make, spoken = outside.documents.template, valid_language(language)
    return await outside.executor.run(caller, FILE_SECONDS, make, system, asked.year, entered, derived, spoken)


def valid_language(language: str) -> str:
    """Returns zh or en; empty is en.

    Raises:
        InvalidField: it is another.
    """
    if language not in ("", "zh", "en"):
        raise InvalidField("language", language, "zh or en", "zh 或 en")
    return language or "en"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Parks with their totals, standing and intervals, and by what they were ranked.

    Attributes:
        parks: best first, unscored ones last.
        standings: of the scored ones.
        intervals: by the place in `parks` among the scored ones.
        reachable: best and worst rank that missing values leave, by the place in `parks`.
        flips: by indicator; empty unless all scored parks have the same indicators scored.
        weight_set_id: whose weights they are.
        synthetic: whether some thresholds are made up for a demonstration.
    """

    parks: Sequence[tuple[Park, NodeScore]]
    standings: Mapping[str, Standing]
    intervals: RankIntervals
    reachable: Sequence[tuple[int, int]]
    flips: Sequence[tuple[str, Flip]]
    weight_set_id: str
    synthetic: bool


async def rank_parks(
    outside: Outside,
    caller: Caller,
    region_code: str,
    asked: Asked,
    *,
    draws: int,
    seed: int,
    spread: Fraction,
    present: Callable[[Ranking], _T],
) -> _T:
    """Ranks the caller's parks of a region, with the interval of each rank over drawn weights.

    Returns:
        What `present` makes of the ranking: a function at the top level of a module, which runs where the ranking was computed.

    Raises:
        Denied, OutOfScope, ThingNotFound: nothing to see for this caller.
        InvalidField: the region is no code, or parks, draws or spread are beyond their limits.
        RuleBroken: fewer than two of the parks have a score: a group of one compares nothing; or the system judges by targets.
    """
    require(caller, READ)
    _checked(asked)
    if not (region_code == "" or (region_code.isascii() and region_code.isdigit() and len(region_code) in (2, 4, 6))):
        raise InvalidField(
            "region_code", region_code, "2, 4 or 6 digits of GB/T 2260, or empty", "GB/T 2260 的 2、4 或 6 位数字,或为空"
        )
    if not 1 <= draws <= MAX_DRAWS:
        raise InvalidField("draws", str(draws), f"1 to {MAX_DRAWS}", f"1 至 {MAX_DRAWS}")
    if not 0 <= spread <= 1:
        raise InvalidField("spread", str(float(spread)), "0 to 1", "0 至 1")
    async with outside.read() as records:
        weighed(await system_of(outside, records, caller, asked.system_id))
    parks = await reach_region(outside, caller, region_code)
    if len(parks) > MAX_PARKS or len(parks) * draws > MAX_CELLS:
        allowed = f"at most {MAX_PARKS} parks and {MAX_CELLS} parks × draws"
        raise InvalidField("region_code", f"{len(parks)} parks × {draws} draws", allowed, f"至多 {MAX_PARKS} 个园区")
    async with outside.read() as records:
        system = await system_of(outside, records, caller, asked.system_id)
        name, weights = await weights_of(records, caller, system, asked.weight_set_id)
        thresholds, synthetic = await thresholds_of(outside, records, caller, system, asked.threshold_set_ids)
        totals = Totals(system, weights, {row.node_id: row for row in thresholds})
        scored: list[_Scored] = []
        # Some at a time: the values of ten thousand parks are a hundred megabytes, and their scores five.
        for start in range(0, len(parks), _PARKS_AT_ONCE):
            some = parks[start : start + _PARKS_AT_ONCE]
            values = await counting_values(outside, records, system, some, asked.year)
            found = [totals.of(values[park.park_id]) for park in some]
            scored.append(_Scored(some, [total for total, _ in found], np.array([row for _, row in found])))
            await asyncio.sleep(0)
    by_leaf = leaf_weights(system, weights)
    drawn = _Drawn(draws, seed, float(spread))
    return await outside.executor.run(caller, RANK_SECONDS, _presented, scored, by_leaf, drawn, name, synthetic, present)


@dataclass(frozen=True, slots=True)
class _Scored:
    """Parks with their totals and the scores of their indicators, parks × indicators."""

    parks: Sequence[Park]
    totals: Sequence[NodeScore]
    matrix: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """How weights are drawn."""

    draws: int
    seed: int
    spread_ratio: float


def _presented(
    scored: Sequence[_Scored],
    by_leaf: Mapping[str, Fraction],
    drawn: _Drawn,
    name: str,
    synthetic: bool,
    present: Callable[[Ranking], _T],
) -> _T:
    return present(_ranked(scored, by_leaf, drawn, name, synthetic))


def _ranked(
    scored: Sequence[_Scored],
    by_leaf: Mapping[str, Fraction],
    drawn: _Drawn,
    name: str,
    synthetic: bool,
) -> Ranking:
    rows = chain.from_iterable(zip(each.parks, each.totals, each.matrix, strict=True) for each in scored)
    known: list[tuple[Park, NodeScore, NDArray[np.float64]]] = []
    unknown: list[tuple[Park, NodeScore, NDArray[np.float64]]] = []
    for row in rows:
        (unknown if row[1].score is None else known).append(row)
    known.sort(key=lambda each: (-(each[1].score or Fraction(0)), each[0].park_id))
    standing = standings({park.park_id: total.score or Fraction(0) for park, total, _ in known})
    weights = np.array([float(weight) for weight in by_leaf.values()])
    matrix = np.array([row for _, _, row in known])
    if drawn.spread_ratio:
        intervals = rank_intervals(matrix, drawn_weights(weights, drawn.draws, drawn.spread_ratio, drawn.seed))
    else:
        # Every draw is the ranking itself, and floats would tell parks apart that the exact scores do not.
        ranks = np.array([standing[park.park_id].rank for park, _, _ in known], dtype=np.int32)
        intervals = RankIntervals(ranks, ranks, ranks, (ranks == 1).astype(np.float64))
    alike = ~np.isnan(matrix[0])
    flipping: list[tuple[str, Flip]] = []
    if bool((np.isnan(matrix) == ~alike).all()) and weights[alike].sum() > 0:
        names = [leaf for leaf, there in zip(by_leaf, alike, strict=True) if there]
        flipping = list(zip(names, flips(matrix[:, alike], weights[alike] / weights[alike].sum()), strict=True))
    parks = [(park, total) for park, total, _ in (*known, *unknown)]
    reachable = reachable_ranks([(total.low, total.high) for _, total in parks])
    return Ranking(parks, standing, intervals, reachable, flipping, name, synthetic)


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


async def calculate(outside: Outside, caller: Caller, asked: Asked, own: OwnData) -> tuple[Assessment, list[Problem]]:
    """Evaluates what the caller gives and keeps nothing; rows that break a rule are told and left out.

    Raises:
        Denied, OutOfScope, ThingNotFound, InvalidField, RuleBroken: what is given cannot be evaluated.
    """
    require(caller, READ_PUBLISHED)
    _checked(asked)
    async with outside.read() as records:
        system = checked_system(own.system) if own.system else await system_of(outside, records, caller, asked.system_id)
        stored = await weights_of(records, caller, system, asked.weight_set_id if own.weights is None else "")
        thresholds, synthetic = await thresholds_of(outside, records, caller, system, ())
    weights = stored if own.weights is None else ("given", own.weights)
    kept, problems = judged(system, own.entries, outside.shipped.conversions)
    wrong_year = [entry for entry, year, _ in kept if year != asked.year]
    if wrong_year:
        found = wrong_year[0]
        raise InvalidField(f"values[{found.row_number}].year", found.year, f"the year {asked.year}", f"{asked.year} 年")
    values = tuple(InputValue(entry.indicator_id, value, "manual", entry.evidence) for entry, _, value in kept)
    if own.intensity is not None:
        values = (*values, _against_peers(system, values, *own.intensity))
    given = merged(thresholds, checked_thresholds(system, own.thresholds))
    inputs = _put_together(outside, system, asked, weights, (given, synthetic), values, own.energy_tce, own.emissions_t)
    if len(system.nodes) <= _SHORT_NODES:
        return assessed(inputs), problems
    return await outside.executor.run(caller, CALCULATE_SECONDS, assessed, inputs), problems


def _against_peers(
    system: IndicatorSystem, values: Sequence[InputValue], own_t_per_10k_cny: Fraction, peers_t_per_10k_cny: Sequence[Fraction]
) -> InputValue:
    leaf = system.leaf(INTENSITY)
    if any(value.node_id == INTENSITY for value in values):
        raise InvalidField("intensity_t_per_10k_cny", INTENSITY, "left out where its percentile is a value", "省略(已给出其百分位)")
    found = Fraction(decimal(intensity_percentile(own_t_per_10k_cny, peers_t_per_10k_cny)))
    evidence = f"{decimal(own_t_per_10k_cny)} t per 10^4 CNY against {len(peers_t_per_10k_cny)} peers"
    return InputValue(leaf.node_id, found, "derived", evidence)
