"""The services by which callers are authenticated and managed."""

from dataclasses import dataclass

from gateway.application.access.authentication import Authenticators
from gateway.application.access.authority import Authorities
from gateway.application.access.callers import KeyManagement
from gateway.application.access.people import SignInServices
from gateway.application.access.ports import AuditLog, IdentityProviders
from gateway.application.access.rate_limit import Quotas
from gateway.application.access.token_issuance import TokenIssuance
from gateway.application.feed.ports import Platforms


@dataclass(frozen=True, slots=True)
class AccessServices:
    """What authenticates callers, counts and audits their requests, and manages their credentials.

    Attributes:
        authenticators: How each credential is checked.
        authorities: Says what a caller may while its request goes on; it may remember for a while, as the authenticators may.
        key_management: How keys are made, rotated and revoked.
        issuance: How access tokens are issued.
        sign_in_services: How people sign in and out.
        identity_providers: Identity providers that people can sign in at.
        quotas: Counts requests.
        audit: Takes the entries of the audit log.
        platforms: Records which platforms are connected.
        issuer: Our name as an issuer of tokens: the URL of the root as callers see it.
    """

    authenticators: Authenticators
    authorities: Authorities
    key_management: KeyManagement
    issuance: TokenIssuance
    sign_in_services: SignInServices
    identity_providers: IdentityProviders
    quotas: Quotas
    audit: AuditLog
    platforms: Platforms
    issuer: str
