"""Who may do what, and which part of an account they see."""

from typing import Any

import pytest

from accounting.domain.callers import FIGURES, READ, READ_OWN, READ_PUBLISHED, REBUILD, RECORD, REGISTER, whole_park
from kernel.access import WHOLE_PARK_ROLES, Caller, Permission, require
from kernel.refusals import Denied, OutOfScope

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


@pytest.mark.parametrize("permission", PERMISSIONS.values(), ids=list(PERMISSIONS))
def test_a_credential_may_no_more_than_its_scopes(permission: Permission) -> None:
    require(caller("platform_operator", scopes=[permission.scope]), permission)
    with pytest.raises(OutOfScope) as refused:
        require(caller("platform_operator", scopes=["nothing"]), permission)
    assert refused.value.facts()["allowed"] == permission.scope


def test_whoever_is_bound_to_enterprises_sees_no_park_as_a_whole() -> None:
    with pytest.raises(Denied):
        whole_park(caller("enterprise", enterprises=["etdz/mill"]), "etdz")
    with pytest.raises(Denied):
        whole_park(caller("enterprise"), "etdz")
    whole_park(caller("reader"), "etdz")
    with pytest.raises(Denied):
        whole_park(caller("enterprise", "public"), "etdz")
    assert READ.roles == WHOLE_PARK_ROLES
