"""The connection file: where a running stack is, and the tokens of its demo tenant."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from devstack.folder import write_private

DEFAULT_DATA = "./var"
FILE_NAME = "connection.json"


@dataclass(frozen=True)
class Connection:
    """Where a running stack is, and how to get in.

    Attributes:
        url: The API's base.
        docs_url: Its documentation for people.
        tokens: A bearer token per role.
        pid: The process that serves it.
        data: Its data folder, absolute.
    """

    url: str
    docs_url: str
    tokens: dict[str, str]
    pid: int
    data: str


def write(path: Path, connection: Connection) -> None:
    """Writes the connection file, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps(asdict(connection), indent=2, ensure_ascii=False).encode() + b"\n")


def forget(path: Path) -> None:
    """Removes the connection file, if there is one."""
    path.unlink(missing_ok=True)


def read(path: Path) -> Connection | None:
    """Returns what a connection file says; None when there is no such file.

    Raises:
        ValueError: It is there and is not what `write` writes.
    """
    try:
        content = json.loads(path.read_bytes())
        return Connection(**content)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is no connection file: {error}") from error
