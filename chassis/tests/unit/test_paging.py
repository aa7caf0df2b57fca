"""Pages and their tokens."""

import asyncio

import pytest

from chassis.paging import MAX_PAGE, MAX_RECORDS, Paging, in_slices, write_token
from kernel.refusals import InvalidField


def test_a_page_is_cut_where_more_follows() -> None:
    page = Paging("parks", 2, "")
    assert page.limit == 3
    assert page.cut(["a", "b"], lambda each: (each,)) == (["a", "b"], "")
    items, token = page.cut(["a", "b", "c"], lambda each: (each,))
    assert items == ["a", "b"]
    assert Paging("parks", 2, token).after_text() == "b"


def test_the_first_page_begins_before_everything() -> None:
    page = Paging("parks", 0, "")
    assert (page.after_text(), page.after_number(), page.after_number(7), page.after_numbers()) == ("", 0, 7, (0, 0))


@pytest.mark.parametrize("size", [-1, MAX_PAGE + 1])
def test_a_size_beyond_its_limit_is_refused(size: int) -> None:
    with pytest.raises(InvalidField) as refused:
        Paging("parks", size, "")
    assert refused.value.facts()["field"] == "page_size"


@pytest.mark.parametrize(
    "token",
    [
        write_token("other parks", 7),
        write_token("parks", "seven"),
        write_token("parks", 7, 7),
        write_token("parks", -1),
        write_token("parks", 2**63),
        "7",
        "not base64!",
        "A" * 501,
    ],
)
def test_a_token_of_another_list_or_kind_is_refused(token: str) -> None:
    with pytest.raises(InvalidField) as refused:
        Paging("parks", 0, token).after_number()
    assert refused.value.facts()["field"] == "page_token"


async def test_others_have_their_turn_between_the_slices_of_a_long_page() -> None:
    turns = 0
    ended = False

    async def other() -> None:
        nonlocal turns
        while not ended:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(other())
    slices = [part async for part in in_slices(range(MAX_RECORDS))]
    ended = True
    await running
    assert [item for part in slices for item in part] == list(range(MAX_RECORDS))
    assert turns >= len(slices) - 1 >= 9
    nothing: list[int] = []
    assert [part async for part in in_slices(nothing)] == []
