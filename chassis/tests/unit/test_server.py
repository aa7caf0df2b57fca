import asyncio
import io
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from chassis.channel import Channel, ChannelSettings, ChannelTls
from chassis.clock import SystemClock
from chassis.errors import RemoteError
from chassis.identity import CALLER_METADATA_KEY, CallerSigner, CallerVerifier, current_caller, generate_key_pair
from chassis.logs import Logger
from chassis.server import GrpcServer, Registration, ServerSettings, ServerTls, running
from chassis.telemetry import Telemetry
from chassis.testing.authority import Authority
from kernel.access import Caller
from kernel.refusals import Refusal

PRIVATE, PUBLIC = generate_key_pair()
ALICE = Caller("alice", "t1", frozenset({"analyst"}))
SIGNER = CallerSigner(PRIVATE, issuer="gateway", audience="services", clock=SystemClock())
VERIFIER = CallerVerifier(PUBLIC, issuer="gateway", audience="services", clock=SystemClock())


class Refused(Refusal):
    kind = "conflict"
    reason = "PERIOD_CLOSED"

    def facts(self) -> Mapping[str, str]:
        return {"period": "2025"}


class Example:
    """A service without a contract: bytes in, bytes out."""

    NAME = "example.v1.Example"

    def __init__(self) -> None:
        self.calls = 0
        self.active = 0
        self.most_active = 0
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ended: list[str] = []
        self.unavailable_answers = 0

    async def echo(self, request: bytes, _context: Any) -> bytes:
        self.calls += 1
        return request

    async def who(self, _request: bytes, _context: Any) -> bytes:
        return current_caller().subject.encode()

    async def fail(self, request: bytes, context: Any) -> bytes:
        if request == b"domain":
            raise Refused("the period 2025 is closed")
        if request == b"abort":
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "own words")
        if request == b"timeout":
            raise TimeoutError("somebody else's")
        raise ValueError("secret-payload")

    async def hang(self, request: bytes, _context: Any) -> bytes:
        self.active += 1
        self.most_active = max(self.active, self.most_active)
        self.entered.set()
        try:
            await self.go_on.wait()
            self.ended.append("finished")
            return request
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        finally:
            self.active -= 1

    async def flaky(self, request: bytes, _context: Any) -> bytes:
        self.calls += 1
        if self.unavailable_answers > 0:
            self.unavailable_answers -= 1
            raise RemoteError(kind="unavailable", reason="AWAY", message="away")
        return request

    async def count(self, request: bytes, _context: Any) -> AsyncIterator[bytes]:
        for number in range(int(request)):
            yield str(number).encode()
        raise Refused("no more")

    async def total(self, requests: AsyncIterator[bytes], _context: Any) -> bytes:
        return str(sum([int(each) async for each in requests])).encode()

    async def each(self, requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        caller = current_caller()
        async for each in requests:
            yield caller.subject.encode() + each

    def registration(self) -> Registration:
        unary, streaming = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        handlers: dict[str, Any] = {
            "Echo": unary(self.echo),
            "Who": unary(self.who),
            "Fail": unary(self.fail),
            "Hang": unary(self.hang),
            "Flaky": unary(self.flaky),
            "Count": streaming(self.count),
            "Total": grpc.stream_unary_rpc_method_handler(self.total),
            "Each": grpc.stream_stream_rpc_method_handler(self.each),
        }

        def add(server: grpc.aio.Server) -> None:
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(self.NAME, handlers),))

        return Registration(self.NAME, add)


@pytest.fixture
def example() -> Example:
    return Example()


MakeServer = Callable[..., GrpcServer]


@pytest.fixture
def serve(example: Example, telemetry: Telemetry, logger: Logger) -> MakeServer:
    def make(verifier: CallerVerifier | None = VERIFIER, **settings: Any) -> GrpcServer:
        return GrpcServer(
            ServerSettings(**settings),
            services=[example.registration()],
            verifier=verifier,
            error_domain="example.parkcarbon",
            telemetry=telemetry,
            logger=logger,
        )

    return make


