"""What each operation of evaluation needs: a scope and one of some roles. `kernel.access` compares them with the caller.

An enterprise sees no evaluation: it speaks of the whole park.
"""

from kernel.access import Permission

_MANAGERS = frozenset({"platform_operator", "park_manager"})

READ = Permission("read", _MANAGERS | {"reader", "region_reader", "verifier"})
RECORD = Permission("record", _MANAGERS)
"""To enter values and to evaluate."""
REGISTER = Permission("register", _MANAGERS)
"""To store systems, thresholds and weights of the tenant's own."""
READ_PUBLISHED = Permission("published", READ.roles | {"enterprise", "public"})
"""To read what is shipped, and to calculate on one's own data."""
