"""Keeping the account: making room, publishing factors, rebuilding what is derived."""

from accounting.application.evidence import verify_records, verify_since
from accounting.application.ports import Ports
from accounting.application.register import park_of
from accounting.domain.callers import REBUILD, whole_park
from accounting.domain.facts import FactorPublished
from accounting.domain.stored import RebuiltSums
from kernel.access import Caller, require
from kernel.refusals import ParkNotFound

KEPT_BY_YEAR_FROM = 2015
"""Records of earlier years are few, and kept together."""


async def open_years(ports: Ports) -> int:
    """Makes room for records to come: for each year until the next one, which begins before the service is started again.

    Returns:
        How many years are new.
    """
    async with ports.write_as_platform("partitions") as uow:
        opened = await uow.activity.open_years(KEPT_BY_YEAR_FROM, ports.clock.now().year + 1)
        await uow.commit()
    return opened


async def publish_factors(ports: Ports) -> int:
    """Keeps every factor row that is shipped and not yet known, and tells that it was published.

    Rows are never changed: another value, period or source is another row, so that an old figure finds what it was made from.

    Returns:
        How many rows are new.
    """
    async with ports.write_as_platform("factors") as uow:
        new = await uow.factors.keep(ports.book.all_factors())
        for factor in new:
            uow.collect(FactorPublished(factor, ports.book.sets_using(factor.table_id)))
        await uow.commit()
    return len(new)


async def request_rebuild(ports: Ports, caller: Caller, park_id: str) -> str:
    """Queues a rebuild of a park's sums.

    Returns:
        The id of the job.

    Raises:
        Denied, ParkNotFound: the caller may not.
    """
    require(caller, REBUILD)
    async with ports.write(caller.tenant) as uow:
        park = await park_of(uow.parks, caller, park_id)
        whole_park(caller, park_id)
        job_id = await uow.jobs.submit_rebuild(park, caller.subject)
        await uow.commit()
    return job_id


async def rebuild_sums(ports: Ports, tenant_id: str, park_id: str, *, job_id: str, attempt: int) -> RebuiltSums:
    """Computes keys and sums of a park anew from its records, while nothing else writes to it.

    The end of the job is saved with the sums: another attempt would find them corrected, and say that none had been wrong.

    Returns:
        How many records were read, how many sums written, and how many of them had been wrong or missing.

    Raises:
        EvidenceBroken: the stored records are not those that were accepted: no sum is made of them.
        JobLost: Another attempt has taken the job over; as the port of jobs raises it.
    """
    async with ports.read(tenant_id) as account:
        park = await account.parks.get(park_id)
    if park is None:
        raise ParkNotFound(park_id)
    verified = await verify_records(ports, park)
    async with ports.write(tenant_id) as uow:
        head = await uow.parks.lock(park_id)
        await verify_since(uow.activity, park, verified, head)
        result = await uow.activity.rebuild(park_id)
        await uow.jobs.succeed(job_id, attempt, result)
        await uow.commit()
    return result
