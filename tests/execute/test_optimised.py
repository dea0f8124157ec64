"""Tests do not optimise what they compile; here a process of its own does, as those of users do, and says the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mldsl
from mldsl.execute.programs import SMALL

PIPELINE = """mlp 1

data { csv("rows.csv") }

features {
  z: continuous as target
  level: categorical
  "x*": continuous?
}

transforms {
  impute(median) on "x*"
  quantile_transform on "x1"
  robust_scale on "x*"
  one_hot on level
}

split { test = 25% }

model { huber_regression }

metrics {
  rmse
  r2
}
"""
CHILD = """
import json, mldsl
run = mldsl.run("rows.mlp", keep=False)
print(json.dumps({name: metric.value for name, metric in run.metrics.items()}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """More rows than are compiled quickly for users, too."""
    rng = np.random.default_rng(4)
    n = 2200
    x = rng.normal(size=(n, 8))
    z = x[:, 0] * 2 + np.sin(3 * x[:, 1]) + (x[:, 2] > 0.3) * x[:, 3] + 0.3 * rng.normal(size=n)
    x[rng.random(x.shape) < 0.05] = np.nan
    assert x.size > SMALL
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(8)}).fill_nan(None)
    frame.with_columns(z=pl.Series(z), level=pl.Series(rng.choice(list("abc"), n))).write_csv(tmp_path / "rows.csv")
    (tmp_path / "rows.mlp").write_text(PIPELINE)
    return tmp_path


def test_what_is_optimised_says_the_same(folder: Path) -> None:
    assert "optimization_level=0" in os.environ["XLA_FLAGS"] or not os.environ["XLA_FLAGS"]
    run = mldsl.run(folder / "rows.mlp", keep=False)
    environment = {**os.environ, "XLA_FLAGS": "", "MLDSL_CACHE_DIR": str(folder / "cache")}
    child = subprocess.run(
        [sys.executable, "-c", CHILD], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(child.stdout.splitlines()[-1])
    assert set(found) == {"rmse", "r2"}
    assert {name: metric.value for name, metric in run.metrics.items()} == pytest.approx(found, rel=1e-3)
