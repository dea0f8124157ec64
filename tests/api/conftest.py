"""A small project: sound data, a pipeline that uses most of the language, and one run of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import mldsl

PIPELINE = """mlp 1

# How strongly coefficients are drawn to 0.
param l2: number = 1 in 0..100

data {
  csv("people.csv")
  where = fare < 900
}

features {
  name: id as key
  lived: binary("no", "yes") as target
  pclass: ordinal("3rd", "2nd", "1st")
  sex: categorical
  age: continuous? in 0..100
  fare: continuous in 0..1000
  times: integer as weight
}

transforms {
  rich = fare > 50
  impute(median) on age
  standardize on numeric
  one_hot on sex
}

split {
  test = 25%
  folds = 3
  by = stratified
}

model {
  logistic_regression(l2 = $l2)
  threshold = maximize(accuracy)
}

metrics {
  accuracy >= 0.5
  log_loss
}

report {
  confusion_matrix
  coefficients
}

export { predictions("said.csv") }
"""


def people(n: int = 130, seed: int = 11) -> pl.DataFrame:
    """Passengers, a tenth of whom have no age, and two of whom `where` drops."""
    rng = np.random.default_rng(seed)
    sex = np.array(["female", "male"])[rng.integers(0, 2, n)]
    fare = np.exp(rng.normal(3, 0.8, n)).round(2)
    fare[[3, 77]] = 950.0
    lived = (sex == "female") * 1.5 + np.log(fare) * 0.4 + rng.normal(size=n) > 2
    return pl.DataFrame(
        {
            "name": [f"p{i:03d}" for i in range(n)],
            "lived": np.where(lived, "yes", "no"),
            "pclass": np.array(["3rd", "2nd", "1st"])[rng.integers(0, 3, n)],
            "sex": sex,
            "age": pl.Series(rng.uniform(1, 80, n).round(0)).set(pl.Series(rng.random(n) < 0.1), None),
            "fare": fare,
            "times": rng.integers(1, 3, n),
        }
    )


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    return people()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, rows: pl.DataFrame) -> Path:
    """A folder with `people.csv` and `people.mlp`."""
    folder = tmp_path_factory.mktemp("project")
    rows.write_csv(folder / "people.csv")
    (folder / "people.mlp").write_text(PIPELINE)
    return folder


@pytest.fixture(scope="session")
def done(project: Path) -> Any:
    """The pipeline, run once, its folder beside the file."""
    return mldsl.run(project / "people.mlp")
