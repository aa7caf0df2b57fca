"""Ranking the parks of a region."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

from evaluation.application.catalogue import thresholds_of, weights_of
from evaluation.application.ports import Ports
from evaluation.application.selection import Selection, valid_selection
from evaluation.application.systems import system_of
from evaluation.application.values import counting_values
from evaluation.domain.callers import READ
from evaluation.domain.ranked import Draws, Ranking, Scored, ranked
from evaluation.domain.systems import leaf_weights, weighed
from evaluation.domain.totals import Totals
from kernel.access import Caller, require
from kernel.refusals import InvalidField

MAX_PARKS = 10_000
MAX_DRAWS = 10_000
MAX_CELLS = 50_000_000
"""Parks × draws of one ranking."""

_PARKS_AT_ONCE = 25
"""Read, derived and scored between two looks at other calls: each a millisecond."""

RANK_SECONDS = 60.0

DEFAULT_DRAWS = 1_000
DEFAULT_SPREAD = Fraction(1, 5)
_T = TypeVar("_T")


async def rank_parks(
    ports: Ports,
    caller: Caller,
    region_code: str,
    selection: Selection,
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
        Denied, OutOfScope, ResourceNotFound: nothing to see for this caller.
        InvalidField: the region is no code, or parks, draws or spread are beyond their limits.
        RuleBroken: fewer than two of the parks have a score: a group of one compares nothing; or the system judges by targets.
    """
    require(caller, READ)
    valid_selection(selection)
    if not (region_code == "" or (region_code.isascii() and region_code.isdigit() and len(region_code) in (2, 4, 6))):
        raise InvalidField(
            "region_code", region_code, "2, 4 or 6 digits of GB/T 2260, or empty", "GB/T 2260 的 2、4 或 6 位数字,或为空"
        )
    if not 1 <= draws <= MAX_DRAWS:
        raise InvalidField("draws", str(draws), f"1 to {MAX_DRAWS}", f"1 至 {MAX_DRAWS}")
    if not 0 <= spread <= 1:
        raise InvalidField("spread", str(float(spread)), "0 to 1", "0 至 1")
    async with ports.read(caller.tenant) as records:
        weighed(await system_of(ports.shipped, records.systems, caller, selection.system_id))
    parks = await ports.parks.reach_region(caller, region_code)
    if len(parks) > MAX_PARKS or len(parks) * draws > MAX_CELLS:
        allowed = f"at most {MAX_PARKS} parks and {MAX_CELLS} parks × draws"
        raise InvalidField("region_code", f"{len(parks)} parks × {draws} draws", allowed, f"至多 {MAX_PARKS} 个园区")
    async with ports.read(caller.tenant) as records:
        system = await system_of(ports.shipped, records.systems, caller, selection.system_id)
        name, weights = await weights_of(records.weight_sets, caller, system, selection.weight_set_id)
        thresholds, synthetic = await thresholds_of(
            ports.shipped, records.threshold_sets, caller, system, selection.threshold_set_ids
        )
        totals = Totals(system, weights, {row.node_id: row for row in thresholds})
        scored: list[Scored] = []
        # Some at a time: the values of ten thousand parks are a hundred megabytes, and their scores five.
        for start in range(0, len(parks), _PARKS_AT_ONCE):
            some = parks[start : start + _PARKS_AT_ONCE]
            values = await counting_values(ports.shipped, records, system, some, selection.year)
            scored.append(Scored.of(some, [totals.of(values[park.park_id]) for park in some]))
            await asyncio.sleep(0)
    by_leaf = leaf_weights(system, weights)
    drawn = Draws(draws, seed, float(spread))
    return await ports.executor.run(caller, RANK_SECONDS, _presented, scored, by_leaf, drawn, name, synthetic, present)


def _presented(
    scored: Sequence[Scored],
    by_leaf: Mapping[str, Fraction],
    drawn: Draws,
    name: str,
    synthetic: bool,
    present: Callable[[Ranking], _T],
) -> _T:
    return present(ranked(scored, by_leaf, drawn, name, synthetic))
