"""What may be shown of a sum over enterprises and parks without showing one of them: statistical disclosure control of totals.

An attacker knows every number that was ever published, withdrawn ones too, and may add and subtract them. All of them are sums over
disjoint *atoms*: the sets of contributions that lie in exactly the same published cells. Whatever can be worked out of published
cells by arithmetic is worked out of the sums of atoms, and these say nothing of each other, since they have no contribution in
common. So a cell is shown exactly when every atom that then exists keeps the rule by itself; otherwise it is suppressed. That is
primary suppression, complementary suppression, and the differencing of overlapping regions and of two versions of a year, in one
rule.

Sources: Hundepool et al., Handbook on Statistical Disclosure Control (ESSNet SDC), ch. 4: threshold, (n,k)-dominance and p % rule,
secondary suppression; the parameters are rows of `disclosure_rules.csv` with their own.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from accounting.domain.accounts import TOTAL
from accounting.domain.inventories import InventoryLine
from accounting.domain.parks import Enterprise

SHOWN = "shown"
MINIMUM_CONTRIBUTORS = "minimum_contributors"
DOMINANCE = "dominance"
P_PERCENT = "p_percent"
DIFFERENCING = "differencing"
"""The cell by itself keeps the rule, and what remains when it is subtracted from others, or others from it, does not."""

BREAKDOWNS = ("scope", "industry")
_NO_INDUSTRY = "park"
"""The key of what belongs to no enterprise."""


@dataclass(frozen=True, slots=True)
class DisclosureRule:
    """When a sum shows too much of one who contributes to it.

    Attributes:
        rule_id: its name.
        minimum_contributors: the fewest who may stand behind a shown number, > 2.
        dominance_n: of how many the largest together are looked at, >= 1.
        dominance_pct: the most of the sum that they may be, per cent.
        p_pct: how closely the second largest may at best work out the largest, per cent of that.
    """

    rule_id: str
    minimum_contributors: int
    dominance_n: int
    dominance_pct: int
    p_pct: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one enterprise, or the park itself, adds to the sums of a year in one scope.

    Equal contributions are one: an enterprise whose amount is the same in two versions of a year contributes the same to both, and
    one whose amount was restated contributes another.

    Attributes:
        enterprise_id: empty for the park itself.
        holder: whose it is, wherever it stands: the credit code, or where there is none park and enterprise.
        industry: section and division of GB/T 4754, such as C39; `park` for the park itself.
    """

    park_id: str
    enterprise_id: str
    holder: str
    industry: str
    scope: int
    amount_mg: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A sum that is to be shown.

    Attributes:
        dimension: total, scope, industry or region.
        key: which one; empty for the total.
        contributions: what it adds up; those of nothing are left out.
        park_id: the park whose manager publishes it, and which thereby waives its own secret; empty in a region.
    """

    dimension: str
    key: str
    contributions: frozenset[Contribution]
    park_id: str = ""

    @property
    def amount_mg(self) -> int:
        """The sum."""
        return sum(each.amount_mg for each in self.contributions)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a cell: SHOWN, or the name of the rule that it would break."""

    cell: Cell
    status: str


@dataclass(slots=True)
class _Atom:
    members: set[Contribution]
    waived: bool
    """A park published a cell that holds them: what it is itself is no secret any more, its enterprises are."""


def broken_rule(amounts_mg: Iterable[int], rule: DisclosureRule) -> str:
    """Returns the name of the rule that a sum of amounts breaks, or "".

    Amounts count by their size, as a negative one tells as much as a positive one; one of nothing is no contributor, and a sum of
    nothing tells nothing. With x₁ ≥ x₂ ≥ … and X = Σ xᵢ:

    - minimum_contributors: there are fewer than k of them;
    - dominance: x₁ + … + xₙ > X · dominance_pct / 100;
    - p_percent: X − x₁ − x₂ < x₁ · p_pct / 100, so that the second could work out the first too closely.

    Args:
        amounts_mg: of each contributor, mg.
        rule: the parameters.

    Source: Hundepool et al., Handbook on Statistical Disclosure Control, ch. 4.

    >>> rule = DisclosureRule("r", minimum_contributors=5, dominance_n=2, dominance_pct=85, p_pct=10)
    >>> broken_rule([5, 5, 5, 5], rule), broken_rule([100, 1, 1, 1, 1], rule), broken_rule([5, 4, 3, 2, 1], rule)
    ('minimum_contributors', 'dominance', '')
    """
    sizes = sorted((abs(amount) for amount in amounts_mg if amount), reverse=True)
    if not sizes:
        return ""
    if len(sizes) < rule.minimum_contributors:
        return MINIMUM_CONTRIBUTORS
    total = sum(sizes)
    if 100 * sum(sizes[: rule.dominance_n]) > rule.dominance_pct * total:
        return DOMINANCE
    if 100 * (total - sizes[0] - sizes[1]) < rule.p_pct * sizes[0]:
        return P_PERCENT
    return ""


