"""The dashboard and the alerts ask for what the code records, and every alert is explained."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.metrics import KINDS, declared, prometheus_name

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
ALERT_TESTS = Path(__file__).parent / "alerts_test.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "parkcarbon.json"


def alerts() -> dict[str, str]:
    """Returns the expression of each alert."""
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def shown() -> dict[str, str]:
    """Returns the expressions of the dashboard, by panel and letter."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return {f"{panel['id']} {panel['title']} {t['refId']}": t["expr"] for panel in panels for t in panel.get("targets", ())}


def series(expression: str) -> set[str]:
    """Returns the time series that an expression asks for: names that stand alone, not functions, labels or keywords."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", expression)
    bare = re.sub(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    return {name for name in re.findall(r"\b[a-z_]{3,}\b(?!\s*\()", bare) if "_" in name}


def exported() -> dict[str, str]:
    """Returns the time series of every declared metric, and the metric's own name."""
    found: dict[str, str] = {}
    for metric in declared():
        family = prometheus_name(metric)
        suffixes = ("_bucket", "_count", "_sum") if KINDS[metric.instrument] == "histogram" else ("",)
        found |= {family + suffix: str(metric) for suffix in suffixes}
    return found


def test_no_two_metrics_are_declared_by_one_name() -> None:
    assert len(set(declared())) == len(declared())


@pytest.mark.parametrize(("name", "expression"), [*alerts().items(), *shown().items()])
def test_every_series_that_is_asked_for_is_of_a_declared_metric(name: str, expression: str) -> None:
    assert series(expression) - exported().keys() == set()


def test_a_series_that_nobody_declares_would_be_found() -> None:
    asked = 'sum by (some_label) (rate(not_ours_total{other_label=~"x_y"}[5m])) / parkcarbon_consumer_lag'
    assert series(asked) - exported().keys() == {"not_ours_total"}


def test_every_declared_metric_is_on_the_dashboard() -> None:
    asked = set().union(*map(series, shown().values()))
    assert {str(metric) for metric in declared()} == {exported()[name] for name in asked}


def test_every_alert_is_explained_under_its_name() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == list(alerts())


def test_every_alert_is_seen_to_fire() -> None:
    tests = yaml.safe_load(ALERT_TESTS.read_text(encoding="utf-8"))["tests"]
    fired = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert fired == set(alerts())


@pytest.mark.parametrize(("check", "file"), [("check", ALERTS), ("test", ALERT_TESTS)])
def test_prometheus_takes_the_alerts_and_fires_them(check: str, file: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: on Debian, apt-get install prometheus")
    done = subprocess.run([promtool, check, "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
