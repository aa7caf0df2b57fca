"""Workbooks and Parquet files: read by a process that has limits and can be killed, which sends back rows."""

import asyncio
import struct
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

import msgspec

from gateway.domain.errors import GatewayError, MalformedBody, NothingReadable, TooLarge
from gateway.domain.limits import Limits
from gateway.domain.push.activity import ActivityRows, Layout, ReadRows, RowProblem
from gateway.domain.push.media import Format

_WORKER = "gateway.api.reading.worker"
_LENGTH = struct.Struct(">I")
_LONGEST_MESSAGE_BYTES = 64 * 1024 * 1024
_SECONDS_PER_CPU_SECOND = 4
"""The worker shares its processor; beyond so many seconds for each of the processor's it hangs."""


class ReadRequest(msgspec.Struct):
    """What the worker is told, as its argument. Without a layout it gives back the cells of a workbook as they are."""

    format: Format
    limits: Limits
    layout: Layout | None


class PartRead(msgspec.Struct, tag="part"):
    """Rows by column, in the order of FIELDS, and those that could not be read."""

    row_numbers: Sequence[int]
    columns: Sequence[Sequence[str]]
    rejected: Sequence[RowProblem]


class CellsRead(msgspec.Struct, tag="cells"):
    """Rows of a sheet that are not empty, each with its number on the sheet and its cells from column A on, as text."""

    rows: Sequence[tuple[int, Sequence[str]]]


class FileRefused(msgspec.Struct, tag="refused"):
    """Why the file is refused: the name of an error of the domain, its reason and its facts."""

    error: str
    reason: str
    facts: Mapping[str, str]


class AllRead(msgspec.Struct, tag="end"):
    """The file was read to its end."""


_Message = PartRead | CellsRead | FileRefused | AllRead
_decoder: msgspec.msgpack.Decoder[_Message] = msgspec.msgpack.Decoder(_Message)
_encoder = msgspec.msgpack.Encoder()


def message(value: _Message) -> bytes:
    """Returns a message with its length before it, as the worker writes it."""
    body = _encoder.encode(value)
    return _LENGTH.pack(len(body)) + body


class WorkerFailed(Exception):
    """The worker ended by a fault of ours; says what it wrote last."""


class Workbooks:
    """Runs the workers. One per gateway."""

    def __init__(self, limits: Limits) -> None:
        """Runs none yet; at most `limits.workers` at a time."""
        self._limits = limits
        self._free = asyncio.Semaphore(limits.workers)

    async def read(self, chunks: AsyncIterator[bytes], form: Format, layout: Layout) -> AsyncGenerator[ReadRows]:
        """Yields the rows of a file in parts, in order, as fast as they are taken.

        Args:
            chunks: The file, bounded in bytes by whoever receives it.
            form: XLSX or Parquet.
            layout: The names that the columns have.

        Raises:
            NothingReadable: FILE_NOT_READABLE, COLUMN_TYPE, BODY_EMPTY or a HEADER_ reason.
            TooLarge: TOO_MANY_ROWS, or FILE_TOO_COSTLY where the worker reached one of its limits.
            WorkerFailed: The worker is at fault.
        """
        async with aclosing(self._parts(ReadRequest(form, self._limits, layout), chunks)) as parts:
            async for part in parts:
                assert isinstance(part, PartRead)
                yield ReadRows(ActivityRows(part.row_numbers, *part.columns), part.rejected)

    async def read_cells(self, chunks: AsyncIterator[bytes], rows: int) -> Sequence[tuple[int, Sequence[str]]]:
        """Returns the rows of a workbook that are not empty, with their numbers on the sheet: headings and all.

        Args:
            chunks: The file, bounded in bytes by whoever receives it.
            rows: The most rows below the headings; a few thousand, as they are held together.

        Raises:
            NothingReadable: FILE_NOT_READABLE, BODY_EMPTY or CELLS_MERGED.
            TooLarge, WorkerFailed: As in `read`.
        """
        request = ReadRequest(Format.XLSX, replace(self._limits, rows=rows), None)
        found: list[tuple[int, Sequence[str]]] = []
        async with aclosing(self._parts(request, chunks)) as parts:
            async for part in parts:
                assert isinstance(part, CellsRead)
                found += part.rows
        return found

    async def _parts(self, request: ReadRequest, chunks: AsyncIterator[bytes]) -> AsyncGenerator[PartRead | CellsRead]:
        argument = msgspec.json.encode(request).decode()
        async with self._free:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-m",
                _WORKER,
                argument,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # Nothing that the gateway is told, secrets among it, is any of the worker's business.
                env={"ARROW_DEFAULT_MEMORY_POOL": "system", "PYTHONUTF8": "1"},
            )
            try:
                async with asyncio.timeout(None) as patience:
                    await self._hand_over(process, chunks)
                    patience.reschedule(
                        asyncio.get_running_loop().time() + _SECONDS_PER_CPU_SECOND * self._limits.worker_cpu_seconds
                    )
                    found = await self._next(process)
                while isinstance(found, PartRead | CellsRead):
                    yield found
                    async with asyncio.timeout(_SECONDS_PER_CPU_SECOND * self._limits.worker_cpu_seconds):
                        found = await self._next(process)
                if isinstance(found, FileRefused):
                    raise _refusal(found)
            except TimeoutError:
                raise self._too_costly() from None
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.communicate()

    async def _hand_over(self, process: asyncio.subprocess.Process, chunks: AsyncIterator[bytes]) -> None:
        assert process.stdin is not None
        try:
            async for chunk in chunks:
                process.stdin.write(chunk)
                await process.stdin.drain()
            process.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            # The worker has ended; what it said, or how it ended, tells why.
            return

    async def _next(self, process: asyncio.subprocess.Process) -> _Message:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
            if length > _LONGEST_MESSAGE_BYTES:
                raise self._too_costly()
            return _decoder.decode(await process.stdout.readexactly(length))
        except asyncio.IncompleteReadError:
            stderr = (await process.stderr.read()).decode("utf-8", "replace")
            code = await process.wait()
        if code < 0:
            raise self._too_costly()
        raise WorkerFailed(f"the worker ended with {code}: {stderr[-1000:]}")

    def _too_costly(self) -> TooLarge:
        mebibytes = self._limits.worker_memory_bytes // (1024 * 1024)
        return TooLarge("FILE_TOO_COSTLY", allowed=f"{mebibytes} MiB, {self._limits.worker_cpu_seconds} s")


_ERRORS: Mapping[str, type[GatewayError]] = {error.__name__: error for error in (NothingReadable, MalformedBody)}


def _refusal(found: FileRefused) -> GatewayError:
    if found.error == TooLarge.__name__:
        return TooLarge(found.reason, allowed=found.facts["allowed"])
    return _ERRORS[found.error](found.reason, **found.facts)
