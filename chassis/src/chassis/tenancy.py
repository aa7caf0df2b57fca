"""Whose rows a transaction sees: row-level security of PostgreSQL, a second wall behind what each use case checks itself.

A transaction says for whom it is opened, and the database shows it no other rows, whatever its statements forget. SQLite has no
such wall: its file belongs to one process.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from sqlalchemy import Connection, text

PLATFORM_TENANT: Final = "platform"
"""The tenant of rows that belong to no tenant, such as published factors."""

_TENANT: Final = "parkcarbon.tenant"
_WORK: Final = "parkcarbon.platform"
_POLICY: Final = "of_its_tenant"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A transaction for one tenant: it sees and writes that tenant's rows, and reads those of the platform.

    Attributes:
        tenant_id: Not empty.
    """

    tenant_id: str

    def __post_init__(self) -> None:
        """Refuses nobody.

        Raises:
            ValueError: If the id is empty: the transaction would see nothing.
        """
        if not self.tenant_id:
            raise ValueError("a transaction for a tenant needs its id")


@dataclass(frozen=True, slots=True)
class Platform:
    """A transaction for the platform's own work, which sees and writes every row.

    Attributes:
        work: Says which, such as `relay`; not empty.
    """

    work: str

    def __post_init__(self) -> None:
        """Refuses work without a name.

        Raises:
            ValueError: If the name is empty: the transaction would see nothing.
        """
        if not self.work:
            raise ValueError("the platform's own work has a name")


Scope: TypeAlias = Tenant | Platform


class Rows(StrEnum):
    """Whose rows a table holds."""

    OF_TENANTS = "of tenants"
    OF_THE_PLATFORM = "of the platform"
    KEPT = "kept"


def protect(connection: Connection, *tables: str, rows: Rows = Rows.OF_TENANTS) -> None:
    """Puts the wall around tables; a migration calls it for each table that it creates, and for each partition.

    The wall holds for the tables' owner as well, and for everyone but superusers and roles with BYPASSRLS. `OF_TENANTS`: a row is
    seen and written by transactions for its `tenant_id` and by the platform's own. `OF_THE_PLATFORM`: everyone reads, everyone may
    add rows of `PLATFORM_TENANT`, and only the platform's own work changes or deletes. `KEPT`: as of tenants, but nobody changes or
    deletes a row. Does nothing in SQLite, where `keep` does.

    Args:
        connection: Of the migration.
        tables: With a column `tenant_id`; names that need no quotes.
        rows: Whose they are.
    """
    if connection.dialect.name != "postgresql":
        return
    # As subqueries, they are asked once for a statement and not once for a row.
    tenant = f"(SELECT current_setting('{_TENANT}', true))"
    own_work = f"(SELECT current_setting('{_WORK}', true)) <> ''"
    for table in tables:
        statements = [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        ]
        if rows is Rows.OF_TENANTS:
            statements.append(f"CREATE POLICY {_POLICY} ON {table} USING (tenant_id = {tenant} OR {own_work})")
        elif rows is Rows.KEPT:
            statements += [
                f"CREATE POLICY {_POLICY} ON {table} FOR SELECT USING (tenant_id = {tenant} OR {own_work})",
                f"CREATE POLICY added_by_its_tenant ON {table} FOR INSERT WITH CHECK (tenant_id = {tenant} OR {own_work})",
            ]
        else:
            added = f"tenant_id = '{PLATFORM_TENANT}'"
            statements += [
                f"CREATE POLICY read_by_all ON {table} FOR SELECT USING (true)",
                f"CREATE POLICY added_by_all ON {table} FOR INSERT WITH CHECK ({added})",
                f"CREATE POLICY changed_by_the_platform ON {table} FOR UPDATE USING ({own_work}) WITH CHECK ({added})",
                f"CREATE POLICY deleted_by_the_platform ON {table} FOR DELETE USING ({own_work})",
            ]
        for statement in statements:
            connection.exec_driver_sql(statement)


_POLICIES: Final = text("SELECT polname, CAST(polcmd AS text) FROM pg_policy WHERE polrelid = to_regclass(:name)")


def keep(connection: Connection, *tables: str) -> None:
    """Lets nobody change or delete rows of tables any more; a migration calls it after `protect`, whosever that said they are.

    In PostgreSQL rows are read and added as before, and no policy is left by which a row is changed. In SQLite triggers refuse it;
    there a connection needs the pragma `recursive_triggers`, without which REPLACE deletes unseen.

    Args:
        connection: Of the migration.
        tables: As for `protect`; each partition is named, as its own policies hold for who speaks to it.
    """
    for table in tables:
        if connection.dialect.name == "sqlite":
            for what in ("UPDATE", "DELETE"):
                refused = f"SELECT RAISE(ABORT, 'what is in {table} is kept')"
                connection.exec_driver_sql(
                    f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} BEGIN {refused}; END"
                )
            continue
        policies = connection.execute(_POLICIES, {"name": table}).all()
        for name, command in policies:
            if command not in ("r", "a"):
                connection.exec_driver_sql(f"DROP POLICY {name} ON {table}")
        if any(command == "*" for _, command in policies):
            protect(connection, table, rows=Rows.KEPT)


def let_expire(connection: Connection, table: str, *, work: str, after_days: int) -> None:
    """Lets one kind of the platform's own work delete rows of a `KEPT` table by their age; a migration calls it after `protect`.

    The age is that of the column `time` by the database's own clock. Does nothing in SQLite.

    Args:
        connection: Of the migration.
        table: A name that needs no quotes.
        work: As `Platform.work`; without quotes.
        after_days: Younger rows stay, whoever asks; >= 1.
    """
    if connection.dialect.name != "postgresql":
        return
    connection.exec_driver_sql(
        f"CREATE POLICY expired_by_its_work ON {table} FOR DELETE"
        f" USING ((SELECT current_setting('{_WORK}', true)) = '{work}' AND time < now() - interval '{after_days} days')"
    )


def enter(connection: Connection, scope: Scope) -> None:
    """Tells PostgreSQL for whom the transaction that has just begun is; it forgets that when the transaction ends."""
    tenant, work = (scope.tenant_id, "") if isinstance(scope, Tenant) else ("", scope.work)
    connection.exec_driver_sql(
        f"SELECT set_config('{_TENANT}', %s, true), set_config('{_WORK}', %s, true)",
        (tenant, work),
    )
