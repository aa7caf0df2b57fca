"""Who may ask what, and what it shows: one line for each operation of the API. An operation without a line fails the build.

Written by hand and not taken from the gateway's own table, so that a mistake there is seen here. `oracle.py` derives from it what
each caller has to be answered about each object.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

OPEN = frozenset({"anyone"})
"""No credential is asked for."""

SIGNED_IN = frozenset({"anyone who is signed in"})
"""A session, and no other credential."""

MANAGERS = frozenset({"platform_operator", "park_manager"})
OPERATOR = frozenset({"platform_operator"})
VERIFIERS = OPERATOR | {"verifier"}
PARK_READERS = MANAGERS | {"reader", "region_reader", "verifier"}
FOLLOWERS = MANAGERS | {"reader", "region_reader"}
RECORDERS = MANAGERS | {"enterprise"}
OWN_READERS = PARK_READERS | {"enterprise"}
KNOWN = OWN_READERS | {"public"}
ROLES = KNOWN

BOUNDS = frozenset({"parks", "regions", "enterprises"})
"""What a caller may be bound to; all of a caller's bounds hold together, and for each of its roles."""


class Shows(Enum):
    """What an operation shows or changes: whatever else there is must not be in its answer."""

    NOBODYS = auto()
    """What is shipped, or computed from the request alone."""
    ITSELF = auto()
    """The caller."""
    TENANTS = auto()
    """What everyone of the tenant reads."""
    ADMINISTRATION = auto()
    """Who may call, and who did what."""
    REACHED = auto()
    """The parks that the caller reaches, or which park lies where."""
    PUBLISHED = auto()
    """What is published of a park that the caller reaches."""
    PART = auto()
    """Of a park that the caller reaches: the whole, or what belongs to the caller's enterprises."""
    WHOLE = auto()
    """Of a park that the caller sees as a whole; whoever is bound to enterprises sees none."""
    WHOLES = auto()
    """The same of several parks at once."""
    OWNED = auto()
    """What has an owner; of `KINDS` who else sees it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line: the roles, one of which has to be had, and what is shown to them.

    Attributes:
        of_wholes: Whether it tells of whole parks, so that whoever is bound to enterprises is refused.
    """

    roles: frozenset[str]
    shows: Shows
    of_wholes: bool = False


