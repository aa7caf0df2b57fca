"""Sending a file of activity data with the asynchronous client: in pieces, or whole as a job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice
from os import PathLike
from pathlib import Path

from parkcarbon_client.aio.sender import AsyncSender
from parkcarbon_client.core.errors import ClientError, PushInterrupted
from parkcarbon_client.core.files import PIECE_ROWS, RefusedLine, pieces
from parkcarbon_client.core.receipts import PushProgress, Receipt
from parkcarbon_client.core.resuming import PushLog, push_of
from parkcarbon_client.core.retrying import LONGEST_POLL_SECONDS
from parkcarbon_client.core.whole_files import WholeFile, receipt_of, whole_file
from parkcarbon_client.services import activity_calls, platform_calls


class AsyncPushMethods(AsyncSender):
    """Files of activity data."""

    async def push_file(
        self,
        park_id: str,
        path: str | PathLike[str],
        *,
        progress: Callable[[PushProgress], None] | None = None,
        piece_rows: int = PIECE_ROWS,
        profile: str = "",
        log: str | PathLike[str] | None = None,
    ) -> Receipt:
        """Sends a file and returns what became of its rows. Sending it again changes nothing.

        CSV, NDJSON and JSON go in pieces. With a log, a push that was interrupted or killed goes on behind the last piece that was
        answered, and its receipt is that of the whole file; without one all pieces are sent again, which counts nothing twice. A
        workbook or Parquet file goes whole, and a job of the platform records it: the same file sent again within a day, after a
        crash too, waits for the same job.

        Args:
            park_id: The park.
            path: The file, named *.csv, *.ndjson, *.jsonl or *.json, in UTF-8 (with or without a mark) or GB 18030; or *.xlsx or
                *.parquet.
            progress: Called after each piece.
            piece_rows: Rows in one request, 1 to 100,000.
            profile: The mapping profile that the file is read with; "" for the platform's own headings.
            log: A file for the state of the push until it has ended; not used where a file goes whole.

        Raises:
            FileNotReadable: The file is none of these; nothing was sent.
            PushInterrupted: It ended before the last row; it says which rows were answered.
            JobFailed: The platform refused a whole file; it says why.
        """
        file = Path(path)
        whole = await asyncio.to_thread(whole_file, park_id, file, profile)
        if whole is not None:
            return await self._push_whole(whole, progress)
        status = await asyncio.to_thread(file.stat)
        push = await asyncio.to_thread(push_of, file, self.base_url, park_id, profile, piece_rows) if log is not None else {}
        push_log = await asyncio.to_thread(PushLog, Path(log) if log is not None else None, push, park_id)
        remaining = islice(pieces(file, self._language, piece_rows=piece_rows), push_log.done, None)
        while (piece := await asyncio.to_thread(next, remaining, None)) is not None:
            if isinstance(piece, RefusedLine):
                push_log.note(Receipt(park_id).with_refused(piece.result))
            else:
                try:
                    outcome = await self.send(
                        activity_calls.send_activity(park_id, piece.body, piece.media_type, results="rejected", profile=profile)
                    )
                except ClientError as error:
                    raise PushInterrupted(push_log.receipt, error) from error
                push_log.note(Receipt(park_id).with_outcome(outcome, piece.row_offset))
            if progress is not None:
                progress(PushProgress(piece.bytes_done, status.st_size, push_log.receipt))
        push_log.end()
        return push_log.receipt

    async def _push_whole(self, whole: WholeFile, progress: Callable[[PushProgress], None] | None) -> Receipt:
        submitted = await self.send(whole.submission())
        job = await self.send(platform_calls.get_job(submitted.job_id))
        if job.state == "failed":
            # It may be the job of an earlier push that failed for a reason which is over.
            job = await self.send(whole.submission(idempotent=False))
        wait = 0.05
        while not job.ended:
            if progress is not None:
                progress(whole.progress(job))
            await self._sleep(wait)
            wait = min(wait * 1.5, LONGEST_POLL_SECONDS)
            job = await self.send(platform_calls.get_job(job.job_id))
        receipt = receipt_of(job, whole.park_id, ())
        if receipt.rejected:
            receipt = receipt_of(job, whole.park_id, await self.send(platform_calls.get_job_results(job.job_id, "rejected")))
        if progress is not None:
            progress(PushProgress(len(whole.content), len(whole.content), receipt))
        return receipt
