"""Who may do what, and which part of an account they see."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.domain.callers import (
    FIGURES,
    READ,
    READ_OWN,
    READ_PUBLISHED,
    REBUILD,
    RECORD,
    REGISTER,
    Bounds,
    Caller,
    Permission,
    require,
    whole_park,
)
from accounting.domain.errors import Denied, OutOfScope

PERMISSIONS = {
    "register": REGISTER,
    "record": RECORD,
    "figures": FIGURES,
    "rebuild": REBUILD,
    "read": READ,
    "read_own": READ_OWN,
    "published": READ_PUBLISHED,
}


def caller(*roles: str, **bounds: Any) -> Caller:
    return Caller("someone", "jx", frozenset(roles), **{name: frozenset(values) for name, values in bounds.items()})


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("platform_operator", set(PERMISSIONS)),
        ("park_manager", set(PERMISSIONS)),
        ("reader", {"read", "read_own", "published"}),
        ("region_reader", {"read", "read_own", "published"}),
        ("verifier", {"read", "read_own", "published"}),
        ("enterprise", {"record", "read_own", "published"}),
        ("public", {"published"}),
        ("Reader", set()),
        ("", set()),
    ],
)
def test_role_says_what_a_caller_may_do(role: str, allowed: set[str]) -> None:
    for name, permission in PERMISSIONS.items():
        if name in allowed:
            require(caller(role), permission)
        else:
            with pytest.raises(Denied):
                require(caller(role), permission)


def test_one_sufficient_role_is_enough() -> None:
    require(caller("reader", "park_manager"), REGISTER)


def test_refusal_names_the_roles_there_are_and_those_that_are_needed() -> None:
    with pytest.raises(Denied) as refused:
        require(caller("reader", "auditor"), REGISTER)
    assert refused.value.facts() == {
        "found": "auditor, reader",
        "allowed": "park_manager, platform_operator",
        "message_zh": "需要以下角色之一:park_manager, platform_operator;当前角色:auditor, reader",
    }


def test_caller_without_roles_may_nothing() -> None:
    with pytest.raises(Denied, match="this needs one of the roles park_manager, platform_operator, the caller has none"):
        require(caller(), REGISTER)


@pytest.mark.parametrize("permission", PERMISSIONS.values(), ids=list(PERMISSIONS))
def test_a_credential_may_no_more_than_its_scopes(permission: Permission) -> None:
    require(caller("platform_operator", scopes=[permission.scope]), permission)
    with pytest.raises(OutOfScope) as refused:
        require(caller("platform_operator", scopes=["nothing"]), permission)
    assert refused.value.facts()["allowed"] == permission.scope


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
    mill = caller("enterprise", enterprises=["etdz/mill", "etdz/kiln", "other/mine"])
    assert mill.bounds == Bounds(parks=frozenset({"etdz", "other"}))
    assert mill.own_enterprises("etdz") == frozenset({"mill", "kiln"})
    assert mill.own_enterprises("third") == frozenset()
    with pytest.raises(Denied):
        whole_park(mill, "etdz")


def test_an_enterprise_that_nobody_bound_sees_nothing() -> None:
    assert caller("enterprise").own_enterprises("etdz") == frozenset()


@given(st.frozensets(st.sampled_from(["etdz/mill", "etdz/", "/mill", "", "etdz"])))
def test_the_parks_own_sources_never_belong_to_an_enterprise(enterprises: frozenset[str]) -> None:
    assert "" not in (caller("enterprise", enterprises=enterprises).own_enterprises("etdz") or ())


def test_whoever_is_bound_to_no_enterprise_sees_whole_parks() -> None:
    assert caller("park_manager", parks=["etdz"]).own_enterprises("etdz") is None
    whole_park(caller("reader"), "etdz")
