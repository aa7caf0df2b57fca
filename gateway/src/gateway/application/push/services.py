"""What the use cases of pushes need."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.application.ports import StorageServices


@dataclass(frozen=True, slots=True)
class PushServices(StorageServices):
    """What the use cases of pushes need beside accounting.

    Attributes:
        wake: Is called when a job was submitted.
    """

    wake: Callable[[], None]
