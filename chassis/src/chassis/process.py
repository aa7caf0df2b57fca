"""A service as a process of its own."""

import asyncio
from typing import Protocol, TypeVar

import uvloop

from chassis.broker import Broker
from chassis.clock import Clock, SystemClock
from chassis.logs import capture_library_logs, configure
from chassis.server import Part, run_until_signalled
from chassis.settings import BrokerSettings, LogSettings, OneProcessOnly
from chassis.topics import TopicRegistry


class ProcessSettings(Protocol):
    """What of its settings a service needs to be a process."""

    @property
    def broker(self) -> BrokerSettings:
        """Where facts go, and come from."""
        ...

    @property
    def logs(self) -> LogSettings:
        """What is logged."""
        ...


Settings_contra = TypeVar("Settings_contra", bound=ProcessSettings, contravariant=True)


class Build(Protocol[Settings_contra]):
    """Puts a service together; nothing runs before its start."""

    def __call__(self, settings: Settings_contra, *, clock: Clock, broker: Broker) -> Part:
        """Returns the service."""
        ...


def run_service(name: str, settings: Settings_contra, build: Build[Settings_contra], topics: TopicRegistry) -> None:
    """Runs a service until SIGTERM or SIGINT. Called once, in the main thread, by a main.

    Args:
        name: Under which it logs; its variables begin with it.
        settings: As the environment has them.
        build: Puts the service together, inside the event loop that it will run in.
        topics: That exist.

    Raises:
        SystemExit: If the settings name a broker that connects no processes.
    """
    try:
        settings.broker.must_connect_processes(f"{name.upper()}_")
    except OneProcessOnly as error:
        raise SystemExit(str(error)) from error
    logger = configure(name, level=settings.logs.level, renderer=settings.logs.renderer)
    capture_library_logs(logger)

    async def serve() -> None:
        clock = SystemClock()
        broker = await settings.broker.open(topics, clock=clock, logger=logger)
        try:
            await run_until_signalled(build(settings, clock=clock, broker=broker))
        finally:
            await broker.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
