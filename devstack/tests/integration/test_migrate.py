"""`parkcarbon migrate` over real files."""

import sqlite3
from pathlib import Path

from click.testing import CliRunner

from devstack.command import command
from devstack.wording import Words

TABLES = {"accounting": "activity_record", "evaluation": "indicator_value", "gateway": "change"}


def run(language: str = "en", **environment: str) -> tuple[int, str]:
    result = CliRunner().invoke(command(Words(language)), ["migrate"], env=environment)
    return result.exit_code, result.output


def test_every_named_database_gets_the_tables_of_its_service(tmp_path: Path) -> None:
    urls = {f"{name.upper()}_DATABASE__URL": f"sqlite:///{tmp_path}/{name}.sqlite3" for name in TABLES}
    assert run(**urls) == (0, "".join(f"{name}: the schema is up to date\n" for name in TABLES))
    assert run(**urls)[0] == 0, "a second time changes nothing"
    for name, table in TABLES.items():
        with sqlite3.connect(tmp_path / f"{name}.sqlite3") as connection:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert table in tables


def test_without_a_database_the_command_names_the_variables() -> None:
    code, output = run(ACCOUNTING_DATABASE__URL="", EVALUATION_DATABASE__URL="", GATEWAY_DATABASE__URL="")
    assert code == 3
    assert "ACCOUNTING_DATABASE__URL, EVALUATION_DATABASE__URL, GATEWAY_DATABASE__URL" in output


def test_database_out_of_reach_is_said_in_words(tmp_path: Path) -> None:
    code, output = run("zh", ACCOUNTING_DATABASE__URL=f"sqlite:///{tmp_path}/nowhere/accounting.sqlite3")
    assert code == 3
    assert "accounting:未升级" in output.replace("：", ":")
    assert "Traceback" not in output
