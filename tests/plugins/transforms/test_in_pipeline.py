"""What needs the engine to be seen: `per = COLUMN` reads a column beside, and constant levels find their code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from safetensors.numpy import load_file

import mldsl

PIPELINE = """mlp 1

data {{ csv("{data}") }}

features {{
  species: categorical as target
  bill_length_mm, body_mass_g: continuous?
  sex: categorical?
  island: categorical as ignore
}}

transforms {{
  impute(constant("unknown")) on sex
  standardize(per = island) on numeric
  impute(constant(0)) on numeric
  one_hot(drop = first) on sex
}}

split {{ test = 20% }}

model {{ logistic_regression }}
"""


def test_per_and_constant_levels_from_file_to_prediction(tmp_path):
    data = Path("examples/data/penguins.csv").resolve()
    path = tmp_path / "penguins.mlp"
    path.write_text(PIPELINE.format(data=data))
    run = mldsl.run(path, runs_dir=tmp_path / "runs")
    frame = pl.read_csv(data)
    split = pl.read_parquet(run.folder / "split.parquet")
    train = frame[split.filter(pl.col("part") == "train")["row"].to_numpy()]
    means = train.group_by("island").agg(pl.mean("bill_length_mm", "body_mass_g")).sort("island")
    expected = [*means.select("bill_length_mm", "body_mass_g").rows(), train.select(means.columns[1:]).mean().row(0)]
    params = load_file(run.folder / "models" / "logistic_regression" / "params.safetensors")
    found = next(value for name, value in params.items() if name.endswith("/mean") and value.shape == (4, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert params["params/2/coefficients"].shape == (3, 4)  # two numbers, sex_male and sex_unknown
    test = run.predictions
    answers = run.model().predict(frame.drop("species"))
    held_out = answers["prediction"].gather(test["row"])
    assert held_out.to_list() == test["prediction"].to_list()
