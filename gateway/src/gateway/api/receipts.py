"""What became of every row of an upload, written out of memory while the upload goes on and read back for the answer."""

import struct
from collections.abc import Iterator, Mapping
from tempfile import SpooledTemporaryFile
from typing import Literal

import msgspec
from starlette.responses import Response, StreamingResponse

from gateway.api.problems import rejected_rows, row_problem
from gateway.api.responses import answer
from gateway.application.push.receipts import packed, unpacked
from gateway.domain.messages import Language
from gateway.domain.push.activity import Outcome, Receipt, Tally
from gateway.domain.push.profiles import ChosenProfile

Results = Literal["all", "rejected", "none"]

_SHOWN_IN_FULL = 1000
"""Up to so many rows the answer lists every row unless `results` says otherwise."""

_IN_MEMORY_BYTES = 1024 * 1024
_LENGTH = struct.Struct(">I")


class ResultSpool:
    """Receipts of the parts of one upload: the first in memory, and all of them in a file as soon as there is a second."""

    def __init__(self) -> None:
        """Holds nothing yet."""
        self._first: Receipt | None = None
        # Closed by `close`: an answer goes on reading after the route has returned.
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        self._parts = 0

    async def add(self, receipt: Receipt) -> None:
        """Keeps what became of one more part."""
        self._parts += 1
        if self._parts == 1:
            self._first = receipt
            return
        if self._first is not None:
            self._write(self._first)
            self._first = None
        self._write(receipt)

    def _write(self, receipt: Receipt) -> None:
        part = packed(receipt)
        self._file.write(_LENGTH.pack(len(part)))
        self._file.write(part)

    def receipts(self) -> Iterator[Receipt]:
        """Yields what was kept, in order."""
        if self._first is not None:
            yield self._first
            return
        self._file.seek(0)
        while length := self._file.read(_LENGTH.size):
            yield unpacked(self._file.read(_LENGTH.unpack(length)[0]))

    def close(self) -> None:
        """Forgets everything."""
        self._file.close()


def receipt_answer(
    park_id: str, chosen: ChosenProfile, tally: Tally, spool: ResultSpool, results: Results | None, spoken: Language
) -> Response:
    """Returns the answer to an upload: counts, and the rows that the caller wants to see. Closes the spool once it is sent.

    Args:
        park_id: Of the park.
        chosen: The mapping profile that it was read with.
        tally: The counts.
        spool: What became of each row.
        results: What the caller wants to see; None for all of a few rows, the rejected of many.
        spoken: The language of the sentences.
    """
    shown: Results = results or ("all" if tally.rows <= _SHOWN_IN_FULL else "rejected")
    counts: dict[str, object] = {
        "park_id": park_id,
        "rows": tally.rows,
        **{outcome.value: getattr(tally, outcome.value) for outcome in Outcome},
        **chosen.members,
        "results_shown": shown,
    }
    headers = {"Content-Language": spoken, "Vary": "Accept-Language"}
    listed = 0 if shown == "none" else tally.rejected if shown == "rejected" else tally.rows
    if listed <= _SHOWN_IN_FULL:
        rows = [row for receipt in spool.receipts() for row in _rows(receipt, shown, spoken)] if listed else []
        spool.close()
        return answer({**counts, "results": rows}, headers=headers)
    # Not an async generator: Starlette runs this one in threads, as files and sentences would hold up the event loop.
    return StreamingResponse(_written(counts, spool, shown, spoken), headers=headers, media_type="application/json")


def _written(counts: Mapping[str, object], spool: ResultSpool, shown: Results, spoken: Language) -> Iterator[bytes]:
    try:
        yield msgspec.json.encode(counts)[:-1] + b',"results":['
        comma = b""
        for receipt in spool.receipts():
            rows = msgspec.json.encode(_rows(receipt, shown, spoken))[1:-1]
            if rows:
                yield comma + rows
                comma = b","
        yield b"]}"
    finally:
        spool.close()


def _rows(receipt: Receipt, shown: Results, spoken: Language) -> list[dict[str, object]]:
    if shown == "rejected":
        return rejected_rows(sorted(receipt.problems.values(), key=lambda entry: entry.row), spoken)
    return [
        {"row": row, "record_id": record_id, "outcome": outcome}
        if outcome is not Outcome.REJECTED or row not in receipt.problems
        else {"row": row, "record_id": record_id, "outcome": outcome, "problem": row_problem(receipt.problems[row], spoken)}
        for row, record_id, outcome in zip(receipt.row_numbers, receipt.record_ids, receipt.outcomes, strict=True)
    ]
