import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from chassis.clock import FixedClock
from chassis.identity import (
    CallerForwarder,
    CallerGuard,
    CallerSigner,
    CallerVerifier,
    NotAuthenticated,
    current_caller,
    generate_key_pair,
)
from kernel.access import Caller

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PRIVATE, PUBLIC = generate_key_pair()
ALICE = Caller("alice", "t1", frozenset({"analyst", "platform_operator"}))


def signer(clock: FixedClock, **changes: Any) -> CallerSigner:
    options: dict[str, Any] = {"issuer": "gateway", "audience": "services", **changes}
    return CallerSigner(options.pop("key", PRIVATE), clock=clock, **options)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def verifier(clock: FixedClock) -> CallerVerifier:
    return CallerVerifier(PUBLIC, issuer="gateway", audience="services", clock=clock)


def test_a_caller_is_read_as_it_was_signed(clock: FixedClock, verifier: CallerVerifier) -> None:
    token = signer(clock).sign(ALICE)
    assert verifier.verify(token) == ALICE
    assert verifier.verify(token) == ALICE


@pytest.mark.parametrize("bound", ["scopes", "parks", "regions", "enterprises"])
def test_a_bound_is_read_as_it_was_signed_and_nothing_is_not_everything(
    bound: str, clock: FixedClock, verifier: CallerVerifier
) -> None:
    for values in (frozenset[str](), frozenset({"a", "b/c"})):
        changes: dict[str, Any] = {bound: values}
        caller = replace(ALICE, **changes)
        assert verifier.verify(signer(clock).sign(caller)) == caller
        assert caller != ALICE


def test_a_token_is_used_again_for_a_fifth_of_its_lifetime(clock: FixedClock) -> None:
    making = signer(clock)
    first = making.sign(ALICE)
    clock.advance(timedelta(seconds=59))
    assert making.sign(ALICE) == first
    clock.advance(timedelta(seconds=1))
    assert making.sign(ALICE) != first


def test_callers_do_not_share_a_token(clock: FixedClock, verifier: CallerVerifier) -> None:
    making = signer(clock)
    bob = Caller("alice", "t2", frozenset())
    assert [verifier.verify(making.sign(caller)) for caller in (ALICE, bob)] == [ALICE, bob]


def test_a_token_ends_also_when_it_was_verified_before(clock: FixedClock, verifier: CallerVerifier) -> None:
    token = signer(clock).sign(ALICE)
    verifier.verify(token)
    clock.advance(timedelta(seconds=299))
    verifier.verify(token)
    clock.advance(timedelta(seconds=1))
    with pytest.raises(NotAuthenticated, match="over"):
        verifier.verify(token)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(NOW.timestamp())
    return {
        "iss": "gateway",
        "aud": "services",
        "sub": "alice",
        "tenant": "t1",
        "roles": ["analyst"],
        "iat": now,
        "exp": now + 300,
        **changes,
    }


def encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def without(claim: str) -> dict[str, Any]:
    return {name: value for name, value in claims().items() if name != claim}


FORGED = {
    "nothing": "",
    "no_token": "alice",
    "other_key": jwt.encode(claims(), generate_key_pair()[0], algorithm="EdDSA"),
    "no_signature": ".".join((encoded({"alg": "none", "typ": "JWT"}), encoded(claims()), "")),
    "public_key_as_secret": ".".join((encoded({"alg": "HS256", "typ": "JWT"}), encoded(claims()), "AAAA")),
    "other_issuer": jwt.encode(claims(iss="mallory"), PRIVATE, algorithm="EdDSA"),
    "other_audience": jwt.encode(claims(aud="browsers"), PRIVATE, algorithm="EdDSA"),
    "ended": jwt.encode(claims(exp=int(NOW.timestamp())), PRIVATE, algorithm="EdDSA"),
    "from_the_future": jwt.encode(claims(iat=int(NOW.timestamp()) + 60), PRIVATE, algorithm="EdDSA"),
    "roles_as_text": jwt.encode(claims(roles="platform_operator"), PRIVATE, algorithm="EdDSA"),
    "roles_as_numbers": jwt.encode(claims(roles=[1]), PRIVATE, algorithm="EdDSA"),
    "parks_as_text": jwt.encode(claims(parks="p1"), PRIVATE, algorithm="EdDSA"),
    "regions_as_numbers": jwt.encode(claims(regions=[36]), PRIVATE, algorithm="EdDSA"),
    "tenant_as_list": jwt.encode(claims(tenant=["t1"]), PRIVATE, algorithm="EdDSA"),
    **{
        f"without_{claim}": jwt.encode(without(claim), PRIVATE, algorithm="EdDSA")
        for claim in ("exp", "iat", "iss", "aud", "sub", "tenant", "roles")
    },
}


@pytest.mark.parametrize("token", [pytest.param(token, id=name) for name, token in FORGED.items()])
def test_a_forged_token_is_refused(token: str, verifier: CallerVerifier) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        verifier.verify(token)
    assert (caught.value.kind, caught.value.reason) == ("unauthenticated", "CALLER_NOT_AUTHENTICATED")


def test_the_forgeries_fail_for_what_they_forge(verifier: CallerVerifier) -> None:
    assert verifier.verify(jwt.encode(claims(), PRIVATE, algorithm="EdDSA")).tenant == "t1"


def test_a_changed_token_is_refused(clock: FixedClock, verifier: CallerVerifier) -> None:
    header, _, signature = signer(clock).sign(ALICE).split(".")
    with pytest.raises(NotAuthenticated):
        verifier.verify(f"{header}.{encoded(claims(roles=['platform_operator']))}.{signature}")


def test_outside_of_a_call_there_is_no_caller() -> None:
    with pytest.raises(NotAuthenticated):
        current_caller()


async def test_a_service_forwards_the_words_of_its_caller_and_speaks_for_nobody_else(
    clock: FixedClock, verifier: CallerVerifier
) -> None:
    statement = signer(clock).sign(ALICE)

    class Call:
        def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
            return (("x-parkcarbon-caller", statement),)

    call: Any = Call()
    with pytest.raises(NotAuthenticated):
        CallerForwarder().sign(ALICE)
    async with CallerGuard(verifier)("/any", call):
        assert CallerForwarder().sign(ALICE) == statement
        with pytest.raises(NotAuthenticated, match="for nobody else"):
            CallerForwarder().sign(replace(ALICE, tenant="t2"))
