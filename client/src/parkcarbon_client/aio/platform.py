"""The methods of the asynchronous client for the platform itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from parkcarbon_client.aio.sender import AsyncSender
from parkcarbon_client.core.answers import (
    Job,
    Registered,
    RowResult,
)
from parkcarbon_client.core.call import Call
from parkcarbon_client.core.errors import JobNotFinished, ProblemError, ServerUnreachable
from parkcarbon_client.core.retrying import LONGEST_POLL_SECONDS
from parkcarbon_client.services import platform_calls as calls
from parkcarbon_client.services.platform_answers import (
    AuditEntry,
    AuditPage,
    Caller,
    Change,
    ChangePage,
    Document,
    DocumentStatistics,
    Key,
    Login,
    NewKeyMade,
    SavedProfile,
    Webhook,
    Who,
)
from parkcarbon_client.services.platform_entries import (
    MappingProfile,
    NewCaller,
    NewDocument,
    NewKey,
)


class AsyncPlatformMethods(AsyncSender):
    """Health, jobs, changes, callers, keys, the audit log, webhooks, documents, mapping profiles."""

    async def is_up(self) -> bool:
        """Returns whether the platform's process answers; sends one request."""
        return await self._succeeds(calls.healthy())

    async def is_ready(self) -> bool:
        """Returns whether the platform can do its work; sends one request."""
        return await self._succeeds(calls.ready())

    async def openapi(self) -> Mapping[str, Any]:
        """Returns the OpenAPI description of the API."""
        return await self.send(calls.openapi())

    async def get_job(self, job_id: str) -> Job:
        """Returns a job."""
        return await self.send(calls.get_job(job_id))

    async def wait_for_job(self, job_id: str, *, timeout_seconds: float = 600.0) -> Job:
        """Waits until a job has ended, and returns it; its state says whether it succeeded.

        Args:
            job_id: The job.
            timeout_seconds: The sum of the waits between requests, s.

        Raises:
            JobNotFinished: The job still ran when the time was over.
        """
        waited, wait = 0.0, 0.05
        while not (job := await self.get_job(job_id)).ended:
            if waited >= timeout_seconds:
                raise JobNotFinished(job, waited)
            await self._sleep(wait)
            waited += wait
            wait = min(wait * 1.5, LONGEST_POLL_SECONDS)
        return job

    async def get_job_results(self, job_id: str, *, outcome: str = "") -> tuple[RowResult, ...]:
        """Returns what became of each row of a push that a job recorded; `outcome` such as rejected gives only those."""
        return await self.send(calls.get_job_results(job_id, outcome))

    async def get_job_results_csv(self, job_id: str, *, outcome: str = "") -> bytes:
        """Returns the same as a CSV for people, with a mark and with cells escaped that look like formulas."""
        return await self.send(calls.get_job_results_csv(job_id, outcome))

    async def get_changes(self, since: str = "", *, limit: int | None = None) -> ChangePage:
        """Returns what happened after a cursor, "" from the beginning, in an order without gaps."""
        return await self.send(calls.get_changes(since, limit))

    async def iterate_change_pages(self, since: str = "", *, limit: int | None = None) -> AsyncIterator[ChangePage]:
        """Yields pages of what happened after a cursor until there is no more; keep each page's `next` once it is applied."""
        more = True
        while more:
            page = await self.get_changes(since, limit=limit)
            yield page
            since, more = page.next, page.more

    async def iterate_changes(self, since: str = "") -> AsyncIterator[Change]:
        """Yields what happened after a cursor, one fact at a time."""
        async for page in self.iterate_change_pages(since):
            for change in page.changes:
                yield change

    async def get_own_caller(self) -> Who:
        """Returns the caller of this client, with its roles, scopes and bounds."""
        return await self.send(calls.get_own_caller())

    async def register_caller(self, caller_id: str, caller: NewCaller) -> Registered[Caller]:
        """Registers a caller, or replaces it."""
        return await self.send(calls.register_caller(caller_id, caller))

    async def get_caller(self, caller_id: str) -> Caller:
        """Returns a caller of the tenant."""
        return await self.send(calls.get_caller(caller_id))

    def iterate_callers(self) -> AsyncIterator[Caller]:
        """Yields the callers of the tenant in order of id."""
        return self._items(calls.list_callers)

    async def invite(self, caller_id: str, login: str) -> Login:
        """Gives a caller a login, an e-mail address, and sends the mail that sets its password."""
        return await self.send(calls.invite(caller_id, login))

    async def create_key(self, key: NewKey) -> NewKeyMade:
        """Makes a key and returns it with its secret, which no later answer has. Is not retried."""
        return await self.send(calls.create_key(key))

    def iterate_keys(self, *, caller_id: str = "") -> AsyncIterator[Key]:
        """Yields the keys that the caller may see, or those of one caller."""
        return self._items(lambda token: calls.list_keys(caller_id, token))

    async def rotate_key(self, key_id: str) -> NewKeyMade:
        """Makes the next key of one, which works for a day more. Is not retried."""
        return await self.send(calls.rotate_key(key_id))

    async def revoke_key(self, key_id: str) -> Key:
        """Revokes a key, within half a minute everywhere."""
        return await self.send(calls.revoke_key(key_id))

    async def get_audit_log(
        self, since: str = "", *, limit: int | None = None, caller_id: str = "", park_id: str = ""
    ) -> AuditPage:
        """Returns audited requests after a cursor, "" from the beginning; of one caller or one park where named."""
        return await self.send(calls.get_audit_log(since, limit, caller_id, park_id))

    async def iterate_audit_entries(self, since: str = "", *, caller_id: str = "", park_id: str = "") -> AsyncIterator[AuditEntry]:
        """Yields audited requests after a cursor until there is no more."""
        more = True
        while more:
            page = await self.get_audit_log(since, caller_id=caller_id, park_id=park_id)
            for entry in page.entries:
                yield entry
            since, more = page.next, page.more

    async def create_webhook(self, url: str, *, types: Sequence[str] = (), since: str = "") -> Webhook:
        """Makes a webhook; its secret is in this answer and in no other. Is not retried.

        Args:
            url: Where changes are sent, https.
            types: Short names of facts, such as EmissionsCalculated; none for all.
            since: A cursor of the change feed after which it begins; "" from the beginning.
        """
        return await self.send(calls.create_webhook(url, tuple(types), since))

    async def list_webhooks(self) -> tuple[Webhook, ...]:
        """Returns the webhooks that the caller made."""
        return await self.send(calls.list_webhooks())

    async def get_webhook(self, webhook_id: str) -> Webhook:
        """Returns a webhook with its latest deliveries."""
        return await self.send(calls.get_webhook(webhook_id))

    async def resume_webhook(self, webhook_id: str) -> Webhook:
        """Sends again at once what a webhook has not delivered."""
        return await self.send(calls.resume_webhook(webhook_id))

    async def delete_webhook(self, webhook_id: str) -> Webhook:
        """Deletes a webhook."""
        return await self.send(calls.delete_webhook(webhook_id))

    async def save_document(self, document_id: str, document: NewDocument) -> Registered[Document]:
        """Saves the description of a document as its next version; the same again changes nothing."""
        return await self.send(calls.save_document(document_id, document))

    async def get_document(self, document_id: str, *, version: int | None = None) -> Document:
        """Returns a document, the newest version when left out; counts as a view."""
        return await self.send(calls.get_document(document_id, version))

    def iterate_documents(self, *, kind: str = "", query: str = "") -> AsyncIterator[Document]:
        """Yields the newest versions, the last issued first; of one kind, or with the words of a query."""
        return self._items(lambda token: calls.list_documents(kind, query, token))

    async def save_document_file(self, document_id: str, content: bytes, media_type: str) -> Document:
        """Saves the file of a document as its next version.

        Args:
            document_id: The document.
            content: At most 32 MiB.
            media_type: Such as application/pdf.
        """
        return await self.send(calls.save_document_file(document_id, content, media_type))

    async def get_document_file(self, document_id: str, *, version: int | None = None) -> bytes:
        """Returns the file of a document, of the newest version when left out."""
        return await self.send(calls.get_document_file(document_id, version))

    async def get_document_statistics(self, from_month: str, to_month: str) -> DocumentStatistics:
        """Returns documents and views by month, the titles read most, the issuing bodies of most documents.

        Args:
            from_month: YYYY-MM, or YYYY for its January, inclusive.
            to_month: The same, exclusive.
        """
        return await self.send(calls.get_document_statistics(from_month, to_month))

    async def save_mapping_profile(self, profile_id: str, profile: MappingProfile) -> Registered[SavedProfile]:
        """Saves a mapping profile as its next version; the same again changes nothing."""
        return await self.send(calls.save_mapping_profile(profile_id, profile))

    async def get_mapping_profile(self, profile_id: str, *, version: int | None = None) -> SavedProfile:
        """Returns a mapping profile, the newest version when left out."""
        return await self.send(calls.get_mapping_profile(profile_id, version))

    def iterate_mapping_profiles(self) -> AsyncIterator[SavedProfile]:
        """Yields the newest versions of the tenant's mapping profiles in order of id."""
        return self._items(calls.list_mapping_profiles)

    async def _succeeds(self, call: Call[None]) -> bool:
        try:
            await self.send(call)
        except (ProblemError, ServerUnreachable):
            return False
        return True
