"""What pushes need from outside."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.files import StoredFile
from gateway.domain.limits import Limits
from gateway.domain.push.activity import Layout, ReadRows
from gateway.domain.push.jobs import NewJob, OwnJob
from gateway.domain.push.media import Media
from gateway.domain.push.profiles import MappingProfile, SavedProfile


class Files(Protocol):
    """Files in chunks, within a transaction."""

    async def append(self, tenant_id: str, park_id: str, file_id: str, number: int, content: bytes) -> None:
        """Adds a chunk; the file begins with its chunk 0. A chunk that is there already stays as it is."""
        ...

    async def find(self, tenant_id: str, file_id: str) -> StoredFile | None:
        """Returns a file, None where there is none."""
        ...

    async def chunk(self, tenant_id: str, file_id: str, number: int) -> bytes | None:
        """Returns a chunk, None behind the last."""
        ...

    async def delete(self, tenant_id: str, file_id: str) -> None:
        """Forgets a file."""
        ...

    async def rename(self, tenant_id: str, file_id: str, new_id: str) -> None:
        """Gives a file its lasting name; where there is one of that name already, that one stays and this one goes."""
        ...

    async def sweep(self, *, results_before: datetime, uploads_before: datetime) -> int:
        """Forgets the files of pushes that nobody needs any more, and returns how many; no document, and none of an open job.

        Args:
            results_before: Results and answers that began before this moment.
            uploads_before: Uploads that began before this moment and have no job; those of ended jobs go at any age.
        """
        ...


class Jobs(Protocol):
    """The gateway's own jobs, within a transaction."""

    async def submit(self, job: NewJob) -> OwnJob:
        """Stores a job; it is worked off once that is committed."""
        ...

    async def find(self, tenant_id: str, job_id: str) -> OwnJob | None:
        """Returns a job of the tenant, None where there is none."""
        ...

    async def hold(self, job_id: str, attempt: int) -> None:
        """Keeps every other worker from taking the job until the transaction ends.

        Raises:
            JobLost: Another attempt has it, or it has ended; nothing may be stored for it.
        """
        ...

    async def succeed(self, job_id: str, attempt: int, result: Mapping[str, int | str]) -> None:
        """Saves that the job has succeeded, with whatever else the transaction does.

        Raises:
            JobLost: As `hold`.
        """
        ...


class Profiles(Protocol):
    """Mapping profiles, within a transaction."""

    async def newest(self, tenant_id: str, profile_id: str) -> SavedProfile | None:
        """Returns the newest version; locks the profile until the transaction ends where it may write."""
        ...

    async def version(self, tenant_id: str, profile_id: str, version: int) -> SavedProfile | None:
        """Returns one version."""
        ...

    async def add(
        self, tenant_id: str, profile_id: str, version: int, profile: MappingProfile, saved_by: str, owner: str
    ) -> SavedProfile:
        """Saves a version."""
        ...

    async def list(self, tenant_id: str, owners: Collection[str] | None, *, after: str, limit: int) -> Sequence[SavedProfile]:
        """Returns the newest version of each profile of some owners, None for all, with an id above `after`, in order of id."""
        ...


class UploadReader(Protocol):
    """Reads the rows of an upload, whatever its format."""

    @property
    def limits(self) -> Limits:
        """How much one upload may carry."""
        ...

    def parts(self, chunks: AsyncIterator[bytes], media: Media, layout: Layout) -> AsyncGenerator[ReadRows]:
        """Yields the rows of an upload in parts.

        Args:
            chunks: The upload.
            media: How it is written.
            layout: The names that the columns have.
        """
        ...

    def decompressed(self, chunks: AsyncIterator[bytes], encoding: str, limit_bytes: int) -> AsyncGenerator[bytes]:
        """Yields an upload without its content encoding.

        Args:
            chunks: The upload as it was sent.
            encoding: gzip or identity.
            limit_bytes: The most that it may decompress to, inclusive.

        Raises:
            TooLarge: It is longer.
            MalformedBody: It is not gzip, or ends too early.
        """
        ...
