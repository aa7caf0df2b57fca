"""The barest HTTP client: what is measured is the server."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class HttpClient:
    """Connections that stay open; one request at a time on each."""

    base: str
    headers: str
    connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]

    @classmethod
    async def connect(cls, url: str, *, token: str = "", api_key: str = "", connections: int = 1) -> "HttpClient":
        """Opens connections to a server."""
        host, port = urlsplit(url).hostname, urlsplit(url).port
        headers = f"Host: {host}\r\n" + (f"Authorization: Bearer {token}\r\n" if token else "")
        headers += f"X-Api-Key: {api_key}\r\n" if api_key else ""
        opened = [await asyncio.open_connection(host, port, limit=2**24) for _ in range(connections)]
        return cls(url, headers, opened)

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
        """Writes a request."""
        head = f"{method} {path} HTTP/1.1\r\n{self.headers}"
        if body:
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        return f"{head}\r\n".encode() + body

    async def send(self, request: bytes, *, connection: int = 0, expect: Sequence[int] = (200,)) -> bytes:
        """Sends a request and returns the body of the answer."""
        reader, writer = self.connections[connection]
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if int(head[9:12]) not in expect:
            raise AssertionError(f"{head.decode()}{body[:2000].decode()}")
        return body

    async def send_all(self, requests: Sequence[bytes], waits_s: list[float] | None = None) -> None:
        """Sends many requests over all connections; adds how long each answer took to `waits_s`."""

        async def some(connection: int) -> None:
            for request in requests[connection :: len(self.connections)]:
                began = time.perf_counter()
                await self.send(request, connection=connection)
                if waits_s is not None:
                    waits_s.append(time.perf_counter() - began)

        await asyncio.gather(*(some(connection) for connection in range(len(self.connections))))

    async def close(self) -> None:
        """Closes the connections."""
        for _, writer in self.connections:
            writer.close()
            await writer.wait_closed()
