"""The watch over the parts of one service: what probes are answered, and what only asking tells."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

from opentelemetry.metrics import Observation

from chassis import telemetry_names as names
from chassis.logs import Logger
from chassis.server import GrpcServer
from chassis.telemetry import Telemetry


class Watched(Protocol):
    """A part that can end by itself."""

    @property
    def healthy(self) -> bool:
        """Whether it still works."""
        ...


class Lagging(Protocol):
    """A part that messages wait for."""

    async def lag(self) -> int:
        """Returns how many."""
        ...


class Monitoring:
    """Looks after the parts of one service while it runs, and shows its metrics to Prometheus if the settings say so.

    A part that has ended by itself is logged, shown as `parkcarbon.part.healthy`, and makes a gRPC server NOT_SERVING, so that its
    keeper starts the process anew. It is the first to be started and the last to be stopped but for what it watches.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        *,
        logger: Logger,
        parts: Mapping[str, Watched],
        consumers: Mapping[str, Lagging] | None = None,
        server: GrpcServer | None = None,
        every_seconds: float = 2.0,
    ) -> None:
        """Stores the parts.

        Args:
            telemetry: Of the service.
            logger: Of the service.
            parts: What is watched, by the name it has in metrics and answers.
            consumers: Whose lag is measured, by group.
            server: Told whether the service is fit to serve.
            every_seconds: Between two looks, > 0.
        """
        self._telemetry = telemetry
        self._logger = logger
        self._parts = dict(parts)
        self._consumers = dict(consumers or {})
        self._server = server
        self._every_seconds = every_seconds
        self._lags: dict[str, int] = {}
        self._ended: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._address = ""
        telemetry.observe(names.METRIC_PART_HEALTHY, self._observe_health)
        if self._consumers:
            telemetry.observe(names.METRIC_CONSUMER_LAG, self._observe_lags)

    @property
    def metrics_address(self) -> str:
        """The URL that Prometheus scrapes, once started; "" when there is none."""
        return self._address

    def health(self) -> Mapping[str, bool]:
        """Returns of each part whether it works."""
        return {name: part.healthy for name, part in self._parts.items()}

    async def start(self) -> None:
        """Begins to watch; the parts have started.

        Raises:
            OSError: If the port for Prometheus is taken.
        """
        self._address = self._telemetry.start()
        if self._address:
            self._logger.info("showing metrics", address=self._address)
        self._task = asyncio.create_task(self._run(), name="monitoring")

    async def stop(self) -> None:
        """Ends the watch."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def look(self) -> None:
        """Looks once."""
        ended = {name for name, works in self.health().items() if not works}
        for name in sorted(ended - self._ended):
            self._logger.error("part ended by itself", part=name)
        if ended != self._ended and self._server is not None:
            await self._server.set_all_serving(serving=not ended)
        self._ended = ended
        if self._telemetry.metering:
            for group, consumer in self._consumers.items():
                await self._measure(group, consumer)

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._every_seconds)

    async def _measure(self, group: str, consumer: Lagging) -> None:
        try:
            self._lags[group] = await consumer.lag()
        except Exception as error:
            # Whatever the broker's reason: a number that is no longer true is worse than none.
            if self._lags.pop(group, None) is not None:
                self._logger.warning("consumer lag unknown", group=group, error=str(error))

    def _observe_health(self) -> Iterable[Observation]:
        return [Observation(int(works), {names.ATTRIBUTE_PART: name}) for name, works in self.health().items()]

    def _observe_lags(self) -> Iterable[Observation]:
        return [Observation(lag, {names.ATTRIBUTE_MESSAGING_GROUP: group}) for group, lag in dict(self._lags).items()]
