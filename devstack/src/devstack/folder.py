"""The data folder of a stack: who may read it, and that one stack at a time has it."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderInUse(Exception):
    """Another stack runs on the folder.

    Attributes:
        folder: The data folder.
        pid: The process that has it; "" when it did not say.
    """

    def __init__(self, folder: Path, pid: str) -> None:
        self.folder = folder
        self.pid = pid
        super().__init__(folder, pid)

    def __str__(self) -> str:
        return f"another stack (process {self.pid or 'unknown'}) runs on {self.folder}"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Makes the folder, readable by its owner only, and keeps other stacks out of it while the context lasts.

    The claim is a lock of the system and ends with the process, however that ends; the lock file itself stays.

    Raises:
        FolderInUse: Another process has the claim.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    # kept open as long as the claim lasts, and not inherited: a child must not hold the claim of a dead parent
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse(folder, os.read(descriptor, 20).decode("ascii", "replace").strip()) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner may read; whoever reads it sees all of it or what was there before."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
