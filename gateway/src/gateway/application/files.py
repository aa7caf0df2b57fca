"""Reading files that are stored in chunks."""

from collections.abc import AsyncIterator

from gateway.application.ports import UnitsOfWork


async def read_file(units: UnitsOfWork, tenant_id: str, file_id: str) -> AsyncIterator[bytes]:
    """Yields the chunks of a file; no transaction is open while one is worked on."""
    number = 0
    while True:
        async with units.read(tenant_id) as unit:
            content = await unit.files.chunk(tenant_id, file_id, number)
        if content is None:
            return
        yield content
        number += 1
