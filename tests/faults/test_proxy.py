"""The proxy does what its weather says, over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import Proxy, Weather


@asynccontextmanager
async def echo() -> AsyncIterator[Proxy]:
    """A proxy before a server that sends back what it gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[:2])
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
        server.close()


async def exchange(proxy: Proxy, data: bytes, seconds: float = 5.0) -> bytes:
    """Sends data and reads as much back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.readexactly(len(data)), seconds)
    finally:
        writer.close()


async def test_fair_weather_changes_nothing() -> None:
    data = bytes(range(256)) * 4000
    async with echo() as proxy:
        assert await exchange(proxy, data) == data


async def test_slices_and_delays_change_nothing_but_the_time() -> None:
    async with echo() as proxy:
        proxy.weather = Weather(slice_bytes=10, latency_seconds=0.02)
        started = time.monotonic()
        assert await exchange(proxy, b"x" * 50) == b"x" * 50
        # five pieces there, at least one back
        assert time.monotonic() - started >= 6 * 0.02


@pytest.mark.parametrize("weather", [Weather(swallow_requests=True), Weather(swallow_answers=True)], ids=["there", "back"])
async def test_what_is_swallowed_never_comes_and_the_connection_is_reset_afterwards(weather: Weather) -> None:
    async with echo() as proxy:
        proxy.weather = weather
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        proxy.clear()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), 5)
        writer.close()
        assert proxy.cuts == 1
        assert await exchange(proxy, b"again") == b"again"


async def test_cut_resets_what_is_open() -> None:
    async with echo() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), 5)
        writer.close()


async def test_a_body_is_cut_after_so_many_bytes() -> None:
    async with echo() as proxy:
        proxy.weather = Weather(reset_after_bytes=100, slice_bytes=10)
        assert await exchange(proxy, b"x" * 100) == b"x" * 100
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await exchange(proxy, b"x" * 200)
        assert proxy.cuts == 1


async def test_down_refuses_and_up_again_takes() -> None:
    async with echo() as proxy:
        proxy.weather = Weather(down=True)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await exchange(proxy, b"hello")
        proxy.clear()
        assert await exchange(proxy, b"hello") == b"hello"


async def test_a_target_that_is_away_looks_like_a_reset() -> None:
    listener = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    target = listener.sockets[0].getsockname()[:2]
    listener.close()
    proxy = Proxy(target)
    await proxy.start()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await exchange(proxy, b"hello")
    await proxy.close()
