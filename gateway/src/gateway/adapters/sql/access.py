"""Callers, their credentials and bearer tokens in the gateway's database."""

import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Row, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database import Database
from chassis.tenancy import PLATFORM_TENANT, Platform, Tenant
from gateway.adapters.sql.access_tables import AccessTables
from gateway.adapters.sql.upsert import upsert
from gateway.application.access.ports import RefreshToken, TokenKey
from gateway.domain.access.credentials import Key, KeyKind, RegisteredCaller, StoredKey
from gateway.domain.access.tokens import Grant
from gateway.domain.callers import Action, Caller, Role
from gateway.domain.errors import IdentityTaken

_AUTHENTICATION = Platform("authentication")
"""Whose tenant it is, the credential will say."""

_Name = TypeVar("_Name", bound=StrEnum)


class SqlCredentials:
    """Credentials over the tables, read anew each time."""

    def __init__(self, database: Database, tables: AccessTables) -> None:
        self._database = database
        self._tables = tables

    async def key(self, key_id: str) -> StoredKey | None:
        """Returns a key with its caller."""
        key, caller = self._tables.api_key, self._tables.caller
        query = select(key).where(key.c.key_id == key_id)
        async with self._database.read(_AUTHENTICATION) as session:
            row = (await session.execute(query)).one_or_none()
            if row is None:
                return None
            owned_by = select(caller).where(caller.c.tenant_id == row.tenant_id, caller.c.caller_id == row.caller_id)
            owner = (await session.execute(owned_by)).one_or_none()
        return None if owner is None else StoredKey(_key(row), row.proof, _caller(owner))

    async def external(self, issuer: str, subject: str) -> RegisteredCaller | None:
        """Returns whom a subject of an OIDC issuer stands for."""
        caller = self._tables.caller
        query = select(caller).where(caller.c.issuer == issuer, caller.c.external_subject == subject, caller.c.issuer != "")
        async with self._database.read(_AUTHENTICATION) as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else _caller(row)

    async def caller(self, tenant_id: str, caller_id: str) -> RegisteredCaller | None:
        """Returns a registered caller."""
        async with self._database.read(Tenant(tenant_id)) as session:
            return await SqlAccessRegister(session, self._tables).caller(tenant_id, caller_id)

    async def token_key(self, kid: str) -> TokenKey | None:
        """Returns one of our own signing keys."""
        table = self._tables.token_key
        async with self._database.read(_AUTHENTICATION) as session:
            row = (await session.execute(select(table).where(table.c.kid == kid))).one_or_none()
        return None if row is None else _token_key(row)

    async def token_keys(self, since: datetime) -> Sequence[TokenKey]:
        """Returns the signing keys made since a moment, the newest first."""
        async with self._database.read(_AUTHENTICATION) as session:
            return await _token_keys(session, self._tables.token_key, since)


