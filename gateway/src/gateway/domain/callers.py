"""Who calls, what each role may do, and where.

A role says what may be done, a scope which part of that a credential asked for, a bound where. All three have to allow a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.errors import BoundToEnterprises, ParkOutOfReach, RoleMissing, ScopeMissing
from kernel import access
from kernel.access import Bounds, Permission, WholeParks


class Role(StrEnum):
    """What a caller is to its tenant."""

    PLATFORM_OPERATOR = "platform_operator"
    PARK_MANAGER = "park_manager"
    READER = "reader"
    REGION_READER = "region_reader"
    ENTERPRISE = "enterprise"
    VERIFIER = "verifier"
    PUBLIC = "public"


class Action(StrEnum):
    """What can be asked of the gateway; also the names of the scopes."""

    PUBLISHED = "published"
    """To read what is published to everyone, such as factors."""
    READ_OWN = "read_own"
    """To read an account, or of it what belongs to the caller's own enterprises: accounting tells them apart."""
    READ = "read"
    """To read a park as a whole."""
    FOLLOW = "follow"
    """To follow the change feed."""
    REGISTER = "register"
    RECORD = "record"
    REBUILD = "rebuild"
    VERIFY = "verify"
    """To write findings about an inventory, and to close them."""
    PUBLISH = "publish"
    """To publish what of a park everyone may read, and to take it back."""
    RELEASE = "release"
    """To release sums over all parks of the tenant."""
    MANAGE_KEYS = "manage_keys"
    """To make, rotate and withdraw keys of one's own."""
    MANAGE_CALLERS = "manage_callers"
    """To say who may call, and to see and withdraw every key of the tenant."""
    AUDIT = "audit"
    """To read who did what."""


_SEE = frozenset({Action.PUBLISHED, Action.READ_OWN, Action.READ, Action.MANAGE_KEYS})

ALLOWED: Mapping[Role, frozenset[Action]] = {
    Role.PLATFORM_OPERATOR: frozenset(Action),
    Role.PARK_MANAGER: _SEE | {Action.FOLLOW, Action.REGISTER, Action.RECORD, Action.REBUILD, Action.PUBLISH},
    Role.READER: _SEE | {Action.FOLLOW},
    Role.REGION_READER: _SEE | {Action.FOLLOW},
    Role.ENTERPRISE: frozenset({Action.PUBLISHED, Action.READ_OWN, Action.RECORD, Action.MANAGE_KEYS}),
    Role.VERIFIER: _SEE | {Action.VERIFY},
    Role.PUBLIC: frozenset({Action.PUBLISHED}),
}
"""Role × action. Everything happens inside the caller's own tenant, whatever the role."""

NEEDED_BOUND: Mapping[Role, str] = {
    Role.REGION_READER: "regions",
    Role.ENTERPRISE: "enterprises",
    Role.VERIFIER: "parks",
}
"""The bound without which a role is not given: without it the role would reach everything of the tenant."""


_PERMISSIONS: Mapping[Action, Permission] = {
    action: Permission(action.value, frozenset(role.value for role, actions in ALLOWED.items() if action in actions))
    for action in Action
}


@dataclass(frozen=True, slots=True)
class Caller(access.Caller):
    """An authenticated caller, refused in the gateway's own words."""

    roles: frozenset[Role]
    scopes: frozenset[Action] | None = None

    def may(self, action: Action) -> bool:
        """Says whether one of the roles allows an action, and the credential asked for it."""
        return self.has_role(_PERMISSIONS[action]) and self.has_scope(_PERMISSIONS[action])

    def must(self, action: Action) -> None:
        """Refuses an action that none of the caller's roles allows, or that its credential did not ask for.

        Raises:
            RoleMissing: Names the action, the roles found and the roles that would do.
            ScopeMissing: A role would do, and the credential has no such scope.
        """
        permission = _PERMISSIONS[action]
        if not self.has_role(permission):
            allowed = [role.value for role, actions in ALLOWED.items() if action in actions]
            raise RoleMissing(action=action.value, found=sorted(self.roles), allowed=allowed)
        if not self.has_scope(permission):
            raise ScopeMissing(found=sorted(self.scopes or ()), allowed=action.value)

    def must_follow(self) -> WholeParks:
        """Returns the parks whose changes the caller follows: the feed tells facts of whole parks.

        Raises:
            RoleMissing, ScopeMissing: The caller may not follow.
            BoundToEnterprises: It sees parts of parks only.
        """
        self.must(Action.FOLLOW)
        parks = self.whole_parks()
        if parks is None:
            raise BoundToEnterprises(sorted(self.enterprises or ()))
        return parks

    def must_reach(self, park_id: str) -> None:
        """Refuses a park whose id the caller's bounds leave out, in the words for a park that does not exist.

        Which region a park lies in is not known here.

        Raises:
            ParkOutOfReach: As for a park of another tenant.
        """
        if not Bounds(self.bounds.parks).reach(park_id, ""):
            raise ParkOutOfReach(park_id)
