"""Models made of other models, `random_halves` for one: what `check` says of them, and how they are fitted."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import polars as pl
import pytest

import mldsl
from mldsl import MldslError
from mldsl.contract import ColumnShape, Examples, Shape, fit_whole
from mldsl.driver import check
from mldsl.plugin.spec import Configured, configured
from mldsl.source import Source

pytestmark = pytest.mark.xdist_group("proof")

TEXT = """mlp 1
use proof
data {{ frame("rows") }}
features {{
  y: {target} as target
  a: continuous
  b: {b}
}}
{more}
model {{ random_halves({base}) }}
metrics {{ {metric} }}
"""


@pytest.fixture(scope="module")
def text() -> Callable[..., str]:
    def make(base: str, target: str = "continuous", b: str = "continuous", more: str = "", metric: str = "") -> str:
        metric = metric or ("accuracy" if target.startswith(("binary", "cat")) else "r2")
        return TEXT.format(base=base, target=target, b=b, more=more, metric=metric)

    return make


@pytest.fixture(scope="module")
def said(text: Callable[..., str]) -> Callable[..., list[str]]:
    """Codes and messages of a pipeline; those about names and roles are left out."""

    def run(*args: Any, **options: Any) -> list[str]:
        found = check(Source("t.mlp", text(*args, **options)))
        return [f"{d.code} {d.message}" for d in found.diagnostics]

    return run


# ---- what `check` says -----------------------------------------------------------------------------------------------
def test_it_takes_the_columns_of_its_base(said: Callable[..., list[str]]) -> None:
    refused = "MLP0311 `random_halves(base = logistic_regression)` does not take `categorical` columns"
    assert refused in said("base = logistic_regression", target="binary", b="categorical")
    numbers = "MLP0311 `random_halves(base = categorical_naive_bayes)` does not take `continuous` columns"
    assert said("base = categorical_naive_bayes", target="binary", b="categorical") == [numbers]


def test_it_warns_of_scale_as_its_base_does(said: Callable[..., list[str]]) -> None:
    warned = "MLP0802 `random_halves(base = k_nearest_neighbors)` depends on the scale of its columns"
    assert any(line.startswith(warned) for line in said("base = k_nearest_neighbors(k = 3)"))
    assert said("base = k_nearest_neighbors(k = 3)", more="transforms { standardize on numeric }") == []
    free = said("base = k_nearest_neighbors(k = 3, distance = gower)")
    assert not any("MLP0802" in line for line in free)


def test_it_refuses_missing_values_as_its_base_does(said: Callable[..., list[str]]) -> None:
    assert said("base = ridge", b="continuous?") == [
        "MLP0307 `random_halves(base = ridge)` cannot work on missing values"
    ]
    assert said("base = k_nearest_neighbors(k = 3, distance = gower)", b="continuous?") == []


def test_it_does_the_tasks_of_its_base(said: Callable[..., list[str]]) -> None:
    assert "MLP0310 `random_halves(base = ridge)` does not do classification" in said("base = ridge", target="binary")
    scaled = "transforms { standardize on numeric }"
    (line,) = said("base = linear_svm", target="binary", metric="log_loss", more=scaled)
    assert line.startswith("MLP0318"), "margins are no probabilities"


def test_class_weights_are_its_own_where_its_base_weighs_rows(said: Callable[..., list[str]]) -> None:
    scaled = "transforms { standardize on numeric }"
    assert said("base = logistic_regression, class_weights = balanced", target="binary", more=scaled) == []
    refused = said("base = k_nearest_neighbors(k = 3), class_weights = balanced", target="binary", more=scaled)
    assert refused == ["MLP0102 `random_halves(base = k_nearest_neighbors)` has no parameter `class_weights`"]


def test_bases_within_bases_count(said: Callable[..., list[str]]) -> None:
    refused = "MLP0311 `random_halves(base = random_halves)` does not take `categorical` columns"
    inner = "base = random_halves(base = logistic_regression)"
    assert refused in said(inner, target="binary", b="categorical")


# ---- fits ------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(200, 2))
    y = 3.0 * (x[:, 0] > 0) + x[:, 1]
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y, "won": np.where(y > 1.5, "yes", "no")})


BASES = {
    "in rounds, and prepared": ("base = boosted_stumps(rounds = 5), members = 3", "y"),
    "prepared, for its answers too": ("base = histogram_bayes(bins = 16)", "won"),
    "in rounds, in float64": ("base = logistic_regression(solver = stochastic, epochs = 3)", "won"),
    "nested twice": ("base = random_halves(base = boosted_stumps(rounds = 5)), members = 2", "y"),
}


@pytest.mark.parametrize("kind", list(BASES))
def test_it_is_fitted_kept_and_asked(kind: str, text: Callable[..., str], rows: pl.DataFrame, tmp_path: Path) -> None:
    base, target = BASES[kind]
    frame = rows.select("a", "b", y=target)
    binary = target == "won"
    more = "transforms { standardize on numeric }"
    run = mldsl.run(
        text(base, target="binary" if binary else "continuous", more=more), frames={"rows": frame}, runs_dir=tmp_path
    )
    value = run.metrics["accuracy" if binary else "r2"].value
    assert value > (0.7 if binary else 0.5)
    model = run.model()
    again = mldsl.load(run.folder / "models" / model.name).predict(frame)
    assert again.equals(model.predict(frame))
    kinds = {np.asarray(leaf).dtype for leaf in jax.tree.leaves(model.params)}
    assert (np.dtype("float64") in kinds) == ("float64" in kind)


def test_names_of_classes_reach_the_base(text: Callable[..., str], rows: pl.DataFrame) -> None:
    frame = rows.select("a", "b", y="won")
    sure = 'base = gaussian_naive_bayes(priors = ["yes" = 0.999, "no" = 0.001]), members = 2'
    run = mldsl.run(text(sure, target="binary"), frames={"rows": frame}, keep=False)
    assert (run.predictions["prediction"] == "yes").mean() > 0.7


def test_what_the_base_says_against_the_rows_is_said_of_the_whole(text: Callable[..., str], rows: pl.DataFrame) -> None:
    """Of its parameters by the sizes, and of what its fits saw."""
    frame = rows.select("a", "b", y="won")
    with pytest.raises(MldslError, match="`random_halves` cannot work here: `base`: `multinomial_naive_bayes`: `"):
        mldsl.run(text("base = multinomial_naive_bayes", target="binary"), frames={"rows": frame}, keep=False)
    few = "base = k_nearest_neighbors(k = 5000)"
    with pytest.raises(MldslError, match="`random_halves` cannot work here: `base`: `k_nearest_neighbors`: `k`"):
        mldsl.run(
            text(few, more="transforms { standardize on numeric }"), frames={"rows": rows.select("a", "b", "y")},
            keep=False,
        )  # fmt: skip


def test_whole_fits_are_those_that_the_engine_makes(rows: pl.DataFrame, text: Callable[..., str]) -> None:
    """`fit_whole` inside a program, and the engine's own loop: the same stumps."""
    stumps = importlib.import_module("mldsl_proof.boosted_stumps")
    frame = rows.select("a", "b", "y")
    program = text("").replace("random_halves()", "boosted_stumps(rounds = 7)")
    run = mldsl.run(program + "split { test = 0% }\n", frames={"rows": frame}, keep=False)
    (component,) = stumps.mldsl_components()
    spec = stumps.Spec(rounds=7, rate=np.float32(0.3))
    matrix = frame.select("a", "b").to_numpy().astype(np.float32)
    columns = {"a": matrix[:, 0], "b": matrix[:, 1]}
    shape = Shape(len(matrix), (ColumnShape("a"), ColumnShape("b")))
    weight = np.ones(len(matrix), np.float32)
    inputs, _ = stumps.prepare(spec, shape, columns, weight)
    examples = Examples(inputs, weight, frame["y"].to_numpy().astype(np.float32))
    base = Configured(component, spec)
    params, info = jax.jit(lambda examples: fit_whole(base, jax.random.key(0), shape, examples))(examples)
    expected = run.model().params
    assert params.column.tolist() == expected.column.tolist()
    np.testing.assert_allclose(params.value, expected.value, rtol=1e-4, atol=1e-6)
    assert float(info.gain) == pytest.approx(float(expected.gain.sum()), rel=1e-4)
    assert float(run.model().info.gain) == pytest.approx(float(expected.gain.sum()), rel=1e-4)


def test_facts_of_equal_bases_are_one_component() -> None:
    """A static part of programs must be equal to itself from one setting of a search to the next."""
    halves = importlib.import_module("mldsl_proof.random_halves").mldsl_components()[0]
    stump = importlib.import_module("mldsl_proof.median_stump").mldsl_components()[0]
    one = configured(halves, halves.Spec(Configured(stump, stump.Spec())))
    other = configured(halves, halves.Spec(Configured(stump, stump.Spec()), members=3))
    assert one.component is other.component
    assert tuple(one.component.tasks) == ("regress",)
    assert not one.component.sparse


def test_what_is_prepared_for_a_base_depends_on_what_the_base_reads() -> None:
    from mldsl.execute.preparing import read

    halves = importlib.import_module("mldsl_proof.random_halves")
    stumps = importlib.import_module("mldsl_proof.boosted_stumps")
    (outer,), (inner,) = halves.mldsl_components(), stumps.mldsl_components()

    def of(members: int = 5, **settings: Any) -> str:
        return repr(read(outer, halves.Spec(Configured(inner, stumps.Spec(**settings)), members)))

    assert of() == of(members=3, rate=0.1, rounds=7)
    assert of() != of(bins=8)
