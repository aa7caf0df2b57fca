"""The token endpoint: access tokens for clients, and refresh tokens that are good for one exchange."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway.application.access.ports import AccessClaims, Credentials, RefreshToken, SecretGenerator, TokenKey, TokenWriter
from gateway.application.ports import Clock, UnitsOfWork
from gateway.domain.access.credentials import KeyKind, StoredKey, narrowed, scopes_of
from gateway.domain.access.tokens import digest
from gateway.domain.callers import Action
from gateway.domain.errors import FieldsInvalid, GrantRefused

KEY_LIFE = timedelta(days=30)
"""How long a pair signs new tokens; it is published for as long as its last token may live."""


@dataclass(frozen=True, slots=True)
class TokenIssuance:
    """What issuing tokens needs.

    Attributes:
        access_seconds: How long an access token lives, 1 to 900.
        refresh_seconds: How long a refresh token may wait.
    """

    units: UnitsOfWork
    credentials: Credentials
    writer: TokenWriter
    secret_generator: SecretGenerator
    clock: Clock
    access_seconds: int
    refresh_seconds: int


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """What the token endpoint answers.

    Attributes:
        scopes: What it is good for; None for all that the caller may.
        refresh_token: "" for none.
    """

    access_token: str
    expires_seconds: int
    scopes: frozenset[Action] | None
    refresh_token: str


async def client_credentials(services: TokenIssuance, client_id: str, client_secret: str, scope: str) -> IssuedToken:
    """Gives an access token for a client's own id and secret (RFC 6749 section 4.4).

    Raises:
        GrantRefused: invalid_client or invalid_scope.
    """
    stored = await _client(services, client_id, client_secret)
    requested = scopes_of(scope)
    if requested is None:
        raise GrantRefused("invalid_scope")
    scopes, offline = requested
    try:
        scopes = narrowed(scopes, stored.key.scopes)
    except FieldsInvalid:
        raise GrantRefused("invalid_scope") from None
    return await _give(services, stored, scopes, family_id=services.secret_generator.secret() if offline else "")


async def refresh(services: TokenIssuance, client_id: str, client_secret: str, refresh_token: str) -> IssuedToken:
    """Exchanges a refresh token for an access token and the next refresh token (RFC 6749 section 6, RFC 9700 section 4.14).

    A token that comes a second time was stolen, from the client or by it; nobody can tell, so its whole family ends.

    Raises:
        GrantRefused: invalid_client or invalid_grant.
    """
    stored = await _client(services, client_id, client_secret)
    now = services.clock.now()
    async with services.units() as unit:
        found = await unit.access.take_refresh_token(digest(refresh_token), now) if refresh_token.isascii() else None
        if found is not None and found.used:
            await unit.access.withdraw_family(found.family_id, now)
        await unit.commit()
    if found is None or found.used or now >= found.expires_time or found.key_id != stored.key.key_id:
        raise GrantRefused("invalid_grant")
    return await _give(services, stored, found.scopes, family_id=found.family_id)


async def revoke(services: TokenIssuance, client_id: str, client_secret: str, token: str) -> None:
    """Withdraws a refresh token with its family (RFC 7009); a token that is not the client's changes nothing and is no error.

    Raises:
        GrantRefused: invalid_client.
    """
    stored = await _client(services, client_id, client_secret)
    now = services.clock.now()
    async with services.units() as unit:
        found = await unit.access.take_refresh_token(digest(token), now) if token.isascii() else None
        if found is not None and found.key_id == stored.key.key_id:
            await unit.access.withdraw_family(found.family_id, now)
            await unit.commit()


async def published_keys(services: TokenIssuance) -> Sequence[TokenKey]:
    """Returns the keys that an access token in force may be signed with, the newest first."""
    oldest = services.clock.now() - KEY_LIFE - timedelta(seconds=services.access_seconds)
    return await services.credentials.token_keys(oldest)


async def _client(services: TokenIssuance, client_id: str, client_secret: str) -> StoredKey:
    stored = await services.credentials.key(client_id)
    if stored is None or not stored.proves(client_secret) or stored.caller(KeyKind.CLIENT, services.clock.now()) is None:
        raise GrantRefused("invalid_client")
    return stored


async def _give(services: TokenIssuance, stored: StoredKey, scopes: frozenset[Action] | None, *, family_id: str) -> IssuedToken:
    now, key = services.clock.now(), stored.key
    refresh_token = services.secret_generator.secret() if family_id else ""
    async with services.units() as unit:
        known = await unit.access.token_keys(now - KEY_LIFE)
        token_key = next((each for each in known if services.writer.usable(each)), None)
        if token_key is None:
            token_key = services.writer.new_key()
            await unit.access.add_token_key(token_key)
        if refresh_token:
            ends = now + timedelta(seconds=services.refresh_seconds)
            given = RefreshToken(digest(refresh_token), family_id, key.tenant_id, key.caller_id, key.key_id, scopes, ends)
            await unit.access.add_refresh_token(given)
        await unit.commit()
    claims = AccessClaims(key.tenant_id, key.caller_id, key.key_id, scopes)
    token = services.writer.write(claims, token_key, services.access_seconds)
    return IssuedToken(token, services.access_seconds, scopes, refresh_token)
