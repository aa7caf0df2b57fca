"""Databases with every revision of a service, copied from one that was migrated once: revisions cost more than most tests."""

import asyncio
import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from chassis.database import Database
from chassis.testing.postgres import EmptyDatabase, create_database, empty_database


def migrated_sqlite(migrations: str, file: Path) -> str:
    """Makes a database in a file, and returns its url.

    Args:
        migrations: The package of the revisions, as `Database.migrate` takes it.
        file: That is not there yet.
    """
    shutil.copyfile(_sqlite_template(migrations), file)
    return f"sqlite:///{file}"


@contextmanager
def migrated_postgres(migrations: str, server: str) -> Iterator[EmptyDatabase]:
    """Makes a database that is dropped at the end of the block.

    Args:
        migrations: The package of the revisions, as `Database.migrate` takes it.
        server: As `postgres_server` gives it.
    """
    with empty_database(server, template=_postgres_template(migrations, server)) as made:
        yield made


@functools.cache
def _sqlite_template(migrations: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="templates-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "migrated.sqlite3"
    _migrate(migrations, Database(f"sqlite:///{file}"))
    return file


@functools.cache
def _postgres_template(migrations: str, server: str) -> str:
    name = f"template_{uuid4().hex}"
    made = create_database(server, name)
    _migrate(migrations, Database(made.url, owner_url=made.owner_url))
    return name


def _migrate(migrations: str, database: Database) -> None:
    async def migrate() -> None:
        await database.migrate(migrations)
        await database.dispose()

    # the first to ask may run in an event loop
    with ThreadPoolExecutor(1) as other:
        other.submit(asyncio.run, migrate()).result()
