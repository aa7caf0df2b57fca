"""Who calls, and what each role may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.errors import RoleMissing


class Role(StrEnum):
    """What a caller is to its tenant."""

    PLATFORM_OPERATOR = "platform_operator"
    PARK_MANAGER = "park_manager"
    READER = "reader"


class Action(StrEnum):
    """What can be asked of the gateway."""

    READ = "read"
    REGISTER = "register"
    RECORD = "record"
    REBUILD = "rebuild"


ALLOWED: Mapping[Role, frozenset[Action]] = {
    Role.PLATFORM_OPERATOR: frozenset(Action),
    Role.PARK_MANAGER: frozenset(Action),
    Role.READER: frozenset({Action.READ}),
}
"""Role × action. Everything happens inside the caller's own tenant, whatever the role."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller.

    Attributes:
        subject: Who it is, for the record.
        tenant: The one tenant that it acts in.
        roles: What it is there.
    """

    subject: str
    tenant: str
    roles: frozenset[Role]

    def must(self, action: Action) -> None:
        """Refuses an action that none of the caller's roles allows.

        Raises:
            RoleMissing: Names the action, the roles found and the roles that would do.
        """
        if not any(action in ALLOWED[role] for role in self.roles):
            allowed = [role.value for role, actions in ALLOWED.items() if action in actions]
            raise RoleMissing(action=action.value, found=sorted(self.roles), allowed=allowed)
