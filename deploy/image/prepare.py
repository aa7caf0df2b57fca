"""Prepares what services find when they start: a database for each with two roles, and the keys that callers are signed with.

One role owns the tables and is used for migrations only. The service works as the other, which owns nothing, so that row-level
security holds for it.

Run once before they start, and harmless when run again: what is there stays, but for passwords, which become those it is told.

Variables:
    PREPARE_POSTGRES: A superuser's URL.
    PREPARE_DATABASES: `name:password:owner's password`, separated by commas; the service's role and its database have the same
        name, the owner's is `name_owner`. Nothing in a password needs escaping.
    PREPARE_SIGNING_KEY, PREPARE_VERIFYING_KEY: Where the private key for the gateway and the public one for services go. Without
        these no keys are made.
"""

import os
import sys
import time
from pathlib import Path

import psycopg
from psycopg import sql

from chassis.identity import generate_key_pair

PATIENCE_SECONDS = 60


def connected(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    """Waits for the server, which starts at the same time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return psycopg.connect(url, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise
            print(f"waiting for PostgreSQL: {str(error).splitlines()[0]}")
            time.sleep(1)


def make_databases(url: str, wanted: dict[str, tuple[str, str]]) -> None:
    """Makes the roles and the databases, which nobody but these roles may connect to."""
    with connected(url) as connection:
        for name, (password, owner_password) in wanted.items():
            role, owner = sql.Identifier(name), sql.Identifier(f"{name}_owner")
            make_role(connection, name, password)
            make_role(connection, f"{name}_owner", owner_password)
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, owner))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))
            connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(role, role))
            print(f"database {name} is ready")


def make_role(connection: "psycopg.Connection[tuple[object, ...]]", name: str, password: str) -> None:
    """Makes an ordinary role, or gives the one that is there its password."""
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount
    verb = sql.SQL("ALTER") if known else sql.SQL("CREATE")
    connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, sql.Identifier(name), sql.Literal(password)))


def make_keys(signing: Path, verifying: Path) -> None:
    """Makes the pair unless both are there; statements signed with an old pair live for minutes only."""
    if signing.exists() and verifying.exists():
        return
    for path, content, mode in zip((signing, verifying), generate_key_pair(), (0o400, 0o444), strict=True):
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        draft.chmod(mode)
        draft.replace(path)
    print("the keys for callers are ready")


def main() -> int:
    """Does what the variables say."""
    told = (entry.split(":") for entry in os.environ["PREPARE_DATABASES"].split(","))
    make_databases(os.environ["PREPARE_POSTGRES"], {name: (password, owner) for name, password, owner in told})
    if "PREPARE_SIGNING_KEY" in os.environ:
        make_keys(Path(os.environ["PREPARE_SIGNING_KEY"]), Path(os.environ["PREPARE_VERIFYING_KEY"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
