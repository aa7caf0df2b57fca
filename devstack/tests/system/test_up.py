"""`parkcarbon up` as a process: signals, death, ports, folders."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from parkcarbon_client import ParkCarbonClient

if TYPE_CHECKING:
    from devstack.tests.conftest import Up

    Starter = Callable[..., Up]

ROW = "extra-1,electricity,2022-01-01,2022-02-01,12.5,MWh"


def run_up(data: Path, port: int, language: str) -> subprocess.CompletedProcess[str]:
    script = "from devstack.command import main; main()"
    arguments = ["up", "--data", str(data), "--port", str(port), "--lang", language]
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=90, check=False)


def test_killed_stack_keeps_its_data_and_a_signal_ends_it_cleanly(starter: Starter, tmp_path: Path) -> None:
    first = starter()
    assert "88.7874" in first.out
    assert "100.5954" in first.out
    path = tmp_path / "data" / "connection.json"
    assert set(first.connection) == {"url", "docs_url", "tokens", "pid", "data"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    file = tmp_path / "rows.csv"
    file.write_text(f"record_id,source_id,period_start,period_end,quantity,unit\n{ROW}\n")
    first.register_park()
    with ParkCarbonClient(first.connection["url"], first.connection["tokens"]["park_manager"]) as client:
        # acknowledged, so it must outlive the process
        assert client.push_file("empty-park", file).accepted == 1
    first.end(signal.SIGKILL)
    assert path.exists()

    second = starter()
    assert second.connection["tokens"] == first.connection["tokens"]
    with ParkCarbonClient(second.connection["url"], second.connection["tokens"]["reader"]) as client:
        records = list(client.iterate_activity_records("empty-park"))
        assert [(record.record_id, record.quantity) for record in records] == [("extra-1", Decimal("12.5"))]
    assert second.end(signal.SIGINT) == 0
    assert "Traceback" not in second.out
    assert not path.exists()

    third = starter()
    assert third.end(signal.SIGTERM) == 0
    assert "Traceback" not in third.out


def test_second_signal_does_not_wait_for_what_still_runs(starter: Starter) -> None:
    up = starter()
    address = httpx.URL(up.connection["url"])
    request = (
        f"POST /v1/parks/ganzhou-etdz/activity-records HTTP/1.1\r\nHost: {address.host}\r\nContent-Type: text/csv\r\n"
        f"Authorization: Bearer {up.connection['tokens']['park_manager']}\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((address.host, address.port or 0)) as slow:
        slow.sendall(request.encode())
        # the server is reading the body, which never comes
        assert slow.recv(100).startswith(b"HTTP/1.1 100")
        up.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            up.process.wait(1.0)
        assert up.end(signal.SIGINT) == 130


@pytest.mark.parametrize(("language", "words"), [("en", "is taken"), ("zh", "已被占用")])
def test_taken_port_names_the_variable(language: str, words: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        finished = run_up(tmp_path / "data", taken.getsockname()[1], language)
    assert finished.returncode == 3
    assert words in finished.stderr
    assert "PARKCARBON_PORT" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_folder_in_use_names_the_variable_and_the_process(up: Up) -> None:
    finished = run_up(up.data, 0, "en")
    assert finished.returncode == 3
    assert "PARKCARBON_DATA" in finished.stderr
    assert str(up.process.pid) in finished.stderr
    assert (up.data / "connection.json").exists(), "the running stack's file is not the other's to remove"
