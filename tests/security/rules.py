"""Who may ask what: one line for each operation of the API. An operation without a line fails the build.

Written by hand and not taken from the gateway's own table, so that a mistake there is seen here.
"""

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

RULES: dict[str, frozenset[str]] = {
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /.well-known/jwks.json": OPEN,
    "GET /.well-known/oauth-authorization-server": OPEN,
    "POST /v1/oauth/token": OPEN,
    "POST /v1/oauth/revoke": OPEN,
    "POST /v1/sign-in": OPEN,
    "GET /v1/sign-in/elsewhere": OPEN,
    "GET /v1/sign-in/callback": OPEN,
    "POST /v1/password-resets": OPEN,
    "POST /v1/passwords": OPEN,
    "GET /v1/session": SIGNED_IN,
    "DELETE /v1/session": SIGNED_IN,
    "PUT /v1/callers/{caller}/login": OPERATOR,
    "GET /v1/caller": KNOWN,
    "GET /v1/audit": OPERATOR,
    "GET /v1/callers": OPERATOR,
    "GET /v1/callers/{caller}": OPERATOR,
    "PUT /v1/callers/{caller}": OPERATOR,
    "GET /v1/api-keys": OWN_READERS,
    "POST /v1/api-keys": OWN_READERS,
    "POST /v1/api-keys/{key}:rotate": OWN_READERS,
    "DELETE /v1/api-keys/{key}": OWN_READERS,
    "POST /v1/parks": MANAGERS,
    "GET /v1/parks": OWN_READERS,
    "GET /v1/parks/{park}": OWN_READERS,
    "POST /v1/parks/{park}/enterprises": MANAGERS,
    "GET /v1/parks/{park}/enterprises": OWN_READERS,
    "POST /v1/parks/{park}/sources": MANAGERS,
    "GET /v1/parks/{park}/sources": OWN_READERS,
    "GET /v1/parks/{park}/sources/{source}": OWN_READERS,
    "PUT /v1/parks/{park}/annual-figures/{year}": MANAGERS,
    "GET /v1/parks/{park}/annual-figures": PARK_READERS,
    "POST /v1/parks/{park}/activity-records": RECORDERS,
    "GET /v1/parks/{park}/activity-records": OWN_READERS,
    "GET /v1/parks/{park}/emissions": OWN_READERS,
    "GET /v1/parks/{park}/indicators": PARK_READERS,
    "POST /v1/parks/{park}/sums:rebuild": MANAGERS,
    "POST /v1/parks/{park}/inventories": MANAGERS,
    "GET /v1/parks/{park}/inventories": PARK_READERS,
    "GET /v1/parks/{park}/inventories/{inventory}": PARK_READERS,
    "GET /v1/parks/{park}/inventories/{inventory}/lines": PARK_READERS,
    "POST /v1/parks/{park}/inventories/{inventory}:replay": PARK_READERS,
    "POST /v1/parks/{park}/inventories/{inventory}/findings": VERIFIERS,
    "GET /v1/parks/{park}/inventories/{inventory}/findings": PARK_READERS,
    "POST /v1/parks/{park}/inventories/{inventory}/findings/{finding}:answer": MANAGERS,
    "POST /v1/parks/{park}/inventories/{inventory}/findings/{finding}:close": VERIFIERS,
    "POST /v1/parks/{park}/inventories/{inventory}:publish": MANAGERS,
    "POST /v1/parks/{park}/inventories/{inventory}:withdraw": MANAGERS,
    "POST /v1/region-releases": OPERATOR,
    "GET /v1/published/parks": KNOWN,
    "GET /v1/published/parks/{park}/emissions": KNOWN,
    "GET /v1/published/regions/{code}/emissions": KNOWN,
    "GET /v1/indicator-systems": KNOWN,
    "POST /v1/indicator-systems": MANAGERS,
    "GET /v1/indicator-systems/{system}": KNOWN,
    "POST /v1/indicator-systems/{system}/threshold-sets": MANAGERS,
    "POST /v1/indicator-systems/{system}/weight-sets": MANAGERS,
    "GET /v1/parks/{park}/indicator-values": PARK_READERS,
    "POST /v1/parks/{park}/indicator-values": MANAGERS,
    "GET /v1/parks/{park}/indicator-values.xlsx": PARK_READERS,
    "GET /v1/parks/{park}/evaluations": PARK_READERS,
    "POST /v1/parks/{park}/evaluations": MANAGERS,
    "GET /v1/parks/{park}/evaluations/{evaluation}": PARK_READERS,
    "GET /v1/parks/{park}/evaluations/{evaluation}/report.pdf": PARK_READERS,
    "GET /v1/parks/{park}/evaluations/{evaluation}/comparison": PARK_READERS,
    "POST /v1/parks/{park}/evaluations/{evaluation}:plan": PARK_READERS,
    "GET /v1/regions/{code}/rankings": PARK_READERS,
    "POST /v1/evaluations:calculate": KNOWN,
    "POST /v1/weights:compare-judgements": KNOWN,
    "POST /v1/weights:summarise-rounds": KNOWN,
    "GET /v1/factor-sets": KNOWN,
    "GET /v1/factor-sets/{set}/factors": KNOWN,
    "GET /v1/jobs/{job}": OWN_READERS,
    "GET /v1/jobs/{job}/events": OWN_READERS,
    "GET /v1/jobs/{job}/results": OWN_READERS,
    "GET /v1/mapping-profiles": RECORDERS,
    "GET /v1/mapping-profiles/{profile}": RECORDERS,
    "PUT /v1/mapping-profiles/{profile}": RECORDERS,
    "GET /v1/regions/{code}/parks": OWN_READERS,
    "GET /v1/documents": KNOWN,
    "GET /v1/documents/{document}": KNOWN,
    "PUT /v1/documents/{document}": MANAGERS,
    "GET /v1/documents/{document}/file": KNOWN,
    "PUT /v1/documents/{document}/file": MANAGERS,
    "GET /v1/document-statistics": KNOWN,
    "GET /v1/changes": FOLLOWERS,
    "GET /v1/webhooks": FOLLOWERS,
    "POST /v1/webhooks": FOLLOWERS,
    "GET /v1/webhooks/{webhook}": FOLLOWERS,
    "POST /v1/webhooks/{webhook}:resume": FOLLOWERS,
    "DELETE /v1/webhooks/{webhook}": FOLLOWERS,
    "GET /v1/templates/activity-records.xlsx": KNOWN,
}

OBJECTS = frozenset(
    {"caller", "document", "evaluation", "finding", "inventory", "job", "key", "park", "profile", "source", "system", "webhook"}
)
"""Path parameters that name something of one tenant: each operation with one is asked for what is not the caller's."""

NOT_OBJECTS = frozenset({"year", "set", "code"})
"""Path parameters that name nothing of anyone."""
