"""Keycloak for tests says why it does not start."""

import os
from pathlib import Path

import pytest

from chassis.testing.keycloak import KeycloakMissing, running_keycloak


def test_a_server_that_ends_at_its_start_is_refused_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "distribution" / "bin" / "kc.sh"
    java = tmp_path / "programs" / "java"
    for program in (script, java):
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\necho no database\nexit 1\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PARKCARBON_KEYCLOAK", str(tmp_path / "distribution"))
    monkeypatch.setenv("PATH", f"{java.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(KeycloakMissing, match="no database"), running_keycloak({"realm": "any"}):
        pass
