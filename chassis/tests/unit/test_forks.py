"""The programs that a service starts are not touched by gRPC, which would run in them until they are another program."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, json
import uvloop
from chassis import server
import grpc

async def main():
    async def same(request, context):
        return request

    method = grpc.unary_unary_rpc_method_handler(same)
    serving = grpc.aio.server()
    serving.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("forks", {"Same": method})])
    port = serving.add_insecure_port("127.0.0.1:0")
    await serving.start()
    codes = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        async def call():
            while len(codes) < 100:
                await channel.unary_unary("/forks/Same")(b"x" * 1000)

        async def start():
            while len(codes) < 100:
                program = await asyncio.create_subprocess_exec("true", start_new_session=True)
                codes.append(await program.wait())

        await asyncio.gather(start(), *(call() for _ in range(4)))
    await serving.stop(0)
    print(json.dumps(codes))

uvloop.run(main())
"""


@pytest.mark.parametrize(("settings", "ours"), [({}, True), ({"GRPC_ENABLE_FORK_SUPPORT": "1"}, False)], ids=["ours", "another"])
def test_programs_that_are_started_beside_calls_end_well_and_without_a_word_of_grpc(settings: dict[str, str], ours: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_ENABLE_FORK_SUPPORT"} | settings
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert ("fork" not in done.stderr) is ours, done.stderr
    if ours:
        assert json.loads(done.stdout) == [0] * 100
