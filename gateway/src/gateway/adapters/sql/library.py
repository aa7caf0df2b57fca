"""Documents over the gateway's own database; found by an index of words and pairs of characters that both databases have."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.columns import utc_text
from gateway.adapters.sql.library_tables import LibraryTables
from gateway.adapters.sql.upsert import upsert
from gateway.domain.library.documents import Description, Document, DocumentChangedMeanwhile, Kind, Statistics, StoredContent

_TOP = 5


class SqlDocuments:
    """Documents within one transaction."""

    def __init__(self, session: AsyncSession, tables: LibraryTables, now: datetime) -> None:
        self._session = session
        self._documents: Table = tables.document
        self._grams: Table = tables.document_gram
        self._views: Table = tables.document_view
        self._now = now

    async def find(self, tenant_id: str, document_id: str, version: int | None) -> Document | None:
        """Returns a version of a document, the newest when none is named."""
        table = self._documents
        which = table.c.newest == 1 if version is None else table.c.version == version
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.document_id == document_id, which)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _document(row)

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
        """Saves a version, which is the newest from now on.

        Raises:
            DocumentChangedMeanwhile: Another request saved that version.
        """
        table = self._documents
        ours = (table.c.tenant_id == tenant_id, table.c.document_id == document_id)
        await self._session.execute(update(table).where(*ours).values(newest=0))
        added = upsert(self._session, table).values(
            tenant_id=tenant_id,
            document_id=document_id,
            version=version,
            park_id="",
            newest=1,
            kind=description.kind,
            title=description.title,
            issuing_body=description.issuing_body,
            issued_date=description.issued_date,
            summary=description.summary,
            sha256=content.sha256 if content else "",
            media_type=content.media_type if content else "",
            size_bytes=content.size_bytes if content else 0,
            saved_time=self._now,
            saved_month=f"{self._now:%Y-%m}",
            saved_by=saved_by,
            owner=owner,
        )
        if (await self._session.execute(added.on_conflict_do_nothing().returning(table.c.version))).first() is None:
            raise DocumentChangedMeanwhile(document_id)
        return Document(
            document_id=document_id,
            version=version,
            description=description,
            content=content,
            saved_time=utc_text(self._now),
            saved_by=saved_by,
            owner=owner,
        )

    async def index(self, tenant_id: str, document_id: str, pieces: Sequence[str]) -> None:
        """Says by which pieces a document is found, from now on."""
        table = self._grams
        await self._session.execute(delete(table).where(table.c.tenant_id == tenant_id, table.c.document_id == document_id))
        rows = [{"tenant_id": tenant_id, "document_id": document_id, "gram": piece, "park_id": ""} for piece in pieces]
        if rows:
            await self._session.execute(insert(table), rows)

    async def view(self, tenant_id: str, document_id: str, month: str) -> int:
        """Counts a view, and returns how many there were."""
        table = self._views
        counted = upsert(self._session, table).values(
            tenant_id=tenant_id, document_id=document_id, month=month, park_id="", views=1
        )
        keys = ["tenant_id", "document_id", "month"]
        await self._session.execute(counted.on_conflict_do_update(index_elements=keys, set_={"views": table.c.views + 1}))
        query = select(func.sum(table.c.views)).where(table.c.tenant_id == tenant_id, table.c.document_id == document_id)
        return int((await self._session.execute(query)).scalar_one())

    async def list(
        self, tenant_id: str, *, kind: str, pieces: Sequence[str], after: tuple[str, str] | None, limit: int
    ) -> Sequence[Document]:
        """Returns documents in their newest version, the last issued first, then by id."""
        table, grams = self._documents, self._grams
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.newest == 1)
        if kind:
            query = query.where(table.c.kind == kind)
        if pieces:
            having = (
                select(grams.c.document_id)
                .where(grams.c.tenant_id == tenant_id, grams.c.gram.in_(pieces))
                .group_by(grams.c.document_id)
                .having(func.count() == len(pieces))
            )
            query = query.where(table.c.document_id.in_(having))
        if after is not None:
            day, document_id = after
            later = and_(table.c.issued_date == day, table.c.document_id > document_id)
            query = query.where(or_(table.c.issued_date < day, later))
        ordered = query.order_by(table.c.issued_date.desc(), table.c.document_id).limit(limit)
        return [_document(row) for row in (await self._session.execute(ordered)).all()]

    async def statistics(self, tenant_id: str, from_month: str, to_month: str) -> Statistics:
        """Returns what came and what was read from a month, inclusive, to another, exclusive."""
        table, views = self._documents, self._views
        month, first = table.c.saved_month, (table.c.tenant_id == tenant_id, table.c.version == 1)
        added = select(month, func.count()).where(*first, month >= from_month, month < to_month).group_by(month).order_by(month)
        within = (views.c.tenant_id == tenant_id, views.c.month >= from_month, views.c.month < to_month)
        read = select(views.c.month, func.sum(views.c.views)).where(*within).group_by(views.c.month).order_by(views.c.month)
        total = func.sum(views.c.views)
        most = (
            select(table.c.document_id, table.c.title, total)
            .join(views, and_(views.c.tenant_id == table.c.tenant_id, views.c.document_id == table.c.document_id))
            .where(table.c.newest == 1, *within)
            .group_by(table.c.document_id, table.c.title)
            .order_by(total.desc(), table.c.document_id)
            .limit(_TOP)
        )
        bodies = (
            select(table.c.issuing_body, func.count())
            .where(table.c.tenant_id == tenant_id, table.c.newest == 1)
            .group_by(table.c.issuing_body)
            .order_by(func.count().desc(), table.c.issuing_body)
            .limit(_TOP)
        )

        async def rows(query: Any) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in (await self._session.execute(query)).all()]

        return Statistics(
            added=[(str(key), int(count)) for key, count in await rows(added)],
            views=[(str(key), int(count)) for key, count in await rows(read)],
            top_titles=[(str(key), str(title), int(count)) for key, title, count in await rows(most)],
            top_issuing_bodies=[(str(key), int(count)) for key, count in await rows(bodies)],
        )


def _document(row: Any) -> Document:
    return Document(
        document_id=row.document_id,
        version=row.version,
        description=Description(cast("Kind", row.kind), row.title, row.issuing_body, row.issued_date, row.summary),
        content=StoredContent(row.sha256, row.media_type, row.size_bytes) if row.sha256 else None,
        saved_time=utc_text(row.saved_time),
        saved_by=row.saved_by,
        owner=row.owner,
    )
