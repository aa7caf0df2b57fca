"""Authentication: the caller of a request by its credential."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.application.access.people import SignInServices, check_csrf, session_of
from gateway.application.access.ports import Credentials, SecretCipher, TokenReader, TokenStore
from gateway.application.ports import Clock, UnitsOfWork
from gateway.domain.access.credentials import KeyKind, narrowed, parts_of_key
from gateway.domain.access.signing import TOLERANCE, RequestHead, check, is_signed, signed_head
from gateway.domain.access.tokens import Grant, digest, token_of
from gateway.domain.callers import Caller
from gateway.domain.errors import FieldsInvalid, TokenRefused

_DOTS_OF_A_JWT = 2
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""What changes nothing, and so needs no token of the session."""


@dataclass(frozen=True, slots=True)
class Authenticators:
    """What checks each kind of credential.

    Attributes:
        tokens: Opaque bearer tokens.
        credentials: Keys and callers.
        reader: Access tokens.
        cipher: Decrypts the secrets that requests are signed with.
        units: Where nonces are used up.
        sign_in_services: Finds sessions.
        clock: Tells whether something has expired.
    """

    tokens: TokenStore
    credentials: Credentials
    reader: TokenReader
    cipher: SecretCipher
    units: UnitsOfWork
    sign_in_services: SignInServices
    clock: Clock


@dataclass(frozen=True, slots=True)
class Authenticated:
    """An authenticated caller.

    Attributes:
        auth_method: By what it was authenticated: token, key, signature, session, access_token, oidc.
        credential: By which one, as `Authority` has it; never a secret.
        body_sha256: What the request was signed for, lower-case hexadecimal; None when it was not signed.
    """

    caller: Caller
    auth_method: str
    credential: str
    body_sha256: str | None = None


async def authenticate(authenticators: Authenticators, head: RequestHead) -> Authenticated:
    """Returns the caller of a request by what its headers say.

    Raises:
        TokenRefused: Nothing, something malformed, something that is not in force, or more than one thing.
    """
    if head.api_key:
        if head.authorization:
            raise TokenRefused("CREDENTIALS_AMBIGUOUS")
        return await _by_key(authenticators, head.api_key)
    if is_signed(head.authorization):
        return await _by_signature(authenticators, head)
    if head.session and not head.authorization:
        return await _by_session(authenticators, head)
    token = token_of(head.authorization)
    if parts_of_key(token) is not None:
        return await _by_key(authenticators, token)
    if token.count(".") == _DOTS_OF_A_JWT:
        return await _by_access_token(authenticators, token)
    sha256 = digest(token)
    caller = await authenticators.tokens.find(sha256)
    if caller is None:
        raise TokenRefused("TOKEN_UNKNOWN")
    return Authenticated(caller, "token", sha256)


async def _by_key(authenticators: Authenticators, text: str) -> Authenticated:
    parts = parts_of_key(text)
    if parts is None:
        raise TokenRefused("TOKEN_UNKNOWN")
    stored = await authenticators.credentials.key(parts[0])
    if stored is not None and stored.proves(parts[1]):
        caller = stored.caller(KeyKind.API, authenticators.clock.now())
        if caller is not None:
            return Authenticated(caller, "key", parts[0])
    raise TokenRefused("TOKEN_UNKNOWN")


async def _by_signature(authenticators: Authenticators, head: RequestHead) -> Authenticated:
    """The signature is checked before the nonce is used up: a stranger must not fill the table of nonces."""
    signed, now = signed_head(head.authorization), authenticators.clock.now()
    stored = await authenticators.credentials.key(signed.key_id)
    caller = stored.caller(KeyKind.SIGNING, now) if stored is not None else None
    secret = authenticators.cipher.decrypt(stored.proof, signed.key_id) if stored is not None and caller is not None else None
    if stored is None or caller is None or secret is None:
        raise TokenRefused("SIGNATURE_INVALID")
    check(head, signed, secret, now)
    async with authenticators.units() as unit:
        fresh = await unit.access.use_nonce(signed.key_id, stored.key.tenant_id, signed.nonce, now=now, until=now + 2 * TOLERANCE)
        await unit.commit()
    if not fresh:
        raise TokenRefused("SIGNATURE_REPLAYED")
    return Authenticated(caller, "signature", signed.key_id, signed.body_sha256)


async def _by_session(authenticators: Authenticators, head: RequestHead) -> Authenticated:
    session = await session_of(authenticators.sign_in_services, head.session)
    if head.method not in _READING:
        check_csrf(head.session, head.csrf_token)
    return Authenticated(session.owner.caller(), "session", "")


async def _by_access_token(authenticators: Authenticators, token: str) -> Authenticated:
    """A token says who it was given to; what that caller may is what it may now, not what it might then."""
    claims = await authenticators.reader.own(token)
    if claims is None:
        issuer, subject = await authenticators.reader.foreign(token)
        owner = await authenticators.credentials.external(issuer, subject)
        if owner is None or not owner.active:
            raise TokenRefused("TOKEN_UNKNOWN")
        return Authenticated(owner.caller(), "oidc", f"{issuer} {subject}")
    stored = await authenticators.credentials.key(claims.key_id)
    caller = stored.caller(KeyKind.CLIENT, authenticators.clock.now()) if stored is not None else None
    if caller is None or (caller.tenant, caller.subject) != (claims.tenant_id, claims.caller_id):
        raise TokenRefused("TOKEN_UNKNOWN")
    try:
        caller = replace(caller, scopes=narrowed(claims.scopes, caller.scopes))
        return Authenticated(caller, "access_token", claims.key_id)
    except FieldsInvalid:
        raise TokenRefused("TOKEN_UNKNOWN") from None


async def grant_tokens(units: UnitsOfWork, grants: Sequence[Grant]) -> None:
    """Sees to it that every grant is in force as given. Grants that are not named stay as they are."""
    async with units() as unit:
        for grant in grants:
            await unit.tokens.put(grant)
        await unit.commit()
