"""Log lines: one JSON object per event, carrying the service and the trace it belongs to, never a payload.

Nothing is configured process-wide but the bridge of `capture_library_logs`, so that five services in one process each log
under their own name.
"""

import logging
import sys
from contextlib import suppress
from enum import StrEnum
from typing import Any, Final, TextIO, cast

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

Logger = FilteringBoundLogger
"""The logger that the parts of the chassis are handed."""


class Renderer(StrEnum):
    """How a line is written."""

    JSON = "json"
    TERMINAL = "terminal"


class Level(StrEnum):
    """The least severe lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


_LOST_LINES: Final = "lost_lines"


class _LossyStream:
    """A stream whose writer outlives it: a full disk or a reader that is gone costs lines, never the work that they tell of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except OSError:
            self.lost += 1

    def flush(self) -> None:
        # What could not be written stays in the stream's buffer, and goes out with a later line or not at all.
        with suppress(OSError):
            self._stream.flush()


def _add_lost(stream: _LossyStream) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if stream.lost:
            event[_LOST_LINES] = stream.lost
        return event

    return add


def configure(
    service: str, *, level: Level = Level.INFO, renderer: Renderer = Renderer.JSON, stream: TextIO | None = None
) -> Logger:
    """Makes the logger of one service.

    A line that cannot be written, as on a full disk, is lost, and later ones say in `lost_lines` how many were.

    Args:
        service: The name every line carries.
        level: The least severe lines that are written.
        renderer: JSON lines for machines, or coloured text for a terminal.
        stream: Where lines go; standard error when None, so that a command's own output stays clean.
    """
    lossy = _LossyStream(stream if stream is not None else sys.stderr)
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        _add_lost(lossy),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if renderer is Renderer.JSON:
        # Local variables hold payloads and tokens.
        without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        chain += [structlog.processors.ExceptionRenderer(without_locals), structlog.processors.JSONRenderer()]
    else:
        chain += [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    logger = structlog.wrap_logger(
        structlog.WriteLogger(cast("TextIO", lossy)),
        processors=chain,
        wrapper_class=structlog.make_filtering_bound_logger(level.value),
        cache_logger_on_first_use=True,
        service=service,
    )
    return cast("Logger", logger.bind())


class _Bridge(logging.Handler):
    def __init__(self, logger: Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        extra: dict[str, Any] = {"library": record.name}
        if record.exc_info is not None:
            extra["exc_info"] = record.exc_info
        self._logger.log(record.levelno, record.getMessage(), **extra)


def capture_library_logs(logger: Logger, *, level: Level = Level.WARNING) -> None:
    """Sends what libraries log through `logging` to `logger`. Process-wide: called once, by a main.

    Args:
        logger: Where the lines go.
        level: The least severe library lines that are kept.
    """
    logging.basicConfig(handlers=[_Bridge(logger)], level=level.value.upper(), force=True)
