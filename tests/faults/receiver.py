"""The program that webhooks are sent to: at times it refuses, hangs, breaks off or is not there."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress
from random import Random

from tests.faults.deliveries import Delivery, delivery

# of the changes that come for the first time; none is refused twice, for the platform rests longer after each failure
REFUSED_SHARE = 0.01
UNANSWERED_SHARE = 0.01
BROKEN_OFF_SHARE = 0.01
# this machine is a private network, and the receiver has no certificate; who hangs is given up before the next fault
RECEIVER_ALLOWED = {
    "GATEWAY_WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
    "GATEWAY_WEBHOOKS__PLAIN_HTTP": "true",
    "GATEWAY_WEBHOOKS__SECONDS": "3",
}
PRESENT_SECONDS = (4.0, 20.0)
AWAY_SECONDS = (0.5, 2.0)


class Receiver:
    """An HTTP server on 127.0.0.1 that takes webhooks.

    Attributes:
        port: Where it listens.
        delivered: What came, by the name of the webhook in the address, in order of arrival.
        counts: Of what it did to the platform, for the report.
    """

    def __init__(self, random: Random) -> None:
        """Prepares; listens to nothing yet.

        Args:
            random: Decides.
        """
        self.port = 0
        self.delivered: defaultdict[str, list[Delivery]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self._random = random
        self._secrets: dict[str, str] = {}
        self._bad: set[str] = set()
        self._calm = True
        self._over = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._absences: asyncio.Task[None] | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def expect(self, name: str, secret: str) -> None:
        """Takes the secret of a webhook, before its first delivery is judged."""
        self._secrets[name] = secret

    def url(self, name: str) -> str:
        """Returns the address of a webhook."""
        return f"http://127.0.0.1:{self.port}/{name}"

    async def start(self) -> None:
        """Begins to listen, and takes everything until `misbehave`."""
        await self._listen()

    def misbehave(self) -> None:
        """Begins to refuse, to hang, to break off and to be away."""
        self._calm = False
        self._absences = asyncio.create_task(self._go_away_and_come_back())

    async def calm_down(self) -> None:
        """Takes everything from now on."""
        self._calm = True
        if self._absences is not None:
            self._absences.cancel()
            await asyncio.gather(self._absences, return_exceptions=True)
            self._absences = None
        await self._listen()

    async def stop(self) -> None:
        """Listens no more. Twice is once."""
        await self.calm_down()
        await self._leave()
        self._over.set()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _leave(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            for writer in self._open:
                writer.transport.abort()

    async def _go_away_and_come_back(self) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(*PRESENT_SECONDS))
            self.counts["absences of the receiver"] += 1
            await self._leave()
            await asyncio.sleep(self._random.uniform(*AWAY_SECONDS))
            await self._listen()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                name = head[0].split(" ")[1].removeprefix("/")
                headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers["content-length"]))
                await self._answer(writer, self._mood(headers["webhook-id"]), name, headers, body)
        finally:
            self._open.discard(writer)
            writer.close()

    def _mood(self, event_id: str) -> str:
        if self._calm or event_id in self._bad:
            return "takes"
        drawn = self._random.random()
        for mood, share in (("refuses", REFUSED_SHARE), ("hangs", UNANSWERED_SHARE), ("breaks off", BROKEN_OFF_SHARE)):
            if drawn < share:
                self._bad.add(event_id)
                self.counts[f"receiver {mood}"] += 1
                return mood
            drawn -= share
        return "takes"

    async def _answer(self, writer: asyncio.StreamWriter, mood: str, name: str, headers: dict[str, str], body: bytes) -> None:
        found = delivery(self._secrets[name], headers, body, taken=mood == "takes")
        self.delivered[name].append(found)
        if mood == "hangs":
            # the platform gives up before that
            await self._over.wait()
        elif mood == "breaks off":
            writer.transport.abort()
        else:
            status = "204 No Content" if mood == "takes" else "500 Internal Server Error"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
