"""Small indicator systems, and ones drawn by hypothesis."""

from fractions import Fraction

from hypothesis import strategies as st

from evaluation.domain.scoring import Scores, score
from evaluation.domain.systems import IndicatorSystem, Node, checked_system
from evaluation.domain.thresholds import Threshold


def node(node_id: str, parent_id: str, weight: Fraction, kind: str = "", unit: str = "", direction: str = "") -> Node:
    return Node(node_id, parent_id, node_id, node_id, weight, kind, unit, direction)


def system(*nodes: Node, scale: Fraction = Fraction(100), basis: str = "score") -> IndicatorSystem:
    return checked_system(IndicatorSystem("small", "t-1", "小", "small", scale, basis, "given", "a test", tuple(nodes)))


def two_leaves(first: str = "0.4", direction: str = "+") -> IndicatorSystem:
    share = Fraction(first)
    return system(node("a", "", share, "rate", "%", direction), node("b", "", 1 - share, "rate", "%", "+"))


def threshold(node_id: str, minimum: str, maximum: str) -> Threshold:
    return Threshold(node_id, Fraction(minimum), Fraction(maximum), "a test")


fractions = st.fractions(min_value=-1000, max_value=1000, max_denominator=100)


@st.composite
def shares(draw: st.DrawFn, count: int) -> list[Fraction]:
    """Positive parts of 1."""
    parts = draw(st.lists(st.integers(1, 100), min_size=count, max_size=count))
    return [Fraction(part, sum(parts)) for part in parts]


@st.composite
def systems(draw: st.DrawFn) -> IndicatorSystem:
    """Trees of two levels with amounts of either direction."""
    groups = draw(st.integers(1, 3))
    nodes: list[Node] = []
    for group, weight in enumerate(draw(shares(groups))):
        nodes.append(node(f"g{group}", "", weight))
        leaves = draw(st.integers(1, 3))
        for leaf, share in enumerate(draw(shares(leaves))):
            nodes.append(node(f"g{group}-{leaf}", f"g{group}", share, "rate", "%", draw(st.sampled_from("+-"))))
    return system(*nodes)


@st.composite
def thresholds_of(draw: st.DrawFn, tree: IndicatorSystem) -> dict[str, Threshold]:
    found = {}
    for leaf in tree.leaves:
        minimum = draw(fractions)
        found[leaf.node_id] = Threshold(
            leaf.node_id, minimum, minimum + draw(st.fractions(min_value=1, max_value=500, max_denominator=10)), "drawn"
        )
    return found


@st.composite
def values_of(draw: st.DrawFn, tree: IndicatorSystem, *, some_missing: bool = True) -> dict[str, Fraction]:
    present = draw(st.lists(st.booleans(), min_size=len(tree.leaves), max_size=len(tree.leaves)))
    return {leaf.node_id: draw(fractions) for leaf, there in zip(tree.leaves, present, strict=True) if there or not some_missing}


@st.composite
def scored(draw: st.DrawFn, tree: IndicatorSystem | None = None, *, some_missing: bool = True) -> Scores:
    """A scored tree, with weights of its own."""
    tree = tree or draw(systems())
    weights: dict[str, Fraction] = {}
    for nodes in tree.children.values():
        weights |= dict(zip((each.node_id for each in nodes), draw(shares(len(nodes))), strict=True))
    return score(tree, weights, draw(thresholds_of(tree)), draw(values_of(tree, some_missing=some_missing)))
