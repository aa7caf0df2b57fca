"""Databases from before profiles and documents had owners, of both kinds."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from chassis.database import Database
from chassis.tenancy import Platform
from gateway.tests.conftest import MIGRATIONS

TIME = "2026-11-21T02:00:00.000000Z"
BEFORE = importlib.import_module(f"{MIGRATIONS}.versions.r0011_owners").down_revision
CALLERS = (
    ("ada", '["park_manager"]', "NULL"),
    ("mill", '["enterprise"]', "'[\"etdz/mill\"]'"),
    ("kiln", '["enterprise"]', "'[\"etdz/kiln\"]'"),
    ("bound", '["park_manager"]', "'[\"etdz/mill\"]'"),
    ("reader", '["reader"]', "NULL"),
)
SAVED = (("meters", 1, "mill"), ("meters", 2, "kiln"), ("shared", 1, "ada"), ("shared", 2, "mill"), ("tool", 1, "boot"))
OTHERS = (("bound", 1, "bound"), ("gone", 1, "nobody-knows"), ("read", 1, "reader"))
OWNERS = {"meters": "mill", "shared": "", "tool": "", "bound": "bound", "gone": "nobody-knows", "read": "reader"}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/gateway.sqlite3"
    found: str = request.getfixturevalue("postgres_url")
    return found


async def test_the_first_saver_owns_and_the_tenant_what_its_management_saved_first(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(url)
    upgrade_to = ScriptDirectory._upgrade_revs

    def as_before(self: ScriptDirectory, destination: Any, current: Any) -> Any:
        return upgrade_to(self, BEFORE if destination == "head" else destination, current)

    with monkeypatch.context() as patched:
        patched.setattr(ScriptDirectory, "_upgrade_revs", as_before)
        await database.migrate(MIGRATIONS)
    async with database.begin(Platform("test")) as session:
        for caller, roles, enterprises in CALLERS:
            values = f"'t', '{caller}', '', '{caller}', '{roles}', NULL, NULL, {enterprises}, '', '', 1, '{TIME}'"
            await session.execute(text(f"INSERT INTO caller VALUES ({values})"))
        await session.execute(text(f"INSERT INTO bearer_token VALUES ('a', 't', '', 'boot', '[\"platform_operator\"]', '{TIME}')"))
        for name, version, saver in (*SAVED, *OTHERS):
            await session.execute(
                text(f"INSERT INTO mapping_profile VALUES ('t', '{name}', {version}, '', '{{}}', '{TIME}', '{saver}')")
            )
            said = f"'t', '{name}', {version}, '', 1, 'news', 't', 'b', '2026-01-01', '', '', '', 0, '{TIME}', '2026-11', '{saver}'"
            await session.execute(text(f"INSERT INTO document VALUES ({said})"))
        await session.commit()
    await database.migrate(MIGRATIONS)
    async with database.read(Platform("test")) as session:
        for table, key in (("mapping_profile", "profile_id"), ("document", "document_id")):
            rows = (await session.execute(text(f"SELECT DISTINCT {key}, owner FROM {table}"))).all()
            assert sorted(map(tuple, rows)) == sorted(OWNERS.items()), table
    await database.dispose()
