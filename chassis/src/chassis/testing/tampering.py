"""Changes to stored rows behind the platform's back, by somebody who owns the database."""

import sqlite3
from contextlib import closing

import psycopg
from psycopg import sql

_FORCED = "SELECT oid::regclass::text FROM pg_class WHERE relforcerowsecurity ORDER BY 1"


def tamper(url: str, *statements: str) -> None:
    """Runs statements with triggers and policies taken down, and puts those back: no trace is left but the rows.

    Args:
        url: Of the database; in PostgreSQL of the role that owns the tables.
        statements: In the database's own SQL.
    """
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=20)) as file:
            file.execute("BEGIN IMMEDIATE")
            triggers = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                file.execute(f"DROP TRIGGER {name}")
            for statement in (*statements, *(made for _, made in triggers)):
                file.execute(statement)
            file.execute("COMMIT")
        return
    with psycopg.connect(url) as connection:
        tables = [sql.SQL(name) for (name,) in connection.execute(_FORCED)]
        for table in tables:
            connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(table))
        for statement in statements:
            connection.execute(sql.SQL(statement))
        for table in tables:
            connection.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(table))
