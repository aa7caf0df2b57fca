"""Recording activity: the main way into the account."""

import asyncio
from collections.abc import Set
from datetime import datetime

from accounting.application.ports import Activity, Ports, Sources, Sums, UnitOfWork
from accounting.application.register import park_of
from accounting.domain.activity import judge
from accounting.domain.batches import MAX_ROWS, ActivityColumns, Candidates
from accounting.domain.callers import RECORD
from accounting.domain.errors import BatchTooLarge
from accounting.domain.evidence import ChainHead, chain_links
from accounting.domain.facts import MAX_EVENT_ROWS, EmissionsCalculated, SpanSum, recorded
from accounting.domain.ordering import waves
from accounting.domain.parks import Park
from accounting.domain.plausibility import HISTORY_S, doubtful_sources, held, near_bounds, threshold
from accounting.domain.problems import RowProblem
from accounting.domain.record import BatchResult, Outcome, decide
from accounting.domain.reference import ReferenceTables
from kernel.access import Caller, require
from kernel.periods import month_of
from kernel.quantities import format_scaled
from kernel.refusals import shown

MAX_WAVES = 64
"""How often a batch may correct the same record in a row. Each correction takes a look at the account of its own, so that a batch
of nothing but one chain would hold up the park for minutes."""


async def record_activity(ports: Ports, caller: Caller, park_id: str, columns: ActivityColumns) -> BatchResult:
    """Records a batch of activity rows and adds what they emit to the park's sums, in one transaction.

    Good rows are kept whatever the others are. The same record again changes nothing; a row that names an accepted record in
    `supersedes` takes its place. Totals do not depend on the order of rows or on how they are cut into batches.

    Args:
        ports: the account, the factors, and the clock: a period that ends after its present is refused.
        caller: who records; needs to write for the park's tenant.
        park_id: the park.
        columns: at most 10,000 rows as text.

    Returns:
        What became of each row.

    Raises:
        Denied, ParkNotFound, BatchTooLarge: nothing is recorded.
    """
    require(caller, RECORD)
    if columns.rows > MAX_ROWS:
        raise BatchTooLarge(columns.rows, MAX_ROWS)
    now = ports.clock.now()
    own = caller.own_enterprises(park_id)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, park_id)
        sources = await uow.sources.named(park.park_id, sorted(set(columns.source_id.values)))
        if own is not None:
            sources = {source_id: source for source_id, source in sources.items() if source.enterprise_id in own}
        # Rows are judged and chained outside of the event loop: thousands of them would keep everybody else waiting.
        candidates, problems = await asyncio.to_thread(
            judge, columns, park, sources, ports.book, ports.reference, int(now.timestamp())
        )
        head = await uow.parks.lock(park.park_id)
        if own is not None:
            candidates = await _without_foreign(uow.activity, uow.sources, park, own, candidates, columns, problems)
        candidates, near = await _without_held(uow.activity, uow.sums, park, candidates, columns, problems, ports.reference)
        result = await _kept(uow, ports, park, candidates, columns, problems, head, now, near_bounds=near)
        if result.last_position > head.position:
            await uow.commit()
    return result


async def _kept(
    uow: UnitOfWork,
    ports: Ports,
    park: Park,
    candidates: Candidates,
    columns: ActivityColumns,
    problems: dict[int, RowProblem],
    head: ChainHead,
    now: datetime,
    *,
    near_bounds: bool,
) -> BatchResult:
    """Stores what is accepted of a batch, wave by wave, and collects the facts of it."""
    outcomes = [Outcome.REJECTED] * columns.rows
    sums: dict[tuple[str, int, int], SpanSum] = {}
    ordered = waves(candidates)
    for rows in ordered[MAX_WAVES:]:
        _refuse_deep(candidates.take(rows), columns, problems)
    for rows in ordered[:MAX_WAVES]:
        wave = candidates.take(rows)
        existing = await uow.activity.stage(park, wave, near_bounds=near_bounds)
        decision = decide(wave, existing, park.zone, ports.reference.bounds)
        batch_row = wave.index.tolist()
        for row, (reason, field, found, allowed, allowed_zh) in decision.problems.items():
            number, record_id = columns.row_number[batch_row[row]], shown(wave.record_id[row])
            translated = allowed if allowed_zh is None else allowed_zh
            problems[batch_row[row]] = RowProblem(number, record_id, reason, field, found, allowed, translated)
        for row in decision.duplicates:
            outcomes[batch_row[row]] = Outcome.DUPLICATE
        for row in decision.accepted.tolist():
            outcomes[batch_row[row]] = Outcome.SUPERSEDED if wave.supersedes[row] else Outcome.ACCEPTED
        if len(decision.accepted) == 0:
            continue
        accepted = wave.take(decision.accepted)
        await uow.factors.keep_bases(ports.book.bases_named(set(accepted.basis_id)))
        links = await asyncio.to_thread(chain_links, head, accepted, now)
        touched = await uow.activity.append(park, accepted, links, now)
        sums |= {(each.source_id, each.first_month, each.last_month): each for each in touched}
        for fact in recorded(park, accepted, links, now):
            uow.collect(fact)
        head = links.head
    if sums:
        touched_sums = [sums[span] for span in sorted(sums)]
        for start in range(0, len(touched_sums), MAX_EVENT_ROWS):
            part = touched_sums[start : start + MAX_EVENT_ROWS]
            uow.collect(EmissionsCalculated(park.park_id, park.tenant_id, head.position, part, now))
    return BatchResult(outcomes, problems, head.position)


