"""Values of indicators: entering them, and what is known with where it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from evaluation.application.ports import Clock, Ports, Records, Shipped
from evaluation.application.systems import system_of
from evaluation.application.year_accounts import year_accounts
from evaluation.domain.callers import READ, RECORD
from evaluation.domain.derivation import Derived, derive, rounded
from evaluation.domain.evaluations import InputValue
from evaluation.domain.systems import IndicatorSystem, Node, decimal
from evaluation.domain.values import (
    FIRST_YEAR,
    LAST_YEAR,
    MAX_ROWS,
    Entry,
    Problem,
    Value,
    counting,
    in_force,
    judged,
    millionths,
    out_of_range,
)
from kernel.access import Caller, require
from kernel.refusals import InvalidField
from parkcopies.parks import Park


@dataclass(frozen=True, slots=True)
class Shown:
    """An indicator of a year as a list shows it: what counts, what says otherwise, or why there is nothing."""

    node: Node
    value: Value | None
    conflicting: Value | None
    missing: str = ""
    missing_zh: str = ""


def valid_year(year: int, field: str = "year") -> int:
    """Returns a year as it is; `field` is the name that the caller gave it under.

    Raises:
        InvalidField: it lies outside of 1990 to 2200.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        rule = f"a year from {FIRST_YEAR} to {LAST_YEAR}"
        raise InvalidField(field, str(year), rule, f"{FIRST_YEAR} 至 {LAST_YEAR} 的年份")
    return year


async def record_values(
    ports: Ports, caller: Caller, park_id: str, system_id: str, entries: Sequence[Entry]
) -> tuple[int, int, list[Problem]]:
    """Enters values of a park.

    Returns:
        How many rows were kept, how many said what is in force, and what is wrong with the others.

    Raises:
        Denied, OutOfScope, ParkNotFound, ResourceNotFound: nothing to enter for this caller.
        InvalidField: more than 5,000 rows.
    """
    require(caller, RECORD)
    if len(entries) > MAX_ROWS:
        raise InvalidField("rows", str(len(entries)), f"at most {MAX_ROWS} rows", f"至多 {MAX_ROWS} 行")
    park = await ports.parks.reach(caller, park_id)
    now = ports.clock.now()
    async with ports.write(caller.tenant) as uow:
        system = await system_of(ports.shipped, uow.systems, caller, system_id)
        kept, problems = judged(system, entries, ports.shipped.conversions)
        await uow.parks.lock(park.park_id)
        new: list[Value] = []
        for year in sorted({year for _, year, _ in kept}):
            known = in_force(await uow.values.of_year([park.park_id], system_id, year))
            for entry, of_year, value in kept:
                if of_year != year:
                    continue
                text, before = decimal(value), known.get(entry.indicator_id)
                if before and (before.chosen.value, before.chosen.evidence) == (text, entry.evidence):
                    continue
                new.append(
                    Value(
                        park_id=park.park_id,
                        tenant_id=park.tenant_id,
                        system_id=system_id,
                        indicator_id=entry.indicator_id,
                        year=year,
                        origin="manual",
                        version=before.chosen.version + 1 if before else 1,
                        value=text,
                        unit=system.leaf(entry.indicator_id).unit,
                        evidence=entry.evidence,
                        recorded_by=caller.subject,
                        recorded_time=now,
                    )
                )
        if new:
            await uow.values.add(new)
            await uow.commit()
    return len(new), len(kept) - len(new), problems


async def list_values(ports: Ports, caller: Caller, park_id: str, system_id: str, year: int) -> tuple[IndicatorSystem, list[Shown]]:
    """Returns every indicator of a system for a year.

    Raises:
        Denied, OutOfScope, ParkNotFound, ResourceNotFound, InvalidField: nothing to see for this caller.
    """
    require(caller, READ)
    park = await ports.parks.reach(caller, park_id)
    valid_year(year)
    async with ports.read(caller.tenant) as records:
        system = await system_of(ports.shipped, records.systems, caller, system_id)
        found = await shown_values(ports.shipped, ports.clock, records, system, [park], year)
    return system, found[park.park_id]


