"""The library: documents saved, found, read and counted."""

import hashlib
from collections.abc import AsyncIterator, Sequence

from gateway.application.stores import Keeping, Stores, read_file
from gateway.domain.callers import Action, Caller
from gateway.domain.files import CHUNK_BYTES
from gateway.domain.library.documents import Description, Document, DocumentUnknown, Statistics, StoredContent, grams, wanted


def file_of(content: StoredContent) -> str:
    """Returns the name under which a file is kept."""
    return f"document.{content.sha256}"


async def save_document(keeping: Keeping, caller: Caller, document_id: str, description: Description) -> tuple[Document, bool]:
    """Saves what a document is as its next version, unless the newest says the same; returns it, and whether it is new.

    Raises:
        RoleMissing: The caller may not register.
        DocumentChangedMeanwhile: Another request saved the same version.
    """
    caller.must(Action.REGISTER)
    async with keeping.stores.write(caller.tenant) as store:
        newest = await store.documents.find(caller.tenant, document_id, None)
        if newest is not None and newest.description == description:
            return newest, False
        content = None if newest is None else newest.content
        saved = await store.documents.add(
            caller.tenant, document_id, 1 if newest is None else newest.version + 1, description, content, caller.subject
        )
        await store.documents.index(caller.tenant, document_id, grams(_searched(description)))
        await store.commit()
    return saved, True


def _searched(description: Description) -> str:
    return " ".join((description.title, description.issuing_body, description.summary))


async def save_content(
    keeping: Keeping, caller: Caller, document_id: str, media_type: str, chunks: AsyncIterator[bytes]
) -> Document:
    """Saves the file of a document as its next version.

    Raises:
        RoleMissing: The caller may not register.
        DocumentUnknown: There is no such document.
        DocumentChangedMeanwhile: Another request saved the same version.
    """
    caller.must(Action.REGISTER)
    stores, tenant = keeping.stores, caller.tenant
    async with stores.read(tenant) as store:
        if await store.documents.find(tenant, document_id, None) is None:
            raise DocumentUnknown(document_id)
    # Kept under a name of its own until its digest is known; what does not arrive is forgotten with the files of pushes.
    arriving, digest, size, number = f"{keeping.new_id()}.arriving", hashlib.sha256(), 0, 0
    held = bytearray()
    async for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        held += chunk
        while len(held) >= CHUNK_BYTES:
            await _append(stores, tenant, arriving, number, bytes(held[:CHUNK_BYTES]))
            del held[:CHUNK_BYTES]
            number += 1
    await _append(stores, tenant, arriving, number, bytes(held))
    content = StoredContent(digest.hexdigest(), media_type, size)
    async with stores.write(tenant) as store:
        newest = await store.documents.find(tenant, document_id, None)
        if newest is None:
            raise DocumentUnknown(document_id)
        if newest.content == content:
            await store.files.delete(tenant, arriving)
            saved = newest
        else:
            await store.files.rename(tenant, arriving, file_of(content))
            saved = await store.documents.add(tenant, document_id, newest.version + 1, newest.description, content, caller.subject)
        await store.commit()
    return saved


async def _append(stores: Stores, tenant_id: str, file_id: str, number: int, content: bytes) -> None:
    async with stores.write(tenant_id) as store:
        await store.files.append(tenant_id, "", file_id, number, content)
        await store.commit()


async def read_document(keeping: Keeping, caller: Caller, document_id: str, version: int | None) -> tuple[Document, int]:
    """Returns a document and how often it was viewed, this view included.

    Raises:
        DocumentUnknown: There is none, or not that version.
    """
    caller.must(Action.PUBLISHED)
    month = keeping.clock.now().strftime("%Y-%m")
    async with keeping.stores.write(caller.tenant) as store:
        found = await store.documents.find(caller.tenant, document_id, version)
        if found is None:
            raise DocumentUnknown(document_id if version is None else f"{document_id}, version {version}")
        views = await store.documents.view(caller.tenant, document_id, month)
        await store.commit()
    return found, views


async def read_content(
    keeping: Keeping, caller: Caller, document_id: str, version: int | None
) -> tuple[Document, StoredContent, AsyncIterator[bytes]]:
    """Returns a document with its file.

    Raises:
        DocumentUnknown: There is none, or it has no file.
    """
    caller.must(Action.PUBLISHED)
    async with keeping.stores.read(caller.tenant) as store:
        found = await store.documents.find(caller.tenant, document_id, version)
    if found is None or found.content is None:
        raise DocumentUnknown(document_id)
    return found, found.content, read_file(keeping.stores, caller.tenant, file_of(found.content))


async def list_documents(
    keeping: Keeping, caller: Caller, *, kind: str, query: str, after: tuple[str, str] | None, limit: int
) -> tuple[Sequence[Document], tuple[str, str] | None]:
    """Returns documents in their newest version, the last issued first, and where the next page begins.

    Args:
        keeping: Where they are.
        caller: Who asks.
        kind: Of one kind only; "" for all.
        query: Words that title, issuing body or summary must all have; "" for all.
        after: Date and id of the last document of the page before.
        limit: >= 1.
    """
    caller.must(Action.PUBLISHED)
    async with keeping.stores.read(caller.tenant) as store:
        found = list(await store.documents.list(caller.tenant, kind=kind, pieces=wanted(query), after=after, limit=limit + 1))
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return shown, None if last is None else (last.description.issued_date, last.document_id)


async def statistics(keeping: Keeping, caller: Caller, from_month: str, to_month: str) -> Statistics:
    """Returns what came and what was read from a month, inclusive, to another, exclusive."""
    caller.must(Action.PUBLISHED)
    async with keeping.stores.read(caller.tenant) as store:
        return await store.documents.statistics(caller.tenant, from_month, to_month)