async def _without_foreign(
    activity: Activity,
    registered: Sources,
    park: Park,
    own: Set[str],
    candidates: Candidates,
    columns: ActivityColumns,
    problems: dict[int, RowProblem],
) -> Candidates:
    """Refuses rows that would touch other enterprises' records, and tells no more of those than that their ids are taken."""
    named = sorted({*candidates.record_id, *filter(None, candidates.supersedes)})
    source_of = await activity.sources_of(park.park_id, named)
    sources = await registered.named(park.park_id, sorted(set(source_of.values())))
    foreign = {record_id for record_id, source_id in source_of.items() if sources[source_id].enterprise_id not in own}
    refused = []
    for row, (record_id, target) in enumerate(zip(candidates.record_id, candidates.supersedes, strict=True)):
        if record_id in foreign:
            what = ("RECORD_ID_TAKEN", "record_id", record_id, "an id that is not taken", "未被占用的编号")
        elif target in foreign:
            what = ("SUPERSEDES_UNKNOWN", "supersedes", target, "the id of an accepted record", "已接收记录的编号")
        else:
            continue
        refused.append(row)
        place = int(candidates.index[row])
        reason, field, found, allowed, allowed_zh = what
        number = columns.row_number[place]
        problems[place] = RowProblem(number, shown(record_id), reason, field, shown(found), allowed, allowed_zh)
    return candidates.without(refused)


async def _without_held(
    activity: Activity,
    sums: Sums,
    park: Park,
    candidates: Candidates,
    columns: ActivityColumns,
    problems: dict[int, RowProblem],
    reference: ReferenceTables,
) -> tuple[Candidates, bool]:
    """Holds what is implausible beside the account; also tells whether the rest may take a sum to its bound."""
    if len(candidates) == 0:
        return candidates, False
    since = month_of(int(candidates.start_s.min()) - HISTORY_S, park.zone).number
    least = threshold(candidates, reference.bounds)
    extents = await sums.extents(park.park_id, sorted(set(candidates.source_id)), since, least)
    near = near_bounds(candidates, extents.values(), reference.bounds)
    doubtful = doubtful_sources(candidates, extents)
    if not doubtful:
        return candidates, near
    verdicts = held(candidates, await sums.history(park, sorted(doubtful), since), reference.unit_mistakes)
    # What was accepted stays accepted: a record that is sent again is not judged by the history that has grown since.
    known = await activity.sources_of(park.park_id, [candidates.record_id[row] for row in verdicts])
    verdicts = {row: how for row, how in verdicts.items() if candidates.record_id[row] not in known}
    for row, (how_en, how_zh) in verdicts.items():
        found = f"{format_scaled(int(candidates.quantity_micro[row]), 6)} {candidates.unit[row]}"
        place = int(candidates.index[row])
        number, record_id = columns.row_number[place], shown(candidates.record_id[row])
        problems[place] = RowProblem(number, record_id, "QUANTITY_HELD", "quantity", found, how_en, how_zh)
    return candidates.without(verdicts), near


def _refuse_deep(wave: Candidates, columns: ActivityColumns, problems: dict[int, RowProblem]) -> None:
    allowed = f"the id of an accepted record; a batch corrects one record at most {MAX_WAVES - 1} times, send the rest after it"
    allowed_zh = f"已接收记录的编号;同一批次对同一记录至多连续更正 {MAX_WAVES - 1} 次,其余请在其后发送"
    for place, record_id, target in zip(wave.index.tolist(), wave.record_id, wave.supersedes, strict=True):
        number = columns.row_number[place]
        problems[place] = RowProblem(number, record_id, "SUPERSEDES_UNKNOWN", "supersedes", target, allowed, allowed_zh)
