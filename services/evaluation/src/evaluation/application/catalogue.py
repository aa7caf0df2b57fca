"""Indicator systems, thresholds and weights: the shipped ones, and those of a tenant's own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from operator import itemgetter

from evaluation.application.ports import Ports, Shipped, ThresholdSets, WeightSets
from evaluation.application.systems import own_thresholds, system_of
from evaluation.application.values import known_values, valid_year
from evaluation.domain.callers import READ, READ_PUBLISHED, REGISTER
from evaluation.domain.errors import ContentDiffers, ResourceNotFound, RuleBroken
from evaluation.domain.systems import (
    EQUAL_WEIGHTS,
    OWN_WEIGHTS,
    IndicatorSystem,
    WeightSet,
    checked_system,
    checked_weight_set,
    equal_weights,
)
from evaluation.domain.thresholds import Threshold, ThresholdSet, checked_threshold_set, merged, peer_threshold
from kernel.access import Caller, require
from kernel.refusals import InvalidField


async def list_systems(ports: Ports, caller: Caller) -> list[IndicatorSystem]:
    """Returns the shipped systems and the tenant's own, in order of id."""
    require(caller, READ_PUBLISHED)
    async with ports.read(caller.tenant) as records:
        own = await records.systems.of_tenant(caller.tenant)
    return sorted([*ports.shipped.systems.values(), *own], key=lambda system: system.system_id)


async def read_system(ports: Ports, caller: Caller, system_id: str) -> tuple[IndicatorSystem, tuple[Threshold, ...]]:
    """Returns a system and the platform's thresholds for it."""
    require(caller, READ_PUBLISHED)
    async with ports.read(caller.tenant) as records:
        system = await system_of(ports.shipped, records.systems, caller, system_id)
    return system, own_thresholds(ports.shipped, system)


async def create_system(ports: Ports, caller: Caller, system: IndicatorSystem) -> tuple[IndicatorSystem, bool]:
    """Stores a system of the tenant's own; returns it, and whether it is new.

    Raises:
        Denied, OutOfScope: the caller may not.
        InvalidField, RuleBroken: its tree or weights break a rule.
        ContentDiffers: the id is taken by other content, or by a shipped system.
    """
    require(caller, REGISTER)
    system = checked_system(replace(system, tenant_id=caller.tenant))
    if system.system_id in ports.shipped.systems:
        raise ContentDiffers("indicator system", system.system_id)
    async with ports.write(caller.tenant) as uow:
        stored = await uow.systems.get(caller.tenant, system.system_id)
        if stored is not None:
            if stored != system:
                raise ContentDiffers("indicator system", system.system_id)
            return stored, False
        await uow.systems.add(system, ports.clock.now())
        await uow.commit()
    return system, True


async def create_threshold_set(
    ports: Ports, caller: Caller, given: ThresholdSet, *, peers: Sequence[str], peer_year: int
) -> tuple[ThresholdSet, bool]:
    """Stores a version of thresholds; with peers, the least and the greatest value that they have.

    An indicator that fewer than two of the peers have, or in which they are all alike, gets no threshold; at least one must.

    Raises:
        Denied, OutOfScope, InvalidField, RuleBroken, ContentDiffers: see `create_system`; InvalidField also for rows beside peers,
            and for an origin of peers that are not named; ParkNotFound for an unknown peer.
    """
    require(caller, REGISTER)
    if given.origin == "peers" and not peers:
        raise InvalidField("peer_park_ids", "0", "at least 2 parks where the origin is peers", "来源为 peers 时至少 2 个园区")
    if peers:
        require(caller, READ)
        if given.rows:
            raise InvalidField("rows", str(len(given.rows)), "empty where peers are named", "在指定同类园区时为空")
        if given.origin not in ("park", "peers"):
            raise InvalidField("origin", given.origin, "peers where peers are named", "peers(已指定同类园区)")
        valid_year(peer_year, "peer_year")
        given = replace(given, origin="peers", rows=await _of_peers(ports, caller, given.system_id, peers, peer_year))
    async with ports.write(caller.tenant) as uow:
        system = await system_of(ports.shipped, uow.systems, caller, given.system_id)
        given = checked_threshold_set(system, replace(given, tenant_id=caller.tenant))
        stored = await uow.threshold_sets.get(caller.tenant, given.set_id)
        if stored is not None:
            if stored != given:
                raise ContentDiffers("threshold set", given.set_id)
            return stored, False
        await uow.threshold_sets.add(given, ports.clock.now())
        await uow.commit()
    return given, True


