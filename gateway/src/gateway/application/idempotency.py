"""Answers under idempotency keys."""

from collections.abc import AsyncIterator, Mapping, Sequence

from gateway.application.files import read_file
from gateway.application.ports import StorageServices
from gateway.domain.callers import Caller
from gateway.domain.idempotency import HeldKey, IdempotencyKey, KeyBeyondRights, KeyInUse, StoredAnswer


async def take(services: StorageServices, key: IdempotencyKey, caller: Caller) -> StoredAnswer | HeldKey:
    """Takes a key for a request; returns the answer where there is one already, the key where the request is to be carried out.

    Raises:
        KeyInUse: A request with the key is under way.
        KeyBeyondRights: The answer was given to a credential that may more than the present one.
    """
    now = services.clock.now()
    async with services.units(key.tenant_id) as unit:
        known = await unit.keys.take(key, now)
        await unit.commit()
    if known is None:
        return HeldKey(key, now)
    if known.answer is None:
        raise KeyInUse(key.key)
    if not known.answer.is_for(caller):
        raise KeyBeyondRights(key.key)
    return known.answer


async def renew(services: StorageServices, held: HeldKey) -> None:
    """Says that the request which has a key is still under way."""
    async with services.units(held.key.tenant_id) as unit:
        await unit.keys.renew(held, services.clock.now())
        await unit.commit()


async def release(services: StorageServices, held: HeldKey) -> None:
    """Frees a key that has no answer."""
    async with services.units(held.key.tenant_id) as unit:
        await unit.keys.release(held)
        await unit.commit()


async def keep(
    services: StorageServices,
    held: HeldKey,
    caller: Caller,
    fingerprint: str,
    status: int,
    headers: Mapping[str, str],
    chunks: Sequence[bytes],
) -> None:
    """Keeps an answer, so that a repetition of its request is given it; not where another request has taken the key over.

    Args:
        services: Where.
        held: The key of the request.
        caller: Who is answered.
        fingerprint: Of the request.
        status: Of the answer.
        headers: Of the answer.
        chunks: Its body.
    """
    file_id = f"{services.new_id()}.answer"
    tenant_id = held.key.tenant_id
    async with services.units(tenant_id) as unit:
        if await unit.keys.keep(held, StoredAnswer(fingerprint, status, headers, file_id, caller)):
            await unit.files.append(tenant_id, "", file_id, 0, b"".join(chunks))
            await unit.commit()


def body(services: StorageServices, key: IdempotencyKey, kept: StoredAnswer) -> AsyncIterator[bytes]:
    """Yields the body of an answer that was kept."""
    return read_file(services.units, key.tenant_id, kept.file_id)
