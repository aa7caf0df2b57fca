"""Files in chunks in the gateway's database."""

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.jobs import JobState
from gateway.adapters.sql.push_tables import PushTables
from gateway.adapters.sql.upsert import upsert
from gateway.domain.files import DOCUMENT, RESULTS, UPLOAD, StoredFile

_ENDED = [JobState.SUCCEEDED.value, JobState.FAILED.value, JobState.CANCELLED.value]


class SqlFiles:
    """Files within one transaction. In the database, because that is what replicas share and what is backed up."""

    def __init__(self, session: AsyncSession, tables: PushTables, now: datetime) -> None:
        self._session = session
        self._files = tables.stored_file
        self._chunks = tables.stored_chunk
        self._job = tables.job
        self._now = now

    async def append(self, tenant_id: str, park_id: str, file_id: str, number: int, content: bytes) -> None:
        """Adds a chunk; the file begins with its chunk 0. A chunk that is there already stays as it is."""
        files, chunks = self._files, self._chunks
        added = upsert(self._session, chunks).values(
            tenant_id=tenant_id, park_id=park_id, file_id=file_id, number=number, content=content
        )
        if (await self._session.execute(added.on_conflict_do_nothing().returning(chunks.c.number))).first() is None:
            return
        counted = upsert(self._session, files).values(
            tenant_id=tenant_id, park_id=park_id, file_id=file_id, size_bytes=len(content), chunks=1, begun_time=self._now
        )
        await self._session.execute(
            counted.on_conflict_do_update(
                index_elements=["tenant_id", "file_id"],
                set_={"size_bytes": files.c.size_bytes + len(content), "chunks": files.c.chunks + 1},
            )
        )

    async def find(self, tenant_id: str, file_id: str) -> StoredFile | None:
        """Returns a file, None where there is none."""
        files = self._files
        query = select(files.c.size_bytes, files.c.chunks).where(files.c.tenant_id == tenant_id, files.c.file_id == file_id)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else StoredFile(file_id, row.size_bytes, row.chunks)

    async def chunk(self, tenant_id: str, file_id: str, number: int) -> bytes | None:
        """Returns a chunk, None behind the last."""
        chunks = self._chunks
        query = select(chunks.c.content).where(
            chunks.c.tenant_id == tenant_id, chunks.c.file_id == file_id, chunks.c.number == number
        )
        found = (await self._session.execute(query)).scalar_one_or_none()
        return None if found is None else bytes(found)

    async def delete(self, tenant_id: str, file_id: str) -> None:
        """Forgets a file."""
        for table in (self._chunks, self._files):
            await self._session.execute(delete(table).where(table.c.tenant_id == tenant_id, table.c.file_id == file_id))

    async def rename(self, tenant_id: str, file_id: str, new_id: str) -> None:
        """Gives a file its lasting name; where there is one of that name already, that one stays and this one goes."""
        if await self.find(tenant_id, new_id) is not None:
            await self.delete(tenant_id, file_id)
            return
        for table in (self._chunks, self._files):
            ours = update(table).where(table.c.tenant_id == tenant_id, table.c.file_id == file_id)
            await self._session.execute(ours.values(file_id=new_id))

    async def sweep(self, *, results_before: datetime, uploads_before: datetime) -> int:
        """Forgets the files of pushes that nobody needs any more, and returns how many; no document, and none of an open job.

        Args:
            results_before: Results and answers that began before this moment.
            uploads_before: Uploads that began before this moment and have no job; those of ended jobs go at any age.
        """
        files, job = self._files, self._job
        upload = files.c.file_id.endswith(UPLOAD, autoescape=True)
        stem = func.replace(func.replace(files.c.file_id, UPLOAD, ""), RESULTS, "")
        its_job = select(job.c.state).where(job.c.tenant_id == files.c.tenant_id, job.c.job_id == stem).scalar_subquery()
        ended = its_job.in_(_ENDED)
        over = (upload & (ended | (its_job.is_(None) & (files.c.begun_time < uploads_before)))) | (
            ~upload & (ended | its_job.is_(None)) & (files.c.begun_time < results_before)
        )
        unneeded = select(files.c.tenant_id, files.c.file_id).where(over, ~files.c.file_id.startswith(DOCUMENT, autoescape=True))
        found = (await self._session.execute(unneeded)).all()
        for tenant_id, file_id in found:
            await self.delete(tenant_id, file_id)
        return len(found)
