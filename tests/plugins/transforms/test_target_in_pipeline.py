"""Steps that use the target, in whole runs: nothing of a row's own target reaches its inputs, or its held-out score."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

import mldsl

PIPELINE = """mlp 1

data {{ csv("rows.csv") }}

features {{
{features}
}}

transforms {{
{steps}
}}

split {{ folds = 3 }}

model {{ logistic_regression }}
"""


@pytest.fixture
def run(tmp_path):
    def once(frame, features, steps):
        frame.write_csv(tmp_path / "rows.csv")
        path = tmp_path / "pipeline.mlp"
        path.write_text(PIPELINE.format(features=features, steps=steps))
        return mldsl.run(path, runs_dir=tmp_path / "runs")

    return once


def score(made, part, metric="roc_auc"):
    return made.record.models["logistic_regression"].metrics[part][metric].value


def test_a_column_of_random_levels_tells_nothing(run):
    """With 250 levels in 900 rows each mean holds a row's own target: encoded by itself it would seem to tell much."""
    rng = np.random.default_rng(8)
    y = rng.integers(0, 2, 900)
    frame = pl.DataFrame({"y": y, "street": rng.integers(0, 250, 900), "size": rng.normal(size=900) + 0.8 * y})
    features = "  y: binary as target\n  street: categorical\n  size: continuous"
    made = run(frame, features, "  target_encode(smoothing = 0) on street")
    folder = made.folder / "models" / "logistic_regression"
    params = load_file(folder / "params.safetensors")
    street, size = (abs(params["params/2/coefficients"][0, place]) for place in (0, 1))
    assert street < 0.6 * size, "encoded by its own target, it would be ten times as large"
    assert score(made, "folds") > 0.64, "of size alone it is 0.71"
    encoding = next(value for name, value in params.items() if name.endswith("/value"))
    levels = frame["street"].n_unique()
    assert encoding.shape == (1, levels + 1, 1)


def test_choosing_by_the_target_does_not_see_held_out_rows(run):
    """Of 120 columns of noise some correlate with the target; chosen on all rows they would predict held-out ones."""
    rng = np.random.default_rng(9)
    y = rng.integers(0, 2, 120)
    noise = {f"x{j}": rng.normal(size=120) for j in range(120)}
    made = run(
        pl.DataFrame({"y": y, **noise}), '  y: binary as target\n  "x*": continuous', "  select_best(k = 10) on numeric"
    )  # fmt: skip
    assert score(made, "folds") < 0.62, "chance, to sampling error"
    assert score(made, "train") > 0.75
    (chosen,) = made.record.models["logistic_regression"].info["chosen"]
    assert len(chosen["kept"]) == 10
    centered = np.stack(list(noise.values())) @ (y - y.mean())
    judged = np.abs(centered) / np.std(list(noise.values()), axis=1)
    assert set(chosen["kept"]) == {f"x{j}" for j in np.argsort(-judged)[:10]}, "the last fit chooses among all rows"


def test_levels_by_class_and_by_hash_from_file_to_prediction(run):
    rng = np.random.default_rng(10)
    kind = rng.integers(0, 3, 240)
    place = np.where(rng.random(240) < 0.7, kind, rng.integers(0, 6, 240))
    frame = pl.DataFrame({"kind": np.array(["a", "b", "c"])[kind], "place": [f"p{v}" for v in place],
                          "code": [f"c{v}" for v in rng.integers(0, 40, 240)]})  # fmt: skip
    features = "  kind: categorical as target\n  place, code: categorical"
    steps = '  target_encode on place\n  hash_encode(buckets = 4) on code\n  standardize on "place_*"'
    made = run(frame, features, steps)
    params = load_file(made.folder / "models" / "logistic_regression" / "params.safetensors")
    assert params["params/2/coefficients"].shape == (3, 7)
    assert score(made, "folds", "accuracy") > 0.65
    answers = made.model().predict(frame.drop("kind").with_columns(code=pl.lit("never seen")))
    assert answers["prediction"].null_count() == 0
