"""Gradient boosting in a file: stopped early, kept as an artifact that goes on, and refused where rows forbid it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mldsl

DATA = Path(__file__).parents[2] / "examples" / "data"
STOPPED = """mlp 1
data { frame("rows") }
features {
  survived: binary("died", "survived") as target
  pclass: ordinal("3rd", "2nd", "1st")
  sex: categorical
  age: continuous? in 0..100
  sibsp, parch: integer in 0..20
}
split {
  test = 20%
  validation = 20%
}
model {
  gradient_boosting(trees = 60, leaves = 6, learning_rate = 0.3, class_weights = balanced)
  stop_when = no_improvement(rounds = 5)
}
"""
COUNTS = """mlp 1
data { frame("rows") }
features {
  y: continuous as target
  x: continuous
}
model { gradient_boosting(trees = 2, leaves = 2, loss = poisson) }
"""


def test_an_artifact_answers_as_the_run_did_and_goes_on(tmp_path: Path) -> None:
    rows = pl.read_csv(DATA / "titanic.csv")
    made = mldsl.run(STOPPED, frames={"rows": rows}, keep=False).model()
    again = mldsl.load(made.save(tmp_path / "model"))
    answered = again.predict(rows)
    assert answered.equals(made.predict(rows))
    rounds = int(again.params.rounds)
    assert 2 <= rounds < 60, "it was stopped early, and later rounds were cut off"
    assert again.params.trees.feature.shape[0] == rounds
    assert answered[answered.columns[-1]].n_unique() > 50
    further = again.update(rows, rounds=2)
    assert int(further.params.rounds) == rounds + 2
    before, after = (np.asarray(model.params.trees.gain) for model in (again, further))
    np.testing.assert_array_equal(after[:rounds, : before.shape[1]], before)


def test_negative_counts_are_refused() -> None:
    rows = pl.DataFrame({"x": np.arange(60.0), "y": [*range(58), -1, -2]})
    with pytest.raises(mldsl.MldslError, match="expected targets of at least 0"):
        mldsl.run(COUNTS, frames={"rows": rows}, keep=False)