@asynccontextmanager
async def connected(telemetry: Telemetry, target: str, **settings: Any) -> AsyncIterator[Channel]:
    channel = Channel(ChannelSettings(target=target, **settings), signer=SIGNER, telemetry=telemetry, jitter=lambda: 0)
    try:
        yield channel
    finally:
        await channel.close()


@pytest.fixture
async def channel(serve: MakeServer, telemetry: Telemetry) -> AsyncIterator[Channel]:
    server = serve()
    async with running(server), connected(telemetry, server.address) as channel:
        yield channel


def method(channel: Channel, name: str) -> Any:
    return channel.grpc.unary_unary(f"/example.v1.Example/{name}")


async def call(channel: Channel, name: str, request: bytes = b"", **options: Any) -> bytes:
    answer: bytes = await channel.call(method(channel, name), request, **{"caller": ALICE, **options})
    return answer


async def refused(answer: Awaitable[Any]) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await answer
    return caught.value


async def test_a_call_is_answered(channel: Channel) -> None:
    assert await call(channel, "Echo", b"hello") == b"hello"


async def test_the_handler_knows_its_caller(channel: Channel) -> None:
    bob = Caller("bob", "t2", frozenset())
    answers = await asyncio.gather(*(call(channel, "Who", caller=caller) for caller in (ALICE, bob) * 20))
    assert answers == [b"alice", b"bob"] * 20


async def test_a_call_without_a_caller_is_refused(channel: Channel, example: Example) -> None:
    error = await refused(call(channel, "Echo", caller=None))
    assert (error.kind, error.reason) == ("unauthenticated", "CALLER_NOT_AUTHENTICATED")
    assert example.calls == 0


