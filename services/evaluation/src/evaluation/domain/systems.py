"""Indicator systems: trees of weighted indicators, as data.

A system is a tree whose leaves are indicators. The weights of the children of every node sum to 1. A new system needs no code: the
69 indicators of the guide, PDI, the national zero-carbon parks and an enterprise's carbon credit are tables of this one shape.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import floor

from evaluation.domain.errors import RuleBroken
from kernel.quantities import DECIMAL_RULE, NotADecimal, format_scaled, parse_micro, round_half_even
from kernel.refusals import InvalidField

KINDS = ("share", "rate", "count", "amount", "boolean")
"""share: per cent of a whole, 0 to 100; rate: per cent that may be negative or above 100; count: a whole number; amount: of a
unit."""
DIRECTIONS = ("+", "-")
OWN_WEIGHTS, EQUAL_WEIGHTS = "annex", "equal"
METHODS = ("annex", "equal", "ahp", "delphi", "given")
ROOT = ""
"""The parent of the first level, and the node that carries the total."""

TOTAL = "total"
"""What messages and the wire call ROOT."""

PLATFORM = "platform"
"""The tenant of what is shipped."""

MAX_NODES = 1_000
MAX_DEPTH = 8
WEIGHT_DECIMALS = 6
ID_RULE = "1 to 64 of A-Z a-z 0-9 . _ -, first a letter or digit"
ID_RULE_ZH = "1 至 64 个字符,限 A-Z a-z 0-9 . _ -,首字符为字母或数字"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
MAX_TEXT_CHARACTERS = 500


def valid_id(field: str, value: str) -> str:
    """Returns an identifier as it is.

    Raises:
        InvalidField: it breaks ID_RULE.
    """
    if not _ID.fullmatch(value):
        raise InvalidField(field, value, ID_RULE, ID_RULE_ZH)
    return value


def valid_text(field: str, value: str, *, empty: bool = False) -> str:
    """Returns a text for people as it is.

    Raises:
        InvalidField: it is longer than 500 characters, not printable, or empty although it may not be.
    """
    if len(value) > MAX_TEXT_CHARACTERS or not value.isprintable() or not (empty or value.strip()):
        rule = f"{0 if empty else 1} to {MAX_TEXT_CHARACTERS} printable characters"
        raise InvalidField(field, value, rule, f"{0 if empty else 1} 至 {MAX_TEXT_CHARACTERS} 个可显示字符")
    return value


def exact(field: str, text: str) -> Fraction:
    """Returns what plain decimal text states.

    Raises:
        InvalidField: it is no plain decimal of at most 12 digits before and 6 after the point.
    """
    try:
        return Fraction(parse_micro(text), 10**6)
    except NotADecimal as error:
        raise InvalidField(field, text, DECIMAL_RULE, "普通十进制数字文本,小数点前至多 12 位、后至多 6 位") from error


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a system; a leaf, an indicator, where it has a kind.

    Attributes:
        node_id: unique in its system.
        parent_id: the node above; ROOT on the first level.
        weight: among the children of its parent, 0 to 1.
        kind: of KINDS; empty for an inner node.
        unit: of its values; empty for an inner node and a boolean.
        direction: + where more is better, - where less is; empty for an inner node.
        derived_from: the service whose facts fill it, or empty.
        veto: whether a missed target of it fails the whole.
    """

    node_id: str
    parent_id: str
    name_zh: str
    name_en: str
    weight: Fraction
    kind: str = ""
    unit: str = ""
    direction: str = ""
    derived_from: str = ""
    description_zh: str = ""
    description_en: str = ""
    veto: bool = False

    @property
    def is_leaf(self) -> bool:
        """Whether it is an indicator."""
        return self.kind != ""


