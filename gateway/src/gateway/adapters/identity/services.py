"""The services of access over these adapters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from chassis.logs import Logger
from gateway.adapters.identity.access_tokens import AccessTokenReader, AccessTokenWriter
from gateway.adapters.identity.identity_providers import OidcClient, OidcIdentityProviders
from gateway.adapters.identity.oidc import OidcIssuers, TrustedIssuer
from gateway.adapters.identity.secret_cipher import AesGcmCipher
from gateway.adapters.identity.secret_generator import RandomSecretGenerator
from gateway.application.access.authentication import Authenticators
from gateway.application.access.authority import Authorities
from gateway.application.access.callers import KeyManagement
from gateway.application.access.people import SignInServices
from gateway.application.access.ports import AuditLog, Credentials, Mail, Passwords, TokenStore
from gateway.application.access.rate_limit import Quotas
from gateway.application.access.services import AccessServices
from gateway.application.access.token_issuance import TokenIssuance
from gateway.application.feed.ports import Platforms
from gateway.application.ports import Clock, UnitsOfWork


@dataclass(frozen=True, slots=True)
class TokenOptions:
    """How access tokens are issued, and whose are accepted.

    Attributes:
        issuer: Our name as an issuer of tokens: the URL of the root as callers see it.
        audience: For whom our own access tokens are meant.
        access_seconds: How long an access token lives.
        refresh_seconds: How long a refresh token may wait for its exchange.
        trusted: Other issuers whose tokens are accepted.
        oidc_clients: What this platform is at issuers that people can sign in at, by issuer.
    """

    issuer: str
    audience: str
    access_seconds: int
    refresh_seconds: int
    trusted: Sequence[TrustedIssuer]
    oidc_clients: dict[str, OidcClient]


def access_services(
    options: TokenOptions,
    *,
    units: UnitsOfWork,
    tokens: TokenStore,
    credentials: Credentials,
    passwords: Passwords,
    mail: Mail,
    audit: AuditLog,
    platforms: Platforms,
    cipher: AesGcmCipher,
    http: httpx.AsyncClient,
    clock: Clock,
    logger: Logger,
    random_bytes: Callable[[int], bytes],
    new_id: Callable[[], str],
) -> AccessServices:
    """Returns what authenticates callers and manages their credentials.

    Args:
        options: How access tokens are issued, and whose are accepted.
        units: The gateway's database.
        tokens: Opaque bearer tokens.
        credentials: Keys and callers.
        passwords: Hashes passwords.
        mail: Sends invitations.
        audit: Takes the entries of the audit log.
        platforms: Records which platforms are connected.
        cipher: Encrypts secrets that are stored.
        http: Asks other issuers.
        clock: Tells the time.
        logger: For issuers that do not answer.
        random_bytes: Fit for secrets.
        new_id: Names tokens.
    """
    oidc = OidcIssuers(options.trusted, client=http, clock=clock, logger=logger)
    secret_generator = RandomSecretGenerator(random_bytes)
    names = {"issuer": options.issuer, "audience": options.audience}
    sign_in = SignInServices(units=units, secret_generator=secret_generator, passwords=passwords, mail=mail, clock=clock)
    return AccessServices(
        authenticators=Authenticators(
            tokens=tokens,
            credentials=credentials,
            reader=AccessTokenReader(**names, key_of=credentials.token_key, foreign=oidc.subject, clock=clock),
            cipher=cipher,
            units=units,
            sign_in_services=sign_in,
            clock=clock,
        ),
        authorities=Authorities(tokens, credentials, frozenset(each.issuer for each in options.trusted), clock),
        key_management=KeyManagement(units=units, secret_generator=secret_generator, cipher=cipher, clock=clock),
        issuance=TokenIssuance(
            units=units,
            credentials=credentials,
            writer=AccessTokenWriter(**names, cipher=cipher, new_id=new_id, clock=clock),
            secret_generator=secret_generator,
            clock=clock,
            access_seconds=options.access_seconds,
            refresh_seconds=options.refresh_seconds,
        ),
        sign_in_services=sign_in,
        identity_providers=OidcIdentityProviders(
            options.oidc_clients,
            oidc,
            redirect_uri=f"{options.issuer}/v1/sign-in/callback",
            http=http,
            secret_generator=secret_generator,
            cipher=cipher,
            clock=clock,
            logger=logger,
        ),
        quotas=Quotas(units, clock),
        audit=audit,
        platforms=platforms,
        issuer=options.issuer,
    )
