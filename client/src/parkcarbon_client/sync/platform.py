# Written by client/generate_sync.py from aio/platform.py: edit that file and run `make gen`.
"""The methods of the blocking client for the platform itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
from parkcarbon_client.sync.sender import Sender


class PlatformMethods(Sender):
    """Health, jobs, changes, callers, keys, the audit log, webhooks, documents, mapping profiles."""

    def is_up(self) -> bool:
        """Returns whether the platform's process answers; sends one request."""
        return self._succeeds(calls.healthy())

    def is_ready(self) -> bool:
        """Returns whether the platform can do its work; sends one request."""
        return self._succeeds(calls.ready())

    def openapi(self) -> Mapping[str, Any]:
        """Returns the OpenAPI description of the API."""
        return self.send(calls.openapi())

    def get_job(self, job_id: str) -> Job:
        """Returns a job."""
        return self.send(calls.get_job(job_id))

    def wait_for_job(self, job_id: str, *, timeout_seconds: float = 600.0) -> Job:
        """Waits until a job has ended, and returns it; its state says whether it succeeded.

        Args:
            job_id: The job.
            timeout_seconds: The sum of the waits between requests, s.

        Raises:
            JobNotFinished: The job still ran when the time was over.
        """
        waited, wait = 0.0, 0.05
        while not (job := self.get_job(job_id)).ended:
            if waited >= timeout_seconds:
                raise JobNotFinished(job, waited)
            self._sleep(wait)
            waited += wait
            wait = min(wait * 1.5, LONGEST_POLL_SECONDS)
        return job

    def get_job_results(self, job_id: str, *, outcome: str = "") -> tuple[RowResult, ...]:
        """Returns what became of each row of a push that a job recorded; `outcome` such as rejected gives only those."""
        return self.send(calls.get_job_results(job_id, outcome))

    def get_job_results_csv(self, job_id: str, *, outcome: str = "") -> bytes:
        """Returns the same as a CSV for people, with a mark and with cells escaped that look like formulas."""
        return self.send(calls.get_job_results_csv(job_id, outcome))

    def get_changes(self, since: str = "", *, limit: int | None = None) -> ChangePage:
        """Returns what happened after a cursor, "" from the beginning, in an order without gaps."""
        return self.send(calls.get_changes(since, limit))

    def iterate_change_pages(self, since: str = "", *, limit: int | None = None) -> Iterator[ChangePage]:
        """Yields pages of what happened after a cursor until there is no more; keep each page's `next` once it is applied."""
        more = True
        while more:
            page = self.get_changes(since, limit=limit)
            yield page
            since, more = page.next, page.more

    def iterate_changes(self, since: str = "") -> Iterator[Change]:
        """Yields what happened after a cursor, one fact at a time."""
        for page in self.iterate_change_pages(since):
            yield from page.changes

    def get_own_caller(self) -> Who:
        """Returns the caller of this client, with its roles, scopes and bounds."""
        return self.send(calls.get_own_caller())

    def register_caller(self, caller_id: str, caller: NewCaller) -> Registered[Caller]:
        """Registers a caller, or replaces it."""
        return self.send(calls.register_caller(caller_id, caller))

    def get_caller(self, caller_id: str) -> Caller:
        """Returns a caller of the tenant."""
        return self.send(calls.get_caller(caller_id))

    def iterate_callers(self) -> Iterator[Caller]:
        """Yields the callers of the tenant in order of id."""
        return self._items(calls.list_callers)

    def invite(self, caller_id: str, login: str) -> Login:
        """Gives a caller a login, an e-mail address, and sends the mail that sets its password."""
        return self.send(calls.invite(caller_id, login))

    def create_key(self, key: NewKey) -> NewKeyMade:
        """Makes a key and returns it with its secret, which no later answer has. Is not retried."""
        return self.send(calls.create_key(key))

    def iterate_keys(self, *, caller_id: str = "") -> Iterator[Key]:
        """Yields the keys that the caller may see, or those of one caller."""
        return self._items(lambda token: calls.list_keys(caller_id, token))

    def rotate_key(self, key_id: str) -> NewKeyMade:
        """Makes the next key of one, which works for a day more. Is not retried."""
        return self.send(calls.rotate_key(key_id))

    def revoke_key(self, key_id: str) -> Key:
        """Revokes a key, within half a minute everywhere."""
        return self.send(calls.revoke_key(key_id))

    def get_audit_log(self, since: str = "", *, limit: int | None = None, caller_id: str = "", park_id: str = "") -> AuditPage:
        """Returns audited requests after a cursor, "" from the beginning; of one caller or one park where named."""
        return self.send(calls.get_audit_log(since, limit, caller_id, park_id))

    def iterate_audit_entries(self, since: str = "", *, caller_id: str = "", park_id: str = "") -> Iterator[AuditEntry]:
        """Yields audited requests after a cursor until there is no more."""
        more = True
        while more:
            page = self.get_audit_log(since, caller_id=caller_id, park_id=park_id)
            yield from page.entries
            since, more = page.next, page.more

    def create_webhook(self, url: str, *, types: Sequence[str] = (), since: str = "") -> Webhook:
        """Makes a webhook; its secret is in this answer and in no other. Is not retried.

        Args:
            url: Where changes are sent, https.
            types: Short names of facts, such as EmissionsCalculated; none for all.
            since: A cursor of the change feed after which it begins; "" from the beginning.
        """
        return self.send(calls.create_webhook(url, tuple(types), since))

    def list_webhooks(self) -> tuple[Webhook, ...]:
        """Returns the webhooks that the caller made."""
        return self.send(calls.list_webhooks())

    def get_webhook(self, webhook_id: str) -> Webhook:
        """Returns a webhook with its latest deliveries."""
        return self.send(calls.get_webhook(webhook_id))

    def resume_webhook(self, webhook_id: str) -> Webhook:
        """Sends again at once what a webhook has not delivered."""
        return self.send(calls.resume_webhook(webhook_id))

    def delete_webhook(self, webhook_id: str) -> Webhook:
        """Deletes a webhook."""
        return self.send(calls.delete_webhook(webhook_id))

    def save_document(self, document_id: str, document: NewDocument) -> Registered[Document]:
        """Saves the description of a document as its next version; the same again changes nothing."""
        return self.send(calls.save_document(document_id, document))

    def get_document(self, document_id: str, *, version: int | None = None) -> Document:
        """Returns a document, the newest version when left out; counts as a view."""
        return self.send(calls.get_document(document_id, version))

    def iterate_documents(self, *, kind: str = "", query: str = "") -> Iterator[Document]:
        """Yields the newest versions, the last issued first; of one kind, or with the words of a query."""
        return self._items(lambda token: calls.list_documents(kind, query, token))

    def save_document_file(self, document_id: str, content: bytes, media_type: str) -> Document:
        """Saves the file of a document as its next version.

        Args:
            document_id: The document.
            content: At most 32 MiB.
            media_type: Such as application/pdf.
        """
        return self.send(calls.save_document_file(document_id, content, media_type))

    def get_document_file(self, document_id: str, *, version: int | None = None) -> bytes:
        """Returns the file of a document, of the newest version when left out."""
        return self.send(calls.get_document_file(document_id, version))

    def get_document_statistics(self, from_month: str, to_month: str) -> DocumentStatistics:
        """Returns documents and views by month, the titles read most, the issuing bodies of most documents.

        Args:
            from_month: YYYY-MM, or YYYY for its January, inclusive.
            to_month: The same, exclusive.
        """
        return self.send(calls.get_document_statistics(from_month, to_month))

    def save_mapping_profile(self, profile_id: str, profile: MappingProfile) -> Registered[SavedProfile]:
        """Saves a mapping profile as its next version; the same again changes nothing."""
        return self.send(calls.save_mapping_profile(profile_id, profile))

    def get_mapping_profile(self, profile_id: str, *, version: int | None = None) -> SavedProfile:
        """Returns a mapping profile, the newest version when left out."""
        return self.send(calls.get_mapping_profile(profile_id, version))

    def iterate_mapping_profiles(self) -> Iterator[SavedProfile]:
        """Yields the newest versions of the tenant's mapping profiles in order of id."""
        return self._items(calls.list_mapping_profiles)

    def _succeeds(self, call: Call[None]) -> bool:
        try:
            self.send(call)
        except (ProblemError, ServerUnreachable):
            return False
        return True
