"""Executables that are kept between processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import numpy as np
from mldsl.execute.settings import configure
configure()
from mldsl.contract.spread import over_devices
from mldsl.execute.programs import Programs
programs = Programs()
print(programs.call("twice", lambda x: over_devices(lambda v: 2 * v, x), "spread", np.ones((4, 3), np.float32)).sum())
print(programs.counts.compiled, programs.counts.loaded)
"""


def test_programs_that_spread_their_own_work_can_be_read_again(tmp_path: Path) -> None:
    """Read back for one device only, a program of two would end the process."""
    environment = {**os.environ, "MLDSL_CACHE_DIR": str(tmp_path), "MLDSL_NO_CACHE": "0"}
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        said.append(done.stdout.split())
    assert said == [["24.0", "1", "0"], ["24.0", "0", "1"]]