@pytest.mark.parametrize("tokens", [["forged"], [SIGNER.sign(ALICE), SIGNER.sign(ALICE)]])
async def test_a_forged_or_doubled_statement_is_refused(channel: Channel, example: Example, tokens: list[str]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(channel, "Echo")(b"", metadata=tuple((CALLER_METADATA_KEY, token) for token in tokens))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert example.calls == 0


async def test_without_a_verifier_nobody_is_the_caller(serve: MakeServer, telemetry: Telemetry) -> None:
    server = serve(verifier=None)
    async with running(server), connected(telemetry, server.address) as channel:
        assert await call(channel, "Echo", b"x", caller=None) == b"x"
        assert (await refused(call(channel, "Who"))).kind == "unauthenticated"


async def test_health_and_reflection_need_no_caller(channel: Channel) -> None:
    health: Any = health_pb2_grpc.HealthStub(channel.grpc)
    for service in ("", Example.NAME):
        answer = await channel.call(health.Check, health_pb2.HealthCheckRequest(service=service), caller=None)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    make_stub: Any = reflection_pb2_grpc.ServerReflectionStub
    reflection = make_stub(channel.grpc)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answers = [each async for each in reflection.ServerReflectionInfo(iter([request]), timeout=5)]
    assert Example.NAME in {service.name for service in answers[0].list_services_response.service}


async def test_a_service_can_be_told_not_to_serve(serve: MakeServer, telemetry: Telemetry) -> None:
    server = serve()
    async with running(server), connected(telemetry, server.address) as channel:
        await server.set_serving(Example.NAME, serving=False)
        health: Any = health_pb2_grpc.HealthStub(channel.grpc)
        asked = health_pb2.HealthCheckRequest(service=Example.NAME)
        answer = await channel.call(health.Check, asked, caller=None)
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_domain_error_arrives_whole(channel: Channel) -> None:
    error = await refused(call(channel, "Fail", b"domain"))
    assert (error.kind, error.reason, error.domain) == ("conflict", "PERIOD_CLOSED", "example.parkcarbon")
    assert (str(error), error.facts()) == ("the period 2025 is closed", {"period": "2025"})


async def test_a_bug_tells_nothing_but_its_trace_which_the_log_has(channel: Channel, log_lines: io.StringIO) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(channel, "Fail")(b"bug", metadata=((CALLER_METADATA_KEY, SIGNER.sign(ALICE)),))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    details = caught.value.details() or ""
    assert details.startswith("internal error, trace ")
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    failed = next(line for line in lines if line["event"] == "call failed")
    assert failed["answered_trace_id"] == failed["trace_id"] == details.rsplit(" ", 1)[1]
    assert failed["exception"][0]["exc_type"] == "ValueError"


async def test_an_abort_of_the_handlers_own_is_kept(channel: Channel) -> None:
    error = await refused(call(channel, "Fail", b"abort"))
    assert (error.reason, str(error)) == ("OUT_OF_RANGE", "own words")


async def test_a_timeout_inside_the_handler_is_not_the_callers_deadline(channel: Channel) -> None:
    assert (await refused(call(channel, "Fail", b"timeout"))).kind == "internal"


async def test_an_error_in_the_middle_of_a_stream_arrives_after_what_was_sent(channel: Channel) -> None:
    received: list[bytes] = []

    async def read() -> None:
        stub: Any = channel.grpc.unary_stream("/example.v1.Example/Count")
        async for each in channel.stream(stub, b"3", caller=ALICE):
            received.append(each)  # noqa: PERF401 - what arrived before the error counts

    assert (await refused(read())).reason == "PERIOD_CLOSED"
    assert received == [b"0", b"1", b"2"]


async def test_streams_in_both_directions_have_a_caller(channel: Channel) -> None:
    async def numbers() -> AsyncIterator[bytes]:
        for number in (b"1", b"2"):
            yield number

    total: Any = channel.grpc.stream_unary("/example.v1.Example/Total")
    assert await channel.call(total, numbers(), caller=ALICE) == b"3"
    each: Any = channel.grpc.stream_stream("/example.v1.Example/Each")
    assert [one async for one in channel.stream(each, numbers(), caller=ALICE)] == [b"alice1", b"alice2"]


async def test_an_unknown_method_is_unimplemented(channel: Channel) -> None:
    assert (await refused(call(channel, "Missing"))).reason == "UNIMPLEMENTED"


async def test_the_callers_deadline_ends_the_handler(channel: Channel, example: Example) -> None:
    error = await refused(call(channel, "Hang", deadline_seconds=0.1))
    assert (error.kind, error.reason) == ("unavailable", "DEADLINE_EXCEEDED")
    async with asyncio.timeout(5):
        while not example.ended:  # noqa: ASYNC110 - the server learns of it a little later
            await asyncio.sleep(0.01)
    assert example.ended == ["cancelled"]


async def test_the_server_ends_a_handler_whose_caller_set_no_deadline(
    serve: MakeServer, telemetry: Telemetry, example: Example
) -> None:
    server = serve(max_call_seconds=0.05)
    async with running(server), connected(telemetry, server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(channel, "Hang")(b"", metadata=((CALLER_METADATA_KEY, SIGNER.sign(ALICE)),))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert example.ended == ["cancelled"]


async def test_calls_beyond_the_bound_wait_for_their_turn(serve: MakeServer, telemetry: Telemetry, example: Example) -> None:
    server = serve()
    async with running(server), connected(telemetry, server.address, max_in_flight=3) as channel:
        calls = [asyncio.create_task(call(channel, "Hang", b"x")) for _ in range(10)]
        await example.entered.wait()
        example.go_on.set()
        assert await asyncio.gather(*calls) == [b"x"] * 10
    assert example.most_active <= 3


async def test_waiting_for_a_turn_counts_towards_the_deadline(serve: MakeServer, telemetry: Telemetry, example: Example) -> None:
    server = serve()
    async with running(server), connected(telemetry, server.address, max_in_flight=1) as channel:
        first = asyncio.create_task(call(channel, "Hang"))
        await example.entered.wait()
        error = await refused(call(channel, "Echo", deadline_seconds=0.05))
        assert (error.kind, error.reason) == ("unavailable", "DEADLINE_EXCEEDED")
        example.go_on.set()
        await first


async def test_two_thousand_calls_at_once_are_all_answered(channel: Channel) -> None:
    answers = await asyncio.gather(*(call(channel, "Echo", b"x") for _ in range(2000)))
    assert answers == [b"x"] * 2000


async def test_calls_beyond_what_the_server_takes_are_refused_at_once(
    serve: MakeServer, telemetry: Telemetry, example: Example
) -> None:
    server = serve(max_concurrent_rpcs=1)
    async with running(server), connected(telemetry, server.address) as channel:
        first = asyncio.create_task(call(channel, "Hang"))
        await example.entered.wait()
        assert (await refused(call(channel, "Echo"))).kind == "exhausted"
        example.go_on.set()
        await first


async def test_an_idempotent_call_is_repeated_while_the_service_is_away(channel: Channel, example: Example) -> None:
    example.unavailable_answers = 2
    assert await call(channel, "Flaky", b"x", idempotent=True) == b"x"
    assert example.calls == 3


async def test_another_call_is_not_repeated(channel: Channel, example: Example) -> None:
    example.unavailable_answers = 2
    assert (await refused(call(channel, "Flaky"))).reason == "AWAY"
    assert example.calls == 1


async def test_repetition_ends(channel: Channel, example: Example) -> None:
    example.unavailable_answers = 100
    assert (await refused(call(channel, "Flaky", idempotent=True))).reason == "AWAY"
    assert example.calls == 4


async def test_repetition_stays_within_the_deadline(channel: Channel, example: Example) -> None:
    example.unavailable_answers = 100
    assert (await refused(call(channel, "Flaky", idempotent=True, deadline_seconds=0.65))).kind == "unavailable"
    # at 0 s, at 0.1 s and, unless the machine is slow, at 0.3 s; the last of four would have been at 0.7 s
    assert 2 <= example.calls <= 3


async def test_an_idempotent_call_survives_a_restart_of_its_server(
    serve: MakeServer, telemetry: Telemetry, example: Example, tmp_path: Path
) -> None:
    first = serve(unix_socket=tmp_path / "s")
    async with connected(telemetry, f"unix:{tmp_path}/s") as channel:
        async with running(first):
            assert await call(channel, "Echo", b"1") == b"1"
        second = serve(unix_socket=tmp_path / "s")
        calling = asyncio.create_task(call(channel, "Echo", b"2", idempotent=True))
        async with running(second):
            assert await calling == b"2"


async def test_a_message_beyond_the_limit_is_refused(serve: MakeServer, telemetry: Telemetry) -> None:
    server = serve(max_message_bytes=2048)
    async with running(server), connected(telemetry, server.address) as channel:
        assert (await refused(call(channel, "Echo", b"x" * 4096))).kind == "exhausted"


async def test_a_taken_port_is_an_error(serve: MakeServer) -> None:
    first = serve()
    async with running(first):
        with pytest.raises(OSError, match="cannot listen"):
            await serve(port=int(first.address.rsplit(":", 1)[1])).start()


async def test_a_stop_lets_calls_in_flight_end_and_refuses_new_ones(
    serve: MakeServer, telemetry: Telemetry, example: Example
) -> None:
    server = serve()
    await server.start()
    async with connected(telemetry, server.address) as channel, connected(telemetry, server.address) as late:
        in_flight = asyncio.create_task(call(channel, "Hang", b"x"))
        await example.entered.wait()
        stopping = asyncio.create_task(server.stop())
        async with asyncio.timeout(5):
            while (await refused(call(late, "Who", deadline_seconds=1.0))).kind != "unavailable":
                pass
        assert not stopping.done()
        example.go_on.set()
        assert await in_flight == b"x"
        await stopping


async def test_a_stop_does_not_wait_longer_than_told(serve: MakeServer, telemetry: Telemetry, example: Example) -> None:
    server = serve(drain_seconds=0.05)
    await server.start()
    async with connected(telemetry, server.address) as channel:
        in_flight = asyncio.create_task(call(channel, "Hang"))
        await example.entered.wait()
        await server.stop()
        assert (await refused(in_flight)).kind == "unavailable"


class Recorded:
    """A part that writes down what becomes of it."""

    def __init__(self, name: str, log: list[str], *, fails: bool = False) -> None:
        self.name, self.log, self.fails = name, log, fails

    async def start(self) -> None:
        if self.fails:
            raise RuntimeError(self.name)
        self.log.append(f"start {self.name}")

    async def stop(self) -> None:
        self.log.append(f"stop {self.name}")


async def test_parts_stop_in_the_opposite_order_also_when_one_does_not_start() -> None:
    log: list[str] = []
    with pytest.raises(RuntimeError, match="c"):
        async with running(Recorded("a", log), Recorded("b", log), Recorded("c", log, fails=True)):
            raise AssertionError("never")
    assert log == ["start a", "start b", "stop b", "stop a"]


SERVICE = """
import asyncio, gc, sys
import grpc
from chassis.logs import configure
from chassis.server import GrpcServer, Registration, ServerSettings, run_until_signalled
from chassis.telemetry import Telemetry, TelemetrySettings

async def slow(request, context):
    print("entered", "frozen" if gc.get_freeze_count() > 10_000 else "collected", flush=True)
    await asyncio.sleep(0.5)
    return request

def add(server):
    handler = grpc.unary_unary_rpc_method_handler(slow)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("example.v1.Example", {"Slow": handler}),))

class Announce:
    async def start(self): print(server.address, flush=True)
    async def stop(self): print("stopping", flush=True)

server = GrpcServer(ServerSettings(), services=[Registration("example.v1.Example", add)], verifier=None, error_domain="e",
                    telemetry=Telemetry("e", TelemetrySettings()), logger=configure("e"))
asyncio.run(run_until_signalled(server, Announce()))
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_loses_no_call_in_flight_and_what_is_loaded_is_frozen(telemetry: Telemetry, number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVICE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().strip()
    async with connected(telemetry, address) as channel:
        calls = [asyncio.create_task(call(channel, "Slow", b"kept", caller=None)) for _ in range(5)]
        for _ in calls:
            assert await process.stdout.readline() == b"entered frozen\n"
        process.send_signal(number)
        assert await asyncio.gather(*calls) == [b"kept"] * 5
    assert await process.stdout.read() == b"stopping\nended\n"
    assert await process.wait() == 0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


async def answer_over_tls(serve: MakeServer, telemetry: Telemetry, server_tls: ServerTls, channel_tls: ChannelTls | None) -> bytes:
    server = serve(tls=server_tls)
    async with (
        running(server),
        connected(telemetry, server.address, tls=channel_tls, deadline_seconds=5.0) as channel,
    ):
        return await call(channel, "Who")


async def test_mutual_tls_lets_its_own_in(serve: MakeServer, telemetry: Telemetry, authority: Authority) -> None:
    server_tls = ServerTls(**authority.issue("server"), client_ca=authority.file)
    channel_tls = ChannelTls(ca=authority.file, **authority.issue("client"))
    assert await answer_over_tls(serve, telemetry, server_tls, channel_tls) == b"alice"


async def test_a_server_can_be_looked_for_under_another_name(serve: MakeServer, telemetry: Telemetry, authority: Authority) -> None:
    server_tls = ServerTls(**authority.issue("server", host="accounting.internal"))
    channel_tls = ChannelTls(ca=authority.file, server_name="accounting.internal")
    assert await answer_over_tls(serve, telemetry, server_tls, channel_tls) == b"alice"


async def test_tls_refuses_who_should_not_be_let_in(
    serve: MakeServer, telemetry: Telemetry, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")
    server, client = authority.issue("server"), authority.issue("client")
    mutual = ServerTls(**server, client_ca=authority.file)
    ended = -timedelta(days=1)
    cases = {
        "no client certificate": (mutual, ChannelTls(ca=authority.file)),
        "a stranger's client certificate": (mutual, ChannelTls(ca=authority.file, **stranger.issue("mallory"))),
        "an expired client certificate": (mutual, ChannelTls(ca=authority.file, **authority.issue("old", lasts=ended))),
        "a client in the clear": (mutual, None),
        "a server of another name": (
            ServerTls(**authority.issue("other", host="other.internal"), client_ca=authority.file),
            ChannelTls(ca=authority.file, **client),
        ),
        "an expired server certificate": (
            ServerTls(**authority.issue("past", lasts=ended), client_ca=authority.file),
            ChannelTls(ca=authority.file, **client),
        ),
        "a stranger's server certificate": (
            ServerTls(**stranger.issue("impostor"), client_ca=authority.file),
            ChannelTls(ca=authority.file, **client),
        ),
    }
    for case, (server_tls, channel_tls) in cases.items():
        error = await refused(answer_over_tls(serve, telemetry, server_tls, channel_tls))
        assert error.kind == "unavailable", case


async def test_a_call_and_its_handler_are_one_trace(channel: Channel, telemetry: Telemetry) -> None:
    await call(channel, "Echo", b"x")
    spans = [span for span in telemetry.finished_spans() if span.name.endswith("/Echo")]
    assert {span.kind.name for span in spans} == {"CLIENT", "SERVER"}
    assert len({span.context.trace_id for span in spans if span.context is not None}) == 1


# --- several replicas -----------------------------------------------------------------------------------------------------


async def test_calls_are_shared_out_among_all_addresses_and_go_round_one_that_is_down(telemetry: Telemetry, logger: Logger) -> None:
    replicas = [Example(), Example()]
    servers = [
        GrpcServer(
            ServerSettings(drain_seconds=0.0),
            services=[replica.registration()],
            verifier=VERIFIER,
            error_domain="example.parkcarbon",
            telemetry=telemetry,
            logger=logger,
        )
        for replica in replicas
    ]
    async with running(*servers):
        target = "ipv4:" + ",".join(server.address for server in servers)
        async with connected(telemetry, target) as channel:
            echo = method(channel, "Echo")

            async def ask() -> None:
                assert await channel.call(echo, b"x", caller=ALICE, idempotent=True) == b"x"

            # one of the connections may be made a moment after the other
            async with asyncio.timeout(20):
                while not all(replica.calls for replica in replicas):
                    await ask()
            before = [replica.calls for replica in replicas]
            for _ in range(10):
                await ask()
            assert [replica.calls - count for replica, count in zip(replicas, before, strict=True)] == [5, 5]
            await servers[0].stop()
            for _ in range(10):
                await ask()
            assert replicas[1].calls - before[1] == 15


async def test_an_old_connection_is_made_anew_and_no_call_is_lost(serve: MakeServer, telemetry: Telemetry) -> None:
    peers: set[str] = set()

    class Seen(Example):
        async def echo(self, request: bytes, context: Any) -> bytes:
            peers.add(context.peer())
            return request

    server = serve(max_connection_seconds=0.2)
    server._services = (Seen().registration(),)
    async with running(server), connected(telemetry, server.address) as channel:
        echo = method(channel, "Echo")
        async with asyncio.timeout(30):
            while len(peers) < 3:
                assert await channel.call(echo, b"x", caller=ALICE) == b"x"
