"""Reads the tables of indicator systems that are shipped as CSV files beside this module."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files

from evaluation.domain.ahp import RandomIndex
from evaluation.domain.bands import Band
from evaluation.domain.strategies import Strategy
from evaluation.domain.systems import PLATFORM, IndicatorSystem, Node, checked_system
from evaluation.domain.targets import Target
from evaluation.domain.thresholds import Threshold, checked_thresholds, merged, platform_thresholds
from evaluation.domain.values import UnitConversion

_EQUAL = "equal"


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (files("evaluation.adapters") / "indicator_tables" / f"{name}.csv").open("r", encoding="utf-8") as table:
        yield from csv.DictReader(table)


@dataclass(frozen=True)
class ShippedTables:
    """Everything that is shipped as data.

    Attributes:
        systems: by id.
        thresholds: the platform's, by system.
        random_indices: by table.
        derivations: how an indicator of a system derives from what the platform knows.
        clean_carriers: that count as clean energy.
    """

    systems: dict[str, IndicatorSystem]
    thresholds: dict[str, tuple[Threshold, ...]]
    bands: tuple[Band, ...]
    targets: tuple[Target, ...]
    strategies: tuple[Strategy, ...]
    conversions: tuple[UnitConversion, ...]
    random_indices: dict[str, RandomIndex]
    derivations: Mapping[str, Mapping[str, str]]
    clean_carriers: frozenset[str]


def load_shipped_tables() -> ShippedTables:
    """Reads and checks every table.

    Raises:
        EvaluationError: a system's tree, weights or thresholds break a rule.
    """
    systems = _systems()
    own: dict[str, list[Threshold]] = defaultdict(list)
    for row in _rows("thresholds"):
        own[row["system_id"]].append(Threshold(row["node_id"], Fraction(row["minimum"]), Fraction(row["maximum"]), row["source"]))
    thresholds = {
        system_id: checked_thresholds(system, merged(platform_thresholds(system), own[system_id]))
        for system_id, system in systems.items()
    }
    return ShippedTables(
        systems,
        thresholds,
        tuple(_band(row) for row in _rows("bands")),
        tuple(_target(row) for row in _rows("targets")),
        tuple(Strategy(**row) for row in _rows("strategies")),
        tuple(
            UnitConversion(row["unit"], row["into"], Fraction(int(row["numerator"]), int(row["denominator"])))
            for row in _rows("value_units")
        ),
        _random_indices(),
        _derivations(systems),
        frozenset(row["carrier"] for row in _rows("clean_carriers")),
    )


def _systems() -> dict[str, IndicatorSystem]:
    nodes: dict[str, list[dict[str, str]]] = defaultdict(list)
    siblings: dict[tuple[str, str], int] = defaultdict(int)
    for row in _rows("nodes"):
        nodes[row["system_id"]].append(row)
        siblings[row["system_id"], row["parent_id"]] += 1
    return {
        row["system_id"]: checked_system(
            IndicatorSystem(
                system_id=row["system_id"],
                tenant_id=PLATFORM,
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                scale=Fraction(row["scale"]),
                basis=row["basis"],
                method=row["method"],
                source=row["source"],
                nodes=tuple(_node(each, siblings[each["system_id"], each["parent_id"]]) for each in nodes[row["system_id"]]),
            )
        )
        for row in _rows("systems")
    }


def _node(row: dict[str, str], siblings: int) -> Node:
    return Node(
        node_id=row["node_id"],
        parent_id=row["parent_id"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        weight=Fraction(1, siblings) if row["weight"] == _EQUAL else Fraction(row["weight"]),
        kind=row["kind"],
        unit=row["unit"],
        direction=row["direction"],
        derived_from=row["derived_from"],
        description_zh=row["description_zh"],
        description_en=row["description_en"],
        veto=row["veto"] == "yes",
    )


def _band(row: dict[str, str]) -> Band:
    return Band(
        system_id=row["system_id"],
        band=row["band"],
        at_least=Fraction(row["at_least"]),
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        maturity=row["maturity"],
        source=row["source"],
    )


def _target(row: dict[str, str]) -> Target:
    to = row["to_energy_10k_tce"]
    return Target(
        system_id=row["system_id"],
        node_id=row["node_id"],
        comparison=row["comparison"],
        target=Fraction(row["target"]),
        from_energy_10k_tce=Fraction(row["from_energy_10k_tce"]),
        to_energy_10k_tce=Fraction(to) if to else None,
        confidence=row["confidence"],
        source=row["source"],
    )


def _derivations(systems: Mapping[str, IndicatorSystem]) -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in _rows("derivations"):
        found[row["system_id"]][systems[row["system_id"]].leaf(row["node_id"]).node_id] = row["derivation"]
    return dict(found)


def _random_indices() -> dict[str, RandomIndex]:
    tables: dict[str, dict[int, float]] = defaultdict(dict)
    sources: dict[str, str] = {}
    for row in _rows("random_index"):
        tables[row["table_id"]][int(row["size"])] = float(row["index"])
        sources[row["table_id"]] = row["source"]
    return {table_id: RandomIndex(table_id, by_size, sources[table_id]) for table_id, by_size in tables.items()}
