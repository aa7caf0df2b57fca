"""The intent log: what is about to be sent is on disk before it is sent, and every answer after it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Entry = dict[str, Any]
"""`kind` is one of:

- `profile`: version `version` of the mapping profile `profile_id` was saved with `body`;
- `batch`: `park_id`, `lane`, `number`, how it is sent (`form`), its `rows` as they are sent and the kinds they were made as;
- `unanswered`: one attempt of the batch `park_id`, `lane`, `number` got no answer, `why`;
- `answer`: one attempt was answered: `outcomes`, a pair of outcome and reason per row;
- `job`: one attempt was answered with 202 and the job `job_id`;
- `job_ended`: `job_id` of a batch ended: `state`, `result`, `error`, and `results`, one per row;
- `job_open`: `job_id` of a batch did not end in all the time that was given to it; `why`;
- `refused`: one attempt was refused as a whole, with `status` and `body`, which no repetition mends;
- `poison`: an event of no good, with its `marker`, is about to be published.
"""


class IntentLog:
    """Entries in one file, a JSON document per line, each on disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or creates it."""
        self.path = path
        self._file = path.open("ab")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def write(self, kind: str, **entry: Any) -> None:
        """Appends an entry."""
        self._file.write(json.dumps({"kind": kind, **entry}, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fdatasync(self._file.fileno())


def read(path: Path) -> Iterator[Entry]:
    """Yields the entries of a log in order."""
    with path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)
