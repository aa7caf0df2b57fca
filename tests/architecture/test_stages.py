"""Every test belongs to one stage, and what the stages say of a run is true."""

from pathlib import Path

import pytest

from tests import stages
from tests.architecture.test_repository import tracked
from tests.stages import BY_HAND, ROOT, Counts, Skip, Stage, run_all, skips, unexpected

PASSES = "def test_one() -> None:\n    pass\n"
FAILS = "def test_two() -> None:\n    assert 1 == 2\n"
SKIPS = "import pytest\ndef test_three() -> None:\n    pytest.skip('no reason at all')\n"


def test_every_test_is_run_by_one_stage() -> None:
    runners = {name: [ROOT / folder for folder in stage.tests] for name, stage in stages.stages().items()}
    runners |= {folder: [ROOT / folder] for folder in BY_HAND}
    files = [path for path in tracked() if path.name.startswith("test_") and path.suffix == ".py"]
    assert len(files) > 100
    found = {path: [name for name, folders in runners.items() if {*path.parents} & {*folders}] for path in files}
    assert {str(path.relative_to(ROOT)): names for path, names in found.items() if len(names) != 1} == {}


def test_every_folder_of_a_stage_exists() -> None:
    folders = [*(folder for stage in stages.stages().values() for folder in stage.tests), *BY_HAND]
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_a_reason_without_its_circumstance_is_not_known() -> None:
    assert Skip("x", ()).allows("x")
    assert Skip("x", ("no-such-program", "python3")).allows("x")
    assert not Skip("x", ("python3",)).allows("x")
    assert not Skip("x", ()).allows("xy")
    assert skips()


def test_an_unknown_reason_fails_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "skips", lambda: [Skip("a server is .*", ())])
    assert unexpected(["a server is missing", "no time"]) == ["no time"]


def test_the_last_line_counts_what_ran(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "test_each.py").write_text(PASSES + FAILS + SKIPS, encoding="utf-8")
    stage = Stage(1.0, tests=(str(tmp_path),), options=("-n0", "--rootdir", str(tmp_path)))
    assert run_all({"one": stage}) == 1
    out = capfd.readouterr().out
    assert "tests/skips.toml does not have, or that does not hold here: no reason at all" in out
    assert out.splitlines()[-1] == "1 passed, 1 failed, 1 skipped"


def test_a_stage_that_uses_too_much_processor_time_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    used = iter([0.0, 1.6, 1.6, 3.0])
    monkeypatch.setattr(stages, "processor_minutes", lambda _server: next(used))
    monkeypatch.setattr(stages, "run", lambda _stage, _environment: (True, Counts(passed=3)))
    assert run_all({"costly": Stage(1.0)}) == 1
    assert "costly used more than 1.5 times its budget" in capfd.readouterr().out
    assert run_all({"cheap": Stage(1.0)}) == 0


def test_the_processor_time_of_children_is_counted() -> None:
    before = stages.processor_minutes(None)
    busy = "import time\nwhile time.process_time() < 0.6: pass"
    passed, _ = stages.run(Stage(1.0, (("python", "-c", busy),)), {})
    assert passed
    assert stages.processor_minutes(None) - before >= 0.3 / 60
