"""What is computed for a caller ends when the caller leaves, and only then."""

import asyncio
from collections.abc import Iterable

import pytest
from starlette.types import Message, Receive

from gateway.api.leaving import while_there
from gateway.domain.errors import Unavailable

BODY: Message = {"type": "http.request", "body": b"", "more_body": False}
GONE: Message = {"type": "http.disconnect"}


def receiving(messages: Iterable[Message]) -> Receive:
    """Gives messages, then nothing for ever."""
    left = iter(messages)

    async def receive() -> Message:
        for message in left:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def test_who_stays_is_answered() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 42

    assert await while_there(receiving([BODY]), work()) == 42


async def test_what_work_raises_is_raised() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        raise KeyError("missing")

    with pytest.raises(KeyError, match="missing"):
        await while_there(receiving([BODY]), work())


async def test_who_leaves_cancels_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(Unavailable) as caught:
        await while_there(receiving([BODY, GONE]), work())
    assert caught.value.reason == "CLIENT_GONE"
    assert ended.is_set()


async def test_a_request_that_is_cancelled_cancels_the_work() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(while_there(receiving([BODY]), work()))
    await begun.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert ended.is_set()
