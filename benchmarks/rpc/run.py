"""Measures calls between services: R1 to R3. Run as `python -m benchmarks.rpc.run`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import uvloop

from accounting.api.columns import read_columns
from benchmarks.pairing import Side, compare, paired, write_results
from benchmarks.readings import SEED, Readings
from chassis.channel import Channel, ChannelSettings
from chassis.clock import SystemClock
from chassis.identity import CallerSigner, CallerVerifier, generate_key_pair
from chassis.logs import Level, Renderer, configure
from chassis.server import GrpcServer, Registration, ServerSettings
from chassis.telemetry import Telemetry, TelemetrySettings
from gateway.adapters.accounting import activity_columns
from gateway.domain.push.activity import ActivityRows
from kernel.access import Caller
from parkcarbon.accounting.v1 import accounting_pb2 as pb

CALLS = 4_000
IN_FLIGHT = 32
MESSAGES = 40
RECORDS = 1_000
BATCHED = 5
"""Messages' worth of records in one of our calls: the gateway cuts what is bulky into batches of 5,000."""
ROUNDS = 5
_SERVICE = "bench.Bench"
_OPTIONS = [("grpc.max_send_message_length", 2**24), ("grpc.max_receive_message_length", 2**24)]
_CALLER = Caller("bench", "bench", frozenset({"park_manager"}))

Behaviour = Callable[[Any, Any], Awaitable[Any]]


async def _echo(request: bytes, _context: Any) -> bytes:
    return request


async def _columns(request: pb.RecordActivityRequest, _context: Any) -> pb.RecordActivityResponse:
    """Reads a batch as accounting does."""
    return pb.RecordActivityResponse(last_position=read_columns(request.rows).rows)


async def _rows(stream: AsyncIterator[pb.ListActivityRecordsResponse], _context: Any) -> pb.RecordActivityResponse:
    """Reads messages of one message per record, field by field."""
    count = 0
    async for message in stream:
        read = [
            (row.record_id, row.source_id, row.period_start_time, row.period_end_time, row.quantity, row.unit)
            for row in message.records
        ]
        count += len(read)
    return pb.RecordActivityResponse(last_position=count)


async def _arrow(stream: AsyncIterator[bytes], _context: Any) -> bytes:
    """Reads messages that are Arrow IPC streams."""
    count = 0
    async for message in stream:
        with pa.ipc.open_stream(message) as reader:
            count += sum(batch.num_rows for batch in reader)
    return str(count).encode()


def _handlers() -> grpc.GenericRpcHandler:
    request, response = pb.RecordActivityRequest, pb.RecordActivityResponse
    return grpc.method_handlers_generic_handler(
        _SERVICE,
        {
            "Echo": grpc.unary_unary_rpc_method_handler(_echo),
            "Columns": grpc.unary_unary_rpc_method_handler(_columns, request.FromString, response.SerializeToString),
            "Rows": grpc.stream_unary_rpc_method_handler(
                _rows, pb.ListActivityRecordsResponse.FromString, response.SerializeToString
            ),
            "Arrow": grpc.stream_unary_rpc_method_handler(_arrow),
        },
    )


