"""Who may read the data folder, and that one stack at a time has it."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from devstack import connection, credentials
from devstack.connection import Connection
from devstack.folder import FolderInUse, claimed, write_private

HOLDER = """
import sys
from pathlib import Path
from devstack.folder import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_its_files_are_their_owners_only(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    before = os.umask(0)
    try:
        with claimed(folder):
            made = credentials.load_or_make(folder)
            connection.write(folder / "connection.json", Connection("u", "d", made.tokens, 1, str(folder)))
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    files = {path.name: mode(path) for path in folder.iterdir()}
    assert set(files) == {"lock", "caller-signing-key.pem", "caller-verifying-key.pem", "tokens.json", "connection.json"}
    assert set(files.values()) == {0o600}


def test_folder_of_another_process_is_refused_and_is_free_once_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderInUse, match=f"process {holder.pid}"), claimed(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with claimed(tmp_path):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_folder_is_free_again_after_use(tmp_path: Path) -> None:
    for _ in range(2):
        with claimed(tmp_path), pytest.raises(FolderInUse), claimed(tmp_path):
            pass


def test_failed_write_leaves_what_was_there_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept"
    write_private(path, b"before")

    def fail(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_private(path, b"after")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("kept", b"before")]


def test_credentials_are_made_once(tmp_path: Path) -> None:
    first, second = credentials.load_or_make(tmp_path), credentials.load_or_make(tmp_path)
    assert first == second
    assert len(set(first.tokens.values())) == 3
    # 32 random bytes in base64
    assert all(len(token) == 43 for token in first.tokens.values())
    keys = first.signing_key.read_bytes()
    first.verifying_key.unlink()
    credentials.load_or_make(tmp_path)
    assert first.signing_key.read_bytes() != keys, "half a pair is made anew"


def test_grants_hold_digests_and_no_token(tmp_path: Path) -> None:
    made = credentials.load_or_make(tmp_path)
    grants = made.grants()
    assert [grant["roles"] for grant in grants] == [["platform_operator"], ["park_manager"], ["reader"]]
    assert grants[0]["sha256"] == hashlib.sha256(made.tokens["platform_operator"].encode()).hexdigest()
    assert not any(token in str(grants) for token in made.tokens.values())


@pytest.mark.parametrize("content", ["{}", "[]", '{"platform_operator": 1, "park_manager": "b", "reader": "c"}', "no"])
def test_spoilt_token_file_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text(content)
    with pytest.raises(ValueError, match=r"tokens\.json|Expecting"):
        credentials.load_or_make(tmp_path)


def test_connection_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = Connection("http://127.0.0.1:1", "http://127.0.0.1:1/docs", {"reader": "t"}, 7, "/数据")
    path = tmp_path / "elsewhere" / "c.json"
    assert connection.read(path) is None
    connection.write(path, written)
    assert connection.read(path) == written
    path.write_text('{"url": 1}')
    with pytest.raises(ValueError, match="no connection file"):
        connection.read(path)
