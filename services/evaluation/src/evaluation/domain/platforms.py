"""Platforms that are connected to parks, as the gateway tells of them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that the gateway saw at a park. `kind` is enterprise or region: it pushes into the park, or pulls it."""

    park_id: str
    tenant_id: str
    platform_id: str
    kind: str
    connected_time: datetime
