"""Authority, looked up when it is used: what acts later has the rights that its caller has now, within those of then."""

from dataclasses import dataclass

from gateway.application.access.ports import Credentials, TokenStore
from gateway.application.ports import Clock
from gateway.domain.access.authority import Authority
from gateway.domain.access.credentials import RegisteredCaller
from gateway.domain.callers import Action, Caller
from gateway.domain.errors import AuthorityLapsed


@dataclass(frozen=True, slots=True)
class Authorities:
    """What says whether an authority still stands.

    Attributes:
        tokens: Opaque bearer tokens.
        credentials: Keys and callers.
        trusted_issuers: The OIDC issuers whose identities are believed.
        clock: Tells whether a key has expired.
    """

    tokens: TokenStore
    credentials: Credentials
    trusted_issuers: frozenset[str]
    clock: Clock


async def rights_now(authorities: Authorities, authority: Authority) -> Caller:
    """Returns the caller with the rights that it has now, within those that it had then.

    Raises:
        AuthorityLapsed: It was deactivated, or the credential by which it came in is withdrawn or has expired.
    """
    then = authority.caller
    now = await _in_force(authorities, authority)
    if now is None or (now.tenant, now.subject) != (then.tenant, then.subject):
        raise AuthorityLapsed("CREDENTIAL_WITHDRAWN", then.subject)
    return then.within(now)


async def _in_force(authorities: Authorities, authority: Authority) -> Caller | None:
    """Returns whom the credential stands for now, None when it is not in force."""
    then, credential = authority.caller, authority.credential
    match authority.auth_method:
        case "token":
            return await authorities.tokens.find(credential)
        case "key" | "signature" | "access_token" if credential:
            return await _of_key(authorities, credential)
        case "oidc" if credential:
            issuer, _, subject = credential.partition(" ")
            if issuer not in authorities.trusted_issuers:
                return None
            return _active(await authorities.credentials.external(issuer, subject))
        case _:
            # A person who has signed out is still who they are; what was stored without its credential stands on its caller alone.
            return _active(await authorities.credentials.caller(then.tenant, then.subject))


async def _of_key(authorities: Authorities, key_id: str) -> Caller | None:
    """A key that was rotated and has expired is followed to the one in its place; one that was withdrawn is not."""
    now = authorities.clock.now()
    while key_id:
        stored = await authorities.credentials.key(key_id)
        if stored is None or stored.key.revoked_time is not None:
            return None
        if stored.key.in_force(now):
            return _active(stored.owner, stored.key.scopes)
        key_id = stored.key.replaced_by
    return None


def _active(owner: RegisteredCaller | None, scopes: frozenset[Action] | None = None) -> Caller | None:
    if owner is None:
        return None
    if not owner.active:
        raise AuthorityLapsed("CALLER_INACTIVE", owner.caller_id)
    return owner.caller(scopes)
