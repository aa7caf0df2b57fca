"""Prepares what services find when they start: a database with an owner for each, and the keys that callers are signed with.

Run once before they start, and harmless when run again: what is there stays, but for passwords, which become those it is told.

Variables:
    PREPARE_POSTGRES: A superuser's URL.
    PREPARE_DATABASES: `name:password`, separated by commas; a role and its database have the same name. Nothing in a password
        needs escaping.
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


def make_databases(url: str, wanted: dict[str, str]) -> None:
    """Makes the roles and the databases, which nobody but the owner may connect to."""
    with connected(url) as connection:
        for name, password in wanted.items():
            role, known = sql.Identifier(name), "SELECT FROM pg_roles WHERE rolname = %s"
            verb = sql.SQL("ALTER") if connection.execute(known, [name]).rowcount else sql.SQL("CREATE")
            connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, role, sql.Literal(password)))
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))
            print(f"database {name} is ready")


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
    pairs = dict(pair.split(":", 1) for pair in os.environ["PREPARE_DATABASES"].split(","))
    make_databases(os.environ["PREPARE_POSTGRES"], pairs)
    if "PREPARE_SIGNING_KEY" in os.environ:
        make_keys(Path(os.environ["PREPARE_SIGNING_KEY"]), Path(os.environ["PREPARE_VERIFYING_KEY"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