async def _bare() -> tuple[grpc.aio.Server, grpc.aio.Channel]:
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((_handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=_OPTIONS)


async def _ours() -> tuple[GrpcServer, Channel]:
    private, public = generate_key_pair()
    clock = SystemClock()
    names = {"issuer": "bench", "audience": "bench", "clock": clock}
    telemetry = Telemetry("bench", TelemetrySettings())
    server = GrpcServer(
        ServerSettings(),
        services=[Registration(_SERVICE, lambda server: server.add_generic_rpc_handlers((_handlers(),)))],
        verifier=CallerVerifier(public, **names),  # type: ignore[arg-type]  # the clock is one of them
        error_domain="bench",
        telemetry=telemetry,
        logger=configure("bench", level=Level.WARNING, renderer=Renderer.JSON),
    )
    await server.start()
    signer = CallerSigner(private, **names)  # type: ignore[arg-type]  # the clock is one of them
    return server, Channel(ChannelSettings(target=server.address), signer=signer, telemetry=telemetry)


async def _in_flight(call: Callable[[], Awaitable[Any]]) -> int:
    async def some() -> None:
        for _ in range(CALLS // IN_FLIGHT):
            await call()

    await asyncio.gather(*(some() for _ in range(IN_FLIGHT)))
    return CALLS


def main() -> None:
    """Runs every comparison and writes the results."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measure(runner)


def measure(runner: asyncio.Runner) -> None:
    """Measures all rows of the table."""
    bare_server, bare = runner.run(_bare())
    our_server, channel = runner.run(_ours())
    payload = b"x" * 100
    bare_echo = bare.unary_unary(f"/{_SERVICE}/Echo")
    our_echo = channel.grpc.unary_unary(f"/{_SERVICE}/Echo")

    calls = paired(
        [
            Side(
                "unary call, signed caller, guards",
                lambda: runner.run(_in_flight(lambda: channel.call(our_echo, payload, caller=_CALLER))),
            ),
            Side("bare grpc.aio echo", lambda: runner.run(_in_flight(lambda: bare_echo(payload)))),
        ],
        rounds=ROUNDS,
    )

    rows = Readings("r").batch(RECORDS)
    columns: Sequence[Sequence[str]] = [list(column) for column in zip(*rows, strict=True)]
    nothing = [""] * RECORDS
    ours = [list(column) * BATCHED for column in (*columns, nothing, nothing)]
    batch = ActivityRows(range(1, RECORDS * BATCHED + 1), *ours)
    table = pa.RecordBatch.from_arrays([pa.array(column) for column in columns], names=[f"column_{n}" for n in range(len(columns))])
    our_columns = channel.grpc.unary_unary(
        f"/{_SERVICE}/Columns",
        request_serializer=pb.RecordActivityRequest.SerializeToString,
        response_deserializer=pb.RecordActivityResponse.FromString,
    )
    bare_rows = bare.stream_unary(
        f"/{_SERVICE}/Rows",
        request_serializer=pb.ListActivityRecordsResponse.SerializeToString,
        response_deserializer=pb.RecordActivityResponse.FromString,
    )
    bare_arrow = bare.stream_unary(f"/{_SERVICE}/Arrow")

    async def send_columns() -> int:
        for _ in range(MESSAGES // BATCHED):
            request = pb.RecordActivityRequest(park_id="bench", rows=activity_columns(batch))
            assert (await channel.call(our_columns, request, caller=_CALLER)).last_position == RECORDS * BATCHED
        return MESSAGES * RECORDS

    async def send_rows() -> int:
        async def messages() -> AsyncIterator[pb.ListActivityRecordsResponse]:
            for _ in range(MESSAGES):
                yield pb.ListActivityRecordsResponse(
                    records=[
                        pb.ActivityRecord(
                            record_id=row[0],
                            source_id=row[1],
                            period_start_time=row[2],
                            period_end_time=row[3],
                            quantity=row[4],
                            unit=row[5],
                        )
                        for row in rows
                    ]
                )

        assert (await bare_rows(messages())).last_position == MESSAGES * RECORDS
        return MESSAGES * RECORDS

    async def send_arrow() -> int:
        async def messages() -> AsyncIterator[bytes]:
            for _ in range(MESSAGES):
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, table.schema) as writer:
                    writer.write_batch(table)
                yield sink.getvalue().to_pybytes()

        assert int(await bare_arrow(messages())) == MESSAGES * RECORDS
        return MESSAGES * RECORDS

    bulk = paired(
        [
            Side("columns, 5,000 records a call, judged for shape", lambda: runner.run(send_columns())),
            Side("bare Arrow IPC stream", lambda: runner.run(send_arrow())),
            Side("bare row-message stream", lambda: runner.run(send_rows())),
        ],
        rounds=ROUNDS,
    )
    runner.run(channel.close())
    runner.run(our_server.stop())
    runner.run(bare.close())
    runner.run(bare_server.stop(None))

    call_name, bulk_name = next(iter(calls)), next(iter(bulk))
    write_results(
        Path(__file__).parent,
        rows=[
            compare("R1", calls[call_name], calls["bare grpc.aio echo"], floor=0.70, target=0.90),
            compare("R2", bulk[bulk_name], bulk["bare Arrow IPC stream"], floor=0.30, target=0.70),
            compare("R3", bulk[bulk_name], bulk["bare row-message stream"], floor=2, target=7),
        ],
        costs=[*calls.values(), *bulk.values()],
        packages=["grpcio", "protobuf", "uvloop", "pyarrow", "pyjwt", "cryptography"],
        facts={"seed": SEED, "in_flight": IN_FLIGHT, "records_per_message": RECORDS},
    )


if __name__ == "__main__":
    main()