@dataclass(frozen=True)
class IndicatorSystem:
    """A named tree of indicators; make it by `checked_system`.

    Attributes:
        system_id: its name.
        tenant_id: who entered it; PLATFORM for what is shipped.
        scale: the highest score b of formula (10): 100, or 5 for PDI.
        basis: score, or targets where each indicator is met or missed and nothing is weighed.
        method: where its weights come from, of METHODS.
        nodes: parents before children.
        source: where it is published.
    """

    system_id: str
    tenant_id: str
    name_zh: str
    name_en: str
    scale: Fraction
    basis: str
    method: str
    source: str
    nodes: tuple[Node, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        """Every node by its id."""
        return {node.node_id: node for node in self.nodes}

    @cached_property
    def children(self) -> Mapping[str, tuple[Node, ...]]:
        """The children of each inner node, those of ROOT too, in order."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.parent_id, []).append(node)
        return {parent: tuple(nodes) for parent, nodes in found.items()}

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """The indicators, in order."""
        return tuple(node for node in self.nodes if node.is_leaf)

    @cached_property
    def weights(self) -> Mapping[str, Fraction]:
        """Its own weights by node."""
        return {node.node_id: node.weight for node in self.nodes}

    def leaf(self, node_id: str) -> Node:
        """Returns an indicator.

        Raises:
            RuleBroken: there is no such indicator.
        """
        node = self.by_id.get(node_id)
        if node is None or not node.is_leaf:
            raise RuleBroken("NODE_UNKNOWN", node_id, allowed=f"{self.system_id} has {len(self.leaves)} indicators")
        return node

    def above(self, node_id: str) -> Iterator[str]:
        """Yields the node itself and everything above it, ROOT last."""
        while node_id != ROOT:
            yield node_id
            node_id = self.by_id[node_id].parent_id
        yield ROOT


@dataclass(frozen=True, slots=True)
class WeightSet:
    """A version of weights of a system; never changed.

    Attributes:
        method: ahp, delphi or given.
        weights: of every node.
    """

    set_id: str
    system_id: str
    tenant_id: str
    method: str
    source: str
    weights: Mapping[str, Fraction]


def checked_weight_set(system: IndicatorSystem, given: WeightSet) -> WeightSet:
    """Returns a set of weights whose name, method and sums are right.

    Raises:
        InvalidField: name, method or source break their rule; the names of METHODS are taken, since they stand for weights that a
            system has without a set.
        RuleBroken: see `checked_weights`.
    """
    valid_id("weight_set_id", given.set_id)
    valid_text("source", given.source)
    if given.set_id in METHODS:
        taken = ", ".join(METHODS)
        raise InvalidField("weight_set_id", given.set_id, f"a name other than {taken}", f"{taken} 以外的名称")
    if given.method not in ("ahp", "delphi", "given"):
        raise InvalidField("method", given.method, "ahp, delphi or given", "ahp、delphi 或 given")
    checked_weights(system, given.weights)
    return given


def checked_system(system: IndicatorSystem) -> IndicatorSystem:
    """Returns a system whose tree and weights are right.

    Raises:
        InvalidField: a name, scale or basis breaks its rule.
        RuleBroken: an id comes twice, a parent is missing or below its child, a leaf has no kind, unit or direction, or the weights
            of the children of a node do not sum to 1.
    """
    valid_id("system_id", system.system_id)
    valid_text("name_zh", system.name_zh)
    valid_text("name_en", system.name_en)
    valid_text("source", system.source)
    if system.basis not in ("score", "targets"):
        raise InvalidField("basis", system.basis, "score or targets", "score 或 targets")
    if not 0 < system.scale <= 1000:
        raise InvalidField("scale", str(system.scale), "above 0 and at most 1000", "大于 0 且不超过 1000")
    if not 0 < len(system.nodes) <= MAX_NODES:
        raise InvalidField("nodes", str(len(system.nodes)), f"1 to {MAX_NODES} nodes", f"1 至 {MAX_NODES} 个节点")
    depths: dict[str, int] = {ROOT: 0}
    for node in system.nodes:
        _check_node(node, depths)
        depths[node.node_id] = depths[node.parent_id] + 1
    leaves = {node.node_id for node in system.nodes if node.is_leaf}
    for node in system.nodes:
        if node.parent_id in leaves:
            raise RuleBroken("TREE_BROKEN", node.node_id, node.parent_id, "a node that is no indicator")
        if node.node_id not in leaves and node.node_id not in system.children:
            raise RuleBroken("LEAF_WITHOUT_KIND", node.node_id, repr(node.kind), ", ".join(KINDS))
    checked_weights(system, system.weights)
    return system


def _check_node(node: Node, depths: Mapping[str, int]) -> None:
    valid_id("node_id", node.node_id)
    valid_text("name_zh", node.name_zh)
    valid_text("name_en", node.name_en)
    valid_text("description_zh", node.description_zh, empty=True)
    valid_text("description_en", node.description_en, empty=True)
    if node.node_id in depths:
        raise RuleBroken("NODE_TWICE", node.node_id)
    if node.parent_id not in depths:
        raise RuleBroken("TREE_BROKEN", node.node_id, repr(node.parent_id), "a node that stands before it")
    if depths[node.parent_id] >= MAX_DEPTH:
        raise RuleBroken("TREE_BROKEN", node.node_id, node.parent_id, f"at most {MAX_DEPTH} levels")
    if not node.is_leaf:
        return
    if node.kind not in KINDS:
        raise RuleBroken("LEAF_WITHOUT_KIND", node.node_id, repr(node.kind), ", ".join(KINDS))
    if node.direction not in DIRECTIONS:
        raise InvalidField(f"nodes[{node.node_id}].direction", node.direction, "+ or -", "+ 或 -")
    if node.kind in ("share", "rate") and node.unit != "%":
        raise InvalidField(f"nodes[{node.node_id}].unit", node.unit, "% for a share or a rate", "%(比率类指标)")
    if (node.kind == "boolean") != (node.unit == ""):
        raise InvalidField(
            f"nodes[{node.node_id}].unit",
            node.unit,
            "empty for a boolean and only for it",
            "仅布尔类指标为空",
        )
    valid_text("unit", node.unit, empty=True)


def checked_weights(system: IndicatorSystem, weights: Mapping[str, Fraction]) -> Mapping[str, Fraction]:
    """Returns weights that every node has, and that sum to 1, exactly, at each.

    Raises:
        RuleBroken: a node has none, a weight lies outside of 0 to 1, a node is unknown, or a sum is not 1.
    """
    for node_id in weights:
        if node_id not in system.by_id:
            raise RuleBroken("NODE_UNKNOWN", node_id, allowed=f"{system.system_id} has {len(system.nodes)} nodes")
    for parent, nodes in system.children.items():
        for node in nodes:
            weight = weights.get(node.node_id)
            if weight is None or not 0 <= weight <= 1:
                raise RuleBroken("WEIGHT_MISSING", node.node_id, "none" if weight is None else decimal(weight))
        total = sum((weights[node.node_id] for node in nodes), Fraction(0))
        if total != 1:
            raise RuleBroken("WEIGHTS_NOT_ONE", parent or TOTAL, decimal(total))
    return weights


def weighed(system: IndicatorSystem) -> IndicatorSystem:
    """Returns a system that has a score as it is.

    Raises:
        RuleBroken: it judges by targets and weighs nothing.
    """
    if system.basis != "score":
        raise RuleBroken("NOT_WEIGHED", system.system_id)
    return system


def equal_weights(system: IndicatorSystem) -> Mapping[str, Fraction]:
    """Returns the weights that §5 of the guide speaks of: the same for all children of a node, exactly.

    Source: [G] §5, the paragraph after eq. (10).
    """
    return {node.node_id: Fraction(1, len(nodes)) for nodes in system.children.values() for node in nodes}


def rounded_weights(weights: Sequence[float]) -> list[Fraction]:
    """Rounds positive weights to six decimals that sum to exactly 1, by largest remainders.

    Weights that a computation gives are stored so, because a sum of 0.999999 would be refused as if somebody had mistyped it.

    Args:
        weights: positive, of any sum.

    >>> [str(weight) for weight in rounded_weights([1.0, 1.0, 1.0])]
    ['166667/500000', '333333/1000000', '333333/1000000']
    """
    total = sum(Fraction(weight) for weight in weights)
    return rounded_parts([Fraction(weight) / total for weight in weights], WEIGHT_DECIMALS)


def leaf_weights(system: IndicatorSystem, weights: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Returns what each indicator weighs in the total: the product αᵢβⱼγₖ along its path; they sum to 1.

    Source: [G] eq. (9).
    """
    whole: dict[str, Fraction] = {ROOT: Fraction(1)}
    for node in system.nodes:
        whole[node.node_id] = whole[node.parent_id] * weights[node.node_id]
    return {leaf.node_id: whole[leaf.node_id] for leaf in system.leaves}


def rounded_parts(parts: Sequence[Fraction], decimals: int = 6) -> list[Fraction]:
    """Rounds parts of a whole so that they still sum to the whole, which is rounded half-even; by largest remainders.

    Args:
        parts: of any sign.
        decimals: to round to.

    >>> [str(part) for part in rounded_parts([Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)], 2)]
    ['17/50', '33/100', '33/100']
    """
    unit = 10**decimals
    whole = round_half_even(sum(parts, Fraction(0)) * unit)
    scaled = [part * unit for part in parts]
    floors = [floor(each) for each in scaled]
    order = sorted(range(len(scaled)), key=lambda index: (floors[index] - scaled[index], index))
    for index in order[: whole - sum(floors)]:
        floors[index] += 1
    return [Fraction(each, unit) for each in floors]


def decimal(value: Fraction, decimals: int = 6) -> str:
    """Writes an exact number rounded half-even, without trailing zeros.

    >>> decimal(Fraction(1, 3)), decimal(Fraction(11, 4), 2), decimal(Fraction(-7, 2))
    ('0.333333', '2.75', '-3.5')
    """
    return format_scaled(round_half_even(value * 10**decimals), decimals)
