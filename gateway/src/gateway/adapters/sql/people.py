"""People and their sessions in the gateway's database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.adapters.sql.access import SqlAccessRegister
from gateway.adapters.sql.people_tables import PeopleTables
from gateway.adapters.sql.upsert import upsert
from gateway.application.access.ports import Ticket
from gateway.domain.access.people import SESSION_LIFE, Person, Session
from gateway.domain.errors import IdentityTaken

_KEY = ["tenant_id", "caller_id"]


class SqlPeopleRegister:
    """A PeopleRegister within one transaction."""

    def __init__(self, session: AsyncSession, tables: PeopleTables, callers: SqlAccessRegister) -> None:
        self._session = session
        self._tables = tables
        self._callers = callers

    async def put_person(self, person: Person) -> None:
        """Stores a person in place of what was known of it."""
        values = {
            "tenant_id": person.tenant_id,
            "caller_id": person.caller_id,
            "park_id": "",
            "login": person.login,
            "password_hash": person.password_hash,
            "failures": person.failures,
            "locked_until": person.locked_until,
        }
        statement = upsert(self._session, self._tables.person).values(**values)
        try:
            await self._session.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=values))
        except IntegrityError as error:
            raise IdentityTaken(person.login) from error

    async def person(self, tenant_id: str, caller_id: str) -> Person | None:
        """Returns the person that a caller is."""
        table = self._tables.person
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.caller_id == caller_id)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _person(row)

    async def person_of(self, login: str) -> Person | None:
        """Returns the person of a login, locked until the transaction ends so that guesses are counted one after the other."""
        table = self._tables.person
        row = (await self._session.execute(select(table).where(table.c.login == login).with_for_update())).one_or_none()
        return None if row is None else _person(row)

    async def add_ticket(self, ticket: Ticket) -> None:
        """Stores a ticket, in place of earlier ones of the same caller."""
        values = {
            "tenant_id": ticket.tenant_id,
            "caller_id": ticket.caller_id,
            "park_id": "",
            "sha256": ticket.sha256,
            "expires_time": ticket.expires_time,
        }
        statement = upsert(self._session, self._tables.ticket).values(**values)
        await self._session.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=values))

    async def take_ticket(self, sha256: str) -> Ticket | None:
        """Returns a ticket, which is gone thereby."""
        table = self._tables.ticket
        row = (await self._session.execute(delete(table).where(table.c.sha256 == sha256).returning(table))).one_or_none()
        return None if row is None else Ticket(row.sha256, row.tenant_id, row.caller_id, row.expires_time)

    async def begin_session(self, sha256: str, tenant_id: str, caller_id: str, now: datetime) -> None:
        """Stores a session, and forgets those of the caller that are over."""
        table = self._tables.session
        over = delete(table).where(
            table.c.tenant_id == tenant_id, table.c.caller_id == caller_id, table.c.began_time < now - SESSION_LIFE
        )
        await self._session.execute(over)
        values = {
            "sha256": sha256,
            "tenant_id": tenant_id,
            "park_id": "",
            "caller_id": caller_id,
            "began_time": now,
            "used_time": now,
        }
        await self._session.execute(insert(table), [values])

    async def session(self, sha256: str) -> Session | None:
        """Returns a session."""
        table = self._tables.session
        row = (await self._session.execute(select(table).where(table.c.sha256 == sha256))).one_or_none()
        owner = None if row is None else await self._callers.caller(row.tenant_id, row.caller_id)
        if row is None or owner is None:
            return None
        return Session(sha256=row.sha256, owner=owner, began_time=row.began_time, used_time=row.used_time)

    async def touch_session(self, sha256: str, now: datetime) -> None:
        """Stores that a session was used."""
        table = self._tables.session
        await self._session.execute(update(table).where(table.c.sha256 == sha256).values(used_time=now))

    async def end_sessions(self, tenant_id: str, caller_id: str, sha256s: Sequence[str] | None = None) -> None:
        """Ends sessions of a caller, all unless they are named."""
        table = self._tables.session
        ending = delete(table).where(table.c.tenant_id == tenant_id, table.c.caller_id == caller_id)
        await self._session.execute(ending if sha256s is None else ending.where(table.c.sha256.in_(sha256s)))


def _person(row: Row[Any]) -> Person:
    return Person(
        tenant_id=row.tenant_id,
        caller_id=row.caller_id,
        login=row.login,
        password_hash=row.password_hash,
        failures=row.failures,
        locked_until=row.locked_until,
    )
