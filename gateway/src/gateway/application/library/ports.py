"""What the library needs from outside."""

from collections.abc import Sequence
from typing import Protocol

from gateway.domain.library.documents import Description, Document, Statistics, StoredContent


class Documents(Protocol):
    """The library, within a transaction."""

    async def find(self, tenant_id: str, document_id: str, version: int | None) -> Document | None:
        """Returns a version of a document, the newest when none is named."""
        ...

    async def add(
        self,
        tenant_id: str,
        document_id: str,
        version: int,
        description: Description,
        content: StoredContent | None,
        saved_by: str,
        owner: str,
    ) -> Document:
        """Saves a version, which is the newest from now on."""
        ...

    async def index(self, tenant_id: str, document_id: str, pieces: Sequence[str]) -> None:
        """Says by which pieces a document is found, from now on."""
        ...

    async def view(self, tenant_id: str, document_id: str, month: str) -> int:
        """Counts a view, and returns how many there were."""
        ...

    async def list(
        self, tenant_id: str, *, kind: str, pieces: Sequence[str], after: tuple[str, str] | None, limit: int
    ) -> Sequence[Document]:
        """Returns documents in their newest version, the last issued first, then by id."""
        ...

    async def statistics(self, tenant_id: str, from_month: str, to_month: str) -> Statistics:
        """Returns what came and what was read from a month, inclusive, to another, exclusive."""
        ...
