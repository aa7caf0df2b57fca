"""Who asks, what that lets them do, and which parks they reach.

The door asks the same questions before; here they are asked again, because a caller that reaches this service past the door must
find the same walls. An enterprise sees no evaluation: it speaks of the whole park.
"""

from dataclasses import dataclass

from evaluation.domain.errors import Denied, OutOfScope


@dataclass(frozen=True, slots=True)
class Permission:
    """What is asked for: the scope that a credential needs, and the roles that have it."""

    scope: str
    roles: frozenset[str]


_MANAGERS = frozenset({"platform_operator", "park_manager"})

READ = Permission("read", _MANAGERS | {"reader", "region_reader", "verifier"})
RECORD = Permission("record", _MANAGERS)
"""To enter values and to evaluate."""
REGISTER = Permission("register", _MANAGERS)
"""To store systems, thresholds and weights of the tenant's own."""
READ_PUBLISHED = Permission("published", READ.roles | {"enterprise", "public"})
"""To read what is shipped, and to calculate on one's own data."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller. None in a bound is no bound; an empty set leaves nothing; all bounds hold together.

    Attributes:
        subject: who; recorded with what they change.
        tenant: whose data they act on; everything else does not exist for them.
        roles: what they are there.
        scopes: what their credential was given of it.
        parks: ids of the parks that they reach.
        regions: beginnings of the region codes whose parks they reach.
        enterprises: `<park>/<enterprise>` of each enterprise whose own data they reach.
    """

    subject: str
    tenant: str
    roles: frozenset[str]
    scopes: frozenset[str] | None = None
    parks: frozenset[str] | None = None
    regions: frozenset[str] | None = None
    enterprises: frozenset[str] | None = None

    def reaches(self, park_id: str, region_code: str) -> bool:
        """Says whether a park lies within the bounds; whoever is bound to enterprises reaches no whole park."""
        return (
            self.enterprises is None
            and (self.parks is None or park_id in self.parks)
            and (self.regions is None or any(region_code.startswith(each) for each in self.regions if each))
        )


def require(caller: Caller, permission: Permission) -> None:
    """Passes when the caller has one of the roles, and its credential the scope.

    Raises:
        Denied: the caller has none of the roles.
        OutOfScope: it has one, and its credential was given less.
    """
    if caller.roles.isdisjoint(permission.roles):
        raise Denied(", ".join(sorted(caller.roles)), ", ".join(sorted(permission.roles)))
    if caller.scopes is not None and permission.scope not in caller.scopes:
        raise OutOfScope(" ".join(sorted(caller.scopes)), permission.scope)
