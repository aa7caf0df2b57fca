"""Column types that mean the same in SQLite and in PostgreSQL."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Dialect, Integer, Numeric, Text
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


EXACT_DIGITS = 40
"""Decimal digits of an `ExactInteger`: 10³¹ t in milligrams, far more than the atmosphere holds of carbon."""


class ExactInteger(TypeDecorator[int]):
    """An integer beyond 64 bits, such as a sum: `numeric(40, 0)` in PostgreSQL, decimal text in SQLite, which adds in 64 bits.

    It is stored and read, and not computed with in the database. Refuses what is no integer with TypeError, and one of more than
    `EXACT_DIGITS` digits with ValueError. `exact_integers` keeps out what a database would take besides.
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Returns the type of the dialect."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric(EXACT_DIGITS, 0))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """Turns an integer into what the driver stores."""
        if value is None:
            return None
        if type(value) is not int:
            raise TypeError(f"a sum is a whole number, got {value!r}")
        if abs(value) >= 10**EXACT_DIGITS:
            raise ValueError(f"a sum has at most {EXACT_DIGITS} digits")
        return str(value) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turns what the driver stores into an integer."""
        return None if value is None else int(value)


def exact_integers(table: str, *columns: str) -> list[CheckConstraint]:
    """Returns the constraints that columns of `ExactInteger` hold integers or nothing, for the table and for its migration.

    PostgreSQL's numeric takes NaN whatever its precision; text takes anything.
    """
    found = []
    for column in columns:
        integer = f"{column} GLOB '[0-9]*' AND {column} NOT GLOB '*[^0-9]*'"
        below_zero = f"{column} GLOB '-[1-9]*' AND {column} NOT GLOB '-*[^0-9]*'"
        name = f"{table}_{column}"
        found += [
            CheckConstraint(f"{column} <> 'NaN'::numeric", name=name).ddl_if(dialect="postgresql"),
            CheckConstraint(f"{integer} OR {below_zero}", name=name).ddl_if(dialect="sqlite"),
        ]
    return found


def identifier() -> TypeEngine[str]:
    """Returns a text that is compared byte by byte, as SQLite does anyway.

    PostgreSQL would compare by the database's language: slower in every index, and in another order on another machine.
    """
    return Text().with_variant(Text(collation="C"), "postgresql")
