"""How a subcommand reaches the platform: options, the connection file, and what is said when it does not work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from devstack.connection import DEFAULT_DATA, FILE_NAME, Connection, read
from devstack.wording import Words
from parkcarbon_client import ClientError, ParkCarbonClient, PushInterrupted, RetryPolicy, ServerUnreachable

EXIT_NOT_DONE = 3


class NotDone(click.ClickException):
    """What was asked could not be done; the message says why."""

    exit_code = EXIT_NOT_DONE

    def __init__(self, words: Words, sentence: str) -> None:
        self._words = words
        super().__init__(sentence)

    def show(self, file: IO[Any] | None = None) -> None:
        """Says it on the standard error output, in the language of the command."""
        click.echo(self._words("error", what=self.message), file=file, err=True)


@dataclass(frozen=True)
class Access:
    """What the options of `access_options` say; None is not said."""

    url: str | None
    token: str | None
    connection: Path | None
    data: Path


def access_options(words: Words) -> list[click.Parameter]:
    """Returns the options that say where the platform is and who asks; each has an environment variable."""
    return [
        click.Option(["--url"], envvar="PARKCARBON_URL", show_envvar=True, help=words("help.url")),
        click.Option(["--token"], envvar="PARKCARBON_TOKEN", show_envvar=True, help=words("help.token")),
        *folder_options(words),
    ]


def folder_options(words: Words) -> list[click.Parameter]:
    """Returns the options that name the connection file and the data folder."""
    return [
        click.Option(
            ["--connection"],
            envvar="PARKCARBON_CONNECTION",
            show_envvar=True,
            type=click.Path(path_type=Path, dir_okay=False),
            help=words("help.connection"),
        ),
        data_option(words),
    ]


def data_option(words: Words, help_key: str = "help.data") -> click.Parameter:
    """Returns the option that names the data folder; `help_key` is the sentence that says what for."""
    return click.Option(
        ["--data"],
        envvar="PARKCARBON_DATA",
        show_envvar=True,
        default=DEFAULT_DATA,
        show_default=True,
        type=click.Path(path_type=Path, file_okay=False),
        help=words(help_key),
    )


def park_option(words: Words) -> click.Option:
    """Returns the option that names the park."""
    return click.Option(["--park"], required=True, help=words("help.park"))


def connection_path(given: Path | None, data: Path) -> Path:
    """Returns where the connection file is: where it is said to be, else in the data folder."""
    return given or data / FILE_NAME


@contextmanager
def opened(words: Words, access: Access, *, role: str, retries: RetryPolicy | None = None) -> Iterator[ParkCarbonClient]:
    """Opens a client as the options say; what goes wrong with the platform becomes a sentence and exit code 3.

    Args:
        words: The language.
        access: What the options say.
        role: Whose token of the connection file to take when none is given.
        retries: How patiently to ask again; as the client does by itself when left out.
    """
    url, token = access.url, access.token
    if url is None or token is None:
        known = _known(words, connection_path(access.connection, access.data), url)
        url, token = known.url, token or known.tokens[role]
    try:
        client = ParkCarbonClient(url, token, language=words.language, retries=retries or RetryPolicy())
    except ValueError as error:
        raise NotDone(words, str(error)) from error
    with client:
        try:
            yield client
        except PushInterrupted as error:
            click.echo(words("interrupted", rows=error.receipt.rows), err=True)
            raise _not_done(words, error.cause) from error
        except ClientError as error:
            raise _not_done(words, error) from error


def _known(words: Words, path: Path, url: str | None) -> Connection:
    try:
        known = read(path)
    except ValueError as error:
        raise NotDone(words, str(error)) from error
    # a token is only ever sent to the platform that it was written down for
    if url is not None and (known is None or url.rstrip("/") != known.url):
        raise NotDone(words, words("url_without_token", url=url))
    if known is None:
        raise NotDone(words, words("no_connection", path=path))
    return known


def _not_done(words: Words, error: ClientError) -> NotDone:
    return NotDone(words, words("unreachable", url=error.url) if isinstance(error, ServerUnreachable) else str(error))
