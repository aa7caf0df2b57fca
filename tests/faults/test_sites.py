"""What the sites promise to the driver."""

from pathlib import Path
from random import Random

from tests.faults.disorder import Disorder
from tests.faults.intents import IntentLog, read
from tests.faults.sites import EmbeddedSite


async def test_no_poison_is_made_by_a_start_after_the_last_disturbance(tmp_path: Path) -> None:
    with IntentLog(tmp_path / "intents") as intents:
        site = EmbeddedSite(tmp_path, ["p"], Disorder(Random(1), intents, ["p"]))
        await site.disturb_events()
        await site.disturb_at_last()
        await site.before_start()
    assert list(read(tmp_path / "intents")) == []
