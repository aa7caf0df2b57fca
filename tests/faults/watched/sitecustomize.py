"""Python runs this before anything else in each process that the fault tests watch: it stands on their PYTHONPATH."""

import os
from pathlib import Path

from chassis.testing.watchdog import watch_this_process

watch_this_process(Path(os.environ["PARKCARBON_WATCHED"]))
