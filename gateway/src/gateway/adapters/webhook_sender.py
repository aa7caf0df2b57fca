"""Deliveries over HTTP to targets that a tenant names: to no private address, whatever a name leads to, and after no redirect."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

import httpx

from gateway.domain.feed.webhooks import Address, TargetRules


class HttpWebhookSender:
    """A WebhookSender over HTTP.

    The name is looked up here and the connection made to the address that was checked: a name that leads elsewhere a moment later
    leads nowhere. No proxy, no redirect, no cookie; of the answer the status alone is read.
    """

    def __init__(self, rules: TargetRules, *, seconds: float) -> None:
        """Opens nothing yet.

        Args:
            rules: What may be connected to.
            seconds: How long one delivery may take, s.
        """
        self._rules = rules
        self._seconds = seconds
        # Once: to load the certificates that are trusted takes the event loop longer than a delivery.
        self._tls = httpx.create_ssl_context(trust_env=False)

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        """Returns the status that the target answered, 0 where it did not, and what became of it in a word or two."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(url, headers, body)
        except TimeoutError:
            return 0, "no answer in time"
        except (httpx.HTTPError, OSError, httpx.InvalidURL) as error:
            return 0, type(error).__name__

    async def _send(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await self._addresses(host, port)
        if not addresses or not all(self._rules.allows(address) for address in addresses):
            return 0, "target not allowed"
        address = f"[{addresses[0]}]" if addresses[0].version == 6 else str(addresses[0])
        target = httpx.URL(url).copy_with(host=address, port=port)
        named = {**headers, "Host": parts.netloc, "User-Agent": "ParkCarbon-Webhooks"}
        async with (
            httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._seconds) as client,
            client.stream("POST", target, headers=named, content=body, extensions={"sni_hostname": host}) as answer,
        ):
            return answer.status_code, "redirect refused" if answer.is_redirect else f"status {answer.status_code}"

    async def _addresses(self, host: str, port: int) -> list[Address]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [ipaddress.ip_address(entry[4][0]) for entry in found]
