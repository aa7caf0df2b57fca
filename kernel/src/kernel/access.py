"""Who calls, what that lets them do, and which part of a tenant's data they see: the one rule of access.

A role says what may be done, a scope which part of that the credential was given, a bound where. All three have to allow a request.
The gateway applies the rule to every request, and each service again to every call: a caller that reaches a service past the
gateway, or through a route that forgot to ask, finds the same limits. Which roles and which scope an operation needs is a table of
the service that offers it (`domain/callers.py`); how they are compared is written here only.
"""

from dataclasses import dataclass

from kernel.refusals import Denied, OutOfScope

ENTERPRISE_ROLE = "enterprise"
"""The role that sees its own enterprises' part of a park and never a whole one."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What an operation needs: the scope of the credential, and the roles of which the caller has at least one."""

    scope: str
    roles: frozenset[str]


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
        """Says whether a park lies within. Of a park whose region is not known, write "": no region begins so."""
        return (self.parks is None or park_id in self.parks) and (
            self.regions is None or any(region_code.startswith(each) for each in self.regions if each)
        )

    def within(self, region: str) -> "Bounds":
        """Returns the bounds with nothing in reach but one region, and of that only what was in reach.

        Args:
            region: the beginning of its code.

        >>> bounds = Bounds(regions=frozenset({"3607", "35"}))
        >>> sorted(bounds.within("36").regions or ()), sorted(bounds.within("11").regions or ())
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

    @property
    def is_bound(self) -> bool:
        """Whether the caller acts on less than its whole tenant: by a bound, or because none of its roles sees a whole park."""
        return self.parks is not None or self.regions is not None or self.own_enterprises("") is not None

    def own_enterprises(self, park_id: str) -> frozenset[str] | None:
        """Returns the ids of the only enterprises of a park whose data the caller sees; None when it sees the whole park.

        A caller that is an enterprise and nothing else never sees a whole park, also when nothing says which enterprise it is.
        """
        if self.enterprises is None:
            return frozenset() if self.roles <= {ENTERPRISE_ROLE} else None
        return frozenset(
            enterprise
            for park, _, enterprise in (each.partition("/") for each in self.enterprises)
            if park == park_id and enterprise
        )

    def has_role(self, permission: Permission) -> bool:
        """Says whether one of the caller's roles is among those of a permission."""
        return not self.roles.isdisjoint(permission.roles)

    def has_scope(self, permission: Permission) -> bool:
        """Says whether the caller's credential was given the scope of a permission."""
        return self.scopes is None or permission.scope in self.scopes


def require(caller: Caller, permission: Permission) -> None:
    """Passes when the caller has one of the roles, and its credential the scope.

    Raises:
        Denied: the caller has none of the roles.
        OutOfScope: it has one, and its credential was given less.
    """
    if not caller.has_role(permission):
        raise Denied(caller.roles, permission.roles)
    if not caller.has_scope(permission):
        raise OutOfScope(caller.scopes or (), permission.scope)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object belongs: the tenant, the park, and of the park an enterprise or the whole.

    Attributes:
        tenant: whose it is.
        park_id: in which park.
        region_code: of that park; "" where it is not known, and then whoever is bound to regions does not see it.
        enterprise_id: whose in the park; "" for what is about the park as a whole.
    """

    tenant: str
    park_id: str
    region_code: str = ""
    enterprise_id: str = ""


def reaches(caller: Caller, place: Place) -> bool:
    """Says whether a place's park exists for the caller; of what is in it, it may see a part only."""
    return place.tenant == caller.tenant and caller.bounds.reach(place.park_id, place.region_code)


def sees(caller: Caller, place: Place) -> bool:
    """Says whether the caller sees what belongs to a place: the park as a whole, or what is an enterprise's own.

    >>> mill = Caller("m", "t", frozenset({"enterprise"}), enterprises=frozenset({"etdz/mill"}))
    >>> [sees(mill, Place("t", "etdz", "360700", enterprise)) for enterprise in ("mill", "kiln", "")]
    [True, False, False]
    """
    own = caller.own_enterprises(place.park_id)
    return reaches(caller, place) and (own is None or place.enterprise_id in own)


OF_THE_TENANT = ""
"""The owner of what belongs to the tenant as a whole: whoever acts on all of it may change it, and everyone may use it."""


def owner_of_new(caller: Caller) -> str:
    """Returns whose an object of no park becomes that the caller makes: its own when it is bound, the tenant's otherwise."""
    return caller.subject if caller.is_bound else OF_THE_TENANT


def may_change(caller: Caller, owner: str) -> bool:
    """Says whether a caller whose roles allow it may change an object of an owner of its tenant: whoever is bound, only its own.

    >>> mill = Caller("mill", "t", frozenset({"enterprise"}), enterprises=frozenset({"etdz/mill"}))
    >>> [may_change(mill, owner) for owner in ("mill", "kiln", OF_THE_TENANT)]
    [True, False, False]
    >>> may_change(Caller("ada", "t", frozenset({"park_manager"})), "kiln")
    True
    """
    return not caller.is_bound or owner == caller.subject


def may_use(caller: Caller, owner: str) -> bool:
    """Says whether an object of an owner of its tenant exists for a caller: its own, the tenant's, and each for who is not bound.

    >>> mill = Caller("mill", "t", frozenset({"enterprise"}), enterprises=frozenset({"etdz/mill"}))
    >>> [may_use(mill, owner) for owner in ("mill", "kiln", OF_THE_TENANT)]
    [True, False, True]
    """
    return owner == OF_THE_TENANT or may_change(caller, owner)
