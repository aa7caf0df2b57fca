"""The job behind a push: reads the upload that was kept, records it part by part, keeps the results."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import msgspec

from chassis.jobs import JobContext, Json
from gateway.api.activity import Readers, most_bytes
from gateway.api.bodies import Media
from gateway.api.results import packed, unpacked
from gateway.api.uploads import unpacked as gunzipped
from gateway.application.feed.ports import Platforms
from gateway.application.ports import AccountingPort
from gateway.application.push.activity import push_activity
from gateway.application.push.jobs import after_row, append_results, forget_upload, results_of, upload_of
from gateway.application.push.profiles import applied
from gateway.application.stores import Clock, Stores, read_file
from gateway.domain.callers import Caller
from gateway.domain.push.activity import Outcome, ReadRows, Receipt, Tally
from gateway.domain.push.profiles import MappingProfile


class PushAsked(msgspec.Struct):
    """The arguments of the job.

    Attributes:
        encoding: Of the upload as it is kept.
        caller: For whom rows are recorded: as it stood when it pushed.
        way: How the door was told who pushed.
    """

    media: Media
    encoding: str
    profile: MappingProfile
    caller: Caller
    park_id: str = ""
    upload_bytes: int = 0
    way: str = ""


class UploadJobs:
    """Works off pushes. A job that was interrupted goes on behind the last row whose result was kept."""

    def __init__(self, accounting: AccountingPort, stores: Stores, readers: Readers, clock: Clock, platforms: Platforms) -> None:
        """Works with these."""
        self._platforms = platforms
        self._accounting = accounting
        self._stores = stores
        self._readers = readers
        self._clock = clock

    async def __call__(self, context: JobContext) -> Mapping[str, Json]:
        """Records an upload and returns the counts.

        Raises:
            GatewayError: The upload broke a rule, or accounting is away; the runner tries again in the second case.
        """
        job = context.job
        asked = msgspec.convert(job.arguments, PushAsked)
        stores, tenant_id = self._stores, job.tenant_id
        number, tally, last_row = 0, Tally(), 0
        async for part in read_file(stores, tenant_id, results_of(job.job_id)):
            receipt = unpacked(part)
            tally = tally.with_receipt(receipt)
            last_row = max(last_row, *receipt.row_numbers)
            number += 1
        taken_bytes = 0

        async def upload() -> AsyncIterator[bytes]:
            nonlocal taken_bytes
            async for chunk in read_file(stores, tenant_id, upload_of(job.job_id)):
                taken_bytes += len(chunk)
                yield chunk

        async def take(receipt: Receipt) -> None:
            nonlocal number, tally
            await append_results(stores, tenant_id, job.park_id, job.job_id, number, packed(receipt))
            number += 1
            tally = tally.with_receipt(receipt)
            # The upload is read ahead of what is recorded, so that the end of its bytes is not the end of the job.
            await context.progress(min(0.99, taken_bytes / max(1, asked.upload_bytes)))

        limit_bytes = most_bytes(asked.media, self._readers.limits)
        async with aclosing(_plain(upload(), asked.encoding, limit_bytes)) as chunks:
            parts = self._parts(chunks, asked, last_row)
            await push_activity(self._accounting, asked.caller, job.park_id, parts, take, limits=self._readers.limits)
        if tally.rows > tally.rejected:
            await self._platforms.pushed(asked.caller, asked.way, job.park_id)
        await forget_upload(stores, tenant_id, job.job_id, self._clock.now())
        counts: dict[str, Json] = {outcome.value: getattr(tally, outcome.value) for outcome in Outcome}
        return {"park_id": job.park_id, "rows": tally.rows, **counts, "results": f"/v1/jobs/{job.job_id}/results"}

    async def _parts(self, chunks: AsyncIterator[bytes], asked: PushAsked, last_row: int) -> AsyncGenerator[ReadRows]:
        async with (
            aclosing(self._readers.parts(chunks, asked.media, asked.profile.layout)) as reading,
            aclosing(after_row(reading, last_row)) as new,
            aclosing(applied(new, asked.profile)) as parts,
        ):
            async for part in parts:
                yield part


async def _plain(chunks: AsyncIterator[bytes], encoding: str, limit_bytes: int) -> AsyncGenerator[bytes]:
    async for chunk in gunzipped(chunks, limit_bytes) if encoding == "gzip" else chunks:
        yield chunk