async def shown_values(
    shipped: Shipped, clock: Clock, records: Records, system: IndicatorSystem, parks: Sequence[Park], year: int
) -> Mapping[str, list[Shown]]:
    """Returns every indicator of a system for a year of each park: derived where it can be, manual beside it."""
    ids, now = [park.park_id for park in parks], clock.now()
    derivations = shipped.derivations.get(system.system_id, {})
    manual: dict[str, list[Value]] = {park_id: [] for park_id in ids}
    for value in await records.values.of_year(ids, system.system_id, year):
        manual[value.park_id].append(value)
    accounts = await year_accounts(records, ids, year) if derivations else {}
    before = await year_accounts(records, ids, year - 1) if derivations else {}
    found: dict[str, list[Shown]] = {}
    for park in parks:
        derived = {
            node_id: derive(name, accounts[park.park_id], before[park.park_id], shipped.clean_carriers)
            for node_id, name in derivations.items()
        }
        values = manual[park.park_id] + [
            _value(park, system, node_id, year, each, each.value, now)
            for node_id, each in derived.items()
            if each.value is not None and out_of_range(system.leaf(node_id), each.value) is None
        ]
        known = in_force(values)
        found[park.park_id] = [
            Shown(leaf, known[leaf.node_id].chosen, known[leaf.node_id].conflicting)
            if leaf.node_id in known
            else Shown(leaf, None, None, *_why(derived.get(leaf.node_id)))
            for leaf in system.leaves
        ]
    return found


def _why(derived: Derived | None) -> tuple[str, str]:
    if derived is None:
        return "not entered", "未填报"
    if derived.value is not None:
        # such as a share above 100 % where corrections took away more than there is
        rounded_value = rounded(derived.value)
        return f"the account gives {rounded_value}, which cannot be", f"核算数据得出 {rounded_value},超出允许范围"
    return derived.missing, derived.missing_zh


def _value(park: Park, system: IndicatorSystem, node_id: str, year: int, derived: Derived, value: Fraction, at: datetime) -> Value:
    leaf = system.leaf(node_id)
    return Value(
        park_id=park.park_id,
        tenant_id=park.tenant_id,
        system_id=system.system_id,
        indicator_id=node_id,
        year=year,
        origin="derived",
        version=0,
        value=rounded(value),
        unit=leaf.unit,
        evidence=derived.evidence,
        recorded_by=leaf.derived_from,
        recorded_time=at,
    )


def input_value(value: Value, conflicting: str = "") -> InputValue:
    """Returns a value as an evaluation stands on it."""
    return InputValue(value.indicator_id, Fraction(value.value), value.origin, value.evidence, conflicting)


async def counting_values(
    shipped: Shipped, records: Records, system: IndicatorSystem, parks: Sequence[Park], year: int
) -> Mapping[str, Mapping[str, int]]:
    """Returns what counts of each indicator that has a value, by park, in millionths: the values of `known_values` and no more."""
    ids = [park.park_id for park in parks]
    derivations = shipped.derivations.get(system.system_id, {})
    manual = await records.values.newest(ids, system.system_id, year)
    accounts = await year_accounts(records, ids, year) if derivations else {}
    before = await year_accounts(records, ids, year - 1) if derivations else {}
    found = {}
    for park_id in ids:
        derived = {}
        for node_id, name in derivations.items():
            value = derive(name, accounts[park_id], before[park_id], shipped.clean_carriers).value
            if value is not None and out_of_range(system.leaf(node_id), value) is None:
                derived[node_id] = rounded(value)
        texts = counting(manual.get(park_id, {}), derived)
        found[park_id] = {node_id: millionths(text) for node_id, text in texts.items()}
    return found


async def known_values(
    shipped: Shipped, clock: Clock, records: Records, system: IndicatorSystem, parks: Sequence[Park], year: int
) -> Mapping[str, Mapping[str, InputValue]]:
    """Returns what counts of each indicator that has a value, by park."""
    shown = await shown_values(shipped, clock, records, system, parks, year)
    return {
        park_id: {
            each.node.node_id: input_value(each.value, each.conflicting.value if each.conflicting else "")
            for each in rows
            if each.value is not None
        }
        for park_id, rows in shown.items()
    }
