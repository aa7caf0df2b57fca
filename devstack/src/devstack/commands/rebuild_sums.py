"""`parkcarbon rebuild-sums --park P`."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import click

from devstack.access import Access, access_options, opened, park_option
from devstack.tables import figure
from devstack.wording import Words

EXIT_JOB_FAILED = 1


def build(words: Words) -> click.Command:
    """Returns the subcommand in one language."""

    def run(park: str, **access: Any) -> None:
        with opened(words, Access(**access), role="platform_operator") as client:
            started = client.rebuild_sums(park)
            click.echo(words("rebuilding", park=park, job=started.job_id), err=True)
            job = client.wait_for_job(started.job_id)
        ended_with = job.result if job.error is None else job.error
        figures = ", ".join(f"{name} {_shown(value)}" for name, value in (ended_with or {}).items())
        click.echo(words("rebuilt", state=job.state, result=figures))
        if job.error is not None:
            sys.exit(EXIT_JOB_FAILED)

    return click.Command(
        "rebuild-sums",
        callback=run,
        help=words("help.rebuild-sums"),
        params=[park_option(words), *access_options(words)],
    )


def _shown(value: object) -> str:
    return figure(value) if isinstance(value, Decimal) else str(value)
