"""Who may do what."""

import pytest

from accounting.domain.callers import READERS, WRITERS, Caller, require
from accounting.domain.errors import Denied


def caller(*roles: str) -> Caller:
    return Caller("someone", "jx", frozenset(roles))


@pytest.mark.parametrize(
    ("role", "may_read", "may_write"),
    [
        ("platform_operator", True, True),
        ("park_manager", True, True),
        ("reader", True, False),
        ("verifier", False, False),
        ("Reader", False, False),
        ("", False, False),
    ],
)
def test_role_says_what_a_caller_may_do(role: str, may_read: bool, may_write: bool) -> None:
    for allowed, passes in ((READERS, may_read), (WRITERS, may_write)):
        if passes:
            require(caller(role), allowed)
        else:
            with pytest.raises(Denied):
                require(caller(role), allowed)


def test_one_sufficient_role_is_enough() -> None:
    require(caller("reader", "park_manager"), WRITERS)


def test_refusal_names_the_roles_there_are_and_those_that_are_needed() -> None:
    with pytest.raises(Denied) as refused:
        require(caller("reader", "auditor"), WRITERS)
    assert refused.value.facts() == {
        "found": "auditor, reader",
        "allowed": "park_manager, platform_operator",
        "message_zh": "需要以下角色之一:park_manager, platform_operator;当前角色:auditor, reader",
    }


def test_caller_without_roles_may_nothing() -> None:
    with pytest.raises(Denied, match="this needs one of the roles park_manager, platform_operator, the caller has none"):
        require(caller(), WRITERS)
