"""Heads of parks' hash chains that were told earlier: in facts, in closed inventories, and in a file that is kept elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from devstack.folder import write_private
from devstack.fsck.stored import Rows
from parkcarbon.accounting.events.v1 import events_pb2

_FORMAT = "parkcarbon heads 1"
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FACTS: Mapping[str, Any] = {kind.DESCRIPTOR.full_name: kind for kind in (events_pb2.ActivityRecorded, events_pb2.InventoryClosed)}
_OF_FACTS = "(" + ", ".join(f"'{name}'" for name in _FACTS) + ")"


class ToldHead(NamedTuple):
    """A head that was told.

    Attributes:
        told_by: Where it stands: outbox, log, feed, inventory or file.
    """

    park_id: str
    position: int
    sha256: str
    told_by: str


class HeadsUnreadable(ValueError):
    """A file is not one of heads."""


def told_by_accounting(rows: Rows) -> Iterator[ToldHead]:
    """Yields the heads of closed inventories, and of facts that wait to be published."""
    inventories = "SELECT park_id, last_position, head_sha256 FROM inventory WHERE head_sha256 IS NOT NULL"
    for park_id, position, digest in rows.read(inventories):
        yield ToldHead(park_id, position, digest, "inventory")
    for kind, data in rows.read(f"SELECT type, data FROM outbox WHERE type IN {_OF_FACTS}"):  # noqa: S608 - names of contracts
        yield from _of_fact(kind, data, "outbox")


def told_by_feed(rows: Rows) -> Iterator[ToldHead]:
    """Yields the heads of facts in the gateway's change feed."""
    position, digest = (
        (f"json_extract(data_json, '$.{name}')" if rows.dialect == "sqlite" else f"CAST(data_json AS json) ->> '{name}'")
        for name in ("last_position", "head_sha256")
    )
    for park_id, at, told in rows.read(f"SELECT park_id, {position}, {digest} FROM change WHERE type IN {_OF_FACTS}"):  # noqa: S608 - constants
        if told:
            yield ToldHead(park_id, int(at), told, "feed")


def told_by_log(rows: Rows) -> Iterator[ToldHead]:
    """Yields the heads of facts in the log of an embedded platform."""
    for headers, value in rows.read("SELECT headers, value FROM message"):
        yield from _of_fact(json.loads(headers).get("ce_type", ""), value, "log")


def _of_fact(kind: str, data: bytes, told_by: str) -> Iterator[ToldHead]:
    message = _FACTS.get(kind)
    if message is not None:
        fact = message.FromString(data)
        if fact.head_sha256:
            yield ToldHead(fact.park_id, fact.last_position, fact.head_sha256, told_by)


def read_heads(path: Path) -> list[ToldHead]:
    """Returns the heads of a file.

    Raises:
        HeadsUnreadable: It is not one that `write_heads` writes.
        OSError: It cannot be read.
    """
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT:
            raise HeadsUnreadable(f"{path}: the format is {content['format']!r} instead of {_FORMAT!r}")
        found = [ToldHead(str(each["park_id"]), int(each["position"]), each["head_sha256"], "file") for each in content["heads"]]
    except HeadsUnreadable:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise HeadsUnreadable(f"{path}: {error}") from error
    for head in found:
        if not _SHA256.fullmatch(str(head.sha256)):
            raise HeadsUnreadable(f"{path}: {head.sha256!r} of {head.park_id!r} is no SHA-256 in lower-case hex")
    return found


def write_heads(path: Path, heads: Iterable[tuple[str, int, str]]) -> None:
    """Writes park, position and head of parks into a file that only its owner may read."""
    listed = [{"park_id": park_id, "position": position, "head_sha256": digest} for park_id, position, digest in heads]
    write_private(path, json.dumps({"format": _FORMAT, "heads": listed}, indent=1, ensure_ascii=False).encode() + b"\n")
