"""A project of a few files, run once from the command line, for the commands that train, predict and evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import polars as pl
import pytest

from mldsl.cli import main

PIPELINE = """mlp 1

param smoothing: number = 1e-9 in 0..1

data { csv("flowers.csv") }

features {
  kind: binary("plain", "fancy") as target
  colour: categorical
  width: continuous? in 0..10
  length: continuous in 0..100
}

transforms {
  impute(mean) on width
  one_hot on colour
}

model { gaussian_naive_bayes(smoothing = $smoothing) }

metrics {
  accuracy >= 0.6
  log_loss
}

report { confusion_matrix }
"""


def flowers(n: int = 120) -> pl.DataFrame:
    rng = np.random.default_rng(2)
    fancy = rng.random(n) < 0.5
    return pl.DataFrame(
        {
            "kind": np.where(fancy, "fancy", "plain"),
            "colour": np.array(["red", "blue"])[rng.integers(0, 2, n)],
            "width": pl.Series(rng.uniform(1, 9, n).round(2)).set(pl.Series(np.arange(n) % 17 == 3), None),
            "length": (30 + 12 * fancy + rng.normal(0, 6, n)).round(2),
        }
    )


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`flowers.csv`, `flowers.mlp`, and `strict.mlp`, whose gate nothing passes."""
    folder = tmp_path_factory.mktemp("project")
    flowers().write_csv(folder / "flowers.csv")
    (folder / "flowers.mlp").write_text(PIPELINE)
    (folder / "strict.mlp").write_text(PIPELINE.replace("0.6", "0.9999"))
    return folder


@attrs.frozen
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `mldsl ...` in this process."""

    def call(*arguments: object) -> Ended:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return Ended(status, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def trained(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    runs = tmp_path_factory.mktemp("runs")
    assert main(["run", str(project / "flowers.mlp"), "--quiet", "--runs-dir", str(runs)]) == 0
    (folder,) = runs.glob("[!.]*")
    return folder
