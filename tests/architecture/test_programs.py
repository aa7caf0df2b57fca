"""What holds for every program that the workspace installs."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def programs() -> dict[str, str]:
    """Returns the module of every installed program."""
    found: dict[str, str] = {}
    for manifest in (*ROOT.glob("*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")):
        scripts = tomllib.loads(manifest.read_text(encoding="utf-8")).get("project", {}).get("scripts", {})
        found |= {name: target.partition(":")[0] for name, target in scripts.items()}
    return found


@pytest.mark.parametrize(("program", "module"), sorted(programs().items()))
def test_program_imports_the_chassis_before_grpc_which_reads_a_setting_of_it(program: str, module: str) -> None:
    order = f"import sys, {module}; print(*(name for name in sys.modules if name in ('chassis', 'grpc')))"
    done = subprocess.run([sys.executable, "-c", order], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() in ([], ["chassis"], ["chassis", "grpc"]), program
