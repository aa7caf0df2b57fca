"""The command's sentences in both languages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import devstack
from devstack.command import COMMANDS
from devstack.wording import LANGUAGES, SENTENCES, Words, language_of

PLACE = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("key", SENTENCES)
def test_both_languages_say_the_same_facts(key: str) -> None:
    zh, en = SENTENCES[key]
    assert zh
    assert en
    assert sorted(PLACE.findall(zh)) == sorted(PLACE.findall(en))


def test_every_sentence_that_is_asked_for_exists_and_none_is_left_over() -> None:
    asked = {f"help.{name}" for name in COMMANDS}
    mentioned: set[str] = set()
    for path in Path(devstack.__file__).parent.rglob("*.py"):
        if path.name != "wording.py":
            text = path.read_text(encoding="utf-8")
            asked |= set(re.findall(r'words\(\s*"([^"]+)"', text))
            mentioned |= set(re.findall(r'"([a-z0-9_.-]+)"', text))
    assert not asked - set(SENTENCES)
    # headings of tables are named one by one and said in a loop
    assert not {key for key in SENTENCES if not key.startswith(("indicator.", "conversion."))} - asked - mentioned


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        pytest.param([], {}, "en", id="nothing_said"),
        pytest.param([], {"LANG": "zh_CN.UTF-8"}, "zh", id="locale"),
        pytest.param([], {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en", id="lc_all_outweighs_lang"),
        pytest.param([], {"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh", id="empty_says_nothing"),
        pytest.param(["report", "--lang", "zh"], {"LANG": "en_US.UTF-8"}, "zh", id="option_outweighs_locale"),
        pytest.param(["--lang=en", "parks"], {"LANG": "zh_CN.UTF-8"}, "en", id="option_with_equals"),
        pytest.param(["parks", "--lang"], {}, "en", id="option_without_value"),
        pytest.param(["parks", "--lang", "fr"], {}, "en", id="unknown_language_is_for_the_option_to_refuse"),
    ],
)
def test_language(arguments: list[str], environment: dict[str, str], language: str) -> None:
    assert language_of(arguments, environment) == language


def test_unknown_indicator_keeps_its_code() -> None:
    words = [Words(language).indicator("of_next_year") for language in LANGUAGES]
    assert words == ["of_next_year"] * 2


def test_help_loads_no_server() -> None:
    """Each of these takes longer to import than the whole help should take."""
    script = (
        "import sys; from devstack.command import command; from devstack.wording import Words\n"
        "command(Words('zh')).main(['--help'], standalone_mode=False)\n"
        "loaded = {'fastapi', 'grpc', 'sqlalchemy', 'httpx', 'rich', 'pydantic', 'uvicorn'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert all(name in finished.stdout for name in COMMANDS)
    assert "启动" in finished.stdout
