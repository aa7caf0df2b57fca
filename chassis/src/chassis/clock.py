"""Time as an argument: everything that needs the present moment is handed a clock."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the present moment."""

    def now(self) -> datetime:
        """Returns the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Returns the machine's time in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is advanced."""

    def __init__(self, at: datetime) -> None:
        """Sets the clock.

        Args:
            at: The moment to stand at; must be aware.

        Raises:
            ValueError: If `at` has no offset.
        """
        if at.tzinfo is None:
            raise ValueError(f"a clock needs an aware moment, got {at.isoformat()}")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Returns the moment the clock stands at, in UTC."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Moves the clock; a negative `by` moves it back, as a corrected machine clock does."""
        self._at += by
