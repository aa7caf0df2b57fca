"""What is shown of sums hides who contributes: rules by hand, and an attacker who subtracts whatever was published."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.domain.disclosure import (
    DIFFERENCING,
    DOMINANCE,
    MINIMUM_CONTRIBUTORS,
    P_PERCENT,
    SHOWN,
    Cell,
    Contribution,
    DisclosureRule,
    Published,
    broken_rule,
    park_cells,
    region_cells,
)

RULE = DisclosureRule("test", minimum_contributors=5, dominance_n=2, dominance_pct=85, p_pct=10)


@pytest.mark.parametrize(
    ("amounts", "broken"),
    [
        pytest.param([], "", id="nothing_tells_nothing"),
        pytest.param([0, 0, 0], "", id="zeros_tell_nothing"),
        pytest.param([7], MINIMUM_CONTRIBUTORS, id="one"),
        pytest.param([7, 7, 7, 7], MINIMUM_CONTRIBUTORS, id="four"),
        pytest.param([7, 7, 7, 7, 0, 0], MINIMUM_CONTRIBUTORS, id="four_and_two_of_nothing"),
        pytest.param([7, 7, 7, 7, 7], "", id="five_alike"),
        pytest.param([50, 35, 5, 5, 5], "", id="two_of_just_85_per_cent"),
        pytest.param([50, 36, 5, 5, 4], DOMINANCE, id="two_of_86_per_cent"),
        pytest.param([-50, 36, 5, 5, -4], DOMINANCE, id="a_negative_amount_counts_by_its_size"),
    ],
)
def test_a_sum_breaks_the_rule_that_is_named(amounts: list[int], broken: str) -> None:
    assert broken_rule(amounts, RULE) == broken


@pytest.mark.parametrize(
    ("rest", "broken"),
    # x1 = 100, x2 = 60: the second knows x1 to within the rest; 10 % of x1 is 10
    [pytest.param([4, 3, 2], P_PERCENT, id="a_rest_of_9"), pytest.param([4, 3, 3], "", id="a_rest_of_10")],
)
def test_the_second_largest_may_not_work_out_the_largest_to_a_tenth(rest: list[int], broken: str) -> None:
    assert broken_rule([100, 60, *rest], DisclosureRule("p", 5, 2, 100, 10)) == broken


def enterprises(park: str, amounts: Iterable[int], *, industry: str = "C39", scope: int = 1, first: int = 0) -> list[Contribution]:
    """Contributions of enterprises of a park, one for each amount."""
    return [
        Contribution(park, f"e{n}", f"{park}/e{n}", industry, scope, amount)
        for n, amount in enumerate(amounts, start=first)
        if amount
    ]


def statuses(verdicts: Iterable[object]) -> dict[tuple[str, str], str]:
    """What became of each cell."""
    return {(each.cell.dimension, each.cell.key): each.status for each in verdicts}  # type: ignore[attr-defined]  # a Verdict


def test_a_small_industry_takes_another_one_with_it() -> None:
    added = [
        *enterprises("p", [5] * 10, industry="C39"),
        *enterprises("p", [5] * 3, industry="C26", first=10),
        *enterprises("p", [5] * 7, industry="C31", first=13),
    ]
    found = statuses(Published().decide(park_cells("p", added, ["industry"]), RULE))
    # total - C39 - C31 would be C26, of three
    assert found == {
        ("total", ""): SHOWN,
        ("industry", "C39"): SHOWN,
        ("industry", "C31"): DIFFERENCING,
        ("industry", "C26"): MINIMUM_CONTRIBUTORS,
    }


def test_a_park_of_few_enterprises_shows_no_total_however_much_it_is_itself() -> None:
    added = [Contribution("p", "", "p/", "park", 2, 10**9), *enterprises("p", [5] * 4)]
    assert statuses(Published().decide(park_cells("p", added, []), RULE)) == {("total", ""): MINIMUM_CONTRIBUTORS}


def test_a_park_without_enterprises_shows_what_it_is_itself() -> None:
    added = [Contribution("p", "", "p/", "park", scope, 10**9) for scope in (1, 2)]
    found = statuses(Published().decide(park_cells("p", added, ["scope"]), RULE))
    assert set(found.values()) == {SHOWN}


def test_two_scopes_and_industries_do_not_give_away_who_has_one_scope_only() -> None:
    # C39 has both scopes, C26 only scope 2: scope 2 - C26 would be the scope 2 of C39, of two enterprises
    added = [
        *enterprises("p", [5] * 8, industry="C39", scope=1),
        *enterprises("p", [3] * 2, industry="C39", scope=2),
        *enterprises("p", [5] * 6, industry="C26", scope=2, first=8),
    ]
    found = statuses(Published().decide(park_cells("p", added, ["scope", "industry"]), RULE))
    assert found["scope", "1"] == found["scope", "2"] == SHOWN
    assert {found["industry", "C26"], found["industry", "C39"]} == {DIFFERENCING}


def test_an_overlapping_region_is_not_shown_where_the_difference_is_one_prefecture_of_few() -> None:
    places = [("360700", f"a{n}") for n in range(6)] + [("360100", f"b{n}") for n in range(4)]
    added = [(code, each) for code, park in places for each in enterprises(park, [9] * 2)]
    found = statuses(Published().decide(region_cells(added), RULE))
    # the province minus Ganzhou would be Nanchang, of four parks
    assert found["region", "36"] == SHOWN
    assert found["region", "3601"] == MINIMUM_CONTRIBUTORS
    assert found["region", "3607"] == DIFFERENCING


def test_a_park_that_would_leave_four_in_a_region_is_not_shown() -> None:
    added = {f"a{n}": enterprises(f"a{n}", [9] * 6) for n in range(5)}
    published = Published()
    region = statuses(published.decide(region_cells(("360700", each) for park in added.values() for each in park), RULE))
    assert region["region", "3607"] == SHOWN
    assert statuses(published.decide(park_cells("a0", added["a0"], []), RULE)) == {("total", ""): DIFFERENCING}


def test_a_restated_total_is_not_shown_where_one_enterprise_changed() -> None:
    before = enterprises("p", [9, 8, 7, 6, 5, 4])
    published = Published()
    assert statuses(published.decide(park_cells("p", before, []), RULE)) == {("total", ""): SHOWN}
    after = [*before[:-1], *enterprises("p", [3], first=5)]
    assert statuses(published.decide(park_cells("p", after, []), RULE)) == {("total", ""): DIFFERENCING}
    all_changed = enterprises("p", [19, 18, 17, 16, 15, 14])
    assert statuses(published.decide(park_cells("p", all_changed, []), RULE)) == {("total", ""): SHOWN}


def test_a_total_with_a_member_more_is_not_shown_beside_the_one_without() -> None:
    published = Published()
    published.decide(park_cells("p", enterprises("p", [9] * 6), []), RULE)
    assert statuses(published.decide(park_cells("p", enterprises("p", [9] * 7), []), RULE)) == {("total", ""): DIFFERENCING}


def test_one_owner_of_five_parks_counts_once() -> None:
    added = [("360700", Contribution(f"p{n}", "e", "91360700MA00000001", "C39", 1, 9)) for n in range(6)]
    assert statuses(Published().decide(region_cells(added), RULE))["region", "3607"] == MINIMUM_CONTRIBUTORS


def rank(rows: Sequence[Sequence[int]]) -> int:
    """How many of the rows are independent; exact."""
    left = [[Fraction(value) for value in row] for row in rows]
    found = 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((place for place in range(found, len(left)) if left[place][column]), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        for place in range(found + 1, len(left)):
            factor = left[place][column] / left[found][column]
            if factor:
                left[place] = [a - factor * b for a, b in zip(left[place], left[found], strict=True)]
        found += 1
    return found


class Attacker:
    """Knows every cell that was ever shown, what each park that published is itself, and how to solve equations."""

    def __init__(self, shown: Sequence[Cell]) -> None:
        published = {each for cell in shown if cell.park_id for each in cell.contributions}
        everything = sorted({each for cell in shown for each in cell.contributions}, key=repr)
        self.unknown = [each for each in everything if each.enterprise_id or each not in published]
        self.rows = [[int(each in cell.contributions) for each in self.unknown] for cell in shown]
        self.secret_parks = sorted({each.park_id for each in everything if each not in published})
        self.published = published

    def isolates(self, wanted: Iterable[Contribution]) -> bool:
        """Whether some combination of the cells holds nothing but contributions of a set, and something of it."""
        inside = set(wanted)
        others = [[value for value, each in zip(row, self.unknown, strict=True) if each not in inside] for row in self.rows]
        return rank(others) < rank(self.rows)

    def victims(self, fewest: int) -> list[tuple[str, ...]]:
        """Every group of fewer than some enterprises, or of parks that published nothing, that a combination isolates."""
        holders = sorted({each.holder for each in self.unknown})
        groups = [group for size in range(1, fewest) for group in combinations(holders, size)]
        parks = [group for size in range(1, fewest) for group in combinations(self.secret_parks, size)]
        secret = [each for each in self.unknown if each not in self.published]
        return [group for group in groups if self.isolates(each for each in self.unknown if each.holder in group)] + [
            group for group in parks if self.isolates(each for each in secret if each.park_id in group)
        ]


def test_the_attacker_breaks_what_is_suppressed_without_regard_to_the_rest() -> None:
    added = [*enterprises("p", [5] * 6, industry="C39"), *enterprises("p", [5] * 3, industry="C26", first=6)]
    cells = park_cells("p", added, ["industry"])
    by_itself = [cell for cell in cells if not broken_rule([each.amount_mg for each in cell.contributions], RULE)]
    assert [cell.key for cell in by_itself] == ["", "C39"]
    assert ("p/e6", "p/e7", "p/e8") in Attacker(by_itself).victims(5)


PARKS = st.lists(
    st.tuples(
        st.sampled_from(["360701", "360702", "360101", "350100"]),
        st.lists(
            st.tuples(st.sampled_from(["C26", "C39"]), st.sampled_from([1, 2]), st.integers(0, 9).map(lambda n: n * n)),
            min_size=0,
            max_size=6,
        ),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=7,
)
ACTS = st.lists(
    st.tuples(st.sampled_from(["release", "publish", "restate"]), st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=8
)
THREE = DisclosureRule("small", minimum_contributors=3, dominance_n=1, dominance_pct=80, p_pct=10)
"""Of three, so that small examples show something."""


@settings(max_examples=150)
@given(PARKS, ACTS, st.lists(st.sampled_from(["scope", "industry"]), unique=True))
def test_no_sequence_of_acts_gives_an_attacker_fewer_than_the_rule_allows(
    parks: list[tuple[str, list[tuple[str, int, int]], int]], acts: list[tuple[str, int, int]], breakdowns: list[str]
) -> None:
    state = {}
    for number, (region, members, own) in enumerate(parks):
        park = f"p{number}"
        added = {
            place: Contribution(park, f"e{place}", f"{park}/e{place}", industry, scope, amount)
            for place, (industry, scope, amount) in enumerate(members)
        }
        added[-1] = Contribution(park, "", f"{park}/", "park", 2, own)
        state[park] = (region, added)
    shown: list[Cell] = []
    for act, which, amount in acts:
        park = f"p{which % len(parks)}"
        region, added = state[park]
        if act == "restate":
            place = amount % max(1, len(added) - 1)
            if place in added:
                kept = added[place]
                added[place] = Contribution(park, kept.enterprise_id, kept.holder, kept.industry, kept.scope, amount + 100)
            continue
        if act == "publish":
            cells = park_cells(park, [each for each in added.values() if each.amount_mg], breakdowns)
        else:
            everyone = [(code, each) for code, members in state.values() for each in members.values() if each.amount_mg]
            cells = region_cells(everyone)
        # what is known is read anew each time, as the service does
        verdicts = Published(tuple(shown)).decide(cells, THREE)
        shown += [verdict.cell for verdict in verdicts if verdict.status == SHOWN and verdict.cell not in shown]
    assert Attacker([cell for cell in shown if cell.contributions]).victims(THREE.minimum_contributors) == []


@settings(max_examples=200)
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=12))
def test_a_shown_sum_hides_its_largest_from_its_second_largest(amounts: list[int]) -> None:
    if broken_rule(amounts, RULE) == "" and any(amounts):
        first, second, *_ = sorted(amounts, reverse=True)
        worked_out = sum(amounts) - second
        assert worked_out - first >= Fraction(first) / 10
        assert Fraction(first + second, sum(amounts)) <= Fraction(85, 100)