def _broken(members: Set[Contribution], rule: DisclosureRule, *, waived: bool) -> str:
    """The rule that a set of contributions breaks: over enterprises, and, unless the park has published, over parks."""
    holders: dict[str, int] = {}
    parks: dict[str, int] = {}
    for each in members:
        parks[each.park_id] = parks.get(each.park_id, 0) + each.amount_mg
        if each.enterprise_id or not waived:
            holders[each.holder] = holders.get(each.holder, 0) + each.amount_mg
    return broken_rule(holders.values(), rule) or ("" if waived else broken_rule(parks.values(), rule))


@dataclass(slots=True)
class Published:
    """What an attacker can work out of all that was published of a year: the atoms.

    Args:
        known: every cell of the year that was ever shown.
    """

    known: Iterable[Cell] = ()
    _atom_of: dict[Contribution, _Atom] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for cell in self.known:
            self._take(self._split(cell))

    def decide(self, cells: Sequence[Cell], rule: DisclosureRule) -> Sequence[Verdict]:
        """Decides of each cell in turn whether it is shown, and remembers those that are.

        A cell that was decided before limits those after it: the total comes first, so that a part gives way and not the whole.
        """
        verdicts = []
        for cell in cells:
            status = _broken(cell.contributions, rule, waived=bool(cell.park_id))
            if not status:
                atoms = self._split(cell)
                if any(_broken(atom.members, rule, waived=atom.waived) for atom in atoms):
                    status = DIFFERENCING
                else:
                    self._take(atoms)
            verdicts.append(Verdict(cell, status or SHOWN))
        return verdicts

    def _split(self, cell: Cell) -> Sequence[_Atom]:
        """The atoms that the cell makes of those that it touches, and of what is new; nothing is changed."""
        inside: dict[int, set[Contribution]] = {}
        touched: dict[int, _Atom] = {}
        new: set[Contribution] = set()
        for each in cell.contributions:
            atom = self._atom_of.get(each)
            if atom is None:
                new.add(each)
            else:
                inside.setdefault(id(atom), set()).add(each)
                touched[id(atom)] = atom
        waives = bool(cell.park_id)
        made = [_Atom(new, waives)] if new else []
        for name, atom in touched.items():
            made.append(_Atom(inside[name], atom.waived or waives))
            if rest := atom.members - inside[name]:
                made.append(_Atom(rest, atom.waived))
        return made

    def _take(self, atoms: Sequence[_Atom]) -> None:
        for atom in atoms:
            for each in atom.members:
                self._atom_of[each] = atom


def contributions(park_id: str, lines: Sequence[InventoryLine], enterprises: Iterable[Enterprise]) -> Sequence[Contribution]:
    """Returns what each enterprise, and the park itself, adds to the total of an inventory, by scope; nothing of nothing."""
    named = {each.enterprise_id: each for each in enterprises}
    sums: dict[tuple[str, int], int] = {}
    for line in lines:
        if line.counted_as == TOTAL:
            key = (line.enterprise_id, line.scope)
            sums[key] = sums.get(key, 0) + line.emissions_mg
    found = []
    for (enterprise_id, scope), amount_mg in sorted(sums.items()):
        enterprise = named.get(enterprise_id)
        own = f"{park_id}/{enterprise_id}"
        found.append(
            Contribution(
                park_id=park_id,
                enterprise_id=enterprise_id,
                holder=(enterprise.credit_code or own) if enterprise else own,
                industry=enterprise.industry_code[:3] if enterprise else _NO_INDUSTRY,
                scope=scope,
                amount_mg=amount_mg,
            )
        )
    return [each for each in found if each.amount_mg]


def park_cells(park_id: str, added: Sequence[Contribution], breakdowns: Sequence[str]) -> Sequence[Cell]:
    """Returns the cells that a park publishes, in the order in which they are decided: the total, then by scope, then by industry;
    within a breakdown those of the most contributors first, as a part of few gives way to one of many."""
    cells = [Cell("total", "", frozenset(added), park_id)]
    for dimension in BREAKDOWNS:
        if dimension in breakdowns:
            groups: dict[str, set[Contribution]] = {}
            for each in added:
                groups.setdefault(str(getattr(each, dimension)), set()).add(each)
            ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
            cells += [Cell(dimension, key, frozenset(members), park_id) for key, members in ordered]
    return cells


def region_cells(added: Iterable[tuple[str, Contribution]]) -> Sequence[Cell]:
    """Returns the cells of every province, prefecture and county that has a park, in the order in which they are decided: large
    before small, and of one size those of the most parks first.

    Args:
        added: contributions, each with the six digits of the region that its park lies in.
    """
    groups: dict[str, set[Contribution]] = {}
    for region_code, each in added:
        for length in (2, 4, 6):
            groups.setdefault(region_code[:length], set()).add(each)

    def order(group: tuple[str, set[Contribution]]) -> tuple[int, int, str]:
        code, members = group
        return len(code), -len({each.park_id for each in members}), code

    return [Cell("region", code, frozenset(members)) for code, members in sorted(groups.items(), key=order)]
