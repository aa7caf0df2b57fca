"""`parkcarbon fsck` finds what a superuser does to stored records, each by its position, and nothing where nobody did anything."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from chassis.clock import SystemClock
from chassis.embedded_log import EmbeddedLog
from chassis.testing.postgres import empty_database
from chassis.testing.tampering import tamper
from devstack.command import command
from devstack.folder import claimed
from devstack.fsck.check import Finding, checked
from devstack.fsck.heads import ToldHead, told_by_accounting, told_by_feed, told_by_log
from devstack.fsck.stored import opened
from devstack.wording import Words
from gateway.main import topic_registry
from tests.system.in_process import PARK, in_process, register

OTHER = "other"
SIZES = (3, 1, 5, 2, 8, 4, 1, 6)
RECORDS = sum(SIZES) + 1
CASES = 100
SEED = 20261129
COLUMNS = (
    "position", "period_start_s", "period_end_s", "quantity_micro", "emissions_mg", "energy_mgce", "first_month", "last_month",
    "recorded_time", "source_id", "unit", "basis_id", "supersedes", "record_id",
)  # fmt: skip
ROW = ", ".join(COLUMNS)


# --- a platform whose records are tampered with


async def fill(folder: Path, urls: dict[str, str] | None) -> None:
    broker = EmbeddedLog(folder / "log.sqlite3", topic_registry(), clock=SystemClock())
    async with in_process(folder, broker, urls=urls) as stack:
        client = stack.client
        await register(client)
        park = {"park_id": OTHER, "name_zh": "另一园区", "name_en": "Other", "region_code": "360700", "factor_set_id": "wang-2024"}
        (await client.post("/v1/parks", json=park)).raise_for_status()
        source = (await client.get(f"/v1/parks/{PARK}/sources/electricity")).json()
        named = ("source_id", "name_zh", "name_en", "item", "scope", "carrier", "settlement_basis")
        (await client.post(f"/v1/parks/{OTHER}/sources", json={name: source[name] for name in named})).raise_for_status()
        for park_id in (PARK, OTHER):
            day = datetime(2020, 1, 1, tzinfo=UTC)
            for number, size in enumerate(SIZES):
                rows = []
                for n in range(size):
                    rows.append(
                        {
                            "record_id": f"{park_id}-{number}-{n}",
                            "source_id": "electricity",
                            "period_start": day.date().isoformat(),
                            "period_end": (day + timedelta(days=1)).date().isoformat(),
                            "quantity": str(10 + n),
                            "unit": "MWh",
                        }
                    )
                    day += timedelta(days=1)
                (await client.post(f"/v1/parks/{park_id}/activity-records", json=rows)).raise_for_status()
                if number == 4:
                    (await client.post(f"/v1/parks/{park_id}/inventories", json={"year": 2020})).raise_for_status()
            corrected = {**rows[0], "record_id": f"{park_id}-fix", "quantity": "11.5", "supersedes": rows[0]["record_id"]}
            (await client.post(f"/v1/parks/{park_id}/activity-records", json=[corrected])).raise_for_status()
        async with asyncio.timeout(30):
            wanted = 2 * RECORDS
            while True:
                changes = (await client.get("/v1/changes", params={"limit": "1000"})).json()["changes"]
                if (
                    sum(len(each["data"].get("record_id", ())) for each in changes if each["type"].endswith("ActivityRecorded"))
                    == wanted
                ):
                    break
                # only the feed knows
                await asyncio.sleep(0.05)
    await broker.close()


class Db:
    """What a superuser types."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        self._connection: Any = (
            sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
            if self.sqlite
            else psycopg.connect(url, autocommit=True)
        )

    def close(self) -> None:
        self._connection.close()

    def __call__(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement if self.sqlite else statement.replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []

    def drop_triggers(self) -> None:
        for (name,) in self("SELECT name FROM sqlite_master WHERE type = 'trigger'") if self.sqlite else ():
            self(f"DROP TRIGGER {name}")

    def row(self, position: int, park: str = PARK) -> list[Any]:
        return list(self(f"SELECT {ROW} FROM activity_record WHERE park_id = ? AND position = ?", park, position)[0])

    def set(self, column: str, value: object, position: int, park: str = PARK) -> None:
        self(f"UPDATE activity_record SET {column} = ? WHERE park_id = ? AND position = ?", value, park, position)

    def digest(self, position: int, park: str = PARK) -> bytes:
        """The digest at a position as it is stored."""
        if position == 0:
            return first_digest(self("SELECT tenant_id FROM park WHERE park_id = ?", park)[0][0], park)
        query = (
            "SELECT first_position, digests FROM activity_chain WHERE park_id = ? AND first_position <= ? AND last_position >= ?"
        )
        first, digests = self(query, park, position, position)[0]
        return bytes(digests)[32 * (position - first) : 32 * (position - first + 1)]

    def set_digest(self, position: int, digest: bytes, park: str = PARK) -> None:
        query = (
            "SELECT first_position, digests FROM activity_chain WHERE park_id = ? AND first_position <= ? AND last_position >= ?"
        )
        first, digests = self(query, park, position, position)[0]
        changed = bytearray(digests)
        changed[32 * (position - first) : 32 * (position - first + 1)] = digest
        self("UPDATE activity_chain SET digests = ? WHERE park_id = ? AND first_position = ?", bytes(changed), park, first)

    def rechain(self, position: int, last: int, park: str = PARK) -> bytes:
        """Computes the chain anew from a position on, as somebody does who knows how."""
        digest = self.digest(position - 1, park)
        for each in range(position, last + 1):
            digest = next_digest(digest, self.row(each, park))
            self.set_digest(each, digest, park)
        return digest

    def set_head(self, position: int, digest: bytes) -> None:
        self("UPDATE park_ledger SET last_position = ?, head_sha256 = ? WHERE park_id = ?", position, digest.hex(), PARK)


# --- the second implementation, from docs/decisions/0034


def with_length(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">I", len(encoded)) + encoded


def first_digest(tenant_id: str, park_id: str) -> bytes:
    return hashlib.sha256(b"parkcarbon activity records 1" + with_length(tenant_id) + with_length(park_id)).digest()


def next_digest(before: bytes, row: list[Any]) -> bytes:
    *numbers, at = row[:9]
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    recorded_us = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return hashlib.sha256(before + struct.pack(">9q", *numbers, recorded_us) + b"".join(map(with_length, row[9:]))).digest()


# --- what is done to it: each returns where it has to be found


def update(column: str) -> Callable[[Db, Random], int]:
    def change(db: Db, chance: Random) -> int:
        position = chance.randint(1, RECORDS)
        before = db(f"SELECT {column} FROM activity_record WHERE park_id = ? AND position = ?", PARK, position)[0][0]
        after: object
        if column == "recorded_time":
            after = "2020-01-01T00:00:00.000000Z"
        elif column == "position":
            after = RECORDS + chance.randint(1, 9)
        elif isinstance(before, int):
            after = before + chance.choice((1, -1))
        else:
            after = f"{before}{chance.choice('xy')}"
        db.set(column, after, position)
        return position

    return change


def delete_in_the_middle(db: Db, chance: Random) -> int:
    position = chance.randint(2, RECORDS - 1)
    db("DELETE FROM activity_record WHERE park_id = ? AND position = ?", PARK, position)
    return position


def delete_the_last(db: Db, chance: Random) -> int:
    db("DELETE FROM activity_record WHERE park_id = ? AND position = ?", PARK, RECORDS)
    return RECORDS


def delete_the_last_with_its_digest(db: Db, chance: Random) -> int:
    delete_the_last(db, chance)
    db("DELETE FROM activity_chain WHERE park_id = ? AND last_position = ?", PARK, RECORDS)
    db.set_head(RECORDS - 1, db.digest(RECORDS - 1))
    return RECORDS


def insert_at(db: Db, position: int, **changes: object) -> None:
    row = dict(zip(COLUMNS, db.row(min(position, RECORDS)), strict=True)) | {"position": position, "record_id": "forged"} | changes
    tenant = db("SELECT tenant_id FROM park WHERE park_id = ?", PARK)[0][0]
    marks = ", ".join("?" * (len(COLUMNS) + 2))
    db(f"INSERT INTO activity_record (tenant_id, park_id, {ROW}) VALUES ({marks})", tenant, PARK, *row.values())


def insert_after_the_last(db: Db, chance: Random) -> int:
    insert_at(db, RECORDS + 1)
    return RECORDS + 1


def insert_beside(db: Db, chance: Random) -> int:
    position = chance.randint(1, RECORDS)
    insert_at(db, position, first_month=202012)
    return position


def exchange(db: Db, chance: Random) -> int:
    one, other = sorted(chance.sample(range(1, RECORDS + 1), 2))
    for before, after in ((one, -1), (other, one), (-1, other)):
        db.set("position", after, before)
    return one


def change_with_its_digest(db: Db, chance: Random) -> int:
    position = chance.randint(1, RECORDS - 1)
    db.set("quantity_micro", chance.randint(1, 10**9), position)
    db.set_digest(position, next_digest(db.digest(position - 1), db.row(position)))
    # its own digest follows from it: the chain breaks after it
    return position + 1


def change_the_last_with_its_digest(db: Db, chance: Random) -> int:
    db.set("quantity_micro", chance.randint(1, 10**9), RECORDS)
    db.set_head(RECORDS, db.rechain(RECORDS, RECORDS))
    return RECORDS


def close_the_gap(db: Db, chance: Random) -> int:
    position = delete_in_the_middle(db, chance)
    for each in range(position + 1, RECORDS + 1):
        db.set("position", each - 1, each)
    return position


def make_a_gap(db: Db, chance: Random) -> int:
    position = chance.randint(1, RECORDS)
    for each in range(RECORDS, position - 1, -1):
        db.set("position", each + 1, each)
    return position


def rewrite_the_tail(db: Db, chance: Random) -> int:
    position = chance.randint(1, RECORDS)
    for each in range(position, RECORDS + 1):
        db.set("emissions_mg", chance.randint(1, 10**12), each)
    db.set_head(RECORDS, db.rechain(position, RECORDS))
    return position


def remove_and_rechain(db: Db, chance: Random) -> int:
    position = close_the_gap(db, chance)
    db("DELETE FROM activity_chain WHERE park_id = ? AND last_position = ?", PARK, RECORDS)
    db.set_head(RECORDS - 1, db.rechain(position, RECORDS - 1))
    return position


def move_to_another_park(db: Db, chance: Random) -> int:
    position = chance.randint(1, RECORDS)
    db("DELETE FROM activity_record WHERE park_id = ? AND position = ?", OTHER, position)
    db.set("park_id", OTHER, position)
    return position


def forge_the_head(db: Db, chance: Random) -> int:
    db.set_head(RECORDS, chance.randbytes(32))
    return RECORDS


def forge_the_last_position(db: Db, chance: Random) -> int:
    position = chance.randint(0, RECORDS - 1)
    db.set_head(position, db.digest(position))
    return RECORDS


def forge_a_digest(db: Db, chance: Random) -> int:
    position = chance.randint(1, RECORDS)
    db.set_digest(position, chance.randbytes(32))
    return position


def cut_the_chain(db: Db, chance: Random) -> int:
    first = chance.choice(db("SELECT first_position FROM activity_chain WHERE park_id = ?", PARK))[0]
    db("DELETE FROM activity_chain WHERE park_id = ? AND first_position = ?", PARK, first)
    return int(first)


def shorten_a_link(db: Db, chance: Random) -> int:
    first = chance.choice(db("SELECT first_position FROM activity_chain WHERE park_id = ?", PARK))[0]
    db("UPDATE activity_chain SET digests = ? WHERE park_id = ? AND first_position = ?", b"", PARK, first)
    return int(first)


FORGERIES: list[Callable[[Db, Random], int]] = [
    *map(update, ("tenant_id", "park_id", *COLUMNS)),
    delete_in_the_middle, delete_the_last, delete_the_last_with_its_digest, insert_after_the_last, insert_beside, exchange,
    change_with_its_digest, change_the_last_with_its_digest, close_the_gap, make_a_gap, rewrite_the_tail, remove_and_rechain,
    move_to_another_park, forge_the_head, forge_the_last_position, forge_a_digest, cut_the_chain, shorten_a_link,
]  # fmt: skip


@dataclass(frozen=True)
class Untouched:
    """A filled platform that was ended, and where copies of its account come from."""

    folder: Path
    gateway_url: str
    account: Callable[[], Any]
    told: tuple[ToldHead, ...]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def untouched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Untouched]:
    folder = tmp_path_factory.mktemp(f"fsck-{request.param}")
    with ExitStack() as stack:
        urls = None
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres_server")
            made = {name: stack.enter_context(empty_database(server)) for name in ("accounting", "evaluation", "gateway")}
            urls = {name: each.owner_url for name, each in made.items()}
        asyncio.run(fill(folder, urls))

        @contextmanager
        def copied() -> Iterator[str]:
            if urls is None:
                shutil.copy(folder / "accounting.sqlite3", folder / "copy.sqlite3")
                yield f"sqlite:///{folder}/copy.sqlite3"
                return
            with empty_database(server, urls["accounting"].rpartition("/")[2]) as copy:
                yield copy.superuser_url

        gateway_url = f"sqlite:///{folder}/gateway.sqlite3" if urls is None else made["gateway"].superuser_url
        with opened(gateway_url) as gateway, opened(f"sqlite:///{folder}/log.sqlite3") as log:
            feed, logged = tuple(told_by_feed(gateway)), tuple(told_by_log(log))
        assert {head[:3] for head in feed} == {head[:3] for head in logged}
        yield Untouched(folder, gateway_url, copied, feed)


