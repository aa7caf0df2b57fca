"""The library: versions, files by what they hold, search in Chinese and English, views and statistics."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.database import Database
from gateway.application.library import documents
from gateway.application.push.services import PushServices
from gateway.domain.callers import Caller, Role
from gateway.domain.library.documents import Description, DocumentChangedMeanwhile
from gateway.domain.push.jobs import RESULTS_LIFETIME
from gateway.tests.conftest import units_over

ADA = Caller("ada", "ganzhou", frozenset({Role.PARK_MANAGER}))
STANDARD = {
    "kind": "standard",
    "title": "工业企业温室气体排放核算和报告通则 GB/T 32150-2015",
    "issuing_body": "国家标准化管理委员会",
    "issued_date": "2015-11-19",
    "summary": "General guideline of greenhouse gas accounting",
}
POLICY = {"kind": "policy", "title": "园区碳达峰实施方案", "issuing_body": "国家发展改革委", "issued_date": "2024-05-01"}
PLAIN = {"Content-Type": "text/plain"}


async def put(client: Any, document_id: str, body: dict[str, Any]) -> Any:
    return await client.put(f"/v1/documents/{document_id}", json=body)


async def test_a_change_is_the_next_version_and_the_old_one_stays(served: Any) -> None:
    async with served.client() as client:
        first = await put(client, "std", STANDARD)
        assert (first.status_code, first.json()["version"]) == (201, 1)
        assert (await put(client, "std", STANDARD)).status_code == 200
        assert (await put(client, "std", {**STANDARD, "title": "新的标题"})).json()["version"] == 2
        assert (await client.get("/v1/documents/std")).json()["title"] == "新的标题"
        assert (await client.get("/v1/documents/std?version=1")).json()["title"] == STANDARD["title"]
        assert (await client.get("/v1/documents/std?version=3")).json()["reason"] == "DOCUMENT_NOT_FOUND"
        assert len((await client.get("/v1/documents")).json()["documents"]) == 1


async def test_who_is_bound_changes_its_own_documents_only(served: Any) -> None:
    managers = frozenset({Role.PARK_MANAGER})
    served.tokens.let_in("park-token", Caller("park-token", "ganzhou", managers, parks=frozenset({"etdz"})))
    served.tokens.let_in("mill-token", Caller("mill-token", "ganzhou", managers, enterprises=frozenset({"etdz/mill"})))
    async with served.client() as manager, served.client("park-token") as park, served.client("mill-token") as mill:
        assert "owner" not in (await put(manager, "std", STANDARD)).json()
        assert (await put(park, "policy", POLICY)).json()["owner"] == "park-token"
        for client, document_id, same in ((park, "std", STANDARD), (mill, "std", STANDARD), (mill, "policy", POLICY)):
            for body in (same, {**same, "title": "forged"}):
                refused = await put(client, document_id, body)
                assert (refused.status_code, refused.json()["reason"]) == (409, "DOCUMENT_TAKEN")
            refused = await client.put(f"/v1/documents/{document_id}/file", content=b"forged", headers=PLAIN)
            assert (refused.status_code, refused.json()["reason"]) == (409, "DOCUMENT_TAKEN")
            # what it may not change it reads all the same
            assert (await client.get(f"/v1/documents/{document_id}")).json()["version"] == 1
        assert (await park.put("/v1/documents/policy/file", content=b"own", headers=PLAIN)).json()["version"] == 2
        changed = (await put(manager, "policy", {**POLICY, "title": "更正"})).json()
        assert (changed["version"], changed["saved_by"], changed["owner"]) == (3, "ada", "park-token")
        assert (await put(park, "policy", POLICY)).json()["version"] == 4


async def test_a_file_is_kept_once_by_what_it_holds_and_is_a_version_too(served: Any) -> None:
    content = bytes(range(256)) * 5000
    async with served.client() as client:
        for document_id in ("a", "b"):
            await put(client, document_id, STANDARD)
            saved = (await client.put(f"/v1/documents/{document_id}/file", content=content, headers=PLAIN)).json()
            assert (saved["version"], saved["file"]["size_bytes"]) == (2, len(content))
            assert saved["file"]["sha256"] == hashlib.sha256(content).hexdigest()
        again = await client.put("/v1/documents/a/file", content=content, headers=PLAIN)
        assert again.json()["version"] == 2
        answer = await client.get("/v1/documents/a/file")
        assert answer.content == content
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert (await client.put("/v1/documents/a/file", content=b"other", headers=PLAIN)).json()["version"] == 3
        assert (await client.get("/v1/documents/a/file?version=2")).content == content
        assert (await client.get("/v1/documents/a/file?version=1")).json()["reason"] == "DOCUMENT_NOT_FOUND"
        refused = await client.put("/v1/documents/a/file", content=b"<script>", headers={"Content-Type": "text/html"})
        assert refused.json()["reason"] == "MEDIA_TYPE_UNSUPPORTED"
        assert (await client.put("/v1/documents/none/file", content=b"x", headers=PLAIN)).status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["policy", "std"]),
        ("碳达峰", ["policy"]),
        ("温室气体", ["std"]),
        ("Greenhouse GAS", ["std"]),
        ("ＧＢ/T 32150", ["std"]),
        ("国家", ["policy", "std"]),
        ("国家 accounting", ["std"]),
        ("碳", ["policy"]),
        ("峰达碳", []),
        ("greenhous", []),
        ("新标题", []),
    ],
)
async def test_words_of_both_languages_find_what_has_all_of_them(served: Any, query: str, found: list[str]) -> None:
    async with served.client() as client:
        await put(client, "std", {**STANDARD, "title": "新标题"})
        await put(client, "std", STANDARD)
        await put(client, "policy", POLICY)
        listed = (await client.get("/v1/documents", params={"query": query})).json()["documents"]
        assert [each["document_id"] for each in listed] == found
        only = (await client.get("/v1/documents", params={"query": query, "kind": "policy"})).json()["documents"]
        assert [each["document_id"] for each in only] == [each for each in found if each == "policy"]


async def test_pages_go_from_the_last_issued_on(served: Any) -> None:
    async with served.client() as client:
        for number in range(5):
            await put(client, f"d{number}", {**STANDARD, "issued_date": f"2020-01-0{1 + number // 2}"})
        seen, token = [], ""
        while True:
            page = (await client.get("/v1/documents", params={"page_size": 2, "page_token": token})).json()
            seen += [each["document_id"] for each in page["documents"]]
            token = page["next_page_token"]
            if not token:
                break
        assert seen == ["d4", "d2", "d3", "d0", "d1"]
        assert (await client.get("/v1/documents?page_token=x")).status_code == 422


async def test_views_are_counted_by_month_with_the_top_titles_and_bodies(served: Any) -> None:
    async with served.client() as client:
        await put(client, "std", STANDARD)
        for number in range(6):
            await put(client, f"p{number}", {**POLICY, "title": f"t{number}", "issuing_body": f"b{number % 2}"})
            for _ in range(number):
                await client.get(f"/v1/documents/p{number}")
        assert (await client.get("/v1/documents/std")).json()["views"] == 1
        found = (await client.get("/v1/document-statistics?from=2026&to=2100")).json()
        assert [count["count"] for count in found["added"]] == [7]
        assert sum(count["count"] for count in found["views"]) == 16
        assert [(each["title"], each["views"]) for each in found["top_titles"]][:4] == [("t5", 5), ("t4", 4), ("t3", 3), ("t2", 2)]
        assert len(found["top_titles"]) == 5
        assert found["top_issuing_bodies"][0] == {"issuing_body": "b0", "documents": 3}
        assert (await client.get("/v1/document-statistics?from=2020&to=2021")).json()["views"] == []


async def test_a_library_is_its_tenants_and_only_managers_write(served: Any) -> None:
    async with served.client() as client:
        await put(client, "std", STANDARD)
    async with served.client("stranger-token") as client:
        assert (await client.get("/v1/documents/std")).status_code == 404
        assert (await client.get("/v1/documents")).json()["documents"] == []
    async with served.client("reader-token") as client:
        assert (await client.get("/v1/documents/std")).status_code == 200
        assert (await put(client, "x", STANDARD)).json()["reason"] == "ROLE_MISSING"
        assert (await client.put("/v1/documents/std/file", content=b"x", headers=PLAIN)).status_code == 403


@dataclass
class Hands:
    """A clock that a test sets."""

    moment: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


async def test_both_databases_keep_the_library_alike(migrated_url: str) -> None:
    database, clock = Database(migrated_url), Hands()
    push_services = PushServices(units_over(database, clock), clock, new_id=lambda: "n", wake=lambda: None)
    description = Description("policy", "园区碳达峰", "国家发展改革委", "2024-05-01", "Peak plan")

    async def content() -> AsyncIterator[bytes]:
        yield b"x" * 700_000

    await documents.save_document(push_services, ADA, "d", description)
    await documents.save_content(push_services, ADA, "d", "text/plain", content())
    assert [(await documents.get_document(push_services, ADA, "d", None))[1] for _ in range(3)] == [1, 2, 3]
    found, _ = await documents.list_documents(push_services, ADA, kind="", query="碳达峰 peak", after=None, limit=5)
    assert [(each.document_id, each.version) for each in found] == [("d", 2)]
    statistics = await documents.statistics(push_services, ADA, "2026-11", "2026-12")
    assert (statistics.added, statistics.views) == ([("2026-11", 1)], [("2026-11", 3)])
    assert (statistics.top_titles, statistics.top_issuing_bodies) == ([("d", "园区碳达峰", 3)], [("国家发展改革委", 1)])

    # The files of pushes are forgotten after a while, those of the library are not.
    clock.moment += RESULTS_LIFETIME + timedelta(days=1)
    async with push_services.units(work="pushes") as unit:
        await unit.files.sweep(results_before=clock.now(), uploads_before=clock.now())
        await unit.commit()
    _, _, chunks = await documents.read_content(push_services, ADA, "d", None)
    assert sum([len(chunk) async for chunk in chunks]) == 700_000

    changed = [Description("policy", f"t{n}", "b", "2024-05-01") for n in range(2)]
    saved = await asyncio.gather(
        *(documents.save_document(push_services, ADA, "d", each) for each in changed), return_exceptions=True
    )
    assert {type(each) for each in saved} <= {tuple, DocumentChangedMeanwhile}
    newest, _ = await documents.get_document(push_services, ADA, "d", None)
    assert newest.version == 2 + sum(isinstance(each, tuple) for each in saved)
    await database.dispose()
