"""Log lines where they cannot be written."""

import errno
import io
import json

import pytest

from chassis.logs import Renderer, configure


class FullDisk(io.StringIO):
    """A file on a disk that is full until there is room."""

    def __init__(self, *, at: str) -> None:
        super().__init__()
        self.full = at

    def write(self, text: str) -> int:
        if self.full == "write":
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)

    def flush(self) -> None:
        if self.full == "flush":
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("renderer", list(Renderer))
@pytest.mark.parametrize("at", ["write", "flush"])
def test_a_full_disk_stops_nobody_who_tells_something(at: str, renderer: Renderer) -> None:
    disk = FullDisk(at=at)
    logger = configure("accounting", stream=disk, renderer=renderer)
    logger.warning("one")
    try:
        raise ValueError("cause")
    except ValueError:
        logger.exception("two")
    disk.full = ""
    logger.info("three")
    assert "three" in disk.getvalue()


def test_a_later_line_tells_how_many_are_lost() -> None:
    disk = FullDisk(at="write")
    logger = configure("accounting", stream=disk)
    logger.warning("one")
    logger.warning("two")
    disk.full = ""
    logger.info("three")
    assert json.loads(disk.getvalue()) | {"timestamp": ""} == {
        "service": "accounting",
        "level": "info",
        "timestamp": "",
        "event": "three",
        "lost_lines": 2,
    }
