"""The methods of the asynchronous client about callers, keys, the audit log, webhooks, documents, profiles and files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from parkcarbon_client import operation_calls as calls
from parkcarbon_client.answers import Park, Registered, RowResult
from parkcarbon_client.async_sending import AsyncSending
from parkcarbon_client.entries import MappingProfile, NewCaller, NewDocument, NewKey
from parkcarbon_client.operation_answers import (
    AuditEntry,
    AuditPage,
    Caller,
    Document,
    DocumentStatistics,
    Key,
    Login,
    NewKeyMade,
    SavedProfile,
    Webhook,
    Who,
)


class AsyncOperating(AsyncSending):
    """Who comes in, what goes out, and what is kept beside the account."""

    async def who(self) -> Who:
        """Returns who asks, and what they may."""
        return await self.send(calls.who())

    async def register_caller(self, caller_id: str, caller: NewCaller) -> Registered[Caller]:
        """Registers a caller, or changes it to what is given."""
        return await self.send(calls.register_caller(caller_id, caller))

    async def caller(self, caller_id: str) -> Caller:
        """Returns a caller of the tenant."""
        return await self.send(calls.caller(caller_id))

    def iterate_callers(self) -> AsyncIterator[Caller]:
        """Yields the callers of the tenant in order of id."""
        return self._items(calls.list_callers)

    async def invite(self, caller_id: str, login: str) -> Login:
        """Gives a caller a login, an e-mail address, and sends the letter that sets its password."""
        return await self.send(calls.invite(caller_id, login))

    async def create_key(self, key: NewKey) -> NewKeyMade:
        """Makes a key and returns it with its secret, which is shown this once. Is never sent twice by itself."""
        return await self.send(calls.create_key(key))

    def iterate_keys(self, *, caller_id: str = "") -> AsyncIterator[Key]:
        """Yields the keys that the caller may see, or those of one caller."""
        return self._items(lambda token: calls.list_keys(caller_id, token))

    async def rotate_key(self, key_id: str) -> NewKeyMade:
        """Makes the next key of one, which works for a day more. Is never sent twice by itself."""
        return await self.send(calls.rotate_key(key_id))

    async def revoke_key(self, key_id: str) -> Key:
        """Withdraws a key, within half a minute everywhere."""
        return await self.send(calls.revoke_key(key_id))

    async def read_audit_log(
        self, since: str = "", *, limit: int | None = None, caller_id: str = "", park_id: str = ""
    ) -> AuditPage:
        """Returns who asked what after a cursor, "" from the beginning; of one caller or one park where named."""
        return await self.send(calls.audit_log(since, limit, caller_id, park_id))

    async def iterate_audit_entries(self, since: str = "", *, caller_id: str = "", park_id: str = "") -> AsyncIterator[AuditEntry]:
        """Yields who asked what after a cursor, one request at a time, until there is no more."""
        more = True
        while more:
            page = await self.read_audit_log(since, caller_id=caller_id, park_id=park_id)
            for entry in page.entries:
                yield entry
            since, more = page.next, page.more

    async def create_webhook(self, url: str, *, types: Sequence[str] = (), since: str = "") -> Webhook:
        """Makes a webhook; its secret is in this answer and in no other. Is never sent twice by itself.

        Args:
            url: Where changes are sent, https.
            types: Short names of facts, such as EmissionsCalculated; none for all.
            since: A cursor of the change feed after which it begins; "" from the beginning.
        """
        return await self.send(calls.create_webhook(url, tuple(types), since))

    async def webhooks(self) -> tuple[Webhook, ...]:
        """Returns the webhooks that the caller made."""
        return await self.send(calls.webhooks())

    async def webhook(self, webhook_id: str) -> Webhook:
        """Returns a webhook with its latest deliveries."""
        return await self.send(calls.webhook(webhook_id))

    async def resume_webhook(self, webhook_id: str) -> Webhook:
        """Sends again at once what a webhook has not delivered."""
        return await self.send(calls.resume_webhook(webhook_id))

    async def delete_webhook(self, webhook_id: str) -> Webhook:
        """Withdraws a webhook."""
        return await self.send(calls.delete_webhook(webhook_id))

    async def save_document(self, document_id: str, document: NewDocument) -> Registered[Document]:
        """Saves what a document is as its next version; the same again changes nothing."""
        return await self.send(calls.save_document(document_id, document))

    async def document(self, document_id: str, *, version: int | None = None) -> Document:
        """Returns a document, the newest version when left out; counts as a view."""
        return await self.send(calls.document(document_id, version))

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

    async def document_file(self, document_id: str, *, version: int | None = None) -> bytes:
        """Returns the file of a document, of the newest version when left out."""
        return await self.send(calls.document_file(document_id, version))

    async def document_statistics(self, from_month: str, to_month: str) -> DocumentStatistics:
        """Returns documents and views by month, the titles read most, the issuing bodies of most documents.

        Args:
            from_month: YYYY-MM, or YYYY for its January, inclusive.
            to_month: The same, exclusive.
        """
        return await self.send(calls.document_statistics(from_month, to_month))

    async def save_mapping_profile(self, profile_id: str, profile: MappingProfile) -> Registered[SavedProfile]:
        """Saves how own files are read as the next version; the same again changes nothing."""
        return await self.send(calls.save_mapping_profile(profile_id, profile))

    async def mapping_profile(self, profile_id: str, *, version: int | None = None) -> SavedProfile:
        """Returns a mapping profile, the newest version when left out."""
        return await self.send(calls.mapping_profile(profile_id, version))

    def iterate_mapping_profiles(self) -> AsyncIterator[SavedProfile]:
        """Yields the newest versions of the tenant's mapping profiles in order of id."""
        return self._items(calls.list_mapping_profiles)

    def iterate_region_parks(self, region_code: str) -> AsyncIterator[Park]:
        """Yields the parks of a region that the caller reaches; 2, 4 or 6 digits of GB/T 2260."""
        return self._items(lambda token: calls.list_region_parks(region_code, token))

    async def activity_template(self, *, language: str = "") -> bytes:
        """Returns the XLSX for activity data; `language` is zh or en, else the client's."""
        return await self.send(calls.activity_template(language))

    async def job_results(self, job_id: str, *, outcome: str = "") -> tuple[RowResult, ...]:
        """Returns what became of each row of a push that a job recorded; `outcome` such as rejected gives only those."""
        return await self.send(calls.job_results(job_id, outcome))

    async def job_results_csv(self, job_id: str, *, outcome: str = "") -> bytes:
        """Returns the same as a CSV for people, with a mark and with cells escaped that look like formulas."""
        return await self.send(calls.job_results_csv(job_id, outcome))
