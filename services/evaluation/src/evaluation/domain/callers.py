"""Who asks, and what that lets them do."""

from dataclasses import dataclass

from evaluation.domain.errors import Denied

WRITERS = frozenset({"platform_operator", "park_manager"})
READERS = WRITERS | {"reader"}


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller.

    Attributes:
        subject: who; recorded with what they change.
        tenant: whose data they act on; everything else does not exist for them.
        roles: of platform_operator, park_manager, reader.
    """

    subject: str
    tenant: str
    roles: frozenset[str]


def require(caller: Caller, allowed: frozenset[str]) -> None:
    """Passes when the caller has one of the roles.

    Raises:
        Denied: the caller has none of them.
    """
    if caller.roles.isdisjoint(allowed):
        raise Denied(", ".join(sorted(caller.roles)), ", ".join(sorted(allowed)))