RULES: Mapping[str, Rule] = {
    "GET /healthz": Rule(OPEN, Shows.NOBODYS),
    "GET /readyz": Rule(OPEN, Shows.NOBODYS),
    "GET /.well-known/jwks.json": Rule(OPEN, Shows.NOBODYS),
    "GET /.well-known/oauth-authorization-server": Rule(OPEN, Shows.NOBODYS),
    "POST /v1/oauth/token": Rule(OPEN, Shows.NOBODYS),
    "POST /v1/oauth/revoke": Rule(OPEN, Shows.NOBODYS),
    "POST /v1/sign-in": Rule(OPEN, Shows.NOBODYS),
    "GET /v1/sign-in/elsewhere": Rule(OPEN, Shows.NOBODYS),
    "GET /v1/sign-in/callback": Rule(OPEN, Shows.NOBODYS),
    "POST /v1/password-resets": Rule(OPEN, Shows.NOBODYS),
    "POST /v1/passwords": Rule(OPEN, Shows.NOBODYS),
    "GET /v1/session": Rule(SIGNED_IN, Shows.ITSELF),
    "DELETE /v1/session": Rule(SIGNED_IN, Shows.ITSELF),
    "PUT /v1/callers/{caller}/login": Rule(OPERATOR, Shows.ADMINISTRATION),
    "GET /v1/caller": Rule(KNOWN, Shows.ITSELF),
    "GET /v1/audit": Rule(OPERATOR, Shows.ADMINISTRATION),
    "GET /v1/callers": Rule(OPERATOR, Shows.ADMINISTRATION),
    "GET /v1/callers/{caller}": Rule(OPERATOR, Shows.ADMINISTRATION),
    "PUT /v1/callers/{caller}": Rule(OPERATOR, Shows.ADMINISTRATION),
    "GET /v1/api-keys": Rule(OWN_READERS, Shows.OWNED),
    "POST /v1/api-keys": Rule(OWN_READERS, Shows.OWNED),
    "POST /v1/api-keys/{key}:rotate": Rule(OWN_READERS, Shows.OWNED),
    "DELETE /v1/api-keys/{key}": Rule(OWN_READERS, Shows.OWNED),
    "POST /v1/parks": Rule(MANAGERS, Shows.WHOLE),
    "GET /v1/parks": Rule(OWN_READERS, Shows.REACHED),
    "GET /v1/parks/{park}": Rule(OWN_READERS, Shows.REACHED),
    "POST /v1/parks/{park}/enterprises": Rule(MANAGERS, Shows.WHOLE),
    "GET /v1/parks/{park}/enterprises": Rule(OWN_READERS, Shows.PART),
    "POST /v1/parks/{park}/sources": Rule(MANAGERS, Shows.WHOLE),
    "GET /v1/parks/{park}/sources": Rule(OWN_READERS, Shows.PART),
    "GET /v1/parks/{park}/sources/{source}": Rule(OWN_READERS, Shows.PART),
    "PUT /v1/parks/{park}/annual-figures/{year}": Rule(MANAGERS, Shows.WHOLE),
    "GET /v1/parks/{park}/annual-figures": Rule(PARK_READERS, Shows.WHOLE),
    "POST /v1/parks/{park}/activity-records": Rule(RECORDERS, Shows.PART),
    "GET /v1/parks/{park}/activity-records": Rule(OWN_READERS, Shows.PART),
    "GET /v1/parks/{park}/emissions": Rule(OWN_READERS, Shows.PART),
    "GET /v1/parks/{park}/indicators": Rule(PARK_READERS, Shows.WHOLE),
    "POST /v1/parks/{park}/sums:rebuild": Rule(MANAGERS, Shows.WHOLE),
    "POST /v1/parks/{park}/inventories": Rule(MANAGERS, Shows.WHOLE),
    "GET /v1/parks/{park}/inventories": Rule(PARK_READERS, Shows.WHOLE),
    "GET /v1/parks/{park}/inventories/{inventory}": Rule(PARK_READERS, Shows.WHOLE),
    "GET /v1/parks/{park}/inventories/{inventory}/lines": Rule(PARK_READERS, Shows.WHOLE),
    "POST /v1/parks/{park}/inventories/{inventory}:replay": Rule(PARK_READERS, Shows.WHOLE),
    "POST /v1/parks/{park}/inventories/{inventory}/findings": Rule(VERIFIERS, Shows.WHOLE),
    "GET /v1/parks/{park}/inventories/{inventory}/findings": Rule(PARK_READERS, Shows.WHOLE),
    "POST /v1/parks/{park}/inventories/{inventory}/findings/{finding}:answer": Rule(MANAGERS, Shows.WHOLE),
    "POST /v1/parks/{park}/inventories/{inventory}/findings/{finding}:close": Rule(VERIFIERS, Shows.WHOLE),
    "POST /v1/parks/{park}/inventories/{inventory}:publish": Rule(MANAGERS, Shows.WHOLE),
    "POST /v1/parks/{park}/inventories/{inventory}:withdraw": Rule(MANAGERS, Shows.WHOLE),
    "POST /v1/region-releases": Rule(OPERATOR, Shows.TENANTS),
    "GET /v1/published/parks": Rule(KNOWN, Shows.PUBLISHED),
    "GET /v1/published/parks/{park}/emissions": Rule(KNOWN, Shows.PUBLISHED),
    "GET /v1/published/regions/{code}/emissions": Rule(KNOWN, Shows.TENANTS),
    "GET /v1/indicator-systems": Rule(KNOWN, Shows.TENANTS),
    "POST /v1/indicator-systems": Rule(MANAGERS, Shows.TENANTS),
    "GET /v1/indicator-systems/{system}": Rule(KNOWN, Shows.TENANTS),
    "POST /v1/indicator-systems/{system}/threshold-sets": Rule(MANAGERS, Shows.TENANTS),
    "POST /v1/indicator-systems/{system}/weight-sets": Rule(MANAGERS, Shows.TENANTS),
    "GET /v1/parks/{park}/indicator-values": Rule(PARK_READERS, Shows.WHOLE),
    "POST /v1/parks/{park}/indicator-values": Rule(MANAGERS, Shows.WHOLE),
    "GET /v1/parks/{park}/indicator-values.xlsx": Rule(PARK_READERS, Shows.WHOLE),
    "GET /v1/parks/{park}/evaluations": Rule(PARK_READERS, Shows.WHOLE),
    "POST /v1/parks/{park}/evaluations": Rule(MANAGERS, Shows.WHOLE),
    "GET /v1/parks/{park}/evaluations/{evaluation}": Rule(PARK_READERS, Shows.WHOLE),
    "GET /v1/parks/{park}/evaluations/{evaluation}/report.pdf": Rule(PARK_READERS, Shows.WHOLE),
    "GET /v1/parks/{park}/evaluations/{evaluation}/comparison": Rule(PARK_READERS, Shows.WHOLE),
    "POST /v1/parks/{park}/evaluations/{evaluation}:plan": Rule(PARK_READERS, Shows.WHOLE),
    "GET /v1/regions/{code}/rankings": Rule(PARK_READERS, Shows.WHOLES),
    "POST /v1/evaluations:calculate": Rule(KNOWN, Shows.NOBODYS),
    "POST /v1/weights:compare-judgements": Rule(KNOWN, Shows.NOBODYS),
    "POST /v1/weights:summarise-rounds": Rule(KNOWN, Shows.NOBODYS),
    "GET /v1/factor-sets": Rule(KNOWN, Shows.NOBODYS),
    "GET /v1/factor-sets/{set}/factors": Rule(KNOWN, Shows.NOBODYS),
    "GET /v1/jobs/{job}": Rule(OWN_READERS, Shows.OWNED),
    "GET /v1/jobs/{job}/events": Rule(OWN_READERS, Shows.OWNED),
    "GET /v1/jobs/{job}/results": Rule(OWN_READERS, Shows.OWNED),
    "GET /v1/mapping-profiles": Rule(RECORDERS, Shows.OWNED),
    "GET /v1/mapping-profiles/{profile}": Rule(RECORDERS, Shows.OWNED),
    "PUT /v1/mapping-profiles/{profile}": Rule(RECORDERS, Shows.OWNED),
    "GET /v1/regions/{code}/parks": Rule(OWN_READERS, Shows.REACHED),
    "GET /v1/documents": Rule(KNOWN, Shows.TENANTS),
    "GET /v1/documents/{document}": Rule(KNOWN, Shows.TENANTS),
    "PUT /v1/documents/{document}": Rule(MANAGERS, Shows.OWNED),
    "GET /v1/documents/{document}/file": Rule(KNOWN, Shows.TENANTS),
    "PUT /v1/documents/{document}/file": Rule(MANAGERS, Shows.OWNED),
    "GET /v1/document-statistics": Rule(KNOWN, Shows.TENANTS),
    "GET /v1/changes": Rule(FOLLOWERS, Shows.WHOLES, of_wholes=True),
    "GET /v1/webhooks": Rule(FOLLOWERS, Shows.OWNED, of_wholes=True),
    "POST /v1/webhooks": Rule(FOLLOWERS, Shows.OWNED, of_wholes=True),
    "GET /v1/webhooks/{webhook}": Rule(FOLLOWERS, Shows.OWNED, of_wholes=True),
    "POST /v1/webhooks/{webhook}:resume": Rule(FOLLOWERS, Shows.OWNED, of_wholes=True),
    "DELETE /v1/webhooks/{webhook}": Rule(FOLLOWERS, Shows.OWNED, of_wholes=True),
    "GET /v1/templates/activity-records.xlsx": Rule(KNOWN, Shows.NOBODYS),
}


