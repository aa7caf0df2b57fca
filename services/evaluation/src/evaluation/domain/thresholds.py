"""Thresholds: between which values of an indicator its score runs.

The guide prints none. A share cannot leave 0 to 100 %, so these are its thresholds, marked as the platform's default; a growth
rate, a count or an amount has none until a region or a park enters them with a source, or takes the least and the greatest of named
peers. An indicator without a threshold is unscored, as if its value were missing. Thresholds are versioned and never changed:
formula (10) asks for ones that stay.

Source: [G] §5, eq. (10).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from evaluation.domain.errors import RuleBroken
from evaluation.domain.systems import MAX_TEXT_CHARACTERS, IndicatorSystem, decimal, valid_id, valid_text
from kernel.refusals import InvalidField

PLATFORM_DEFAULT = "platform default"
MIN_PEERS = 2
ORIGINS = ("region", "park", "peers", "synthetic")
"""Who says so. The platform's own are no set: they come with a system."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where the score of an indicator begins and ends.

    Attributes:
        node_id: the indicator.
        minimum: the least value that formula (10) tells apart, in the indicator's unit.
        maximum: the greatest; above the minimum.
        source: who says so.
    """

    node_id: str
    minimum: Fraction
    maximum: Fraction
    source: str


@dataclass(frozen=True, slots=True)
class ThresholdSet:
    """A version of thresholds of a system.

    Attributes:
        set_id: its name; a new version has a new one.
        origin: of ORIGINS; synthetic ones are for demonstrations and say so wherever they are shown.
    """

    set_id: str
    system_id: str
    tenant_id: str
    origin: str
    source: str
    rows: tuple[Threshold, ...]

    @property
    def by_id(self) -> Mapping[str, Threshold]:
        """The threshold of each indicator that has one."""
        return {row.node_id: row for row in self.rows}


def checked_thresholds(system: IndicatorSystem, rows: Iterable[Threshold]) -> tuple[Threshold, ...]:
    """Returns thresholds that formula (10) can take.

    Raises:
        RuleBroken: an indicator is unknown, a boolean or given twice, a maximum is not above its minimum, a share leaves 0 to 100,
            or a row names no source.
    """
    seen: set[str] = set()
    kept = []
    for row in rows:
        leaf = system.leaf(row.node_id)
        if row.node_id in seen:
            raise RuleBroken("NODE_TWICE", row.node_id)
        seen.add(row.node_id)
        if leaf.kind == "boolean":
            raise RuleBroken("NODE_UNKNOWN", row.node_id, allowed="a yes-or-no indicator has no threshold")
        if row.maximum <= row.minimum:
            raise RuleBroken("THRESHOLD_EMPTY", row.node_id, decimal(row.maximum), decimal(row.minimum))
        if leaf.kind == "share" and not (row.minimum >= 0 and row.maximum <= 100):
            outside = row.minimum if row.minimum < 0 else row.maximum
            raise RuleBroken("VALUE_REFUSED", row.node_id, decimal(outside), "from 0 to 100 %")
        if not row.source.strip():
            raise RuleBroken("THRESHOLD_WITHOUT_SOURCE", row.node_id)
        valid_text("source", row.source)
        kept.append(row)
    return tuple(kept)


def checked_threshold_set(system: IndicatorSystem, given: ThresholdSet) -> ThresholdSet:
    """Returns a set of thresholds whose name, origin and rows are right.

    Raises:
        InvalidField: name, origin or source break their rule, or there is no row.
        RuleBroken: see `checked_thresholds`.
    """
    valid_id("threshold_set_id", given.set_id)
    valid_text("source", given.source)
    if given.origin not in ORIGINS:
        listed = ", ".join(ORIGINS)
        raise InvalidField("origin", given.origin, f"one of {listed}", f"{listed} 之一")
    if not given.rows:
        raise InvalidField("rows", "0", "at least one threshold", "至少一个阈值")
    checked_thresholds(system, given.rows)
    return given


def platform_thresholds(system: IndicatorSystem) -> tuple[Threshold, ...]:
    """Returns 0 and 100 % for every share, and nothing for the rest."""
    zero, hundred = Fraction(0), Fraction(100)
    return tuple(Threshold(leaf.node_id, zero, hundred, PLATFORM_DEFAULT) for leaf in system.leaves if leaf.kind == "share")


def merged(*layers: Sequence[Threshold]) -> tuple[Threshold, ...]:
    """Returns the threshold of each indicator from the last layer that has one."""
    found: dict[str, Threshold] = {}
    for layer in layers:
        found.update({row.node_id: row for row in layer})
    return tuple(found.values())


def peer_threshold(system: IndicatorSystem, node_id: str, values: Mapping[str, Fraction], year: int) -> Threshold:
    """Returns the least and the greatest value of named peers as the threshold of an indicator.

    Args:
        system: of the indicator.
        node_id: the indicator.
        values: of each peer by its park id, in the indicator's unit; peers without a value are left out by the caller.
        year: of the values; the source names it, and as many of the peers as it has room for.

    Raises:
        RuleBroken: fewer than two peers, or peers that are all alike, tell nothing apart.
    """
    system.leaf(node_id)
    if len(values) < MIN_PEERS:
        raise RuleBroken("PEERS_TOO_FEW", node_id, str(len(values)), str(MIN_PEERS))
    least, greatest = min(values.values()), max(values.values())
    if least == greatest:
        raise RuleBroken("PEERS_ALIKE", node_id, decimal(least))
    source = f"minimum and maximum of {len(values)} parks in {year}: {', '.join(sorted(values))}"
    return Threshold(
        node_id, least, greatest, source if len(source) <= MAX_TEXT_CHARACTERS else f"{source[: MAX_TEXT_CHARACTERS - 1]}…"
    )
