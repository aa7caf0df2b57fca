"""Who calls, what that lets them do, and which part of a tenant's data they see: the one rule of access.

A role says what may be done, a scope which part of that the credential was given, a bound where. All three have to allow a request.
The gateway applies the rule to every request, and each service again to every call: a caller that reaches a service past the
gateway, or through a route that forgot to ask, finds the same limits. Which roles and which scope an operation needs is a table of
the service that offers it (`domain/callers.py`); how they are compared is written here only.
"""

from dataclasses import dataclass, replace
from typing import Self, TypeVar

from kernel.refusals import Denied, OutOfScope

WHOLE_PARK_ROLES = frozenset({"platform_operator", "park_manager", "reader", "region_reader", "verifier"})
"""The roles that see parks as a whole, where no bound names enterprises. Any other role sees the enterprises that a bound names,
and without such a bound nothing of any park: a role that is added later sees no whole park until it stands here."""

_T = TypeVar("_T")


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
        return Bounds(self.parks, _common_regions(self.regions, frozenset({region})))

    @property
    def empty(self) -> bool:
        """Whether they leave nothing in reach, whatever parks there are."""
        return (self.parks is not None and not self.parks) or (self.regions is not None and not any(self.regions))


def _common(one: frozenset[_T] | None, other: frozenset[_T] | None) -> frozenset[_T] | None:
    """Returns what two bounds both leave."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _common_regions(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """Returns the beginnings of exactly the region codes that begin as both bounds say."""
    if one is None or other is None:
        return other if one is None else one
    pairs = ((each, against) for each in one for against in other if each and against)
    return frozenset(max(pair, key=len) for pair in pairs if pair[0].startswith(pair[1]) or pair[1].startswith(pair[0]))


@dataclass(frozen=True, slots=True)
class WholeParks:
    """The parks of a tenant that a caller sees as a whole.

    A read that answers with what is known of whole parks takes this in the place of a caller. Nothing but `Caller.whole_parks`
    makes one, so that such a read cannot forget to ask whether the caller sees whole parks at all.

    Attributes:
        tenant: whose parks.
        bounds: which of them.
    """

    tenant: str
    bounds: Bounds

    def hold(self, place: "Place") -> bool:
        """Says whether a place's park is among them."""
        return place.tenant == self.tenant and self.bounds.reach(place.park_id, place.region_code)


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

        A caller without a role that sees whole parks sees none, also when nothing says which enterprise it is.
        """
        if self.enterprises is None:
            return frozenset() if self.roles.isdisjoint(WHOLE_PARK_ROLES) else None
        return frozenset(
            enterprise
            for park, _, enterprise in (each.partition("/") for each in self.enterprises)
            if park == park_id and enterprise
        )

    def whole_parks(self) -> WholeParks | None:
        """Returns the parks that the caller sees as a whole; None when it sees parts of parks at most."""
        if self.enterprises is not None or self.roles.isdisjoint(WHOLE_PARK_ROLES):
            return None
        return WholeParks(self.tenant, self.bounds)

    def within(self, other: "Caller") -> Self:
        """Returns the caller with what both it and another statement of the same caller allow, such as of then and of now.

        >>> then = Caller("m", "t", frozenset({"reader", "park_manager"}), regions=frozenset({"36"}))
        >>> now = Caller("m", "t", frozenset({"reader"}), regions=frozenset({"3607", "35"}), parks=frozenset({"etdz"}))
        >>> both = then.within(now)
        >>> sorted(both.roles), sorted(both.regions or ()), sorted(both.parks or ())
        (['reader'], ['3607'], ['etdz'])
        """
        return replace(
            self,
            roles=self.roles & other.roles,
            scopes=_common(self.scopes, other.scopes),
            parks=_common(self.parks, other.parks),
            regions=_common_regions(self.regions, other.regions),
            enterprises=self._common_enterprises(other),
        )

    def _common_enterprises(self, other: "Caller") -> frozenset[str] | None:
        """Returns the enterprises that both name; whom no bound names any and no role shows whole parks, sees none."""
        if (self.enterprises is None) is (other.enterprises is None):
            return _common(self.enterprises, other.enterprises)
        named, unbound = (other, self) if self.enterprises is None else (self, other)
        return frozenset() if unbound.roles.isdisjoint(WHOLE_PARK_ROLES) else named.enterprises

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
