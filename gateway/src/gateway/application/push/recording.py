"""Recording an upload that was stored: read part by part, and continued after an interruption."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from gateway.application.access.authority import Authorities, rights_now
from gateway.application.feed.ports import Platforms
from gateway.application.files import read_file
from gateway.application.ports import AccountingPort, Clock, UnitsOfWork
from gateway.application.push.activity import push_activity
from gateway.application.push.jobs import after_row, append_results, forget_upload, results_of, upload_of
from gateway.application.push.ports import UploadReader
from gateway.application.push.profiles import applied
from gateway.application.push.receipts import packed, unpacked
from gateway.domain.access.authority import Authority
from gateway.domain.callers import Caller
from gateway.domain.push.activity import ReadRows, Receipt, Tally
from gateway.domain.push.media import Media, most_bytes
from gateway.domain.push.profiles import MappingProfile


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was stored, and how it is read.

    Attributes:
        encoding: Of the bytes as they are stored.
        authority: In whose name rows are recorded.
    """

    job_id: str
    park_id: str
    media: Media
    encoding: str
    size_bytes: int
    profile: MappingProfile
    authority: Authority


@dataclass(frozen=True, slots=True)
class RecordingServices:
    """What recording an upload needs.

    Attributes:
        authorities: Says what an upload's maker may; asked anew before each batch.
    """

    accounting: AccountingPort
    units: UnitsOfWork
    reader: UploadReader
    clock: Clock
    platforms: Platforms
    authorities: Authorities


async def record_upload(services: RecordingServices, upload: Upload, progress: Callable[[float], Awaitable[None]]) -> Tally:
    """Records the rows of an upload after the last one whose result is stored, and returns how many ended how.

    They are recorded with the rights that its maker has at each batch, within those that it had when it pushed.

    Args:
        services: What it needs.
        upload: What is recorded.
        progress: Is called with how much is done, 0 to 1.

    Raises:
        AuthorityLapsed, RoleMissing, ScopeMissing, ParkOutOfReach: Its maker may not record any more.
        GatewayError: The upload broke a rule, or accounting is unavailable.
    """
    authority, job_id = upload.authority, upload.job_id
    units, tenant_id = services.units, authority.caller.tenant
    number, tally, last_row = 0, Tally(), 0
    async for part in read_file(units, tenant_id, results_of(job_id)):
        receipt = unpacked(part)
        tally = tally.with_receipt(receipt)
        last_row = max(last_row, *receipt.row_numbers)
        number += 1
    read_bytes = 0

    async def stored() -> AsyncIterator[bytes]:
        nonlocal read_bytes
        async for chunk in read_file(units, tenant_id, upload_of(job_id)):
            read_bytes += len(chunk)
            yield chunk

    async def take(receipt: Receipt) -> None:
        nonlocal number, tally
        await append_results(units, tenant_id, upload.park_id, job_id, number, packed(receipt))
        number += 1
        tally = tally.with_receipt(receipt)
        # The upload is read ahead of what is recorded, so that the end of its bytes is not the end of the job.
        await progress(min(0.99, read_bytes / max(1, upload.size_bytes)))

    async def acting() -> Caller:
        caller = await rights_now(services.authorities, authority)
        caller.must_reach(upload.park_id)
        return caller

    limits = services.reader.limits
    async with aclosing(services.reader.decompressed(stored(), upload.encoding, most_bytes(upload.media, limits))) as chunks:
        parts = _parts(services.reader, chunks, upload, last_row)
        await push_activity(services.accounting, acting, upload.park_id, parts, take, limits=limits)
    if tally.rows > tally.rejected:
        await services.platforms.record_push(authority.caller, authority.auth_method, upload.park_id)
    await forget_upload(units, tenant_id, job_id, services.clock.now())
    return tally


async def _parts(reader: UploadReader, chunks: AsyncIterator[bytes], upload: Upload, last_row: int) -> AsyncGenerator[ReadRows]:
    async with (
        aclosing(reader.parts(chunks, upload.media, upload.profile.layout)) as reading,
        aclosing(after_row(reading, last_row)) as new,
        aclosing(applied(new, upload.profile)) as parts,
    ):
        async for part in parts:
            yield part
