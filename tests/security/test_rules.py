"""The rules are complete: an operation, a role, a bound or a kind of object without one fails here, before anything is asked."""

import dataclasses
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.callers import Role
from kernel import access
from tests.security.oracle import Place, Thing, Who, verdict
from tests.security.rules import (
    BOUNDS,
    CURSORS,
    IN_PARKS,
    NAMED_IN_BODIES,
    NAMED_IN_QUERIES,
    NAMES_WITHIN,
    NOT_OBJECTS,
    OBJECTS,
    OF_ENTERPRISES,
    OF_TENANTS,
    OPEN,
    OTHER_QUERIES,
    OWNERS,
    ROLES,
    RULES,
    SIGNED_IN,
)
from tests.security.world import BOUND_TO, kinds_of_callers

DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "client-ts" / "openapi.json").read_text(encoding="utf-8"))
"""The API's description; tests/contracts holds it to what the platform serves."""

OPERATIONS = {f"{method.upper()} {path}": each for path, methods in DOCUMENT["paths"].items() for method, each in methods.items()}
KINDS = IN_PARKS | OF_ENTERPRISES | OF_TENANTS | OWNERS.keys()
NEAR = Place("near", "360700", "ours")
ASKED = [name for name, rule in RULES.items() if rule.roles not in (OPEN, SIGNED_IN)]


def members(schema: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yields the name of every member that a body may have, at any depth."""
    if isinstance(schema, list):
        for each in schema:
            yield from members(each, seen)
    elif isinstance(schema, Mapping):
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name and name not in seen:
            yield from members(DOCUMENT["components"]["schemas"][name], seen | {name})
        yield from schema.get("properties", {})
        for key, each in schema.items():
            if key not in ("examples", "example"):
                yield from members(each, seen)


def test_every_operation_has_a_rule_and_every_rule_an_operation() -> None:
    assert OPERATIONS.keys() == RULES.keys()


def test_every_role_and_every_bound_of_a_caller_is_known() -> None:
    assert {role.value for role in Role} == ROLES
    others = {"subject", "tenant", "roles", "scopes"}
    assert {each.name for each in dataclasses.fields(access.Caller)} - others == BOUNDS
    every = {frozenset(each) for size in range(len(BOUNDS) + 1) for each in itertools.combinations(BOUNDS, size)}
    assert {frozenset(bounds) for bounds in BOUND_TO.values()} == every


def test_every_kind_of_object_has_one_rule() -> None:
    named = {*OBJECTS, *NAMED_IN_QUERIES.values(), *NAMED_IN_BODIES.values()}
    assert named <= KINDS
    tables = [IN_PARKS, OF_ENTERPRISES, OF_TENANTS, frozenset(OWNERS)]
    assert sum(map(len, tables)) == len(KINDS)


def test_every_parameter_is_known_to_name_someones_or_nobodys() -> None:
    places: dict[str, set[str]] = {"path": set(), "query": set()}
    for operation in OPERATIONS.values():
        for parameter in operation.get("parameters", ()):
            places.setdefault(parameter["in"], set()).add(parameter["name"])
    assert places["path"] == OBJECTS | NOT_OBJECTS
    assert places["query"] == NAMED_IN_QUERIES.keys() | CURSORS | OTHER_QUERIES


def test_every_member_of_a_body_that_names_something_is_known() -> None:
    found = {name for operation in OPERATIONS.values() for name in members(operation.get("requestBody", {}))}
    named = {name for name in found if re.search(r"_ids?$", name)} | (found & NAMED_IN_BODIES.keys())
    assert named == NAMED_IN_BODIES.keys() | NAMES_WITHIN


def things_of_every_kind(who: Who) -> Iterator[Thing]:
    """Yields an object of each kind, in every relation to a caller that is one for its kind."""
    for place in (NEAR, Place("far", "350100", "ours"), Place("theirs", "360700", "theirs")):
        for kind in sorted(IN_PARKS | OF_TENANTS):
            yield Thing(kind, "it", place.tenant, place)
        for kind, enterprise in itertools.product(sorted(OF_ENTERPRISES), ("mill", "kiln", "")):
            yield Thing(kind, "it", place.tenant, place, enterprise)
        for kind, owner in itertools.product(sorted(OWNERS), (who.id, "another", "")):
            yield Thing(kind, "it", place.tenant, place, owner=owner)


@pytest.mark.parametrize("name", ASKED)
def test_every_caller_is_told_by_a_rule_what_it_is_answered_about_every_object(name: str) -> None:
    allowed: set[bool | None] = set()
    for roles, bound in kinds_of_callers():
        bounds = {each: frozenset(ids) for each, ids in BOUND_TO[bound].items()}
        who = Who("who", "ours", roles, bounds.get("parks"), bounds.get("regions"), bounds.get("enterprises"))
        for thing in things_of_every_kind(who):
            found = verdict(name, who, {thing.kind: thing}, NEAR if "{park}" in name else None)
            assert found.statuses
            allowed.add(found.allowed)
            # nobody of another tenant, and nobody without the role
            if thing.tenant != who.tenant or roles.isdisjoint(RULES[name].roles):
                assert found.allowed is False
    assert {True, False} <= allowed
