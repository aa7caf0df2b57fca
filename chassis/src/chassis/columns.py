"""Column types that mean the same in SQLite and in PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine


def utc_text(at: datetime) -> str:
    """Writes a moment as `2026-01-31T00:00:00.000000Z`: fixed width, so that text sorts as time does.

    The form in which `UtcDateTime` stores in SQLite; PostgreSQL reads it as well, so it is what bulk rows carry.

    Raises:
        ValueError: If `at` has no offset.
    """
    if at.tzinfo is None:
        raise ValueError(f"a stored moment has to be aware, got {at.isoformat()}")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware and in UTC in Python, `timestamptz` in PostgreSQL, text in SQLite, which has no type for it.

    Refuses a naive moment with ValueError.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Returns the type of the dialect."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Turns a moment into what the driver stores."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a stored moment has to be aware, got {value.isoformat()}")
        return utc_text(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turns what the driver stores into a moment."""
        if value is None:
            return None
        return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)


def big_serial() -> TypeEngine[int]:
    """Returns the type of a 64-bit number that the database counts up; SQLite counts `INTEGER` only."""
    return BigInteger().with_variant(Integer(), "sqlite")


def big_integer() -> TypeEngine[int]:
    """Returns a 64-bit number, under the name that SQLite's STRICT tables accept."""
    return BigInteger().with_variant(Integer(), "sqlite")


def identifier() -> TypeEngine[str]:
    """Returns a text that is compared byte by byte, as SQLite does anyway.

    PostgreSQL would compare by the database's language: slower in every index, and in another order on another machine.
    """
    return Text().with_variant(Text(collation="C"), "postgresql")
