"""The health check of the images, run as an engine or a kubelet runs it: beside a real server, told by its variables only."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.logs import configure
from chassis.server import GrpcServer, ServerSettings, ServerTls
from chassis.telemetry import Telemetry, TelemetrySettings

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "image" / "healthcheck.py"


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority and a certificate of it, as the component mutual-tls gives a service."""
    folder = tmp_path_factory.mktemp("keys")
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
    openssl(*new, "-subj", "/CN=authority", "-keyout", folder / "ca.key", "-out", folder / "ca.crt")
    names = ("-addext", "subjectAltName=DNS:accounting,DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE")
    signed = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key")
    openssl(*new, *names, *signed, "-subj", "/CN=accounting", "-keyout", folder / "tls.key", "-out", folder / "tls.crt")
    return folder


async def check(port: str, tls: dict[str, str] | None = None) -> int:
    environment = {"PATH": os.environ["PATH"], "PARKCARBON_SERVICE": "accounting", "ACCOUNTING_SERVER__PORT": port, **(tls or {})}
    process = await asyncio.create_subprocess_exec(
        sys.executable, SCRIPT, env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


@pytest.fixture(params=["clear", "mutual_tls"])
async def server(request: pytest.FixtureRequest, keys: Path) -> AsyncIterator[tuple[GrpcServer, str, dict[str, str]]]:
    """A server without services, its port, and the variables that name its keys."""
    files = {"cert": keys / "tls.crt", "key": keys / "tls.key", "client_ca": keys / "ca.crt"}
    tls = ServerTls(**files) if request.param == "mutual_tls" else None
    telemetry = Telemetry("accounting", TelemetrySettings())
    served = GrpcServer(
        ServerSettings(host="127.0.0.1", tls=tls),
        services=[],
        verifier=None,
        error_domain="test",
        telemetry=telemetry,
        logger=configure("accounting"),
    )
    await served.start()
    variables = {f"ACCOUNTING_SERVER__TLS__{name.upper()}": str(path) for name, path in files.items()} if tls else {}
    yield served, served.address.rpartition(":")[2], variables
    await served.stop()
    telemetry.shutdown()


async def test_a_server_that_serves_is_healthy_and_one_that_does_not_is_not(
    server: tuple[GrpcServer, str, dict[str, str]],
) -> None:
    served, port, variables = server
    assert await check(port, variables) == 0
    await served.set_serving("", serving=False)
    assert await check(port, variables) != 0


async def test_a_port_where_nobody_listens_is_not_healthy() -> None:
    assert await check("1") != 0
