"""What knowing parks needs of the outside: the copies, the transactions over them, and accounting."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from kernel.access import Caller
from kernel.refusals import Kind, Refusal
from parkcopies.parks import Enterprise, Park, ParkAccount, Source, SpanSum, YearFigures


class AccountingUnavailable(Refusal):
    """The account of a park that is not known here yet cannot be read at present."""

    kind = Kind.UNAVAILABLE
    reason = "ACCOUNTING_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("accounting does not answer at present; send the same again later", "核算服务暂时没有响应,请稍后重试")


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the present moment, aware, in UTC."""
        ...


class ParkCopies(Protocol):
    """The copies, as they are at one moment; what is older than what is there changes nothing. Ids compare exactly."""

    async def get(self, park_id: str) -> Park | None:
        """Returns a park of any tenant."""
        ...

    async def of_tenant(self, tenant_id: str) -> Sequence[Park]:
        """Returns every park of a tenant, in order of id."""
        ...

    async def sources(self, park_ids: Sequence[str]) -> Mapping[str, Sequence[Source]]:
        """Returns the sources of parks, by park."""
        ...

    async def sums(self, park_ids: Sequence[str], first_month: int, last_month: int) -> Mapping[str, Sequence[SpanSum]]:
        """Returns the sums of spans that lie whole within a range of months (YYYYMM, both inclusive), by park."""
        ...

    async def figures(self, park_ids: Sequence[str], year: int) -> Mapping[str, YearFigures]:
        """Returns the figures of a year, by park."""
        ...

    async def enterprise_counts(self, park_ids: Sequence[str]) -> Mapping[str, int]:
        """Returns how many enterprises parks have, by park; those without any are left out."""
        ...

    async def lock(self, park_id: str) -> None:
        """Waits until no other transaction holds the park's lock, and holds it."""
        ...

    async def keep_park(self, park: Park) -> None:
        """Keeps a park; one that is there stays."""
        ...

    async def keep_enterprises(self, enterprises: Sequence[Enterprise]) -> None:
        """Keeps enterprises; those that are there stay."""
        ...

    async def keep_sources(self, sources: Sequence[Source], *, replace: bool = False) -> None:
        """Keeps sources; those that are there stay unless they are to be replaced."""
        ...

    async def keep_figures(self, figures: Sequence[YearFigures]) -> None:
        """Keeps figures; the highest version of a year stays."""
        ...

    async def keep_sums(self, sums: Sequence[SpanSum]) -> None:
        """Keeps sums; the highest position of a source and span stays."""
        ...

    async def synced(self, park_id: str, at: datetime) -> None:
        """Notes that a park's account was read as a whole."""
        ...


class Copies(Protocol):
    """A transaction that sees the copies."""

    @property
    def parks(self) -> ParkCopies:
        """The copies."""
        ...


class CopiesWork(Copies, Protocol):
    """A transaction that may write them. What is not committed when its block ends never was."""

    async def commit(self) -> None:
        """Makes everything durable."""
        ...


class Accounting(Protocol):
    """Accounting, asked on behalf of a caller."""

    async def park_ids(self, caller: Caller) -> Sequence[str] | None:
        """Returns the ids of the caller's parks; None where its credential may not list them."""
        ...

    async def account(self, caller: Caller, park_id: str) -> ParkAccount:
        """Returns a park's account as a whole.

        Raises:
            ParkNotFound: it does not exist for this caller.
            AccountingUnavailable: accounting does not answer.
        """
        ...
