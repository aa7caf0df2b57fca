"""`parkcarbon rebuild-sums --park P`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from devstack.access import Access, access_options, opened, park_option
from devstack.wording import Words

EXIT_JOB_FAILED = 1


def build(words: Words) -> click.Command:
    """Returns the subcommand in one language."""

    def run(park: str, **access: Any) -> None:
        with opened(words, Access(**access), role="platform_operator") as client:
            started = client.rebuild_sums(park)
            click.echo(words("rebuilding", park=park, job=started.job_id), err=True)
            job = client.wait_for_job(started.job_id)
        ended_with = job.error if job.error is not None else job.result
        click.echo(words("rebuilt", state=job.state, result=json.dumps(ended_with, ensure_ascii=False)))
        if job.error is not None:
            sys.exit(EXIT_JOB_FAILED)

    return click.Command(
        "rebuild-sums",
        callback=run,
        help=words("help.rebuild-sums"),
        params=[park_option(words), *access_options(words)],
    )
