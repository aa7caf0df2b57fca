"""The subcommands against a running platform."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from devstack.command import command
from devstack.wording import Words, language_of
from parkcarbon_client import ParkCarbonClient

if TYPE_CHECKING:
    from devstack.tests.conftest import Up

HEADER = "record_id,source_id,period_start,period_end,quantity,unit"


def run(*arguments: str, **variables: str) -> Result:
    unset = dict.fromkeys(("PARKCARBON_URL", "PARKCARBON_TOKEN", "PARKCARBON_CONNECTION", "PARKCARBON_DATA"))
    environment = {**unset, **variables}
    return CliRunner(env=environment).invoke(command(Words(language_of(arguments, variables))), arguments)


def test_parks_are_listed_in_the_language(up: Up) -> None:
    english = run("parks", "--data", str(up.data))
    chinese = run("parks", PARKCARBON_DATA=str(up.data), LANG="zh_CN.UTF-8")
    assert (english.exit_code, chinese.exit_code) == (0, 0), english.output
    assert "Ganzhou Economic and Technological Development Zone" in english.output
    assert "赣州经开区" in chinese.output
    assert "wang-2024" in chinese.output


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["emissions, scope 1", "Energy mix", "calorific value"]), ("zh", ["范围一排放", "能源结构", "当量值"])],
)
def test_report_says_the_figures_of_the_year(language: str, words: list[str], up: Up) -> None:
    connection = str(up.data / "connection.json")
    result = run("report", "--park", "ganzhou-etdz", "--year", "2022", "--lang", language, PARKCARBON_CONNECTION=connection)
    assert result.exit_code == 0, result.output
    # table 5 and 6 of the paper: 100.60 * 10^4 t, mix 39.47, 12.00, 48.53 %
    for text in [*words, "1,005,953.99", "0.086571", "39.47", "12.00", "48.53", "enterprise.fuel_combustion"]:
        assert text in result.output


def test_accepted_file_ends_with_0_and_again_is_all_duplicate(up: Up, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"{HEADER}\ngood-1,electricity,2022-03-01,2022-04-01,1.5,MWh\n")
    first = run("push", str(file), "--park", "empty-park", "--data", str(up.data))
    again = run("push", str(file), "--park", "empty-park", "--data", str(up.data))
    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    assert "1 rows: 1 accepted" in first.output
    assert "0 accepted, 1 duplicate" in again.output


def test_rejected_rows_are_told_by_line_and_end_with_1(up: Up, tmp_path: Path) -> None:
    rows = ["bad-1,electricity,2021-01-01,2021-02-01,abc,MWh", "bad-2,electricity,2021-02-01,2021-03-01,1,t", ""]
    file = tmp_path / "rows.csv"
    file.write_text("\n".join([HEADER, "good-2,natural-gas,2021-01-01,2021-02-01,1,10k Nm3", *rows]))
    result = run("push", str(file), "--park", "empty-park", "--data", str(up.data), "--lang", "zh")
    assert result.exit_code == 1, result.output
    lines = [line for line in result.output.splitlines() if "bad-" in line]
    assert [line.split("│")[1].strip() for line in lines] == ["3", "4"]
    assert "QUANTITY_NOT_A_DECIMAL" in lines[0]
    assert "UNIT_OF_ANOTHER_DIMENSION" in lines[1]
    assert "拒绝 2" in result.output


def test_sums_computed_anew_need_no_correction(up: Up) -> None:
    result = run("rebuild-sums", "--park", "ganzhou-etdz", "--data", str(up.data))
    assert result.exit_code == 0, result.output
    assert "job succeeded" in result.output
    assert "corrected 0" in result.output


def test_counts_of_a_job_arrive_as_integers(up: Up) -> None:
    with ParkCarbonClient(up.connection["url"], up.connection["tokens"]["platform_operator"]) as client:
        ended = client.wait_for_job(client.rebuild_sums("ganzhou-etdz").job_id)
    assert ended.result is not None
    # nine records: three carriers in each of three years
    assert (str(ended.result["records"]), str(ended.result["corrected"])) == ("9", "0")


def test_unknown_park_is_said_without_a_traceback(up: Up) -> None:
    result = run("report", "--park", "nowhere", "--year", "2022", "--data", str(up.data))
    assert result.exit_code == 3
    assert "404 PARK_NOT_FOUND" in result.output


def test_token_of_the_file_is_not_sent_elsewhere(up: Up) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        result = run("parks", "--data", str(up.data), PARKCARBON_URL=f"http://127.0.0.1:{elsewhere.getsockname()[1]}")
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert result.exit_code == 3
    assert "PARKCARBON_TOKEN" in result.output


def test_url_and_token_of_the_environment_outweigh_the_file(up: Up) -> None:
    variables = {"PARKCARBON_URL": up.connection["url"], "PARKCARBON_TOKEN": up.connection["tokens"]["reader"]}
    assert run("parks", "--data", "/nowhere", **variables).exit_code == 0
    refused = run("parks", "--data", str(up.data), "--token", "a-token-of-nobody")
    assert refused.exit_code == 3
    assert "401" in refused.output


def test_without_connection_file_the_command_says_what_to_do(tmp_path: Path) -> None:
    result = run("parks", "--data", str(tmp_path))
    assert result.exit_code == 3
    assert "parkcarbon up" in result.output


def test_file_that_is_of_another_kind_is_refused(up: Up, tmp_path: Path) -> None:
    file = tmp_path / "rows.ods"
    file.write_bytes(b"PK")
    result = run("push", str(file), "--park", "empty-park", "--data", str(up.data))
    assert result.exit_code == 3
    assert "*.csv" in result.output


@pytest.mark.parametrize("arguments", [["report", "--park", "p"], ["push", "no-such-file", "--park", "p"], ["nothing"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
