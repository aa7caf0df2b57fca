"""The headers and the proxy rule of both clients."""

from __future__ import annotations

import ipaddress
from importlib.metadata import version

import httpx

LANGUAGES = ("zh", "en")


def headers(token: str, language: str) -> dict[str, str]:
    """Returns the headers of every request.

    Raises:
        ValueError: The language is neither "zh" nor "en", or the token has characters that no token has.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r}")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("token must be printable ASCII without spaces")
    common = {
        "Accept": "application/json, application/problem+json",
        "Accept-Language": language,
        "User-Agent": f"parkcarbon-client/{version('parkcarbon-client')}",
    }
    return {**common, "Authorization": f"Bearer {token}"} if token else common


def is_on_this_machine(base_url: str) -> bool:
    """Returns whether a URL names this machine, which no proxy of the environment may stand before."""
    host = httpx.URL(base_url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
