"""Who asks, what that lets them do, and which part of an account they see.

The door asks the same questions before; here they are asked again, because a caller that reaches this service past the door, or
through a route that forgot to ask, must find the same walls.
"""

from dataclasses import dataclass

from accounting.domain.errors import Denied, OutOfScope


@dataclass(frozen=True, slots=True)
class Permission:
    """What is asked for: the scope that a credential needs, and the roles that have it."""

    scope: str
    roles: frozenset[str]


_MANAGERS = frozenset({"platform_operator", "park_manager"})
_PARK_READERS = _MANAGERS | {"reader", "region_reader", "verifier"}

REGISTER = Permission("register", _MANAGERS)
RECORD = Permission("record", _MANAGERS | {"enterprise"})
"""An enterprise records for its own sources."""
FIGURES = Permission("record", _MANAGERS)
"""To record what a park reports as a whole."""
VERIFY = Permission("verify", frozenset({"platform_operator", "verifier"}))
"""To write findings about an inventory, and to close them."""
PUBLISH = Permission("publish", _MANAGERS)
"""To publish what of a park everyone may read, and to take it back."""
RELEASE = Permission("release", frozenset({"platform_operator"}))
"""To release sums over the parks of a tenant."""
REBUILD = Permission("rebuild", _MANAGERS)
READ = Permission("read", _PARK_READERS)
"""To read what is known of a park as a whole."""
READ_OWN = Permission("read_own", _PARK_READERS | {"enterprise"})
"""To read an account, or of it what belongs to the caller's enterprises."""
READ_PUBLISHED = Permission("published", READ_OWN.roles | {"public"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which parks of a tenant a caller reaches. None is no bound; both hold together.

    Attributes:
        parks: ids of parks.
        regions: beginnings of region codes.
    """

    parks: frozenset[str] | None = None
    regions: frozenset[str] | None = None

    def reach(self, park_id: str, region_code: str) -> bool:
        """Says whether a park lies within."""
        return (self.parks is None or park_id in self.parks) and (
            self.regions is None or any(region_code.startswith(each) for each in self.regions if each)
        )

    def within(self, region: str) -> "Bounds":
        """Returns the bounds with nothing in reach but one region, and of that only what was in reach.

        >>> bounds = Bounds(regions=frozenset({"3607", "35"}))
        >>> sorted(bounds.within("36").regions), sorted(bounds.within("11").regions)
        (['3607'], [])
        """
        if self.regions is None:
            return Bounds(self.parks, frozenset({region}))
        inside = {max(each, region, key=len) for each in self.regions if each.startswith(region) or region.startswith(each)}
        return Bounds(self.parks, frozenset(inside))


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

    @property
    def bounds(self) -> Bounds:
        """The parks that the caller reaches; whoever is bound to enterprises reaches the parks of those."""
        parks = self.parks
        if self.enterprises is not None:
            named = frozenset(each.partition("/")[0] for each in self.enterprises)
            parks = named if parks is None else parks & named
        return Bounds(parks, self.regions)

    def own_enterprises(self, park_id: str) -> frozenset[str] | None:
        """Returns the ids of the only enterprises of a park whose data the caller sees; None when it sees the whole park.

        A caller that is an enterprise and nothing else never sees a whole park, also when nothing says which enterprise it is.
        """
        if self.enterprises is None:
            return frozenset() if self.roles <= {"enterprise"} else None
        return frozenset(
            enterprise
            for park, _, enterprise in (each.partition("/") for each in self.enterprises)
            if park == park_id and enterprise
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


def whole_park(caller: Caller, park_id: str) -> None:
    """Passes when the caller sees a park as a whole and not only enterprises of it.

    Raises:
        Denied: it is bound to enterprises.
    """
    if caller.own_enterprises(park_id) is not None:
        raise Denied(", ".join(sorted(caller.roles)), ", ".join(sorted(READ.roles)))
