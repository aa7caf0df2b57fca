"""Recording an upload that was stored: read part by part, and continued after an interruption."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from gateway.application.access.authority import Authorities, rights_now
from gateway.application.feed.ports import Platforms
from gateway.application.files import read_file
from gateway.application.ports import AccountingPort, Clock, UnitsOfWork
from gateway.application.push.activity import push_activity
from gateway.application.push.jobs import after_row, append_results, results_of, upload_of
from gateway.application.push.ports import UploadReader
from gateway.application.push.profiles import applied
from gateway.application.push.receipts import packed, unpacked
from gateway.domain.access.authority import Authority
from gateway.domain.callers import Caller
from gateway.domain.push.activity import Outcome, ReadRows, Receipt, Tally
from gateway.domain.push.media import Media, most_bytes
from gateway.domain.push.profiles import ChosenProfile, MappingProfile


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was stored, and how it is read.

    Attributes:
        attempt: Of the job: what another attempt has taken over, this one writes no more of.
        encoding: Of the bytes as they are stored.
        authority: In whose name rows are recorded.
    """

    job_id: str
    attempt: int
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


async def record_upload(
    services: RecordingServices, upload: Upload, chosen: ChosenProfile, progress: Callable[[float], Awaitable[None]]
) -> Mapping[str, int | str]:
    """Records the rows of an upload after the last one whose result is stored, and returns the result of the job.

    The end of the job is saved in the transaction that forgets the upload: whoever finds the job unfinished finds its upload.

    They are recorded with the rights that its maker has at each batch, within those that it had when it pushed.

    Args:
        services: What it needs.
        upload: What is recorded.
        chosen: The profile that it is read with, as its sender named it.
        progress: Is called with how much is done, 0 to 1.

    Raises:
        AuthorityLapsed, RoleMissing, ScopeMissing, ParkOutOfReach: Its maker may not record any more.
        GatewayError: The upload broke a rule, or accounting is unavailable.
        JobLost: Another attempt has taken the job over; as the port of jobs raises it.
    """
    authority, job_id = upload.authority, upload.job_id
    units, tenant_id = services.units, authority.caller.tenant
    number, before, last_row = 0, Tally(), 0
    async for part in read_file(units, tenant_id, results_of(job_id)):
        receipt = unpacked(part)
        before = before.with_receipt(receipt)
        last_row = max(last_row, *receipt.row_numbers)
        number += 1
    read_bytes = 0

    async def stored() -> AsyncIterator[bytes]:
        nonlocal read_bytes
        async for chunk in read_file(units, tenant_id, upload_of(job_id)):
            read_bytes += len(chunk)
            yield chunk

    async def take(receipt: Receipt) -> None:
        nonlocal number
        await append_results(units, tenant_id, upload.park_id, job_id, upload.attempt, number, packed(receipt))
        number += 1
        # The upload is read ahead of what is recorded, so that the end of its bytes is not the end of the job.
        await progress(min(0.99, read_bytes / max(1, upload.size_bytes)))

    async def acting() -> Caller:
        caller = await rights_now(services.authorities, authority)
        caller.must_reach(upload.park_id)
        return caller

    tally, limits = before, services.reader.limits
    # Gone with results, it was forgotten by 0.1.0, which did so after the last row and before the end was saved.
    if number == 0 or await _is_there(units, tenant_id, upload_of(job_id)):
        async with aclosing(services.reader.decompressed(stored(), upload.encoding, most_bytes(upload.media, limits))) as chunks:
            parts = _parts(services.reader, chunks, upload, last_row)
            tally = await push_activity(services.accounting, acting, upload.park_id, parts, take, limits=limits, before=before)
    if tally.rows > tally.rejected:
        await services.platforms.record_push(authority.caller, authority.auth_method, upload.park_id)
    counts = {outcome.value: tally.count(outcome) for outcome in Outcome}
    result: dict[str, int | str] = {
        "park_id": upload.park_id,
        "rows": tally.rows,
        **counts,
        **chosen.members,
        "results": f"/v1/jobs/{job_id}/results",
    }
    async with units(tenant_id) as unit:
        await unit.jobs.succeed(job_id, upload.attempt, result)
        await unit.files.delete(tenant_id, upload_of(job_id))
        await unit.commit()
    return result


async def _is_there(units: UnitsOfWork, tenant_id: str, file_id: str) -> bool:
    async with units.read(tenant_id) as unit:
        return await unit.files.find(tenant_id, file_id) is not None


async def _parts(reader: UploadReader, chunks: AsyncIterator[bytes], upload: Upload, last_row: int) -> AsyncGenerator[ReadRows]:
    async with (
        aclosing(reader.parts(chunks, upload.media, upload.profile.layout)) as reading,
        aclosing(after_row(reading, last_row)) as new,
        aclosing(applied(new, upload.profile)) as parts,
    ):
        async for part in parts:
            yield part
