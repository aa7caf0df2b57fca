"""The `parkcarbon` command.

Exit codes: 0 done, 1 some rows were rejected, a job failed or stored records were changed, 2 wrong usage, 3 could not be done,
141 nobody reads the output any more (as a shell says of what a closed pipe ended).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from devstack.wording import LANGUAGES, Words, language_of

COMMANDS: Mapping[str, str] = {
    "up": "devstack.commands.up",
    "push": "devstack.commands.push",
    "report": "devstack.commands.report",
    "rebuild-sums": "devstack.commands.rebuild_sums",
    "parks": "devstack.commands.parks",
    "migrate": "devstack.commands.migrate",
    "fsck": "devstack.commands.fsck",
}

EXIT_OUTPUT_CLOSED = 141


def main() -> None:
    """Runs the command with the process's arguments and environment."""
    command(Words(language_of(sys.argv[1:], os.environ)))(prog_name="parkcarbon")


def command(words: Words) -> click.Group:
    """Returns the command in one language."""
    return LazyGroup(words)


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is run, and not to list it: `--help` must not wait for servers to load."""

    def __init__(self, words: Words) -> None:
        super().__init__(help=words("help"), no_args_is_help=True, params=[language_option(words)])
        self._words = words

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Returns the names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Imports the subcommand of that name and returns it."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        subcommand: click.Command = import_module(module).build(self._words)
        subcommand.params.append(language_option(self._words))
        return subcommand

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the subcommand; when the reader of its output has gone (`… | head -1`) it ends without a word."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_what_nobody_reads()
            sys.exit(EXIT_OUTPUT_CLOSED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Lists the names with their sentences, from the table of words."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._words(f"help.{name}")) for name in COMMANDS])


def language_option(words: Words) -> click.Option:
    """Returns the option `--lang`, which `language_of` has read before: help itself is in the language."""
    return click.Option(["--lang"], type=click.Choice(LANGUAGES), expose_value=False, help=words("help.lang"))


def _drop_what_nobody_reads() -> None:
    # what a stream still holds would be written when the interpreter ends, and fail again
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())
