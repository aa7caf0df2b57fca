"""Answers under idempotency keys."""

from collections.abc import AsyncIterator, Mapping, Sequence

from gateway.application.stores import Keeping, read_file
from gateway.domain.idempotency import KeptAnswer, KeyInUse, KeyOf


async def take(keeping: Keeping, key: KeyOf) -> KeptAnswer | None:
    """Takes a key for a request; returns the answer where there is one already, None where the request is to be carried out.

    Raises:
        KeyInUse: A request with the key is under way.
    """
    async with keeping.stores.write(key.tenant_id) as store:
        known = await store.keys.take(key, keeping.clock.now())
        await store.commit()
    if known is not None and known.answer is None:
        raise KeyInUse(key.key)
    return None if known is None else known.answer


async def renew(keeping: Keeping, key: KeyOf) -> None:
    """Says that the request which has a key is still under way."""
    async with keeping.stores.write(key.tenant_id) as store:
        await store.keys.renew(key, keeping.clock.now())
        await store.commit()


async def release(keeping: Keeping, key: KeyOf) -> None:
    """Frees a key that has no answer."""
    async with keeping.stores.write(key.tenant_id) as store:
        await store.keys.release(key)
        await store.commit()


async def keep(
    keeping: Keeping, key: KeyOf, fingerprint: str, status: int, headers: Mapping[str, str], chunks: Sequence[bytes]
) -> None:
    """Keeps an answer, so that a repetition of its request is given it.

    Args:
        keeping: Where.
        key: Of the request.
        fingerprint: Of the request.
        status: Of the answer.
        headers: Of the answer.
        chunks: Its body.
    """
    file_id = f"{keeping.new_id()}.answer"
    async with keeping.stores.write(key.tenant_id) as store:
        await store.files.append(key.tenant_id, "", file_id, 0, b"".join(chunks))
        await store.keys.keep(key, KeptAnswer(fingerprint, status, headers, file_id))
        await store.commit()


def body(keeping: Keeping, key: KeyOf, kept: KeptAnswer) -> AsyncIterator[bytes]:
    """Yields the body of an answer that was kept."""
    return read_file(keeping.stores, key.tenant_id, kept.file_id)
