"""Callers who leave before their answer: what is being computed for them ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from gateway.domain.errors import Unavailable

_T = TypeVar("_T")


async def while_there(receive: Receive, work: Coroutine[Any, Any, _T]) -> _T:
    """Returns what the work returns, and cancels it once the caller has left.

    For work that changes nothing, once the body has been received.

    Args:
        receive: Of the request.
        work: What is asked for.

    Raises:
        Unavailable: CLIENT_GONE; nobody reads it.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Unavailable("CLIENT_GONE")
        return await working
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
