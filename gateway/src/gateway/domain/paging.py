"""Parts of lists, and what a registration returns."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a list. `size` 0 means the service's default."""

    size: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; `next_page_token` is "" on the last."""

    items: tuple[T, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Registered(Generic[T]):
    """What is registered now; `created` is False when the same had been registered before."""

    value: T
    created: bool