def findings(url: str, told: tuple[ToldHead, ...]) -> dict[str, list[Finding]]:
    with opened(url) as accounting:
        return {report.park_id: report.findings for report in checked(accounting, [*told, *told_by_accounting(accounting)])}


def test_nothing_is_found_where_nobody_did_anything(untouched: Untouched) -> None:
    with untouched.account() as url, opened(url) as accounting, closing(Db(url)) as db:
        reports = list(checked(accounting, untouched.told))
        assert [(each.park_id, each.records, each.findings, each.told_upto) for each in reports] == [
            (OTHER, RECORDS, [], RECORDS),
            (PARK, RECORDS, [], RECORDS),
        ]
        digest = db.digest(0)
        for position in range(1, RECORDS + 1):
            digest = next_digest(digest, db.row(position))
        assert reports[1].head == (reports[1].head.__class__)(RECORDS, digest.hex())
        assert {head.told_by for head in told_by_accounting(accounting)} >= {"inventory"}


@pytest.mark.parametrize("number", range(CASES))
def test_what_a_superuser_does_is_found_by_its_position(untouched: Untouched, number: int) -> None:
    forge, chance = FORGERIES[number % len(FORGERIES)], Random(f"{SEED} {number}")
    with untouched.account() as url, closing(Db(url)) as db:
        db.drop_triggers()
        position = forge(db, chance)
        db.close()
        found = findings(url, untouched.told)[PARK]
    assert any(each.position <= position <= each.upto for each in found if each.what not in ("fsck.key", "fsck.sum")), (
        position,
        found,
    )


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE activity_key SET position = position + 100 WHERE record_id = 'tested-2-1'", "key"),
        ("UPDATE activity_key SET superseded_by = 'nobody' WHERE record_id = 'tested-2-1'", "key"),
        ("UPDATE activity_key SET superseded_by = NULL WHERE park_id = 'tested'", "key"),
        ("DELETE FROM activity_key WHERE record_id = 'tested-2-1'", "key"),
        ("UPDATE emissions_sum SET emissions_mg = emissions_mg + 1 WHERE park_id = 'tested'", "sum"),
        ("DELETE FROM emissions_sum WHERE park_id = 'tested'", "sum"),
        ("UPDATE park_ledger SET tenant_id = 'x' WHERE park_id = 'tested'", "park_differs"),
        ("DELETE FROM park_ledger WHERE park_id = 'tested'", "park_differs"),
        ("DELETE FROM park WHERE park_id = 'tested'", "park_differs"),
    ],
)
def test_what_is_derived_is_compared_with_the_records(untouched: Untouched, statement: str, what: str) -> None:
    with untouched.account() as url, closing(Db(url)) as db:
        db.drop_triggers()
        db(statement)
        db.close()
        found = findings(url, untouched.told)
    assert {each.what for each in found[PARK]} == {f"fsck.{what}"}
    assert not found[OTHER]


