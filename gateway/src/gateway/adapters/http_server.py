"""The HTTP server: uvicorn inside a process that has other parts."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from chassis.logs import Logger

_BACKLOG = 1024


class _Server(uvicorn.Server):
    """uvicorn's server without signals, which are the process's affair, and with a start that can be awaited."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class HttpServer:
    """Serves an application over HTTP/1.1 in the running event loop."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        drain_seconds: int,
        logger: Logger,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        """Binds nothing yet.

        Args:
            app: What is served.
            host: Address to bind.
            port: Port to bind; 0 takes a free one.
            drain_seconds: How long running requests may take to end after a stop.
            logger: For the address.
            trusted_proxies: Networks of proxies whose X-Forwarded-For is accepted.
        """
        self._app = app
        self._host = host
        self._port = port
        self._drain_seconds = drain_seconds
        self._trusted_proxies = trusted_proxies
        self._logger = logger
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """The URL of the root, such as http://127.0.0.1:8080, once it has started."""
        return self._address

    async def start(self) -> None:
        """Binds and serves.

        Raises:
            OSError: The port is taken, or the address is none of this machine's.
        """
        listener = socket.create_server((self._host, self._port), backlog=_BACKLOG)
        host, port = listener.getsockname()[:2]
        self._address = f"http://{host}:{port}"
        config = uvicorn.Config(
            self._app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            # Named even where there is none: uvicorn would ask the environment.
            proxy_headers=bool(self._trusted_proxies),
            forwarded_allow_ips=list(self._trusted_proxies),
            backlog=_BACKLOG,
            timeout_graceful_shutdown=self._drain_seconds,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([listener]), name="gateway http")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            await self._serving
            raise RuntimeError("the HTTP server ended while it started")
        self._logger.info("listening", address=self._address)

    async def stop(self) -> None:
        """Takes no new requests and lets running ones end, within `drain_seconds`."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
            self._server = self._serving = None
