"""The library: documents saved, found, read and counted."""

import hashlib
from collections.abc import AsyncIterator, Sequence

from gateway.application.files import read_file
from gateway.application.ports import StorageServices, UnitsOfWork
from gateway.domain.callers import Action, Caller
from gateway.domain.files import CHUNK_BYTES, DOCUMENT
from gateway.domain.library.documents import (
    Description,
    Document,
    DocumentTaken,
    DocumentUnknown,
    Statistics,
    StoredContent,
    grams,
    search_terms,
)
from kernel.access import may_change, owner_of_new


def file_of(content: StoredContent) -> str:
    """Returns the name under which a file is kept."""
    return DOCUMENT + content.sha256


async def save_document(
    services: StorageServices, caller: Caller, document_id: str, description: Description
) -> tuple[Document, bool]:
    """Saves what a document is as its next version, unless the newest says the same; returns it, and whether it is new.

    Its first version says whose it is; the later ones are saved by the owner, and by callers that no bound holds.

    Raises:
        RoleMissing: The caller may not register.
        DocumentTaken: It is somebody else's.
        DocumentChangedMeanwhile: Another request saved the same version.
    """
    caller.must(Action.REGISTER)
    async with services.units(caller.tenant) as unit:
        newest = await unit.documents.find(caller.tenant, document_id, None)
        if newest is not None and not may_change(caller, newest.owner):
            raise DocumentTaken(document_id)
        if newest is not None and newest.description == description:
            return newest, False
        content = None if newest is None else newest.content
        version, owner = (1, owner_of_new(caller)) if newest is None else (newest.version + 1, newest.owner)
        saved = await unit.documents.add(caller.tenant, document_id, version, description, content, caller.subject, owner)
        await unit.documents.index(caller.tenant, document_id, grams(_searched(description)))
        await unit.commit()
    return saved, True


def _searched(description: Description) -> str:
    return " ".join((description.title, description.issuing_body, description.summary))


async def save_content(
    services: StorageServices, caller: Caller, document_id: str, media_type: str, chunks: AsyncIterator[bytes]
) -> Document:
    """Saves the file of a document as its next version.

    Raises:
        RoleMissing: The caller may not register.
        DocumentUnknown: There is no such document.
        DocumentTaken: It is somebody else's.
        DocumentChangedMeanwhile: Another request saved the same version.
    """
    caller.must(Action.REGISTER)
    units, tenant = services.units, caller.tenant
    async with units.read(tenant) as unit:
        _must_change(caller, document_id, await unit.documents.find(tenant, document_id, None))
    # Kept under a name of its own until its digest is known; what does not arrive is forgotten with the files of pushes.
    arriving, digest, size, number = f"{services.new_id()}.arriving", hashlib.sha256(), 0, 0
    held = bytearray()
    async for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        held += chunk
        while len(held) >= CHUNK_BYTES:
            await _append(units, tenant, arriving, number, bytes(held[:CHUNK_BYTES]))
            del held[:CHUNK_BYTES]
            number += 1
    await _append(units, tenant, arriving, number, bytes(held))
    content = StoredContent(digest.hexdigest(), media_type, size)
    async with units(tenant) as unit:
        newest = _must_change(caller, document_id, await unit.documents.find(tenant, document_id, None))
        if newest.content == content:
            await unit.files.delete(tenant, arriving)
            saved = newest
        else:
            await unit.files.rename(tenant, arriving, file_of(content))
            version = newest.version + 1
            saved = await unit.documents.add(
                tenant, document_id, version, newest.description, content, caller.subject, newest.owner
            )
        await unit.commit()
    return saved


def _must_change(caller: Caller, document_id: str, newest: Document | None) -> Document:
    if newest is None:
        raise DocumentUnknown(document_id)
    if not may_change(caller, newest.owner):
        raise DocumentTaken(document_id)
    return newest


async def _append(units: UnitsOfWork, tenant_id: str, file_id: str, number: int, content: bytes) -> None:
    async with units(tenant_id) as unit:
        await unit.files.append(tenant_id, "", file_id, number, content)
        await unit.commit()


async def get_document(services: StorageServices, caller: Caller, document_id: str, version: int | None) -> tuple[Document, int]:
    """Returns a document and how often it was viewed, this view included.

    Raises:
        DocumentUnknown: There is none, or not that version.
    """
    caller.must(Action.PUBLISHED)
    month = services.clock.now().strftime("%Y-%m")
    async with services.units(caller.tenant) as unit:
        found = await unit.documents.find(caller.tenant, document_id, version)
        if found is None:
            raise DocumentUnknown(document_id if version is None else f"{document_id}, version {version}")
        views = await unit.documents.view(caller.tenant, document_id, month)
        await unit.commit()
    return found, views


async def read_content(
    services: StorageServices, caller: Caller, document_id: str, version: int | None
) -> tuple[Document, StoredContent, AsyncIterator[bytes]]:
    """Returns a document with its file.

    Raises:
        DocumentUnknown: There is none, or it has no file.
    """
    caller.must(Action.PUBLISHED)
    async with services.units.read(caller.tenant) as unit:
        found = await unit.documents.find(caller.tenant, document_id, version)
    if found is None or found.content is None:
        raise DocumentUnknown(document_id)
    return found, found.content, read_file(services.units, caller.tenant, file_of(found.content))


async def list_documents(
    services: StorageServices, caller: Caller, *, kind: str, query: str, after: tuple[str, str] | None, limit: int
) -> tuple[Sequence[Document], tuple[str, str] | None]:
    """Returns documents in their newest version, the last issued first, and where the next page begins.

    Args:
        services: Where they are.
        caller: Who asks.
        kind: Of one kind only; "" for all.
        query: Words that title, issuing body or summary must all have; "" for all.
        after: Date and id of the last document of the page before.
        limit: >= 1.
    """
    caller.must(Action.PUBLISHED)
    async with services.units.read(caller.tenant) as unit:
        found = list(await unit.documents.list(caller.tenant, kind=kind, pieces=search_terms(query), after=after, limit=limit + 1))
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return shown, None if last is None else (last.description.issued_date, last.document_id)


async def statistics(services: StorageServices, caller: Caller, from_month: str, to_month: str) -> Statistics:
    """Returns what came and what was read from a month, inclusive, to another, exclusive."""
    caller.must(Action.PUBLISHED)
    async with services.units.read(caller.tenant) as unit:
        return await unit.documents.statistics(caller.tenant, from_month, to_month)
