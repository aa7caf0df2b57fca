"""What the use cases need of the outside."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import ParamSpec, Protocol, Self, TypeVar

from evaluation.domain.ahp import RandomIndex
from evaluation.domain.bands import Band
from evaluation.domain.derivation import YearAccount
from evaluation.domain.evaluations import Assessment, Evaluation, Inputs, InputValue
from evaluation.domain.facts import Fact
from evaluation.domain.parks import Enterprise, Park, ParkAccount, Platform, Source, SpanSum, YearFigures
from evaluation.domain.strategies import Strategy
from evaluation.domain.systems import IndicatorSystem, WeightSet
from evaluation.domain.targets import Target
from evaluation.domain.thresholds import Threshold, ThresholdSet
from evaluation.domain.values import UnitConversion, Value
from kernel.access import Caller

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the present moment, aware, in UTC."""
        ...


class Shipped(Protocol):
    """What is shipped as data."""

    @property
    def systems(self) -> Mapping[str, IndicatorSystem]:
        """Indicator systems by id."""
        ...

    @property
    def thresholds(self) -> Mapping[str, tuple[Threshold, ...]]:
        """The platform's thresholds by system."""
        ...

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of every system."""
        ...

    @property
    def targets(self) -> tuple[Target, ...]:
        """Of every system."""
        ...

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The table of strategies."""
        ...

    @property
    def conversions(self) -> tuple[UnitConversion, ...]:
        """Units that a value may be entered in."""
        ...

    @property
    def random_indices(self) -> Mapping[str, RandomIndex]:
        """By table."""
        ...

    @property
    def derivations(self) -> Mapping[str, Mapping[str, str]]:
        """How indicators derive, by system and indicator."""
        ...

    @property
    def clean_carriers(self) -> frozenset[str]:
        """Carriers that count as clean energy."""
        ...


class Records(Protocol):
    """What is stored, as it was at one moment. Ids compare exactly."""

    async def park(self, park_id: str) -> Park | None:
        """Returns a park of any tenant."""
        ...

    async def parks(self, tenant_id: str) -> Sequence[Park]:
        """Returns every park of a tenant, in order of id."""
        ...

    async def year_accounts(self, park_ids: Sequence[str], year: int) -> Mapping[str, YearAccount]:
        """Returns what is known of a year of each park; `assessments` counts the evaluations made in it."""
        ...

    async def values(self, park_ids: Sequence[str], system_id: str, year: int) -> Sequence[Value]:
        """Returns every version of the manual values of a year, in order of version."""
        ...

    async def newest_values(self, park_ids: Sequence[str], system_id: str, year: int) -> Mapping[str, Mapping[str, str]]:
        """Returns the newest manual value of each indicator by park, those of no value left out."""
        ...

    async def systems(self, tenant_id: str) -> Sequence[IndicatorSystem]:
        """Returns a tenant's own systems."""
        ...

    async def system(self, tenant_id: str, system_id: str) -> IndicatorSystem | None:
        """Returns a tenant's own system."""
        ...

    async def threshold_set(self, tenant_id: str, set_id: str) -> ThresholdSet | None:
        """Returns a set of thresholds."""
        ...

    async def weight_set(self, tenant_id: str, set_id: str) -> WeightSet | None:
        """Returns a set of weights."""
        ...

    async def evaluation(self, park_id: str, evaluation_id: str) -> Evaluation | None:
        """Returns an evaluation of a park."""
        ...

    async def evaluations(self, park_id: str, before: int, limit: int) -> Sequence[Evaluation]:
        """Returns evaluations whose sequence is below a number, newest first."""
        ...