class SqlAccessRegister:
    """An AccessRegister within one transaction."""

    def __init__(self, session: AsyncSession, tables: AccessTables) -> None:
        self._session = session
        self._tables = tables

    async def put_caller(self, caller: RegisteredCaller) -> bool:
        """Stores a caller, in place of what was known of it; returns whether it is new."""
        table = self._tables.caller
        known = await self.caller(caller.tenant_id, caller.caller_id)
        values = {
            "tenant_id": caller.tenant_id,
            "caller_id": caller.caller_id,
            "park_id": "",
            "name": caller.name,
            "roles": json.dumps(sorted(caller.roles)),
            "parks": _written(caller.parks),
            "regions": _written(caller.regions),
            "enterprises": _written(caller.enterprises),
            "issuer": caller.issuer,
            "external_subject": caller.external_subject,
            "active": int(caller.active),
            "registered_time": known.registered_time if known else caller.registered_time,
        }
        statement = upsert(self._session, table).values(**values)
        try:
            await self._session.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "caller_id"], set_=values))
        except IntegrityError as error:
            raise IdentityTaken(caller.external_subject) from error
        return known is None

    async def caller(self, tenant_id: str, caller_id: str) -> RegisteredCaller | None:
        """Returns a caller."""
        table = self._tables.caller
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.caller_id == caller_id)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _caller(row)

    async def callers(self, tenant_id: str, after: str, limit: int) -> Sequence[RegisteredCaller]:
        """Returns callers whose ids come after one, in order of id."""
        table = self._tables.caller
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.caller_id > after)
        return [_caller(row) for row in await self._session.execute(query.order_by(table.c.caller_id).limit(limit))]

    async def add_key(self, key: Key, proof: str) -> None:
        """Stores a new key."""
        values = {
            "key_id": key.key_id,
            "tenant_id": key.tenant_id,
            "park_id": "",
            "caller_id": key.caller_id,
            "kind": key.kind.value,
            "name": key.name,
            "scopes": _written(key.scopes),
            "proof": proof,
            "created_time": key.created_time,
            "expires_time": key.expires_time,
            "revoked_time": key.revoked_time,
            "replaced_by": key.replaced_by,
        }
        await self._session.execute(insert(self._tables.api_key), [values])

    async def key(self, tenant_id: str, key_id: str) -> Key | None:
        """Returns a key."""
        table = self._tables.api_key
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.key_id == key_id).with_for_update()
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _key(row)

    async def keys(self, tenant_id: str, caller_id: str | None, after: str, limit: int) -> Sequence[Key]:
        """Returns keys, of one caller unless it is None, whose ids come after one, in order of id."""
        table = self._tables.api_key
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.key_id > after)
        if caller_id is not None:
            query = query.where(table.c.caller_id == caller_id)
        return [_key(row) for row in await self._session.execute(query.order_by(table.c.key_id).limit(limit))]

    async def end_key(self, key: Key) -> None:
        """Stores when a key ends, for which other, and whether it is withdrawn; what was given out for a withdrawn one ends too."""
        table, tokens = self._tables.api_key, self._tables.refresh_token
        ending = update(table).where(table.c.tenant_id == key.tenant_id, table.c.key_id == key.key_id)
        values = {"expires_time": key.expires_time, "revoked_time": key.revoked_time, "replaced_by": key.replaced_by}
        await self._session.execute(ending.values(**values))
        if key.revoked_time is not None:
            given = update(tokens).where(tokens.c.key_id == key.key_id, tokens.c.used_time.is_(None))
            await self._session.execute(given.values(used_time=key.revoked_time))

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """Stores a new refresh token."""
        values = {
            "sha256": token.sha256,
            "tenant_id": token.tenant_id,
            "park_id": "",
            "family_id": token.family_id,
            "caller_id": token.caller_id,
            "key_id": token.key_id,
            "scopes": _written(token.scopes),
            "expires_time": token.expires_time,
            "used_time": None,
        }
        await self._session.execute(insert(self._tables.refresh_token), [values])

    async def take_refresh_token(self, sha256: str, now: datetime) -> RefreshToken | None:
        """Marks a token as used and returns it as it was before; one transaction at a time gets it unused."""
        table = self._tables.refresh_token
        row = (await self._session.execute(select(table).where(table.c.sha256 == sha256).with_for_update())).one_or_none()
        if row is None:
            return None
        if row.used_time is None:
            await self._session.execute(update(table).where(table.c.sha256 == sha256).values(used_time=now))
        return RefreshToken(
            row.sha256,
            row.family_id,
            row.tenant_id,
            row.caller_id,
            row.key_id,
            _read(row.scopes, Action),
            row.expires_time,
            used=row.used_time is not None,
        )

    async def withdraw_family(self, family_id: str, now: datetime) -> None:
        """Marks every token of a family as used."""
        table = self._tables.refresh_token
        ending = update(table).where(table.c.family_id == family_id, table.c.used_time.is_(None))
        await self._session.execute(ending.values(used_time=now))

    async def use_nonce(self, key_id: str, tenant_id: str, nonce: str, *, now: datetime, until: datetime) -> bool:
        """Stores a nonce until its signature is too old anyway; returns False when it was there."""
        table = self._tables.nonce
        await self._session.execute(delete(table).where(table.c.key_id == key_id, table.c.until_time < now))
        values = {"key_id": key_id, "nonce": nonce, "tenant_id": tenant_id, "park_id": "", "until_time": until}
        statement = upsert(self._session, table).values(**values).on_conflict_do_nothing().returning(table.c.nonce)
        return (await self._session.execute(statement)).one_or_none() is not None

    async def add_token_key(self, key: TokenKey) -> None:
        """Stores a signing key."""
        values = {
            "kid": key.kid,
            "tenant_id": PLATFORM_TENANT,
            "park_id": "",
            "sealed": key.sealed,
            "public_jwk": key.public_jwk,
            "created_time": key.created_time,
        }
        await self._session.execute(insert(self._tables.token_key), [values])

    async def token_keys(self, since: datetime) -> Sequence[TokenKey]:
        """Returns the signing keys made since a moment, the newest first."""
        return await _token_keys(self._session, self._tables.token_key, since)


