"""A TCP proxy that cuts, delays, slices and swallows what goes through it; the standard library has all that it needs."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 65_536
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Weather:
    """What the line does; may be changed while it is in use.

    Attributes:
        latency_seconds: Before each piece is passed on, >= 0.
        slice_bytes: Pieces are no longer than this, 1 to 65536.
        down: New connections are refused by an immediate reset.
        swallow_requests: What the caller sends gets nowhere, and nobody is told; such a connection never recovers.
        swallow_answers: The same for what the target sends.
        reset_after_bytes: A connection is reset once it has passed on so many bytes of its caller; 0 for never.
    """

    latency_seconds: float = 0.0
    slice_bytes: int = CHUNK_BYTES
    down: bool = False
    swallow_requests: bool = False
    swallow_answers: bool = False
    reset_after_bytes: int = 0


@dataclass(eq=False)
class _Line:
    """One connection through the proxy."""

    caller: asyncio.StreamWriter
    target: asyncio.StreamWriter
    dead: bool = False

    def reset(self) -> None:
        for writer in (self.caller, self.target):
            found = writer.get_extra_info("socket")
            with suppress(OSError):
                # close sends a reset instead of an end, as the death of a machine's peer looks
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            writer.transport.abort()


@dataclass
class Proxy:
    """Passes connections on to a target.

    Attributes:
        target: Host and port.
        weather: What the line does.
        port: Where it listens on 127.0.0.1; 0 takes a free one at the start.
        cuts: Connections that were reset.
    """

    target: tuple[str, int]
    weather: Weather = field(default_factory=Weather)
    port: int = 0
    cuts: int = 0
    _lines: set[_Line] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def clear(self) -> None:
        """Ends every fault; connections that have lost bytes are reset, as they cannot recover."""
        self.weather = Weather()
        for line in [line for line in self._lines if line.dead]:
            self._reset(line)

    def cut(self) -> int:
        """Resets every connection; returns how many there were."""
        lines = list(self._lines)
        for line in lines:
            self._reset(line)
        return len(lines)

    async def close(self) -> None:
        """Ends the listener and every connection."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _reset(self, line: _Line) -> None:
        self.cuts += 1
        self._lines.discard(line)
        line.reset()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.weather.down:
            _Line(writer, writer).reset()
            return
        try:
            answers, target = await asyncio.open_connection(*self.target)
        except OSError:
            # the target is away: the caller sees what it would see without a proxy
            _Line(writer, writer).reset()
            return
        line = _Line(writer, target)
        self._lines.add(line)
        try:
            await asyncio.gather(self._pass_on(line, reader, target, asked=True), self._pass_on(line, answers, writer, asked=False))
        except OSError:
            line.reset()
        finally:
            self._lines.discard(line)
            for each in (writer, target):
                each.close()

    async def _pass_on(self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asked: bool) -> None:
        passed = 0
        while data := await reader.read(CHUNK_BYTES):
            weather = self.weather
            for at in range(0, len(data), weather.slice_bytes):
                piece = data[at : at + weather.slice_bytes]
                if weather.latency_seconds:
                    await asyncio.sleep(weather.latency_seconds)
                if weather.swallow_requests if asked else weather.swallow_answers:
                    line.dead = True
                if line.dead:
                    continue
                passed += len(piece)
                if asked and 0 < weather.reset_after_bytes < passed:
                    self._reset(line)
                    return
                writer.write(piece)
                await writer.drain()
        if writer.can_write_eof():
            with suppress(OSError):
                writer.write_eof()
