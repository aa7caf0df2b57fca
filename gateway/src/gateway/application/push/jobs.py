"""Jobs that record an upload: submitted, looked up, and their results."""

from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from gateway.application.files import read_file
from gateway.application.ports import AccountingPort, Clock, UnitsOfWork
from gateway.application.push.services import PushServices
from gateway.application.services import must_see_park, region_of
from gateway.domain.callers import Action, Caller
from gateway.domain.files import CHUNK_BYTES, RESULTS, UPLOAD
from gateway.domain.push.activity import FIELDS, ActivityRows, ReadRows
from gateway.domain.push.jobs import RESULTS_LIFETIME, UPLOAD_LIFETIME, Job, JobUnknown, NewJob, OwnJob, ResultsUnknown

PUSH = "push_activity"
"""The kind of these jobs."""


def results_of(job_id: str) -> str:
    """Returns the name of the file that holds the results of a job."""
    return job_id + RESULTS


def upload_of(job_id: str) -> str:
    """Returns the name of the file that holds the upload of a job."""
    return job_id + UPLOAD


async def submit_push(
    services: PushServices,
    accounting: AccountingPort,
    caller: Caller,
    park_id: str,
    chunks: AsyncIterator[bytes],
    arguments: Mapping[str, object],
) -> Job:
    """Keeps an upload and submits the job that records it.

    Args:
        services: Where it is kept.
        accounting: Is asked whether the caller's tenant has the park, so that nothing is uploaded for nothing.
        caller: Who pushes.
        park_id: Into which park.
        chunks: The upload as it arrives.
        arguments: How it is to be read, and for whom; its name and size are added.

    Raises:
        RoleMissing: The caller may not record.
        ServiceRefused: There is no such park.
        GatewayError: The upload did not arrive as it should; nothing of it is kept.
    """
    caller.must(Action.RECORD)
    await must_see_park(accounting, caller, park_id)
    job_id = services.new_id()
    file_id = upload_of(job_id)
    size = number = 0
    held = bytearray()
    try:
        async for chunk in chunks:
            held += chunk
            size += len(chunk)
            while len(held) >= CHUNK_BYTES:
                await _append(services.units, caller.tenant, park_id, file_id, number, bytes(held[:CHUNK_BYTES]))
                del held[:CHUNK_BYTES]
                number += 1
        await _append(services.units, caller.tenant, park_id, file_id, number, bytes(held))
    except BaseException:
        async with services.units(caller.tenant) as unit:
            await unit.files.delete(caller.tenant, file_id)
            await unit.commit()
        raise
    # A commit that was interrupted may have been kept, and its job needs the upload: without a job it is swept later.
    new = NewJob(job_id, PUSH, caller.tenant, park_id, caller.subject, {**arguments, "park_id": park_id, "upload_bytes": size})
    async with services.units(caller.tenant) as unit:
        found = await unit.jobs.submit(new)
        await unit.commit()
    services.wake()
    return found.job


async def append_results(
    units: UnitsOfWork, tenant_id: str, park_id: str, job_id: str, attempt: int, number: int, content: bytes
) -> None:
    """Keeps the results of one more part of a push, unless another attempt has taken the job over meanwhile.

    Raises:
        JobLost: It has; as the port of jobs raises it.
    """
    async with units(tenant_id) as unit:
        await unit.jobs.hold(job_id, attempt)
        await unit.files.append(tenant_id, park_id, results_of(job_id), number, content)
        await unit.commit()


async def _append(units: UnitsOfWork, tenant_id: str, park_id: str, file_id: str, number: int, content: bytes) -> None:
    async with units(tenant_id) as unit:
        await unit.files.append(tenant_id, park_id, file_id, number, content)
        await unit.commit()


async def sweep_files(units: UnitsOfWork, clock: Clock) -> int:
    """Forgets the files of pushes that nobody needs any more, and returns how many: never one of a job that has not ended.

    Safe to repeat, and from several replicas at once.
    """
    now = clock.now()
    async with units(work="pushes") as unit:
        swept = await unit.files.sweep(results_before=now - RESULTS_LIFETIME, uploads_before=now - UPLOAD_LIFETIME)
        await unit.commit()
    return swept


async def after_row(parts: AsyncIterator[ReadRows], last_row: int) -> AsyncGenerator[ReadRows]:
    """Yields what of the parts comes after a row: where a job that was interrupted goes on."""
    async for part in parts:
        start = bisect_right(part.rows.row_numbers, last_row)
        rejected = [problem for problem in part.rejected if problem.row > last_row]
        if start == 0 and len(rejected) == len(part.rejected):
            yield part
        elif start < len(part.rows) or rejected:
            columns = {name: getattr(part.rows, name)[start:] for name in FIELDS}
            yield ReadRows(ActivityRows(part.rows.row_numbers[start:], **columns), rejected)


async def own_job(units: UnitsOfWork, accounting: AccountingPort, caller: Caller, job_id: str) -> OwnJob | None:
    """Returns a job of the gateway itself, None where it is none.

    Raises:
        JobUnknown: It is not for the caller's eyes.
    """
    async with units.read(caller.tenant) as unit:
        found = await unit.jobs.find(caller.tenant, job_id)
    if found is None:
        return None
    bound_to_regions = caller.bounds.regions is not None and caller.subject != found.owner
    found.must_be_seen_by(caller, await region_of(accounting, caller.tenant, found.park_id) if bound_to_regions else "")
    return found


async def get_job(units: UnitsOfWork, accounting: AccountingPort, caller: Caller, job_id: str) -> Job:
    """Returns how far a job is, the gateway's own or accounting's.

    Raises:
        JobUnknown: It is not for the caller's eyes.
        ServiceRefused: There is no such job.
    """
    caller.must(Action.READ_OWN)
    own = await own_job(units, accounting, caller, job_id)
    if own is not None:
        return own.job
    return await accounting.get_job(caller, job_id)


async def results(units: UnitsOfWork, accounting: AccountingPort, caller: Caller, job_id: str) -> AsyncIterator[bytes]:
    """Returns the results of a push so far, part by part.

    Raises:
        JobUnknown: There is no such job of the gateway.
        ResultsUnknown: It has no results, or not any more.
    """
    caller.must(Action.READ_OWN)
    own = await own_job(units, accounting, caller, job_id)
    if own is None:
        raise JobUnknown(job_id)
    async with units.read(caller.tenant) as unit:
        if await unit.files.find(caller.tenant, results_of(job_id)) is None:
            raise ResultsUnknown(job_id)
    return read_file(units, caller.tenant, results_of(job_id))


async def rebuild_sums(accounting: AccountingPort, caller: Caller, park_id: str) -> Job:
    """Starts the job that computes a park's sums anew from its records."""
    caller.must(Action.REBUILD)
    return await accounting.rebuild_sums(caller, park_id)
