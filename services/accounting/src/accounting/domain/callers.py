"""What each operation of accounting needs: a scope and one of some roles. `kernel.access` compares them with the caller."""

from kernel.access import Caller, Permission
from kernel.refusals import Denied

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


def whole_park(caller: Caller, park_id: str) -> None:
    """Passes when the caller sees a park as a whole and not only enterprises of it.

    Raises:
        Denied: it is bound to enterprises.
    """
    if caller.own_enterprises(park_id) is not None:
        raise Denied(caller.roles, READ.roles)
