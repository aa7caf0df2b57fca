"""`parkcarbon fsck`: whether the stored records are those that were accepted, asked of the database alone."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from devstack.access import NotDone, data_option
from devstack.folder import FolderInUse, claimed
from devstack.fsck.check import Finding, ParkReport, checked
from devstack.fsck.heads import HeadsUnreadable, ToldHead, read_heads, told_by_accounting, told_by_feed, told_by_log, write_heads
from devstack.fsck.stored import UNREADABLE, opened
from devstack.wording import Words

EXIT_FOUND = 1
SHOWN = 20
"""Findings of a park that are written out; the others are counted."""


def build(words: Words) -> click.Command:
    """Returns the subcommand in one language."""

    def run(data: Path, accounting_url: str | None, gateway_url: str | None, heads: Path | None, export: Path | None) -> None:
        with ExitStack() as stack:
            try:
                reports = _reports(stack, data, accounting_url, gateway_url, heads)
                found = [_shown(words, report) for report in reports]
            except FolderInUse as error:
                raise NotDone(words, words("folder_in_use", folder=error.folder, pid=error.pid or "?")) from error
            except (HeadsUnreadable, *UNREADABLE) as error:
                raise NotDone(words, words("fsck.unreadable", reason=str(error).strip())) from error
        broken = sum(1 for report in found if report.findings)
        click.echo(words("fsck.total", parks=len(found), records=sum(report.records for report in found), broken=broken))
        if broken:
            sys.exit(EXIT_FOUND)
        if export is not None:
            write_heads(export, ((report.park_id, report.head.position, report.head.sha256) for report in found))
            click.echo(words("fsck.exported", path=export))

    return click.Command("fsck", callback=run, help=words("help.fsck"), params=_options(words))


def _options(words: Words) -> list[click.Parameter]:
    file = click.Path(path_type=Path, dir_okay=False)
    return [
        data_option(words, "help.fsck.data"),
        click.Option(
            ["--accounting-url"], envvar="ACCOUNTING_DATABASE__URL", show_envvar=True, help=words("help.fsck.accounting_url")
        ),
        click.Option(["--gateway-url"], envvar="GATEWAY_DATABASE__URL", show_envvar=True, help=words("help.fsck.gateway_url")),
        click.Option(["--heads"], type=file, help=words("help.fsck.heads")),
        click.Option(["--export"], type=file, help=words("help.fsck.export")),
    ]


def _reports(
    stack: ExitStack, data: Path, accounting_url: str | None, gateway_url: str | None, heads: Path | None
) -> list[ParkReport]:
    """Reads what was told first: whatever is recorded meanwhile may be in accounting's rows, and not the other way round."""
    told: list[ToldHead] = [] if heads is None else read_heads(heads)
    if accounting_url is None:
        if not (data / "accounting.sqlite3").exists():
            raise FileNotFoundError(data / "accounting.sqlite3")
        stack.enter_context(claimed(data))
        accounting_url = f"sqlite:///{data}/accounting.sqlite3"
        if (data / "log.sqlite3").exists():
            with opened(f"sqlite:///{data}/log.sqlite3") as log:
                told += told_by_log(log)
        if gateway_url is None and (data / "gateway.sqlite3").exists():
            gateway_url = f"sqlite:///{data}/gateway.sqlite3"
    if gateway_url is not None:
        with opened(gateway_url) as gateway:
            told += told_by_feed(gateway)
    with opened(accounting_url) as accounting:
        told += told_by_accounting(accounting)
        return list(checked(accounting, told))


def _shown(words: Words, report: ParkReport) -> ParkReport:
    head = report.head
    click.echo(words("fsck.park", park=report.park_id, records=report.records, position=head.position, head=head.sha256))
    for finding in report.findings[:SHOWN]:
        click.echo("  " + _sentence(words, finding))
    if len(report.findings) > SHOWN:
        click.echo("  " + words("rejected.more", more=len(report.findings) - SHOWN))
    if report.told_upto < head.position:
        click.echo("  " + words("fsck.untold", first=report.told_upto + 1, last=head.position))
    return report


def _sentence(words: Words, finding: Finding) -> str:
    one = finding.position == finding.upto
    place = words("fsck.at" if one else "fsck.within", position=finding.position, upto=finding.upto)
    return words(finding.what, place=place, **finding.facts)
