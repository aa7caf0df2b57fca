"""The log of a push, so that the next one goes on behind the last piece that was answered.

A file of lines: the first says which push it is, each further one what became of a piece. Lines are only added, so that whatever
kills the program costs the last of them at most; the piece is then sent again and its rows are duplicates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from parkcarbon_client.core.answers import RowResult
from parkcarbon_client.core.decoding import decode
from parkcarbon_client.core.errors import AnswerNotUnderstood
from parkcarbon_client.core.receipts import COUNTS, Receipt

_VERSION = 1


class PushLog:
    """The pieces of one push that were answered.

    Attributes:
        done: How many.
        receipt: What became of their rows.
    """

    def __init__(self, path: Path | None, push: Mapping[str, Any], park_id: str) -> None:
        """Reads what a push of the same file to the same place left behind; what another push left is written over.

        Args:
            path: Where it is; None remembers nothing.
            push: What tells this push from others; see `push_of`.
            park_id: Where the rows go.

        Raises:
            OSError: The file cannot be read.
        """
        self._path = path
        self.done = 0
        self.receipt = Receipt(park_id)
        first = _line({"version": _VERSION, **push})
        # Written with the first piece that is answered: a push that never begins leaves nothing behind.
        self._before = [first, *self._answered(path, first)] if path is not None else []

    def _answered(self, path: Path, first: bytes) -> list[bytes]:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        if not lines or lines[0] != first:
            return []
        kept = []
        for line in lines[1:]:
            receipt = _receipt(line, self.done + 1, self.receipt.park_id)
            if receipt is None:
                break
            kept.append(line)
            self.done += 1
            self.receipt = self.receipt.plus(receipt)
        return kept

    def note(self, receipt: Receipt) -> None:
        """Adds what became of the next piece.

        Raises:
            OSError: The file cannot be written.
        """
        self.done += 1
        self.receipt = self.receipt.plus(receipt)
        if self._path is not None:
            counts = {name: getattr(receipt, name) for name in COUNTS}
            line = _line({"piece": self.done, **counts, "rejected_rows": [asdict(row) for row in receipt.rejected_rows]})
            with self._path.open("wb" if self._before else "ab") as file:
                file.write(b"".join((*self._before, line)))
            self._before = []

    def end(self) -> None:
        """Forgets the push: every piece was answered."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def push_of(path: Path, base_url: str, park_id: str, profile: str, piece_rows: int) -> dict[str, Any]:
    """Returns what tells one push from another: where to, what, and how it is cut."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"url": base_url, "park_id": park_id, "profile": profile, "piece_rows": piece_rows, "sha256": digest}


def _line(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, ensure_ascii=False).encode() + b"\n"


def _receipt(line: bytes, number: int, park_id: str) -> Receipt | None:
    """Returns what a line says of a piece, None where it was cut off or is not the next."""
    try:
        members = json.loads(line)
        if not line.endswith(b"\n") or members["piece"] != number:
            return None
        rows = [decode(RowResult, row) for row in members["rejected_rows"]]
        return Receipt(park_id, **{name: int(members[name]) for name in COUNTS}, rejected_rows=tuple(rows))
    except (ValueError, KeyError, TypeError, AnswerNotUnderstood):
        return None