def test_a_park_that_is_gone_with_all_its_rows_was_told_of(untouched: Untouched) -> None:
    with untouched.account() as url, closing(Db(url)) as db:
        db.drop_triggers()
        for table in ("activity_record", "activity_chain", "activity_key", "emissions_sum", "park_ledger", "park"):
            db(f"DELETE FROM {table} WHERE park_id = '{PARK}'")
        db.close()
        found = findings(url, untouched.told)[PARK]
    assert ("fsck.gone", 1, RECORDS) in {(each.what, each.position, each.upto) for each in found}


@pytest.mark.parametrize("untouched", ["sqlite"], indirect=True)
def test_texts_that_are_no_text_and_times_that_are_none_are_changes(untouched: Untouched) -> None:
    """PostgreSQL stores neither."""
    with untouched.account() as url:
        tamper(
            url,
            f"UPDATE activity_record SET unit = CAST(x'ff' AS TEXT) WHERE park_id = '{PARK}' AND position = 2",
            f"UPDATE activity_record SET recorded_time = 'yesterday' WHERE park_id = '{PARK}' AND position = 4",
            f"UPDATE activity_record SET recorded_time = rtrim(recorded_time, 'Z') WHERE park_id = '{PARK}' AND position = 7",
        )
        assert [each.position for each in findings(url, untouched.told)[PARK] if each.what == "fsck.changed"] == [2, 4, 7]