class ParkCopy(Protocol):
    """The copy of accounting's registers and sums; what is older than what is there changes nothing."""

    async def keep_park(self, park: Park) -> None:
        """Keeps a park that a fact tells of."""
        ...

    async def keep_enterprises(self, enterprises: Sequence[Enterprise]) -> None:
        """Keeps enterprises."""
        ...

    async def keep_sources(self, sources: Sequence[Source], *, over: bool = False) -> None:
        """Keeps sources; in the place of those that are there where `over` says so."""
        ...

    async def keep_figures(self, figures: Sequence[YearFigures]) -> None:
        """Keeps figures; the highest version of a year stays."""
        ...

    async def keep_sums(self, sums: Sequence[SpanSum]) -> None:
        """Keeps sums; the highest position of a source and span stays."""
        ...

    async def keep_platform(self, platform: Platform) -> None:
        """Keeps a platform that the gateway tells of; the first telling stays."""
        ...


class UnitOfWork(Records, ParkCopy, Protocol):
    """One transaction. What is not committed when the block ends never was."""

    async def __aenter__(self) -> Self:
        """Begins."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends; rolls back what was not committed."""
        ...

    async def lock(self, park: Park) -> None:
        """Waits until no other transaction holds the park's lock, and holds it."""
        ...

    async def caught_up(self, park: Park, at: datetime) -> None:
        """Notes that a park's account was read as a whole."""
        ...

    async def add_system(self, system: IndicatorSystem, at: datetime) -> None:
        """Stores a new system."""
        ...

    async def add_threshold_set(self, threshold_set: ThresholdSet, at: datetime) -> None:
        """Stores a new set of thresholds."""
        ...

    async def add_weight_set(self, weight_set: WeightSet, at: datetime) -> None:
        """Stores a new set of weights."""
        ...

    async def add_values(self, values: Sequence[Value]) -> None:
        """Stores new versions of manual values."""
        ...

    async def add_evaluation(self, evaluation: Evaluation, assessment: Assessment, scored_year: int) -> None:
        """Stores an evaluation."""
        ...

    def collect(self, fact: Fact) -> None:
        """Adds a fact that becomes known with the commit."""
        ...

    async def commit(self) -> None:
        """Makes everything durable, the facts included."""
        ...


class AccountingPort(Protocol):
    """Accounting, asked on behalf of a caller."""

    async def park_ids(self, caller: Caller) -> Sequence[str] | None:
        """Returns the ids of the caller's parks; None where its credential may not list them."""
        ...

    async def account(self, caller: Caller, park_id: str) -> ParkAccount:
        """Returns a park's account as a whole.

        Raises:
            ParkNotFound: it does not exist for this caller.
            AccountingAway: accounting does not answer.
        """
        ...


class Documents(Protocol):
    """What is stored of an evaluation, and files made of it."""

    def digest(self, inputs: Inputs) -> str:
        """Returns the SHA-256 of the stored form, lower-case hex."""
        ...

    def report(self, evaluation: Evaluation, assessment: Assessment, park: Park, language: str) -> bytes:
        """Returns the report as a PDF."""
        ...

    def template(
        self,
        system: IndicatorSystem,
        year: int,
        entered: Mapping[str, InputValue],
        derived: Mapping[str, InputValue],
        language: str,
    ) -> bytes:
        """Returns an XLSX for entering values: what was entered is filled in, what the platform has stands in the description."""
        ...


class Executor(Protocol):
    """Runs work that computes, outside of the event loop; errors of its own carry a kind."""

    async def run(self, caller: Caller, seconds: float, work: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Returns what the work returns, or raises what it raises. A caller who is cancelled ends the work.

        Args:
            caller: for whom; what one caller and one tenant have under way is bounded.
            seconds: the longest it may compute, > 0.
            work: a picklable function: at the top level of a module, or a method of a picklable object.
            *args: its arguments, picklable.
            **kwargs: as `args`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What the use cases work with.

    Attributes:
        write: opens a transaction.
        read: opens the records for reading.
        new_id: gives an id that nothing else has.
    """

    write: Callable[[], UnitOfWork]
    read: Callable[[], AbstractAsyncContextManager[Records]]
    accounting: AccountingPort
    shipped: Shipped
    documents: Documents
    executor: Executor
    clock: Clock
    new_id: Callable[[], str]
