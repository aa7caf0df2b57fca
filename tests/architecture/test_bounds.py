"""Bounds are compared in one place, and nothing that the gateway answers itself goes without a rule.

What the rule says is tested by property in `kernel/tests/unit/test_access.py`, that each operation keeps it in `tests/security`;
here it is held that a new read cannot pass it by.
"""

import ast
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for path in ROOT.glob("**/src") if ".venv" not in path.parts and "node_modules" not in path.parts)
GATEWAY = ROOT / "gateway" / "src" / "gateway"
RULE = "kernel/access.py"
BOUNDS = {"parks", "regions", "enterprises"}

READ_ELSEWHERE = {
    # A query over many parks is cut by the bounds that the rule has made: no place is known before it.
    "accounting/adapters/sql/parks.py",
    "gateway/adapters/sql/feed.py",
    # Sums over all parks of a tenant are nobody's who is bound at all.
    "accounting/application/publication.py",
    # Bounds are stored, checked for their form, or told as a fact.
    "gateway/adapters/sql/access.py",
    "gateway/domain/access/credentials.py",
    "gateway/domain/feed/platforms.py",
    # Whether there is a bound to regions decides whether accounting is asked where a park lies; the rule compares the answer.
    "gateway/api/parameters.py",
    "gateway/application/push/jobs.py",
    # A park's id is compared by the rule's own bounds, before its region is known; the refusal names the enterprises.
    "gateway/domain/callers.py",
}
"""Where a caller's bounds are read outside of the rule, and why."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for source in SOURCES:
        for path in sorted(source.rglob("*.py")):
            yield str(path.relative_to(source)), ast.parse(path.read_text(encoding="utf-8"), str(path))


def reads_bounds(tree: ast.Module) -> bool:
    """Whether a module reads a bound of what it calls a caller or bounds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in BOUNDS:
            of = node.value
            name = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
            if name in ("caller", "bounds", "within"):
                return True
    return False


def test_nothing_but_the_rule_compares_bounds() -> None:
    assert {name for name, tree in modules() if reads_bounds(tree)} - {RULE} == READ_ELSEWHERE


def test_nothing_but_the_rule_says_which_parks_are_seen_as_a_whole() -> None:
    made = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "WholeParks"
    }
    assert made == {RULE}


class Bounded(StrEnum):
    """By which rule what a route of the gateway itself answers is bound."""

    OPEN = "nobody is known: it says the same to everyone, or checks a credential of its own"
    OWN = "it is the caller's own"
    OPERATOR = "only who manages callers, or reads the audit log, is answered, and nothing bounds them"
    TENANT = "it is no park's: everybody of the tenant whose role and scope allow it"
    SERVICE = "the service that is asked applies the rule"
    WHOLE_PARKS = "what `Caller.must_follow` gives is read"
    PLACE = "it is the caller's own, or `sees` is asked of its park"


ROUTES = {
    "access.get_own_caller": Bounded.OWN,
    "access.register_caller": Bounded.OPERATOR,
    "access.list_callers": Bounded.OPERATOR,
    "access.get_caller": Bounded.OPERATOR,
    "access.create_key": Bounded.OWN,
    "access.list_keys": Bounded.OWN,
    "access.rotate_key": Bounded.OWN,
    "access.revoke_key": Bounded.OWN,
    "audit.list_audit_entries": Bounded.OPERATOR,
    "feed.list_changes": Bounded.WHOLE_PARKS,
    "indicator_values.record_indicator_values": Bounded.SERVICE,
    "jobs.rebuild_sums": Bounded.SERVICE,
    "jobs.get_job": Bounded.PLACE,
    "jobs.stream_job_events": Bounded.PLACE,
    "jobs.get_job_results": Bounded.PLACE,
    "library.save_document": Bounded.TENANT,
    "library.list_documents": Bounded.TENANT,
    "library.get_document": Bounded.TENANT,
    "library.save_document_file": Bounded.TENANT,
    "library.get_document_file": Bounded.TENANT,
    "library.get_document_statistics": Bounded.TENANT,
    "oauth.issue_token": Bounded.OPEN,
    "oauth.revoke_token": Bounded.OPEN,
    "oauth.get_jwks": Bounded.OPEN,
    "oauth.get_authorization_server_metadata": Bounded.OPEN,
    "oidc.oidc_login": Bounded.OPEN,
    "oidc.oidc_callback": Bounded.OPEN,
    "people.sign_in": Bounded.OPEN,
    "people.get_session": Bounded.OWN,
    "people.sign_out": Bounded.OWN,
    "people.invite_caller": Bounded.OPERATOR,
    "people.request_password_reset": Bounded.OPEN,
    "people.set_password": Bounded.OPEN,
    "profiles.save_mapping_profile": Bounded.TENANT,
    "profiles.list_mapping_profiles": Bounded.TENANT,
    "profiles.get_mapping_profile": Bounded.TENANT,
    "push.push_activity": Bounded.SERVICE,
    "templates.get_template": Bounded.TENANT,
    "webhooks.create_webhook": Bounded.WHOLE_PARKS,
    "webhooks.list_webhooks": Bounded.WHOLE_PARKS,
    "webhooks.get_webhook": Bounded.WHOLE_PARKS,
    "webhooks.resume_webhook": Bounded.WHOLE_PARKS,
    "webhooks.delete_webhook": Bounded.WHOLE_PARKS,
    "app.get_health": Bounded.OPEN,
    "app.get_readiness": Bounded.OPEN,
}
"""Every route that is written by hand. Those that are generated ask a service in the caller's name."""

METHODS = {"get", "post", "put", "patch", "delete"}


def test_every_route_of_the_gateway_itself_says_by_which_rule_it_is_bound() -> None:
    served = set()
    for path in [*sorted((GATEWAY / "api" / "routes").glob("*.py")), GATEWAY / "api" / "app.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                calls = [each.func for each in node.decorator_list if isinstance(each, ast.Call)]
                if any(isinstance(each, ast.Attribute) and each.attr in METHODS for each in calls):
                    served.add(f"{path.stem}.{node.name}")
    assert served == set(ROUTES)