async def _token_keys(session: AsyncSession, table: Table, since: datetime) -> Sequence[TokenKey]:
    query = select(table).where(table.c.created_time > since).order_by(table.c.created_time.desc(), table.c.kid)
    return [_token_key(row) for row in await session.execute(query)]


def _written(names: frozenset[str] | frozenset[Action] | None) -> str | None:
    return None if names is None else json.dumps(sorted(names))


def _read(text: str | None, kind: type[_Name]) -> frozenset[_Name] | None:
    return None if text is None else frozenset(kind(name) for name in json.loads(text))


def _texts(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(json.loads(text))


def _caller(row: Row[Any]) -> RegisteredCaller:
    return RegisteredCaller(
        tenant_id=row.tenant_id,
        caller_id=row.caller_id,
        name=row.name,
        roles=frozenset(Role(role) for role in json.loads(row.roles)),
        parks=_texts(row.parks),
        regions=_texts(row.regions),
        enterprises=_texts(row.enterprises),
        issuer=row.issuer,
        external_subject=row.external_subject,
        active=bool(row.active),
        registered_time=row.registered_time,
    )


def _key(row: Row[Any]) -> Key:
    return Key(
        key_id=row.key_id,
        tenant_id=row.tenant_id,
        caller_id=row.caller_id,
        kind=KeyKind(row.kind),
        name=row.name,
        scopes=_read(row.scopes, Action),
        created_time=row.created_time,
        expires_time=row.expires_time,
        revoked_time=row.revoked_time,
        replaced_by=row.replaced_by,
    )


def _token_key(row: Row[Any]) -> TokenKey:
    return TokenKey(row.kid, row.sealed, row.public_jwk, row.created_time)


class SqlTokens:
    """A TokenStore over the table of tokens."""

    def __init__(self, database: Database, tables: AccessTables) -> None:
        self._database = database
        self._table = tables.bearer_token

    async def find(self, sha256: str) -> Caller | None:
        """Returns the caller of a token that is in force, by the token's digest."""
        table = self._table
        # Whose tenant it is, the token will say.
        async with self._database.read(Platform("authentication")) as session:
            rows = await session.execute(select(table.c.subject, table.c.tenant_id, table.c.roles).where(table.c.sha256 == sha256))
            row = rows.one_or_none()
        if row is None:
            return None
        return Caller(row.subject, row.tenant_id, frozenset(Role(role) for role in json.loads(row.roles)))


class SqlTokenRegister:
    """A TokenRegister within one transaction."""

    def __init__(self, session: AsyncSession, tables: AccessTables, now: datetime) -> None:
        self._session = session
        self._table = tables.bearer_token
        self._now = now

    async def put(self, grant: Grant) -> None:
        """Grants a token, or changes whom a granted one stands for."""
        values = {
            "tenant_id": grant.caller.tenant,
            "park_id": "",
            "subject": grant.caller.subject,
            "roles": json.dumps(sorted(grant.caller.roles)),
        }
        statement = upsert(self._session, self._table).values(sha256=grant.sha256, granted_at=self._now, **values)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["sha256"], set_=values))
