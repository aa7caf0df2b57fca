"""Behind a proxy: whose address counts, and who is believed about it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from gateway.domain.limits import Limits

Serve = Callable[..., AbstractAsyncContextManager[Any]]
THE_PROXY, ANOTHER = "127.0.0.0/8", "203.0.113.0/24"
SIGN_IN = {"login": "nobody@example.com", "password": "correct horse battery"}


async def turned_away(served: Any, *forwarded: str) -> list[bool]:
    """Signs in once with each X-Forwarded-For, "" for none, where an address has one request a minute; says which were refused."""
    found = []
    async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:
        for value in forwarded:
            headers = [("X-Forwarded-For", each) for each in value.split("|") if each]
            answer = await client.post("/v1/sign-in", json=SIGN_IN, headers=headers)
            assert answer.status_code in (401, 429)
            found.append(answer.status_code == 429)
    return found


async def test_without_a_trusted_proxy_what_is_said_of_clients_changes_nothing(serve: Serve) -> None:
    """Otherwise whoever guesses passwords says another address with each guess."""
    async with serve(Limits(open_requests_per_minute=1)) as served:
        assert await turned_away(served, "", "198.51.100.1", "198.51.100.2, 198.51.100.3") == [False, True, True]


async def test_a_peer_that_is_not_the_proxy_is_not_believed(serve: Serve) -> None:
    async with serve(Limits(open_requests_per_minute=1), trusted_proxies=[ANOTHER]) as served:
        assert await turned_away(served, "", "198.51.100.1") == [False, True]


async def test_clients_of_the_proxy_are_counted_each_by_itself(serve: Serve) -> None:
    async with serve(Limits(open_requests_per_minute=1), trusted_proxies=[THE_PROXY]) as served:
        assert await turned_away(served, "198.51.100.1", "198.51.100.2", "198.51.100.1", "2001:db8::1", "2001:db8::1") == [
            False,
            False,
            True,
            False,
            True,
        ]


@pytest.mark.parametrize(
    "invented",
    [
        pytest.param("198.51.100.{}, 192.0.2.7", id="an_address_before_the_proxys_word"),
        pytest.param("127.0.0.{}, 192.0.2.7", id="a_trusted_address_before_it"),
        pytest.param("unknown{}, 192.0.2.7, 127.0.0.1", id="a_word_before_it_and_a_second_proxy_behind"),
        pytest.param("198.51.100.{}|192.0.2.7", id="a_header_of_its_own"),
        pytest.param("198.51.100.{},,,\t192.0.2.7:4711", id="a_port_and_empty_members"),
    ],
)
async def test_a_client_cannot_invent_addresses_through_the_proxy(serve: Serve, invented: str) -> None:
    """What the nearest trusted proxy wrote is the last that is no proxy's; before it the client may have written anything."""
    async with serve(Limits(open_requests_per_minute=1), trusted_proxies=[THE_PROXY]) as served:
        assert await turned_away(served, invented.format(1), invented.format(2)) == [False, True]


@pytest.mark.parametrize("nonsense", ["", ",", "x" * 4000, "::::", "1.2.3.4.5", "%00", "' OR 1=1 --"])
async def test_nonsense_is_answered(serve: Serve, nonsense: str) -> None:
    async with serve(Limits(open_requests_per_minute=1), trusted_proxies=[THE_PROXY]) as served:
        assert await turned_away(served, nonsense) == [False]


async def test_the_audit_log_names_the_client_and_not_the_proxy(serve: Serve) -> None:
    async with serve(Limits(), trusted_proxies=[THE_PROXY]) as served, served.client("operator-token") as operator:
        await operator.get("/v1/parks", headers={"X-Forwarded-For": "198.51.100.9, 192.0.2.7"})
        await operator.get("/v1/parks", headers={"X-Forwarded-For": "x" * 4000})
        await operator.get("/v1/parks")
        await served.access_services.audit.stop()
        await served.access_services.audit.start()
        found = (await operator.get("/v1/audit")).json()["entries"]
    assert [each["address"] for each in found] == ["192.0.2.7", "x" * 64, "127.0.0.1"]
