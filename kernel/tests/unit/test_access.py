"""The one rule of access, against examples and against an oracle that states it a second time."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from kernel.access import Bounds, Caller, Permission, Place, reaches, require, sees
from kernel.refusals import Denied, OutOfScope

WHOLE = ["platform_operator", "park_manager", "reader", "region_reader", "verifier"]
ROLES = [*WHOLE, "enterprise", "public", "Reader", ""]
SCOPES = ["read", "record", "publish", ""]
TENANTS = ["t1", "t2"]
PARKS = ["etdz", "etd", "north", ""]
REGIONS = ["360700", "3607", "36", "35", "3", ""]
ENTERPRISES = ["mill", "kiln", "m", ""]


def sets(values: Iterable[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(list(values)), max_size=3)


OWNED = [*(f"{park}/{enterprise}" for park in PARKS for enterprise in ENTERPRISES), *PARKS, "etdz/mill/kiln"]
CALLERS = st.builds(
    Caller,
    subject=st.just("someone"),
    tenant=st.sampled_from(TENANTS),
    roles=sets(ROLES),
    scopes=st.none() | sets(SCOPES),
    parks=st.none() | sets(PARKS),
    regions=st.none() | sets(REGIONS),
    enterprises=st.none() | sets(OWNED),
)
PLACES = st.builds(
    Place,
    tenant=st.sampled_from(TENANTS),
    park_id=st.sampled_from(PARKS),
    region_code=st.sampled_from(["360700", "350100", ""]),
    enterprise_id=st.sampled_from(ENTERPRISES),
)
PERMISSIONS = st.builds(Permission, scope=st.sampled_from(SCOPES), roles=sets(ROLES))


def allowed(caller: Caller, permission: Permission) -> str:
    """Oracle: who has none of the roles is denied, who has one and not the scope is out of scope."""
    common = [role for role in permission.roles for own in caller.roles if role == own]
    if not common:
        return "denied"
    if caller.scopes is None:
        return "allowed"
    return "allowed" if any(scope == permission.scope for scope in caller.scopes) else "out of scope"


def exists(caller: Caller, place: Place) -> bool:
    """Oracle: a park exists for a caller when tenant, parks, regions and enterprises all leave it."""
    if place.tenant != caller.tenant:
        return False
    if caller.parks is not None and not any(park == place.park_id for park in caller.parks):
        return False
    if caller.regions is not None and not any(
        region != "" and place.region_code[: len(region)] == region for region in caller.regions
    ):
        return False
    return caller.enterprises is None or any(each.split("/")[0] == place.park_id for each in caller.enterprises)


def visible(caller: Caller, place: Place) -> bool:
    """Oracle: of a park that exists, one bound to enterprises sees those; without the bound one role of whole parks does."""
    if not exists(caller, place):
        return False
    if caller.enterprises is not None:
        return place.enterprise_id != "" and f"{place.park_id}/{place.enterprise_id}" in caller.enterprises
    return any(role == own for role in WHOLE for own in caller.roles)


def outcome(caller: Caller, permission: Permission) -> str:
    try:
        require(caller, permission)
    except Denied:
        return "denied"
    except OutOfScope:
        return "out of scope"
    return "allowed"


@given(CALLERS, PERMISSIONS)
def test_roles_and_scopes_allow_what_the_oracle_allows(caller: Caller, permission: Permission) -> None:
    expected = allowed(caller, permission)
    event(expected)
    assert outcome(caller, permission) == expected


@given(CALLERS, PLACES)
def test_a_caller_reaches_and_sees_what_the_oracle_says(caller: Caller, place: Place) -> None:
    event(f"exists {exists(caller, place)}, visible {visible(caller, place)}")
    assert reaches(caller, place) is exists(caller, place)
    assert sees(caller, place) is visible(caller, place)


@given(CALLERS, PLACES)
def test_no_bound_takes_nothing_away_and_an_empty_one_leaves_nothing(caller: Caller, place: Place) -> None:
    free = replace(caller, parks=None, regions=None, enterprises=None)
    assert reaches(free, place) is (place.tenant == caller.tenant)
    nothing: frozenset[str] = frozenset()
    for bound in (replace(free, parks=nothing), replace(free, regions=nothing), replace(free, enterprises=nothing)):
        assert not reaches(bound, place)
        assert not sees(bound, place)


@given(CALLERS, PLACES)
def test_all_bounds_hold_together(caller: Caller, place: Place) -> None:
    caller = replace(caller, roles=caller.roles | {"reader"})
    free = replace(caller, parks=None, regions=None, enterprises=None)
    one_by_one = (
        replace(free, parks=caller.parks),
        replace(free, regions=caller.regions),
        replace(free, enterprises=caller.enterprises),
    )
    assert reaches(caller, place) is all(reaches(each, place) for each in one_by_one)
    assert sees(caller, place) is all(sees(each, place) for each in one_by_one)


@given(CALLERS, PLACES)
def test_whoever_is_bound_to_enterprises_never_sees_a_whole_park(caller: Caller, place: Place) -> None:
    bound = replace(caller, enterprises=caller.enterprises or frozenset({f"{place.park_id}/mill"}))
    assert not sees(bound, replace(place, enterprise_id=""))
    assert bound.own_enterprises(place.park_id) is not None
    assert "" not in (bound.own_enterprises(place.park_id) or ())


@given(CALLERS, PLACES, sets(["enterprise", "public", "Reader", "auditor", ""]))
def test_no_roles_beside_those_of_whole_parks_see_one_in_any_combination(
    caller: Caller, place: Place, roles: frozenset[str]
) -> None:
    assert not sees(replace(caller, roles=roles, enterprises=None), place)
    assert replace(caller, roles=roles).whole_parks() is None


@given(CALLERS, PLACES)
def test_the_whole_parks_of_a_caller_are_those_that_it_sees_as_a_whole(caller: Caller, place: Place) -> None:
    whole = caller.whole_parks()
    event(f"whole parks: {whole is not None}")
    assert sees(caller, replace(place, enterprise_id="")) is (whole is not None and whole.hold(place))
    if whole is not None and whole.bounds.empty:
        assert not sees(caller, place)


@example(
    Caller("m", "t1", frozenset({"enterprise"}), enterprises=frozenset({"etdz/mill"})),
    Caller("m", "t1", frozenset({"enterprise"})),
    Place("t1", "etdz", "360700", "mill"),
    Permission("read", frozenset({"enterprise"})),
)
@given(CALLERS, CALLERS, PLACES, PERMISSIONS)
def test_what_holds_of_then_and_of_now_allows_no_more_than_either(
    then: Caller, now: Caller, place: Place, permission: Permission
) -> None:
    now = replace(now, tenant=then.tenant)
    both = then.within(now)
    event(f"sees {sees(both, place)}")
    assert (both.subject, both.tenant) == (then.subject, then.tenant)
    assert reaches(both, place) <= (reaches(then, place) and reaches(now, place))
    assert sees(both, place) <= (sees(then, place) and sees(now, place))
    if then.roles == now.roles:
        assert sees(both, place) is (sees(then, place) and sees(now, place))
    if outcome(both, permission) == "allowed":
        assert outcome(then, permission) == outcome(now, permission) == "allowed"


@given(CALLERS, PLACES)
def test_what_has_not_changed_allows_the_same(caller: Caller, place: Place) -> None:
    assert sees(caller.within(caller), place) is sees(caller, place)
    assert replace(caller.within(caller), regions=caller.regions) == caller


@given(CALLERS, PLACES)
def test_whoever_sees_a_whole_park_sees_every_part_of_it(caller: Caller, place: Place) -> None:
    if sees(caller, replace(place, enterprise_id="")):
        assert sees(caller, place)
    if sees(caller, place):
        assert reaches(caller, place)


@given(CALLERS, PLACES)
def test_of_a_park_whose_region_is_not_known_nothing_is_seen_within_regions(caller: Caller, place: Place) -> None:
    assert reaches(caller, replace(place, region_code="")) is (reaches(caller, place) and caller.regions is None)


@pytest.mark.parametrize(
    ("bounds", "reached"),
    [
        pytest.param(Bounds(), True, id="no_bound"),
        pytest.param(Bounds(parks=frozenset({"etdz"})), True, id="its_id"),
        pytest.param(Bounds(parks=frozenset({"etd"})), False, id="the_beginning_of_its_id"),
        pytest.param(Bounds(parks=frozenset()), False, id="no_park"),
        pytest.param(Bounds(regions=frozenset({"36"})), True, id="its_province"),
        pytest.param(Bounds(regions=frozenset({"360700"})), True, id="its_region"),
        pytest.param(Bounds(regions=frozenset({"3601"})), False, id="another_city"),
        pytest.param(Bounds(regions=frozenset({""})), False, id="an_empty_code_is_no_region"),
        pytest.param(Bounds(parks=frozenset({"etdz"}), regions=frozenset({"35"})), False, id="both_hold_together"),
    ],
)
def test_bounds_say_which_parks_are_reached(bounds: Bounds, reached: bool) -> None:
    assert bounds.reach("etdz", "360700") is reached


def test_an_enterprise_reaches_the_parks_of_its_enterprises_and_sees_those_enterprises_only() -> None:
    mill = Caller("m", "t", frozenset({"enterprise"}), enterprises=frozenset({"etdz/mill", "etdz/kiln", "other/mine"}))
    assert mill.bounds == Bounds(parks=frozenset({"etdz", "other"}))
    assert replace(mill, parks=frozenset({"etdz", "north"})).bounds == Bounds(parks=frozenset({"etdz"}))
    assert mill.own_enterprises("etdz") == frozenset({"mill", "kiln"})
    assert mill.own_enterprises("third") == frozenset()
    assert replace(mill, enterprises=None).own_enterprises("etdz") == frozenset()


def test_the_bound_of_a_manager_leaves_the_parks_of_it_whole() -> None:
    manager = Caller("m", "t", frozenset({"park_manager"}), parks=frozenset({"etdz"}))
    assert manager.own_enterprises("etdz") is None
    assert sees(manager, Place("t", "etdz", "360700"))
    assert not sees(manager, Place("t", "north", "360700"))