class Others(Enum):
    """Who sees an object beside its owner; nobody of another tenant ever does."""

    NOBODY = auto()
    """And the operator, who manages callers."""
    THE_UNBOUND = auto()
    """Whoever acts on the whole tenant. What such a caller made is the tenant's, and everyone sees it."""
    EVERYONE = auto()
    """They read it; the unbound change it."""
    THE_PARKS_READERS = auto()
    """Whoever sees the park as a whole that it is about."""


OWNERS: Mapping[str, Others] = {
    "document": Others.EVERYONE,
    "job": Others.THE_PARKS_READERS,
    "key": Others.NOBODY,
    "profile": Others.THE_UNBOUND,
    "webhook": Others.NOBODY,
}
"""Every kind of object that has an owner."""

IN_PARKS = frozenset({"evaluation", "finding", "inventory", "park"})
"""Objects that a park has, or is: seen by whom the park's rule lets see them."""

OF_ENTERPRISES = frozenset({"enterprise", "record", "source"})
"""Objects that an enterprise of a park has, or is."""

OF_TENANTS = frozenset({"caller", "set_of_values", "system"})
"""Objects of a tenant, whose operation says who of it sees them."""

OBJECTS = frozenset(
    {"caller", "document", "evaluation", "finding", "inventory", "job", "key", "park", "profile", "source", "system", "webhook"}
)
"""Path parameters that name something of one tenant: each operation with one is asked for what is not the caller's."""

NOT_OBJECTS = frozenset({"year", "set", "code"})
"""Path parameters that name nothing of anyone."""

NAMED_IN_QUERIES: Mapping[str, str] = {
    "before": "evaluation",
    "caller": "caller",
    "park": "park",
    "profile": "profile",
    "system": "system",
    "threshold_sets": "set_of_values",
    "weight_set": "set_of_values",
}
"""Query parameters that name an object, and of which kind."""

CURSORS = frozenset({"page_token", "since"})
"""Query parameters that an answer to somebody else may have given out."""

OTHER_QUERIES = frozenset(
    {
        "code",
        "draws",
        "error",
        "error_description",
        "fields",
        "format",
        "from",
        "group_by",
        "iss",
        "issuer",
        "kind",
        "lang",
        "limit",
        "outcome",
        "page_size",
        "profile_version",
        "query",
        "results",
        "seed",
        "session_state",
        "spread",
        "state",
        "to",
        "version",
        "year",
    }
)
"""Query parameters that name nothing of anyone."""

NAMED_IN_BODIES: Mapping[str, str] = {
    "caller_id": "caller",
    "enterprise_id": "enterprise",
    "evidence": "document",
    "park_id": "park",
    "peer_park_ids": "park",
    "record_id": "record",
    "restated_in": "inventory",
    "source_id": "source",
    "supersedes": "record",
    "system_id": "system",
    "threshold_set_id": "set_of_values",
    "threshold_set_ids": "set_of_values",
    "weight_set_id": "set_of_values",
}
"""Members of bodies that name an object, and of which kind."""

NAMES_WITHIN = frozenset(
    {"client_id", "expert_id", "factor_set_id", "finding_id", "indicator_id", "node_id", "parent_id", "step_id"}
)
"""Members of bodies that end like those, and name something inside the body, what is shipped, or who asks."""
