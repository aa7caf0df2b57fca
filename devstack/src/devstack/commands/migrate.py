"""`parkcarbon migrate`: brings the schema of every service up to date, before its processes are."""

from __future__ import annotations

import asyncio
import os
import sys

import click
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from chassis.database import Database, SchemaBehind, Timeouts
from devstack.wording import Words

SERVICES = ("accounting", "evaluation", "gateway")
EXIT_NOT_MIGRATED = 3

# A migration may rewrite a table: nobody waits for it, so it has an hour.
_TIMEOUTS = Timeouts(statement_seconds=3600, lock_seconds=60)


def build(words: Words) -> click.Command:
    """Returns the subcommand in one language."""

    def run() -> None:
        named = {service: url for service in SERVICES if (url := os.environ.get(_variable(service)))}
        if not named:
            what = words("nothing_to_migrate", variables=", ".join(map(_variable, SERVICES)))
            click.echo(words("error", what=what), err=True)
            sys.exit(EXIT_NOT_MIGRATED)
        for service, url in named.items():
            try:
                asyncio.run(_migrate(service, url, os.environ.get(f"{service.upper()}_DATABASE__OWNER_URL")))
            except (SQLAlchemyError, CommandError, SchemaBehind, ValueError, OSError) as error:
                reason = str(getattr(error, "orig", error)).strip()
                click.echo(words("error", what=words("not_migrated", service=service, reason=reason)), err=True)
                sys.exit(EXIT_NOT_MIGRATED)
            click.echo(words("migrated", service=service))

    return click.Command("migrate", callback=run, help=words("help.migrate"))


def _variable(service: str) -> str:
    return f"{service.upper()}_DATABASE__URL"


async def _migrate(service: str, url: str, owner_url: str | None) -> None:
    database = Database(url, owner_url=owner_url, pool_size=1, timeouts=_TIMEOUTS)
    try:
        await database.migrate(f"{service}.adapters.migrations")
    finally:
        await database.dispose()