# --- the command


def run(untouched: Untouched, url: str, *arguments: str, language: str = "en") -> tuple[int, str]:
    variables = {"ACCOUNTING_DATABASE__URL": url, "GATEWAY_DATABASE__URL": untouched.gateway_url}
    result = CliRunner(env=variables).invoke(command(Words(language)), ["fsck", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


def test_the_command_says_each_park_and_what_was_found(untouched: Untouched) -> None:
    with untouched.account() as url:
        code, output = run(untouched, url)
        assert code == 0, output
        assert f"tested: {RECORDS} records, head at position {RECORDS}: " in output
        assert output.endswith(f"2 parks with {2 * RECORDS} records checked; parks with findings: 0\n")
        with closing(Db(url)) as db:
            db.drop_triggers()
            db.set("quantity_micro", 1, 5)
        assert run(untouched, url)[0] == 1
        assert "position 5: the record, or the digest before it, is not what was accepted" in run(untouched, url)[1]
        assert "第 5 位：记录或其前一位的链值与接收时不符" in run(untouched, url, language="zh")[1]
        with closing(Db(url)) as db:
            db("DELETE FROM activity_record WHERE park_id = ? AND position = 7", PARK)
        assert "  position 7: the record is missing\n" in run(untouched, url)[1]


def test_a_tail_that_nobody_was_told_of_is_found_by_a_file_of_heads(untouched: Untouched, tmp_path: Path) -> None:
    with untouched.account() as url:
        quiet = {"ACCOUNTING_DATABASE__URL": url, "GATEWAY_DATABASE__URL": ""}
        heads = tmp_path / "heads.json"
        runner = CliRunner(env=quiet)

        def fsck(*arguments: str) -> Any:
            return runner.invoke(command(Words("en")), ["fsck", *arguments])

        assert fsck("--export", str(heads)).exit_code == 0
        assert heads.stat().st_mode & 0o077 == 0
        with closing(Db(url)) as db:
            db.drop_triggers()
            # nothing in the database tells of it, once its inventory says so as well
            db("UPDATE inventory SET head_sha256 = NULL")
            db("DELETE FROM outbox")
            rewrite_the_tail(db, Random(7))
        silent = fsck()
        assert (silent.exit_code, "wrong" in silent.output) == (1, True), "the sums do not follow a forged tail by themselves"
        assert "is not the one that was told" not in silent.output
        told = fsck("--heads", str(heads))
        assert told.exit_code == 1
        assert f"positions 1 to {RECORDS}: the chain is not the one that was told (file)" in told.output
        refused = fsck("--export", str(tmp_path / "other.json"))
        assert (refused.exit_code, (tmp_path / "other.json").exists()) == (1, False)


def test_a_file_that_is_none_of_heads_is_refused(untouched: Untouched, tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    good = {"park_id": PARK, "position": 1, "head_sha256": "0" * 64}
    with untouched.account() as url:
        for content in (
            "",
            "[]",
            '{"format": "other", "heads": []}',
            json.dumps({"format": "parkcarbon heads 1", "heads": [good | {"head_sha256": "x"}]}),
        ):
            file.write_text(content)
            assert run(untouched, url, "--heads", str(file))[0] == 3, content
        assert run(untouched, url, "--heads", str(tmp_path / "nowhere"))[0] == 3


def test_a_data_folder_is_read_by_itself_and_never_while_a_platform_has_it(untouched: Untouched, tmp_path: Path) -> None:
    unset = {"ACCOUNTING_DATABASE__URL": "", "GATEWAY_DATABASE__URL": ""}
    arguments = ["fsck", "--data", str(untouched.folder)]
    result = CliRunner(env=unset).invoke(command(Words("en")), arguments)
    if untouched.gateway_url.startswith("sqlite"):
        assert result.exit_code == 0, result.output
        with claimed(untouched.folder):
            assert "in use by another stack" in CliRunner(env=unset).invoke(command(Words("en")), arguments).output
    nowhere = CliRunner(env=unset).invoke(command(Words("en")), ["fsck", "--data", str(tmp_path)])
    assert (nowhere.exit_code, list(tmp_path.iterdir())) == (3, [])


def test_a_database_from_before_the_chain_is_said_in_words(untouched: Untouched, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.sqlite3")) as file:
        file.execute("CREATE TABLE park (park_id TEXT)")
    code, output = run(untouched, f"sqlite:///{tmp_path}/old.sqlite3")
    assert code == 3
    assert "cannot be checked" in output
