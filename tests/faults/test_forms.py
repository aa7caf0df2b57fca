"""What a sender's own file says is what was made, by two implementations that share no code but the profile itself."""

import csv
import gzip
import io
from dataclasses import asdict
from random import Random

import pytest

from tests.faults.forms import Form, drawn, profile_body
from tests.faults.own_files import OwnFiles
from tests.faults.workload import Workload


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_the_rows_of_a_file_are_the_rows_that_were_made(version: int) -> None:
    workload = Workload(7, "park")
    files = OwnFiles()
    assert all(files.save({"profile_id": "p", "version": saved, "body": profile_body(saved)}) for saved in range(1, version + 1))
    form = Form(profile_id="p", version=version)
    for _ in range(20):
        batch = workload.next_batch(100)
        assert batch is not None
        own = form.rows(batch.rows)
        assert files.rows({"form": asdict(form), "rows": own}) == [{**row} for row in batch.rows]
        read = list(csv.DictReader(io.StringIO(gzip.decompress(Form(zipped=True, profile_id="p").body(own)).decode())))
        assert read == own


def test_versions_stand_for_other_units_by_the_same_words() -> None:
    units = [profile_body(version)["units"] for version in (1, 2, 3)]
    assert units[0] != units[1] != units[2] != units[0]


def test_a_version_that_is_not_the_next_is_found_out() -> None:
    files = OwnFiles()
    assert files.save({"profile_id": "p", "version": 1, "body": profile_body(1)})
    assert not files.save({"profile_id": "p", "version": 3, "body": profile_body(2)})


def test_both_lanes_send_every_form() -> None:
    random = Random(1)
    for later in (False, True):
        forms = {drawn(random, later=later, profile_id="p", versions=3) for _ in range(500)}
        assert {(bool(form.profile_id), form.zipped, form.names_version) for form in forms} == {
            (False, False, False),
            (False, True, False),
            *((True, zipped, named) for zipped in (False, True) for named in (False, True)),
        }
        assert {form.later for form in forms} == {later}
