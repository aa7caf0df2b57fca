"""`parkcarbon push FILE --park P`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from devstack.access import Access, access_options, opened, park_option
from devstack.tables import console, table
from devstack.wording import Words
from parkcarbon_client import PushProgress, Receipt, RetryPolicy, calls

EXIT_SOME_REJECTED = 1
SHOWN_REJECTED_ROWS = 50
_LINES = 10
"""How often progress is told where nobody watches a bar."""
PATIENCE = RetryPolicy(retries=12, first_wait_seconds=0.5, longest_wait_seconds=30.0)
"""Through a restart of the platform: about two minutes on average, and four at most."""


def build(words: Words) -> click.Command:
    """Returns the subcommand in one language."""

    def run(file: Path, park: str, profile: str, from_start: bool, **access: Any) -> None:
        log = file.with_name(f"{file.name}.push")
        if from_start:
            log.unlink(missing_ok=True)
        kept = os.access(file.parent, os.W_OK)
        if not kept:
            click.echo(words("no_log", path=log), err=True)
        receipt = _push(words, file, park, profile, log if kept else None, Access(**access))
        _print_receipt(words, receipt)
        if receipt.rejected:
            sys.exit(EXIT_SOME_REJECTED)

    return click.Command(
        "push",
        callback=run,
        help=words("help.push"),
        params=[
            click.Argument(["file"], type=click.Path(path_type=Path, exists=True, dir_okay=False)),
            park_option(words),
            click.Option(["--profile"], default="", help=words("help.profile")),
            click.Option(["--from-start"], is_flag=True, help=words("help.from_start")),
            *access_options(words),
        ],
    )


def _push(words: Words, file: Path, park: str, profile: str, log: Path | None, access: Access) -> Receipt:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    shown_on = console(error=True)
    with (
        opened(words, access, role="park_manager", retries=PATIENCE) as client,
        Progress(*columns, console=shown_on, transient=True, disable=not shown_on.is_terminal) as bar,
    ):
        # Asked once: where nothing runs at all, nobody wants to wait for a restart.
        client.send(calls.healthy())
        task = bar.add_task(words("pushing", file=file.name), total=file.stat().st_size)

        answered = 0

        def show(progress: PushProgress) -> None:
            nonlocal answered
            bar.update(task, completed=progress.bytes_done)
            tenths = _LINES * progress.bytes_done // max(1, progress.bytes_total)
            # The receipt says the end.
            if not shown_on.is_terminal and answered < tenths < _LINES:
                answered = tenths
                click.echo(words("push.progress", share=100 * tenths // _LINES, rows=progress.receipt.rows), err=True)

        return client.push_file(park, file, progress=show, profile=profile, log=log)


def _print_receipt(words: Words, receipt: Receipt) -> None:
    out = console()
    if receipt.rejected_rows:
        columns = [(words("row"), "right"), *((words(key), "left") for key in ("record", "reason", "problem"))]
        rows = [
            (
                str(result.row),
                result.record_id,
                result.problem.reason if result.problem else "",
                result.problem.message if result.problem else "",
            )
            for result in receipt.rejected_rows[:SHOWN_REJECTED_ROWS]
        ]
        out.print(table(words("rejected"), columns, rows))
        more = receipt.rejected - len(rows)
        if more:
            out.print(words("rejected.more", more=more), markup=False)
    counts = words(
        "receipt",
        rows=receipt.rows,
        accepted=receipt.accepted,
        duplicate=receipt.duplicate,
        superseded=receipt.superseded,
        rejected=receipt.rejected,
    )
    out.print(counts, markup=False)