async def _of_peers(ports: Ports, caller: Caller, system_id: str, peers: Sequence[str], year: int) -> tuple[Threshold, ...]:
    parks = [await ports.parks.reach(caller, park_id) for park_id in dict.fromkeys(peers)]
    async with ports.read(caller.tenant) as records:
        system = await system_of(ports.shipped, records.systems, caller, system_id)
        known = await known_values(ports.shipped, ports.clock, records, system, parks, year)
    rows: list[Threshold] = []
    refused: list[tuple[int, RuleBroken]] = []
    for leaf in system.leaves:
        if leaf.kind == "boolean":
            continue
        values = {park_id: each[leaf.node_id].value for park_id, each in known.items() if leaf.node_id in each}
        try:
            rows.append(peer_threshold(system, leaf.node_id, values, year))
        except RuleBroken as error:
            refused.append((len(values), error))
    if not rows and refused:
        # the one that most of them have is the one to tell of
        raise max(refused, key=itemgetter(0))[1]
    return tuple(rows)


async def create_weight_set(ports: Ports, caller: Caller, given: WeightSet) -> tuple[WeightSet, bool]:
    """Stores a version of weights.

    Raises:
        Denied, OutOfScope, InvalidField, RuleBroken, ContentDiffers: see `create_system`.
    """
    require(caller, REGISTER)
    async with ports.write(caller.tenant) as uow:
        system = await system_of(ports.shipped, uow.systems, caller, given.system_id)
        given = checked_weight_set(system, replace(given, tenant_id=caller.tenant))
        stored = await uow.weight_sets.get(caller.tenant, given.set_id)
        if stored is not None:
            if stored != given:
                raise ContentDiffers("weight set", given.set_id)
            return stored, False
        await uow.weight_sets.add(given, ports.clock.now())
        await uow.commit()
    return given, True


async def weights_of(sets: WeightSets, caller: Caller, system: IndicatorSystem, set_id: str) -> tuple[str, Mapping[str, Fraction]]:
    """Returns the name and the weights that a name stands for: the system's own, equal ones, or a stored set's.

    Raises:
        ResourceNotFound: there is no such set for this system.
    """
    if set_id in ("", OWN_WEIGHTS, system.method) and set_id != EQUAL_WEIGHTS:
        return system.method, system.weights
    if set_id == EQUAL_WEIGHTS:
        return EQUAL_WEIGHTS, equal_weights(system)
    stored = await sets.get(caller.tenant, set_id)
    if stored is None or stored.system_id != system.system_id:
        raise ResourceNotFound("weight set", set_id, "annex, equal")
    return set_id, stored.weights


async def thresholds_of(
    shipped: Shipped, sets: ThresholdSets, caller: Caller, system: IndicatorSystem, set_ids: Sequence[str]
) -> tuple[tuple[Threshold, ...], bool]:
    """Returns the thresholds of a system with stored sets over the platform's, and whether some are synthetic.

    Raises:
        ResourceNotFound: there is no such set for this system.
    """
    layers = [own_thresholds(shipped, system)]
    synthetic = False
    for set_id in set_ids:
        stored = await sets.get(caller.tenant, set_id)
        if stored is None or stored.system_id != system.system_id:
            raise ResourceNotFound("threshold set", set_id)
        layers.append(stored.rows)
        synthetic = synthetic or stored.origin == "synthetic"
    return merged(*layers), synthetic
