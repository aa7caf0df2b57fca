"""What the tests of the domain start from: the shipped tables, one park, and rows by their fields."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import settings

from accounting.adapters.factor_files import load_factor_book, load_reference_tables
from accounting.domain.batches import ActivityColumns, Candidates, TextColumn
from accounting.domain.factors import FactorBook
from accounting.domain.parks import Park, Source
from accounting.domain.reference import ReferenceTables
from kernel.periods import parse_instant, time_zone

SHANGHAI = time_zone("Asia/Shanghai")
REGISTERED = datetime(2020, 1, 1, tzinfo=UTC)

# A busy machine makes an example slow, not wrong.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")


@pytest.fixture(scope="session")
def book() -> FactorBook:
    return load_factor_book()


@pytest.fixture(scope="session")
def reference() -> ReferenceTables:
    return load_reference_tables()


@pytest.fixture(scope="session")
def park() -> Park:
    return Park(
        park_id="ganzhou",
        tenant_id="jx",
        name_zh="赣州经济技术开发区",
        name_en="Ganzhou Economic and Technological Development Zone",
        region_code="360700",
        time_zone="Asia/Shanghai",
        latitude_deg="",
        longitude_deg="",
        factor_set_id="wang-2024",
        registered_time=REGISTERED,
    )


@pytest.fixture(scope="session")
def source() -> Callable[..., Source]:
    """A source by what differs from a meter of the park."""

    def make(source_id: str, carrier: str = "electricity", **changes: object) -> Source:
        given: dict[str, object] = {
            "park_id": "ganzhou",
            "tenant_id": "jx",
            "source_id": source_id,
            "enterprise_id": "",
            "name_zh": "总表",
            "name_en": "Main meter",
            "item": "park.purchased_energy",
            "scope": 2,
            "carrier": carrier,
            "gas": "CO2",
            "sector": "energy",
            "settlement_basis": "bill",
            "registered_time": REGISTERED,
        }
        return Source(**{**given, **changes})  # type: ignore[arg-type]  # the keys are the fields

    return make


@pytest.fixture(scope="session")
def sources(source: Callable[..., Source]) -> Mapping[str, Source]:
    made = [
        source("meter"),
        source("gas", "natural_gas", item="public.energy_use", scope=1),
        source("oil", "refined_oil", item="public.energy_use", scope=1),
        source("coal", "anthracite", item="public.energy_use", scope=1),
        source("diesel", "diesel", item="public.energy_use", scope=1),
        source("vent", "co2", item="enterprise.process", scope=1, enterprise_id="e-1"),
    ]
    return {each.source_id: each for each in made}


@pytest.fixture(scope="session")
def batch() -> Callable[..., ActivityColumns]:
    """A batch by what differs in each row from a good one; `dictionary` encodes every column by its distinct values."""

    def make(*rows: Mapping[str, str], dictionary: bool = False) -> ActivityColumns:
        good = {
            "source_id": "meter",
            "period_start": "2021-01-01",
            "period_end": "2021-02-01",
            "quantity": "1000",
            "unit": "kWh",
            "supersedes": "",
            "confirmed": "",
        }
        full = [{"record_id": f"r{number}", **good, **row} for number, row in enumerate(rows, start=1)]

        def column(name: str) -> TextColumn:
            texts = [row[name] for row in full]
            if not dictionary:
                return TextColumn(texts)
            values = sorted({*texts, "a value that no row has"})
            return TextColumn(values, np.array([values.index(text) for text in texts], dtype=np.intp))

        return ActivityColumns(
            row_number=range(1, len(full) + 1),
            record_id=column("record_id"),
            source_id=column("source_id"),
            period_start=column("period_start"),
            period_end=column("period_end"),
            quantity=column("quantity"),
            unit=column("unit"),
            supersedes=column("supersedes"),
            confirmed=column("confirmed"),
        )

    return make


@pytest.fixture(scope="session")
def candidates() -> Callable[..., Candidates]:
    """Candidates by what differs in each row from a meter's January; periods as dates or as whole seconds."""

    def make(*rows: Mapping[str, object]) -> Candidates:
        def seconds(value: object) -> int:
            return parse_instant(value, SHANGHAI) if isinstance(value, str) else int(str(value))

        good: dict[str, object] = {
            "source_id": "meter",
            "start": "2021-01-01",
            "end": "2021-02-01",
            "quantity_micro": 1_000_000,
            "unit": "kWh",
            "emissions_mg": 581_000,
            "supersedes": "",
            "confirmed": False,
        }
        full = [{"record_id": f"r{number}", **good, **row} for number, row in enumerate(rows, start=1)]
        return Candidates(
            index=np.arange(len(full), dtype=np.intp),
            record_id=[str(row["record_id"]) for row in full],
            source_id=[str(row["source_id"]) for row in full],
            start_s=np.array([seconds(row["start"]) for row in full], dtype=np.int64),
            end_s=np.array([seconds(row["end"]) for row in full], dtype=np.int64),
            quantity_micro=np.array([row["quantity_micro"] for row in full], dtype=np.int64),
            unit=[str(row["unit"]) for row in full],
            basis_id=["basis"] * len(full),
            emissions_mg=np.array([row["emissions_mg"] for row in full], dtype=np.int64),
            energy_mgce=np.zeros(len(full), dtype=np.int64),
            first_month=np.full(len(full), 202101, dtype=np.int64),
            last_month=np.full(len(full), 202101, dtype=np.int64),
            supersedes=[str(row["supersedes"]) for row in full],
            confirmed=np.array([row["confirmed"] for row in full], dtype=np.bool_),
        )

    return make
