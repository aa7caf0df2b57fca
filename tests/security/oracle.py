"""What each caller has to be answered about each object, by the lines of `rules.py`: the rule of access stated a second time.

Nothing of it is imported from the platform.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.security.rules import (
    IN_PARKS,
    OF_ENTERPRISES,
    OF_TENANTS,
    OPERATOR,
    OWNERS,
    PARK_READERS,
    RULES,
    Others,
    Shows,
)

NOWHERE = "nowhere"
"""The tenant of what does not exist."""


@dataclass(frozen=True, slots=True)
class Place:
    """A park, where it lies and whose it is."""

    park: str
    region: str
    tenant: str


@dataclass(frozen=True, slots=True)
class Who:
    """A caller; None in a bound is no bound."""

    id: str
    tenant: str
    roles: frozenset[str]
    parks: frozenset[str] | None = None
    regions: frozenset[str] | None = None
    enterprises: frozenset[str] | None = None

    @property
    def is_bound(self) -> bool:
        """Whether something of the tenant lies beyond its bounds."""
        return not (self.parks is None and self.regions is None and self.enterprises is None)

    def reaches(self, place: Place) -> bool:
        """Whether a park exists for it."""
        named = self.enterprises is None or any(each.split("/")[0] == place.park for each in self.enterprises)
        listed = self.parks is None or place.park in self.parks
        lies = self.regions is None or any(place.region.startswith(each) for each in self.regions)
        return self.tenant == place.tenant and named and listed and lies

    def sees_whole(self, place: Place) -> bool:
        """Whether it sees what is of the park as a whole."""
        return self.reaches(place) and self.enterprises is None

    def sees_part(self, place: Place, enterprise: str) -> bool:
        """Whether it sees what belongs to an enterprise of the park, or to the park where that is empty."""
        own = self.enterprises is not None and f"{place.park}/{enterprise}" in self.enterprises
        return self.reaches(place) and (self.enterprises is None or own)


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that a request names.

    Attributes:
        kind: As `rules.py` has it.
        tenant: NOWHERE for what there is not.
        place: The park that it is in or about.
        enterprise: Whose of the park; "" for the park's own.
        owner: Of what has one; "" for the tenant.
        of_service: Whether a service keeps it and not the gateway.
    """

    kind: str
    id: str
    tenant: str
    place: Place | None = None
    enterprise: str = ""
    owner: str = ""
    of_service: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a request has to end.

    Attributes:
        allowed: None where the rule leaves it open.
        statuses: Of which its answer must have one.
    """

    allowed: bool | None
    statuses: frozenset[int]


DONE = frozenset({200, 201, 202})
NO_ROLE = frozenset({403})
NOT_THERE = frozenset({404})
TAKEN = frozenset({409})


def exists_for(who: Who, thing: Thing, aimed: Place | None) -> bool | None:
    """Says whether an object exists for a caller; None where that is left open.

    Args:
        who: The caller.
        thing: The object.
        aimed: The park in whose address the object is named; None where the address has none.
    """
    if thing.tenant != who.tenant:
        return False
    if thing.kind in IN_PARKS or thing.kind in OF_ENTERPRISES:
        assert thing.place is not None
        if aimed is not None and thing.place != aimed:
            return False
        if thing.kind == "park":
            return who.reaches(thing.place)
        if thing.kind in OF_ENTERPRISES:
            return who.sees_part(thing.place, thing.enterprise)
        return who.sees_whole(thing.place)
    if thing.kind in OF_TENANTS:
        return thing.kind != "caller" or thing.id == who.id or not who.roles.isdisjoint(OPERATOR)
    others = OWNERS[thing.kind]
    if thing.owner == who.id or others is Others.EVERYONE:
        return True
    if others is Others.NOBODY:
        return not who.roles.isdisjoint(OPERATOR)
    if others is Others.THE_UNBOUND:
        return thing.owner == "" or not who.is_bound
    assert others is Others.THE_PARKS_READERS
    assert thing.place is not None
    sees = not who.roles.isdisjoint(PARK_READERS) and who.sees_whole(thing.place)
    # A job of a service does not tell the region of its park, so whoever is bound to regions need not see it.
    return None if sees and thing.of_service and who.regions is not None else sees


def verdict(name: str, who: Who, things: Mapping[str, Thing], aimed: Place | None) -> Verdict:
    """Says how a request has to end.

    Args:
        name: The operation, as in `RULES`.
        who: Who asks.
        things: What it names, by parameter or member.
        aimed: The park of its address.

    Raises:
        KeyError: There is no rule for it.
    """
    rule = RULES[name]
    reach = aimed is None or who.reaches(aimed)
    if who.roles.isdisjoint(rule.roles):
        return Verdict(False, NO_ROLE if reach else NO_ROLE | NOT_THERE)
    if not reach:
        return Verdict(False, NOT_THERE)
    if aimed is not None and rule.shows is Shows.WHOLE and not who.sees_whole(aimed):
        return Verdict(False, NO_ROLE | NOT_THERE)
    if rule.of_wholes and who.enterprises is not None:
        return Verdict(False, NO_ROLE | NOT_THERE if things else NO_ROLE)
    found = {exists_for(who, thing, aimed) for thing in things.values()}
    if False in found:
        changes = name.startswith("PUT ") and rule.shows is Shows.OWNED
        of_ours = all(thing.tenant == who.tenant for thing in things.values())
        return Verdict(False, TAKEN if changes and of_ours else NOT_THERE)
    if None in found:
        return Verdict(None, DONE | NOT_THERE)
    if name.startswith("PUT ") and rule.shows is Shows.OWNED and any(_is_anothers(who, thing) for thing in things.values()):
        return Verdict(False, TAKEN)
    return Verdict(True, DONE)


def _is_anothers(who: Who, thing: Thing) -> bool:
    return who.is_bound and thing.owner != who.id and thing.kind in OWNERS


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that stands in one object and nowhere else.

    Attributes:
        seen_by: `part`, `whole` or `park` of the object's park, `tenant`, `owner` or `operator`.
        roles: Of which a caller needs one to see it at all.
    """

    text: str
    seen_by: str
    thing: Thing
    roles: frozenset[str]

    def is_seen_by(self, who: Who) -> bool:
        """Says whether an answer to a caller may hold it."""
        if self.thing.tenant != who.tenant or who.roles.isdisjoint(self.roles):
            return False
        if self.seen_by == "tenant":
            return True
        if self.seen_by == "operator":
            return self.thing.owner == who.id or not who.roles.isdisjoint(OPERATOR)
        if self.seen_by == "owner":
            return exists_for(who, self.thing, None) is not False
        assert self.thing.place is not None
        if self.seen_by == "park":
            return who.reaches(self.thing.place)
        if self.seen_by == "part":
            return who.sees_part(self.thing.place, self.thing.enterprise)
        assert self.seen_by == "whole"
        return who.sees_whole(self.thing.place)
