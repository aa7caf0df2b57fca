"""Registering callers, and creating, rotating and revoking their keys."""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.application.access.ports import SecretCipher, SecretGenerator
from gateway.application.ports import Clock, UnitsOfWork
from gateway.domain.access.credentials import Key, KeyKind, RegisteredCaller, checked_caller, key_end, narrowed, rotated
from gateway.domain.access.tokens import digest
from gateway.domain.callers import Action, Caller
from gateway.domain.errors import CallerUnknown, KeyUnknown
from gateway.domain.paging import Page, Paging, Registered

DEFAULT_PAGE = 100


@dataclass(frozen=True, slots=True)
class KeyManagement:
    """What registering callers and managing their keys needs."""

    units: UnitsOfWork
    secret_generator: SecretGenerator
    cipher: SecretCipher
    clock: Clock


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, with its secret, which is shown this once.

    Attributes:
        previous: The key that it takes the place of, None for none.
    """

    key: Key
    secret: str
    previous: Key | None = None


async def register_caller(services: KeyManagement, caller: Caller, registered: RegisteredCaller) -> Registered[RegisteredCaller]:
    """Registers a caller of the tenant, or says anew what it may.

    Raises:
        RoleMissing, ScopeMissing: the asker may not.
        FieldsInvalid: A role lacks its bound.
        IdentityTaken: Another caller has the same identity at an issuer.
    """
    caller.must(Action.MANAGE_CALLERS)
    checked_caller(registered)
    async with services.units(caller.tenant) as unit:
        new = await unit.access.put_caller(registered)
        await unit.commit()
    return Registered(registered, new)


async def list_callers(services: KeyManagement, caller: Caller, paging: Paging) -> Page[RegisteredCaller]:
    """Returns the callers of the tenant, in order of id."""
    caller.must(Action.MANAGE_CALLERS)
    size = paging.size or DEFAULT_PAGE
    async with services.units(caller.tenant) as unit:
        found = await unit.access.callers(caller.tenant, paging.token, size + 1)
    return Page(tuple(found[:size]), found[size - 1].caller_id if len(found) > size else "")


async def get_caller(services: KeyManagement, caller: Caller, caller_id: str) -> RegisteredCaller:
    """Returns a caller of the tenant."""
    caller.must(Action.MANAGE_CALLERS)
    async with services.units(caller.tenant) as unit:
        found = await unit.access.caller(caller.tenant, caller_id)
    if found is None:
        raise CallerUnknown(caller_id)
    return found


async def create_key(
    services: KeyManagement,
    caller: Caller,
    *,
    caller_id: str,
    kind: KeyKind,
    name: str,
    scopes: frozenset[Action] | None,
    expires_time: datetime | None,
) -> NewKey:
    """Makes a key for oneself, or as an operator for any caller of the tenant.

    Args:
        services: What it is made with.
        caller: Who asks.
        caller_id: Whose the key will be.
        kind: What it opens.
        name: For people.
        scopes: What it is good for; None for all that its caller may, or for oneself all that the present credential may.
        expires_time: When it ends; None for a year from now.

    Raises:
        CallerUnknown: Nobody of this id is registered.
        FieldsInvalid: Wider scopes than one holds, or an end out of range.
    """
    now = services.clock.now()
    _must_manage(caller, caller_id)
    if caller_id == caller.subject:
        scopes = narrowed(scopes, caller.scopes)
    expires_time = key_end(expires_time, now)
    async with services.units(caller.tenant) as unit:
        if await unit.access.caller(caller.tenant, caller_id) is None:
            raise CallerUnknown(caller_id)
        key = Key(
            key_id=services.secret_generator.key_id(),
            tenant_id=caller.tenant,
            caller_id=caller_id,
            kind=kind,
            name=name,
            scopes=scopes,
            created_time=now,
            expires_time=expires_time,
            revoked_time=None,
        )
        secret, proof = _secret(services, key)
        await unit.access.add_key(key, proof)
        await unit.commit()
    return NewKey(key, secret)


async def list_keys(services: KeyManagement, caller: Caller, caller_id: str, paging: Paging) -> Page[Key]:
    """Returns the keys of a caller, in order of id; an operator that names nobody sees those of the tenant."""
    everyone = not caller_id and caller.may(Action.MANAGE_CALLERS)
    owner = caller_id or caller.subject
    if not everyone:
        _must_manage(caller, owner)
    size = paging.size or DEFAULT_PAGE
    async with services.units(caller.tenant) as unit:
        found = await unit.access.keys(caller.tenant, None if everyone else owner, paging.token, size + 1)
    return Page(tuple(found[:size]), found[size - 1].key_id if len(found) > size else "")


async def rotate_key(services: KeyManagement, caller: Caller, key_id: str) -> NewKey:
    """Makes a key in the place of another, which works for a day more."""
    now = services.clock.now()
    async with services.units(caller.tenant) as unit:
        old = await unit.access.key(caller.tenant, key_id)
        _must_manage_key(caller, key_id, old)
        if old is None or not old.in_force(now):
            raise KeyUnknown(key_id)
        ending, new = rotated(old, services.secret_generator.key_id(), now)
        secret, proof = _secret(services, new)
        await unit.access.end_key(ending)
        await unit.access.add_key(new, proof)
        await unit.commit()
    return NewKey(new, secret, ending)


async def revoke_key(services: KeyManagement, caller: Caller, key_id: str) -> Key:
    """Withdraws a key and what was given out for it; one that is withdrawn already stays as it is."""
    async with services.units(caller.tenant) as unit:
        found = await unit.access.key(caller.tenant, key_id)
        _must_manage_key(caller, key_id, found)
        if found is None:
            raise KeyUnknown(key_id)
        if found.revoked_time is None:
            found = replace(found, revoked_time=services.clock.now())
            await unit.access.end_key(found)
            await unit.commit()
    return found


def _must_manage(caller: Caller, caller_id: str) -> None:
    caller.must(Action.MANAGE_KEYS if caller_id == caller.subject else Action.MANAGE_CALLERS)


def _must_manage_key(caller: Caller, key_id: str, key: Key | None) -> None:
    """A key that a caller may not manage does not exist for it."""
    caller.must(Action.MANAGE_KEYS)
    if key is None or (key.caller_id != caller.subject and not caller.may(Action.MANAGE_CALLERS)):
        raise KeyUnknown(key_id)
    if key.caller_id == caller.subject and caller.scopes is not None and (key.scopes is None or not key.scopes <= caller.scopes):
        # rotating a wider key than the one that one came with would be a way to more
        raise KeyUnknown(key_id)


def _secret(services: KeyManagement, key: Key) -> tuple[str, str]:
    secret = services.secret_generator.secret()
    if key.kind is KeyKind.SIGNING:
        return secret, services.cipher.encrypt(secret.encode(), key.key_id)
    return secret, digest(secret)
