"""gRPC says nothing about the programs that a service starts."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio
import uvloop
from chassis import server
import grpc.aio

async def main():
    serving = grpc.aio.server()
    port = serving.add_insecure_port("127.0.0.1:0")
    await serving.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await channel.channel_ready()
        for _ in range(5):
            program = await asyncio.create_subprocess_exec("true", start_new_session=True)
            await program.wait()
    await serving.stop(0)

uvloop.run(main())
"""


@pytest.mark.parametrize(("settings", "silent"), [({}, True), ({"GRPC_ENABLE_FORK_SUPPORT": "1"}, False)], ids=["ours", "another"])
def test_a_program_is_started_without_a_word_of_grpc(settings: dict[str, str], silent: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_ENABLE_FORK_SUPPORT"} | settings
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert ("fork" not in done.stderr) is silent, done.stderr
