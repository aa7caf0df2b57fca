"""Statements of one database engine as spans and as times, and the connections of its pool.

The instrumentation that OpenTelemetry has for SQLAlchemy is a process-wide singleton, and writes the driver's message of an error
into the span; PostgreSQL's holds the values of the row.
"""

import re
from collections import Counter
from collections.abc import Iterable
from time import perf_counter
from typing import Any, Final

from opentelemetry.metrics import Histogram, Observation
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from sqlalchemy import Engine, QueuePool, event
from sqlalchemy.engine import ExceptionContext

from chassis import telemetry_names as names

_STATE: Final = "_chassis_statement"
_TABLE: Final = re.compile(r"\b(?:FROM|INTO|UPDATE|TABLE)\s+(?:IF NOT EXISTS\s+)?\"?(\w+)")


def watch(engine: Engine, tracer: Tracer, duration: Histogram) -> None:
    """Records each statement that `engine` executes.

    Args:
        engine: Whose statements.
        tracer: Gets a span per statement, a child of the current one, with its text and never its parameters.
        duration: Gets its time by operation and, if it failed, by the type of its error.
    """
    system = engine.dialect.name

    def before(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        operation = statement.split(maxsplit=1)[0].upper() if statement.strip() else ""
        attributes = {names.ATTRIBUTE_DATABASE_SYSTEM: system, names.ATTRIBUTE_DATABASE_OPERATION: operation}
        span = tracer.start_span(operation, kind=SpanKind.CLIENT, attributes=attributes)
        if span.is_recording():
            table = _TABLE.search(statement)
            if table is not None:
                span.update_name(f"{operation} {table[1]}")
            span.set_attribute(names.ATTRIBUTE_DATABASE_QUERY, statement)
        setattr(context, _STATE, (span, attributes, perf_counter()))

    def after(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        span, attributes, began = getattr(context, _STATE)
        duration.record(perf_counter() - began, attributes)
        span.end()

    def failed(failure: ExceptionContext) -> None:
        # Absent when a connection could not be made.
        span, attributes, began = getattr(failure.execution_context, _STATE, (None, {}, 0.0))
        if span is None:
            return
        error = {names.ATTRIBUTE_ERROR_TYPE: type(failure.original_exception).__name__}
        duration.record(perf_counter() - began, attributes | error)
        span.set_attributes(error)
        span.set_status(Status(StatusCode.ERROR))
        span.end()

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)


def connections(engines: Iterable[Engine]) -> Iterable[Observation]:
    """Returns how many connections the pools of `engines` hold, by database and state."""
    counts: Counter[tuple[str, str]] = Counter()
    for engine in engines:
        pool = engine.pool
        assert isinstance(pool, QueuePool)
        name = engine.url.database or ""
        counts[name, "used"] += pool.checkedout()
        counts[name, "idle"] += pool.checkedin()
    return [
        Observation(count, {names.ATTRIBUTE_DATABASE_POOL: name, names.ATTRIBUTE_DATABASE_CONNECTION_STATE: state})
        for (name, state), count in counts.items()
    ]
