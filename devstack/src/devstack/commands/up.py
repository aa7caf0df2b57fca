"""`parkcarbon up`."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import click
import uvloop

from chassis.server import freeze_loaded
from devstack import ganzhou
from devstack.access import NotDone, connection_path, folder_options
from devstack.connection import Connection, forget, write
from devstack.credentials import TENANT
from devstack.folder import FolderInUse
from devstack.ganzhou import ComparedYear
from devstack.stack import PortRefused, Stack, StackSettings
from devstack.tables import console, figure, table
from devstack.wording import Words
from parkcarbon_client import AsyncParkCarbonClient, Evaluation

DEFAULT_PORT = 8080
EXIT_FORCED = 130
SHOWN_MISSING = 4


def build(words: Words) -> click.Command:
    """Returns the subcommand in one language."""

    def run(connection: Path | None, data: Path, port: int) -> None:
        settings = StackSettings(data_folder=data.absolute(), port=port)
        path = connection_path(connection, settings.data_folder).absolute()
        # whatever this process writes, databases too, is for its owner
        os.umask(0o077)
        try:
            uvloop.run(_serve(words, settings, path))
        except FolderInUse as error:
            raise NotDone(words, words("folder_in_use", folder=error.folder, pid=error.pid or "?")) from error
        except PortRefused as error:
            key = "port_taken" if error.taken else "port_refused"
            raise NotDone(words, words(key, port=error.port, why=error.why)) from error

    return click.Command(
        "up",
        callback=run,
        help=words("help.up"),
        params=[
            click.Option(
                ["--port"],
                envvar="PARKCARBON_PORT",
                show_envvar=True,
                type=click.IntRange(0, 65535),
                default=DEFAULT_PORT,
                show_default=True,
                help=words("help.port"),
            ),
            *folder_options(words),
        ],
    )


async def _serve(words: Words, settings: StackSettings, path: Path) -> None:
    asked_to_end = _watch_signals(words)
    async with Stack(settings) as stack:
        freeze_loaded()
        # what a killed process left behind is no longer true, and would be believed
        forget(path)
        introduction = asyncio.ensure_future(_introduce(words, stack, path))
        ended = asyncio.ensure_future(asked_to_end.wait())
        try:
            await asyncio.wait((introduction, ended), return_when=asyncio.FIRST_COMPLETED)
            if introduction.done():
                introduction.result()
                await ended
        finally:
            for task in (introduction, ended):
                task.cancel()
            await asyncio.gather(introduction, ended, return_exceptions=True)
            forget(path)
    click.echo(words("stopped", data=settings.data_folder), err=True)


def _watch_signals(words: Words) -> asyncio.Event:
    """Returns what is set by the first SIGINT or SIGTERM; a second one ends the process at once."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        if stopping.is_set():
            # no clean-up: it is what the user no longer waits for, and the data is kept as after a kill
            os._exit(EXIT_FORCED)
        stopping.set()
        click.echo(words("stopping"), err=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    return stopping


async def _introduce(words: Words, stack: Stack, path: Path) -> None:
    """Loads the demo park, then says where everything is."""
    token = stack.tokens["park_manager"]
    async with AsyncParkCarbonClient(stack.url, token, language=words.language) as client:
        await ganzhou.load(client)
        compared = await ganzhou.compare(client)
        evaluated = await ganzhou.evaluate(client)
    connection = Connection(stack.url, stack.docs_url, dict(stack.tokens), os.getpid(), str(stack.data_folder))
    write(path, connection)
    _print(words, connection, path, compared, evaluated)


def _print(words: Words, connection: Connection, path: Path, compared: Sequence[ComparedYear], evaluated: Evaluation) -> None:
    out = console()
    columns = [(words(key), "right") for key in ("year", "emissions_10k_t", "published_10k_t", "deviation", "intensity")]
    rows = [
        (
            str(year.year),
            figure(year.emissions_10k_t, 4),
            figure(year.published_10k_t, 2),
            figure(year.deviation_pct, 2),
            figure(year.intensity_t_per_10k_cny, 6),
        )
        for year in compared
    ]
    park = words.name(ganzhou.PARK.name_zh, ganzhou.PARK.name_en)
    out.print(table(words("demo", park=park), columns, rows))
    out.print(words("source", source=ganzhou.PUBLICATION), markup=False)
    _print_evaluation(words, evaluated)
    out.print(words("serving", url=connection.url, docs=connection.docs_url), markup=False, soft_wrap=True)
    out.print(words("connection", path=path, data=connection.data), markup=False, soft_wrap=True)
    tokens = [(role, token) for role, token in connection.tokens.items()]
    out.print(table(words("credentials", tenant=TENANT), [(words("role"), "left"), (words("token"), "left")], tokens))
    out.print(words("stop_hint"), markup=False)


def _print_evaluation(words: Words, evaluated: Evaluation) -> None:
    """Prints what is known of the park's score, and how much is missing."""
    total = evaluated.total
    if total is None:
        return
    out = console()
    known = sum(indicator.score is not None for indicator in evaluated.indicators)
    facts = {"year": evaluated.year, "known": known, "missing": len(evaluated.indicators) - known}
    title = words("evaluated", **facts, coverage=figure(total.coverage_pct, 1))
    # the total, then the first level
    first = [node for node in evaluated.nodes if node.node_id.startswith("alpha-")]
    rows = [
        (
            words.name(node.name_zh, node.name_en),
            words("no_value") if node.score is None else figure(node.score, 2),
            f"{figure(node.low, 2)} – {figure(node.high, 2)}",
            figure(node.coverage_pct, 1),
        )
        for node in (total, *first)
    ]
    columns = [(words("node"), "left"), *((words(key), "right") for key in ("score", "reachable", "covered"))]
    out.print(table(title, columns, rows))
    bounds = {"low": figure(total.low, 2), "high": figure(total.high, 2), "scale": figure(evaluated.scale)}
    out.print(words("reach", score=figure(total.score, 2) or words("no_value"), **bounds), markup=False)
    heaviest = sorted((each for each in evaluated.indicators if each.missing), key=lambda each: -each.weight)[:SHOWN_MISSING]
    names = [
        f"{words.name(each.name_zh, each.name_en)} [{each.indicator_id}] {figure(100 * each.weight, 1)} %" for each in heaviest
    ]
    out.print(words("first", indicators=words.name("、", ", ").join(names)), markup=False)
    out.print(words("synthetic", set=ganzhou.THRESHOLD_SET_ID), markup=False)
