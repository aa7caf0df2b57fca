"""Small indicator systems, and ones drawn by hypothesis."""

from fractions import Fraction
from random import Random

from hypothesis import strategies as st

from evaluation.domain.diagnosis import Step
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


def one_share(value: str) -> Scores:
    """A system of one indicator, whose score is its value."""
    tree = system(node("a", "", Fraction(1), "share", "%", "+"))
    return score(tree, tree.weights, {"a": threshold("a", "0", "100")}, {"a": Fraction(value)})


def steps_without_end(count: int, node_id: str = "a", seed: int = 20261128) -> list[Step]:
    """Steps that cost nearly the same per point, half of them enough: which are the cheapest is a subset sum.

    Together they raise a share by about 75 points.
    """
    chance = Random(seed)
    steps = []
    for number in range(count):
        weight = 2 * chance.randrange(250_000, 500_000)
        change = Fraction(weight * 100 // count, 10**6)
        steps.append(Step(f"s{number}", node_id, change, Fraction(1000 * weight + chance.choice((1, 2))), False))
    return steps


fractions = st.fractions(min_value=-1000, max_value=1000, max_denominator=100)


@st.composite
def shares(draw: st.DrawFn, count: int) -> list[Fraction]:
    """Positive parts of 1."""
    parts = draw(st.lists(st.integers(1, 100), min_size=count, max_size=count))
    return [Fraction(part, sum(parts)) for part in parts]


@st.composite
def weights_of(draw: st.DrawFn, count: int) -> list[Fraction]:
    """Parts of 1, some of which may be 0."""
    parts = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count).filter(any))
    return [Fraction(part, sum(parts)) for part in parts]


@st.composite
def systems(draw: st.DrawFn) -> IndicatorSystem:
    """Trees of two levels with rates of either direction."""
    groups = draw(st.integers(1, 3))
    nodes: list[Node] = []
    for group, weight in enumerate(draw(shares(groups))):
        nodes.append(node(f"g{group}", "", weight))
        leaves = draw(st.integers(1, 3))
        for leaf, share in enumerate(draw(shares(leaves))):
            nodes.append(node(f"g{group}-{leaf}", f"g{group}", share, "rate", "%", draw(st.sampled_from("+-"))))
    return system(*nodes)


UNITS = {"share": "%", "rate": "%", "count": "pieces", "amount": "t", "boolean": ""}


@st.composite
def mixed_systems(draw: st.DrawFn) -> IndicatorSystem:
    """Trees of up to four levels with indicators of every kind, beside one another and beside inner nodes; weights may be 0."""
    nodes: list[Node] = []
    parents = [""]
    for depth in range(draw(st.integers(1, 4))):
        below: list[str] = []
        for parent in parents:
            for place, weight in enumerate(draw(weights_of(draw(st.integers(1, 3))))):
                name = f"{parent or 'n'}-{place}"
                if depth < 3 and draw(st.integers(0, 3)) == 0:
                    nodes.append(node(name, parent, weight))
                    below.append(name)
                else:
                    kind = draw(st.sampled_from(sorted(UNITS)))
                    nodes.append(node(name, parent, weight, kind, UNITS[kind], draw(st.sampled_from("+-"))))
        parents = below
        if not parents:
            break
    nodes += [node(f"{parent}-0", parent, Fraction(1), "rate", "%", "+") for parent in parents]
    return system(*nodes)


def fits(leaf: Node) -> st.SearchStrategy[Fraction]:
    """Values that an indicator can have."""
    if leaf.kind == "boolean":
        return st.integers(0, 1).map(Fraction)
    if leaf.kind == "share":
        return st.fractions(min_value=0, max_value=100, max_denominator=100)
    if leaf.kind == "count":
        return st.integers(0, 1000).map(Fraction)
    return st.fractions(min_value=0 if leaf.kind == "amount" else -1000, max_value=1000, max_denominator=100)


@st.composite
def thresholds_of(draw: st.DrawFn, tree: IndicatorSystem, *, some_missing: bool = False) -> dict[str, Threshold]:
    found = {}
    for leaf in tree.leaves:
        if leaf.kind == "boolean" or (some_missing and draw(st.booleans())):
            continue
        if leaf.kind == "share":
            minimum, width = Fraction(draw(st.integers(0, 99))), Fraction(1)
        else:
            minimum, width = draw(fractions), draw(st.fractions(min_value=1, max_value=500, max_denominator=10))
        found[leaf.node_id] = Threshold(leaf.node_id, minimum, minimum + width, "drawn")
    return found


@st.composite
def values_of(draw: st.DrawFn, tree: IndicatorSystem, *, some_missing: bool = True) -> dict[str, Fraction]:
    present = draw(st.lists(st.booleans(), min_size=len(tree.leaves), max_size=len(tree.leaves)))
    return {leaf.node_id: draw(fits(leaf)) for leaf, there in zip(tree.leaves, present, strict=True) if there or not some_missing}


@st.composite
def scored(draw: st.DrawFn, tree: IndicatorSystem | None = None, *, some_missing: bool = True) -> Scores:
    """A scored tree, with weights of its own."""
    tree = tree or draw(systems())
    weights: dict[str, Fraction] = {}
    for nodes in tree.children.values():
        weights |= dict(zip((each.node_id for each in nodes), draw(shares(len(nodes))), strict=True))
    return score(tree, weights, draw(thresholds_of(tree)), draw(values_of(tree, some_missing=some_missing)))
