"""Lists page by page: order, cursors, sizes, and that nothing is missed or repeated while others write."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kernel.refusals import Kind
from parkcarbon.accounting.v1 import accounting_pb2 as pb
from services.accounting.tests.integration.stand import Row, Tenant, encoded_columns, ganzhou_rows, hours, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

Page = Callable[[Tenant, int, str], Awaitable[tuple[list[Any], str]]]


def page_of(name: str, items: str, park_field: bool = True) -> Page:
    """Returns how to ask for a page of a list: its items and the next token."""

    async def ask(park: Tenant, size: int, token: str) -> tuple[list[Any], str]:
        fields: dict[str, Any] = {"page_size": size, "page_token": token}
        if name == "Factors":
            fields["set_id"] = "wang-2024"
        elif park_field:
            fields["park_id"] = park.park_id
        request = getattr(pb, f"List{name}Request")(**fields)
        method = getattr(park.stand.stub, f"List{name}")
        answer: Any = await park.stand.channel.call(method, request, caller=park.reader)
        return list(getattr(answer, items)), answer.next_page_token

    return ask


LISTS: dict[str, Page] = {
    "parks": page_of("Parks", "parks", park_field=False),
    "enterprises": page_of("Enterprises", "enterprises"),
    "sources": page_of("Sources", "sources"),
    "annual_figures": page_of("AnnualFigures", "annual_figures"),
    "activity_records": page_of("ActivityRecords", "records"),
    "factor_sets": page_of("FactorSets", "factor_sets", park_field=False),
    "factors": page_of("Factors", "factors"),
}
KEYS: dict[str, Callable[[Any], Any]] = {
    "parks": lambda each: each.park_id,
    "enterprises": lambda each: each.enterprise_id,
    "sources": lambda each: each.source_id,
    "annual_figures": lambda each: (each.year, each.version),
    "activity_records": lambda each: each.position,
    "factor_sets": lambda each: each.set_id,
    "factors": lambda each: each.factor_id,
}


async def filled(park: Tenant) -> Tenant:
    """Gives the park seven of everything that is listed."""
    for number in range(7):
        await park.create_enterprise(f"e{number}")
        await park.record_figures(2020 - number % 2, employees_persons=str(1 + number))
        if number > 2:
            await park.create_source(f"s{number}")
        if number > 0:
            await Tenant(park.stand, park.tenant_id, f"{park.park_id}.{number}").create_park()
    await park.push(encoded_columns(hours(7)))
    return park


@pytest.mark.parametrize("listed", LISTS)
async def test_pages_of_any_size_together_hold_everything_once_in_order(park: Tenant, listed: str) -> None:
    await filled(park)
    whole, token = await LISTS[listed](park, 0, "")
    assert token == ""
    assert len(whole) >= 7
    keys = [KEYS[listed](each) for each in whole]
    assert keys == sorted(set(keys))
    for size in (1, 3, 7, 1_000):
        found: list[Any] = []
        token = ""
        while True:
            items, token = await LISTS[listed](park, size, token)
            assert 1 <= len(items) <= size
            found += items
            if not token:
                break
            assert len(items) == size
        assert found == whole


@pytest.mark.parametrize("listed", LISTS)
async def test_a_page_size_outside_of_the_limits_is_refused(park: Tenant, listed: str) -> None:
    most = 10_000 if listed == "activity_records" else 1_000
    for size in (-1, most + 1, 2**31 - 1):
        error = await refusal(LISTS[listed](park, size, ""))
        assert (error.kind, error.metadata["field"], error.metadata["allowed"]) == (Kind.INVALID, "page_size", f"0 to {most}")


@pytest.mark.parametrize("listed", LISTS)
async def test_the_token_of_another_list_is_refused(park: Tenant, listed: str) -> None:
    await filled(park)
    tokens = {name: (await ask(park, 1, ""))[1] for name, ask in LISTS.items()}
    assert all(tokens.values())
    for name, token in tokens.items():
        if name != listed:
            error = await refusal(LISTS[listed](park, 1, token))
            assert (error.kind, error.metadata["field"]) == (Kind.INVALID, "page_token")


async def test_the_token_of_another_park_is_refused(park: Tenant) -> None:
    other = await park.stand.tenant().settle()
    await other.push(encoded_columns(hours(3)))
    for listed in ("sources", "activity_records"):
        _, token = await LISTS[listed](other, 1, "")
        error = await refusal(LISTS[listed](park, 1, token))
        assert error.metadata["field"] == "page_token"


def _written(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _read(token: str) -> list[Any]:
    read: list[Any] = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    return read


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("x", id="half_a_byte"),
        pytest.param("émile", id="not_ascii"),
        pytest.param("bm90IGpzb24", id="not_json"),
        pytest.param(base64.urlsafe_b64encode(b"[" * 100_000).decode(), id="deep"),
        pytest.param(_written([]), id="nothing"),
        pytest.param(_written(None), id="null"),
        pytest.param(_written({"a": 1}), id="an_object"),
        pytest.param(_written([1, 2, 3]), id="a_list_without_a_name"),
    ],
)
async def test_a_token_that_was_not_written_here_is_refused(park: Tenant, token: str) -> None:
    for ask in LISTS.values():
        error = await refusal(ask(park, 1, token))
        assert (error.kind, error.metadata["field"]) == (Kind.INVALID, "page_token")


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("a\x00", id="a_nul"),
        pytest.param("\ud800", id="half_a_character"),
        pytest.param(2**63, id="more_than_64_bits"),
        pytest.param(-1, id="a_number_below_zero"),
        pytest.param(True, id="a_flag"),
        pytest.param(1.5, id="a_fraction"),
        pytest.param(None, id="null"),
        pytest.param([[]], id="a_list"),
    ],
)
async def test_a_token_is_refused_whose_key_is(park: Tenant, key: object) -> None:
    await filled(park)
    for ask in LISTS.values():
        _, token = await ask(park, 1, "")
        name, *keys = _read(token)
        error = await refusal(ask(park, 1, _written([name, *[key] * len(keys)])))
        assert (error.kind, error.metadata["field"]) == (Kind.INVALID, "page_token")


async def test_records_are_listed_in_the_order_of_acceptance_while_others_write(park: Tenant) -> None:
    rows = hours(900)
    done = asyncio.Event()

    async def write(start: int) -> None:
        for number in range(start, 900, 150):
            await park.push(encoded_columns(rows[number : number + 50]))

    async def read(size: int) -> list[pb.ActivityRecord]:
        found: list[pb.ActivityRecord] = []
        token = ""
        while True:
            finished = done.is_set()
            answer = await park.page(size, token)
            found += answer.records
            if answer.next_page_token:
                token = answer.next_page_token
            elif finished:
                return found
            else:
                # The last page: whoever waits for more begins again after the last record.
                found = found[: len(found) - len(answer.records)]

    readers = [asyncio.create_task(read(size)) for size in (7, 50, 400)]
    await asyncio.gather(*(write(start) for start in (0, 50, 100)))
    done.set()
    whole = await park.records()
    assert sorted(record.record_id for record in whole) == sorted(row.record_id for row in rows)
    assert [record.position for record in whole] == list(range(1, 901))
    for reader in readers:
        assert await reader == whole


async def test_a_record_is_listed_with_everything_that_it_was_made_of(park: Tenant) -> None:
    await park.record(Row("a", "gas", "2020-02-01", "2020-03-01", "1.50", "万Nm3"))
    (record,) = await park.records()
    assert len(record.basis_id) == 20
    expected = pb.ActivityRecord(
        record_id="a",
        source_id="gas",
        period_start_time="2020-02-01T00:00:00+08:00",
        period_end_time="2020-03-01T00:00:00+08:00",
        quantity="1.5",
        unit="10k Nm3",
        emissions_t_co2e="32.10522777",  # 1.5 · 10^4 Nm3 · 38.931 MJ · 15.3 g/MJ · 0.98 · 44/12
        energy_tce="19.95",  # 1.5 · 10^4 Nm3 · 1.33 kgce
        basis_id=record.basis_id,
        position=1,
        recorded_time="2026-03-01T12:00:00Z",
    )
    assert record == expected


async def test_sums_come_by_pages_and_are_the_account(park: Tenant) -> None:
    await park.record(*ganzhou_rows())
    found: list[tuple[str, int, int, int]] = []
    token, pages = "", 0
    while token or not pages:
        request = pb.ListSumsRequest(park_id=park.park_id, page_size=4, page_token=token)
        page = await park.stand.channel.call(park.stand.stub.ListSums, request, caller=park.reader)
        found += zip(page.source_id, page.first_month, page.last_month, map(int, page.emissions_mg_co2e), strict=True)
        assert page.last_position == 9
        token, pages = page.next_page_token, pages + 1
    assert pages == 3
    assert found == sorted(found)
    assert sum(emissions for *_, emissions in found) == (await park.total())[0]
