"""Writes the API's description and the types made from it: `.venv/bin/python client-ts/generate.py`, part of `make gen`.

`openapi.json` needs Python only. `src/schema.d.ts` needs Node and `npm ci` in this folder; without them it stays, and that is said.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from chassis.logs import configure
from chassis.telemetry import Telemetry, TelemetrySettings
from gateway.api.app import create_app

HERE = Path(__file__).resolve().parent
SNAPSHOT = HERE / "openapi.json"
TYPES = HERE / "src" / "schema.d.ts"
GENERATOR = HERE / "node_modules" / ".bin" / "openapi-typescript"


def description() -> str:
    """Returns the API's OpenAPI document as it is checked in."""
    nothing: Any = _Nothing()
    app = create_app(
        nothing,
        nothing,
        new_request_id=lambda: "",
        logger=configure("generate"),
        allowed_origins=(),
        telemetry=Telemetry("generate", TelemetrySettings()),
        push_services=nothing,
        readers=nothing,
        webhook_services=nothing,
    )
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


class _Nothing:
    """Stands for everything that routes only use when they are asked something."""

    def __getattr__(self, name: str) -> "_Nothing":
        return self

    def __call__(self, *_arguments: object) -> "_Nothing":
        return self


def types() -> str:
    """Returns the types of the document that is checked in.

    Raises:
        FileNotFoundError: Node or its packages are not installed.
    """
    if shutil.which("node") is None or not GENERATOR.exists():
        raise FileNotFoundError("node, or `npm ci` in client-ts")
    command = [str(GENERATOR), str(SNAPSHOT)]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE).stdout  # noqa: S603 - our own


def main() -> None:
    """Writes both."""
    SNAPSHOT.write_text(description(), encoding="utf-8")
    try:
        TYPES.write_text(types(), encoding="utf-8")
    except FileNotFoundError as missing:
        print(f"src/schema.d.ts is as it was: {missing} is missing", file=sys.stderr)


if __name__ == "__main__":
    main()
