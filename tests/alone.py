"""Imports every module of each member in an environment that holds only what the member itself declares.

The shared environment of the workspace hides a dependency that a member forgot to name; an image that installs one member would
then fail at start.
"""

import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".tools" / "bin" / "uv"
# chassis.testing is for tests and needs pytest, which no image has
IMPORT_ALL = """
import importlib, pkgutil, sys
name = sys.argv[1]
package = importlib.import_module(name)
names = [m.name for m in pkgutil.walk_packages(package.__path__, name + ".") if not m.name.startswith("chassis.testing")]
for module in names:
    importlib.import_module(module)
print(f"{name}: {len(names)} modules")
"""


def stands_alone(manifest: Path) -> bool:
    """Says whether every module of a member is imported in an environment of its own."""
    description = tomllib.loads(manifest.read_text(encoding="utf-8"))
    distribution = description["project"]["name"]
    package = description["tool"]["uv"]["build-backend"]["module-name"]
    command = [UV, "run", "--quiet", "--isolated", "--no-dev", "--package", distribution, "python", "-c", IMPORT_ALL, package]
    # each environment is used once: to compile all that it holds costs more than to compile what is imported
    environment = os.environ | {"UV_COMPILE_BYTECODE": "0"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def main() -> int:
    """Returns 0 when every member stands alone; two are tried at a time."""
    manifests = sorted([*ROOT.glob("*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")])
    with ThreadPoolExecutor(2) as two:
        alone = dict(zip(manifests, two.map(stands_alone, manifests), strict=True))
    failed = [str(manifest.parent.relative_to(ROOT)) for manifest, stands in alone.items() if not stands]
    if failed:
        print(f"these do not stand alone: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
