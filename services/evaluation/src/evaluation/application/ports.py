"""What the use cases need of the outside: the records by aggregate, transactions over them, and the bundle that they are given."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import ParamSpec, Protocol, TypeVar

from evaluation.domain.ahp import RandomIndex
from evaluation.domain.bands import Band
from evaluation.domain.evaluations import Assessment, Evaluation, Inputs, InputValue
from evaluation.domain.facts import Fact
from evaluation.domain.platforms import Platform
from evaluation.domain.strategies import Strategy
from evaluation.domain.systems import IndicatorSystem, WeightSet
from evaluation.domain.targets import Target
from evaluation.domain.thresholds import Threshold, ThresholdSet
from evaluation.domain.values import UnitConversion, Value
from kernel.access import Caller
from parkcopies.directory import ParkDirectory
from parkcopies.parks import Park
from parkcopies.ports import Copies

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


class Platforms(Protocol):
    """Platforms that are connected to parks."""

    async def seen_until(self, park_ids: Sequence[str], year: int) -> Mapping[str, Sequence[Platform]]:
        """Returns the platforms of each park that were first seen before the year ended by the park's own time."""
        ...

    async def keep(self, platform: Platform) -> None:
        """Keeps a platform that the gateway tells of; one that is there stays."""
        ...


class Systems(Protocol):
    """Indicator systems of tenants."""

    async def of_tenant(self, tenant_id: str) -> Sequence[IndicatorSystem]:
        """Returns a tenant's own systems."""
        ...

    async def get(self, tenant_id: str, system_id: str) -> IndicatorSystem | None:
        """Returns a tenant's own system."""
        ...

    async def add(self, system: IndicatorSystem, at: datetime) -> None:
        """Stores a new system."""
        ...


class ThresholdSets(Protocol):
    """Sets of thresholds of tenants."""

    async def get(self, tenant_id: str, set_id: str) -> ThresholdSet | None:
        """Returns a set of thresholds."""
        ...

    async def add(self, threshold_set: ThresholdSet, at: datetime) -> None:
        """Stores a new set of thresholds."""
        ...


class WeightSets(Protocol):
    """Sets of weights of tenants."""

    async def get(self, tenant_id: str, set_id: str) -> WeightSet | None:
        """Returns a set of weights."""
        ...

    async def add(self, weight_set: WeightSet, at: datetime) -> None:
        """Stores a new set of weights."""
        ...


class Values(Protocol):
    """Entered values of indicators, with their versions."""

    async def of_year(self, park_ids: Sequence[str], system_id: str, year: int) -> Sequence[Value]:
        """Returns every version of the manual values of a year, in order of version."""
        ...

    async def newest(self, park_ids: Sequence[str], system_id: str, year: int) -> Mapping[str, Mapping[str, str]]:
        """Returns the newest manual value of each indicator by park, those of no value left out."""
        ...

    async def add(self, values: Sequence[Value]) -> None:
        """Stores new versions of manual values."""
        ...


class Evaluations(Protocol):
    """Evaluations of parks."""

    async def get(self, park_id: str, evaluation_id: str) -> Evaluation | None:
        """Returns an evaluation of a park."""
        ...

    async def page(self, park_id: str, before: int, limit: int) -> Sequence[Evaluation]:
        """Returns evaluations whose sequence is below a number, newest first."""
        ...

    async def counts(self, park_ids: Sequence[str], scored_year: int) -> Mapping[str, int]:
        """Returns how many evaluations of parks were made in a year, by park; those without any are left out."""
        ...

    async def add(self, evaluation: Evaluation, assessment: Assessment, scored_year: int) -> None:
        """Stores an evaluation."""
        ...


class Records(Copies, Protocol):
    """What is stored, as it was at one moment; `parks` are the copies of accounting's. Ids compare exactly.

    What is opened for reading refuses to be written to.
    """

    @property
    def platforms(self) -> Platforms:
        """Platforms that are connected to parks."""
        ...

    @property
    def systems(self) -> Systems:
        """Indicator systems of tenants."""
        ...

    @property
    def threshold_sets(self) -> ThresholdSets:
        """Sets of thresholds of tenants."""
        ...

    @property
    def weight_sets(self) -> WeightSets:
        """Sets of weights of tenants."""
        ...

    @property
    def values(self) -> Values:
        """Entered values of indicators."""
        ...

    @property
    def evaluations(self) -> Evaluations:
        """Evaluations of parks."""
        ...


class UnitOfWork(Records, Protocol):
    """One transaction that may write. What is not committed when its block ends never was."""

    def collect(self, fact: Fact) -> None:
        """Adds a fact that becomes known with the commit."""
        ...

    async def commit(self) -> None:
        """Makes everything durable, the facts included."""
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
class Ports:
    """What the use cases work with.

    Attributes:
        read: opens a tenant's records for reading.
        write: opens a transaction of a tenant.
        parks: finds parks, their accounts known here.
        shipped: what is shipped as data.
        documents: makes files.
        executor: runs what computes.
        clock: tells the time.
        new_id: gives an id that nothing else has.
    """

    read: Callable[[str], AbstractAsyncContextManager[Records]]
    write: Callable[[str], AbstractAsyncContextManager[UnitOfWork]]
    parks: ParkDirectory
    shipped: Shipped
    documents: Documents
    executor: Executor
    clock: Clock
    new_id: Callable[[], str]
