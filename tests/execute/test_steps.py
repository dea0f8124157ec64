"""Columns on their way through a model's steps: host and device, kept, dropped, derived, absent in a fold."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from mldsl import MldslError

GAPS = pl.when(pl.col("t") % 5 == 0).then(None)


@pytest.fixture(scope="module")
def gappy(table: pl.DataFrame) -> pl.DataFrame:
    """The table with missing cells in `b` and `s`."""
    return table.with_columns(GAPS.otherwise("b").alias("b"), GAPS.otherwise("s").alias("s"))


@pytest.fixture(scope="module")
def matrix(engine: Any, registry: Any, table: pl.DataFrame) -> Any:
    """The columns that reach the model, by name, of all rows."""

    def columns(steps: str, rows: pl.DataFrame = table, declared: str = "a, b: continuous\n  s: categorical") -> Any:
        text = engine.pipeline(
            "report { coefficients }", use="use tiny", steps=f"transforms {{\n  {steps}\n}}",
            features=f"features {{\n  {declared}\n  z: continuous as target\n}}", model="echo", metrics="",
        )  # fmt: skip
        (outcome,) = engine.run(text, rows, registry).result.outcomes
        names = [c.name for c in outcome.model.prepared.pipeline.columns]
        assert len(set(names)) == len(names)
        return dict(zip(names, outcome.matrix[: len(rows)].T, strict=True))

    return columns


# ---- derived columns -------------------------------------------------------------------------------------------------
EXPRESSIONS = [
    "a + b", "a - 2 * b", "a / (b + 10)", "-a ^ 2", "(a + 9) ^ b", "log(a + 9)", "log1p(b + 9)", "exp(a)",
    "sqrt(a + 9)", "abs(b)", "sign(a)", "round(a, 1)", "round(a * 100, -1)", "round(b)", "clip(a, -0.5, 1)", "sin(a)",
    "cos(b)", "min(a, b)", "max(a, b, 0)", "a > b", "a <= 0", "a == a", "a != b", "a > 0 and b > 0", "a > 0 or b > 0",
    "not a > 0", "b > 0 and a > 1", "b > 0 or a < 1", "is_missing(b)", "coalesce(b, a)", "coalesce(b, 0)",
    "null_if(a, b)", "if_else(b > 0, a, b)", 's == "u"', 's != "u"', 's == "nobody"', 'one_of(s, "u", "w")',
    'if_else(s == "v", 1, 0)', 's == "u" and b > 0', 'p == "1"', 'p > "1"', 'p <= "1"', 'o == "2"', "q and a > 0",
    "not q", "if_else(q, 1, a)",
]  # fmt: skip


@pytest.fixture(scope="module")
def derived(engine: Any, registry: Any, gappy: pl.DataFrame) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Every expression twice: above a device step that changes nothing, and below it."""
    from mldsl.plugin import NoSpec, Output, Transform

    same = Transform(
        "same", NoSpec, doc="Nothing.", apply=lambda spec, params, inputs: inputs, missing="accepts",
        inputs=("continuous", "categorical", "ordinal", "binary"), outputs=(Output(missing="same"),),
    )  # fmt: skip
    rows = gappy.with_columns(
        p=pl.col("g").mod(3).cast(pl.String), o=pl.col("w").cast(pl.String),
        q=pl.when(pl.col("a") > 0).then(pl.lit("yes")).otherwise(pl.lit("no")),
    )  # fmt: skip
    features = (
        'features {\n  a: continuous\n  b: continuous?\n  s: categorical?\n  p: ordinal("0", "1", "2")\n'
        '  o: categorical\n  q: binary("no", "yes")\n  z: continuous as target\n}'
    )
    above = "\n  ".join(f"host{i} = {text}" for i, text in enumerate(EXPRESSIONS))
    below = "\n  ".join(f"device{i} = {text}" for i, text in enumerate(EXPRESSIONS))
    text = engine.pipeline(
        "report { coefficients }", use="use tiny\nuse acme", features=features, model="lenient", metrics="",
        steps=f"transforms {{\n  {above}\n  same on [a, b, s, p, o, q]\n  {below}\n}}",
    )  # fmt: skip
    import attrs

    echo = next(c for c in registry._given["tiny"].values() if c.component.name == "echo").component
    lenient = attrs.evolve(
        echo, name="lenient", missing="accepts", accepts=("continuous", "integer", "categorical", "ordinal", "binary")
    )
    finished = engine.run(text, rows, registry.with_components("acme", [same, lenient]))
    (outcome,) = finished.result.outcomes
    names = [c.name for c in outcome.model.prepared.pipeline.columns]
    found = dict(zip(names, outcome.matrix[: len(rows)].T, strict=True))
    device = [s.derive for s in outcome.model.prepared.pipeline.steps if s.derive is not None]
    assert len(device) == len(EXPRESSIONS), "the second half runs on the device"
    return (
        {t: found[f"host{i}"] for i, t in enumerate(EXPRESSIONS)},
        {t: found[f"device{i}"] for i, t in enumerate(EXPRESSIONS)},
    )


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_means_the_same_on_host_and_device(text: str, derived: Any) -> None:
    host, device = (side[text] for side in derived)
    assert not np.isnan(host).all()
    assert np.unique(host[~np.isnan(host)]).size > 1 or text in ('s == "nobody"', "a == a", "a != b")
    np.testing.assert_allclose(device, host, rtol=2e-6, atol=1e-6)


def test_what_codes_cannot_decide_is_refused_on_the_device(engine: Any, table: pl.DataFrame) -> None:
    for expression in ('s < "v"', "length(s)"):
        text = engine.pipeline(
            features="features {\n  a, b: continuous\n  s: categorical?\n  y: binary as target\n}",
            steps=f"transforms {{\n  impute(most_frequent) on s\n  late = {expression}\n  drop on s\n}}",
        )
        with pytest.raises(MldslError) as caught:
            engine.run(text, table)
        assert caught.value.diagnostics[0].code in ("MLP0312", "MLP0204", "MLP0201")


def test_a_derived_column_without_value_is_refused_unless_the_file_expects_it(matrix: Any, table: pl.DataFrame) -> None:
    for expression in ("sqrt(a)", "(a - a) / (b - b)", "log(a)"):
        with pytest.raises(MldslError, match=r"MLP0403. `root` has no value in \d+ rows") as caught:
            matrix(f"root = {expression}\n  drop on s")
        assert caught.value.diagnostics[0].span is not None
    found = matrix("root = coalesce(sqrt(a), 0)\n  drop on s")["root"]
    np.testing.assert_allclose(found, np.sqrt(np.maximum(table["a"].to_numpy(), 0)), rtol=1e-6)


def test_a_column_derived_after_a_fitted_step_reads_what_the_step_gives(matrix: Any, table: pl.DataFrame) -> None:
    train_mean = matrix(
        "impute(mean) on b\n  total = a + b\n  drop on s", table, "a: continuous\n  b: continuous?\n  s: categorical"
    )
    np.testing.assert_allclose(train_mean["total"], table["a"] + table["b"], rtol=1e-5)
    gappy = table.with_columns(GAPS.otherwise("b").alias("b"))
    found = matrix(
        "impute(mean) on b\n  total = a + b\n  drop on s", gappy, "a: continuous\n  b: continuous?\n  s: categorical"
    )
    assert np.isfinite(found["total"]).all()
    np.testing.assert_allclose(found["total"], found["a"] + found["b"], rtol=1e-5)
    missing = gappy["b"].is_null().to_numpy()
    assert np.unique(found["b"][missing]).size == 1


# ---- keep, drop, non-inputs ------------------------------------------------------------------------------------------
def test_keep_true_leaves_the_columns_and_adds_beside(matrix: Any, table: pl.DataFrame) -> None:
    found = matrix("standardize(keep = true) on a\n  one_hot on s")
    assert list(found)[:2] == ["a", "b"]
    np.testing.assert_allclose(found["a"], table["a"], rtol=1e-6)
    (added,) = set(found) - {"a", "b", "s_u", "s_v", "s_w"}
    assert abs(np.corrcoef(found[added], found["a"])[0, 1]) > 0.9999
    assert not np.allclose(found[added], found["a"])


def test_keep_drop_and_globs(matrix: Any) -> None:
    assert list(matrix("drop on [b, s]")) == ["a"]
    assert list(matrix("keep on [a, b]")) == ["a", "b"]
    assert list(matrix('one_hot on s\n  drop on "s_[vw]"')) == ["a", "b", "s_u"]
    kept = matrix("twice = 2 * a\n  drop on [numeric, -twice]\n  one_hot on s")
    assert set(kept) == {"twice", "s_u", "s_v", "s_w"}


def test_a_step_on_a_column_that_is_no_input_adds_and_leaves_it(matrix: Any, table: pl.DataFrame) -> None:
    found = matrix("one_hot on s\n  standardize on a", table, "a, b: continuous\n  s: categorical as ignore")
    assert set(found) >= {"a", "b"}
    assert "s" not in found
    assert {"s_u", "s_v", "s_w"} <= set(found)


def test_the_levels_of_another_column_may_group_a_step(engine: Any, registry: Any, table: pl.DataFrame) -> None:
    text = engine.pipeline(
        use="use tiny", steps="transforms {\n  standardize(per = s) on a\n  drop on [b, s]\n}", model="echo",
        features="features {\n  a, b: continuous\n  s: categorical\n  z: continuous as target\n}",
        metrics="metrics { rmse }",
    )  # fmt: skip
    finished = engine.run(text, table, registry)
    said = np.asarray(finished.result.outcomes[0].model.last.prediction.mean)[: len(table)]
    train = finished.result.run.split.part == "train"
    for level in ("u", "v", "w"):
        rows = (table["s"] == level).to_numpy()
        a = table["a"].to_numpy()
        learned = a[rows & train]
        np.testing.assert_allclose(said[rows], (a[rows] - learned.mean()) / learned.std(), rtol=1e-4, atol=1e-5)


# ---- folds -----------------------------------------------------------------------------------------------------------
def test_every_fold_fits_its_steps_anew(engine: Any, registry: Any, table: pl.DataFrame) -> None:
    """`echo` shows what `standardize` made of `a` in each fold: statistics of that fold's training rows, no others."""
    text = engine.pipeline(
        use="use tiny", steps="transforms { standardize on a }", model="echo", metrics="metrics { rmse }",
        features="features {\n  a: continuous\n  z: continuous as target\n}",
        split="split {\n  test = 25%\n  folds = 3\n  repeats = 2\n}",
    )  # fmt: skip
    finished = engine.run(text, table, registry)
    (outcome,), a = finished.result.outcomes, table["a"].to_numpy()
    fits = [
        (fold.train, answer.mean)
        for fold, answer in zip(finished.result.run.split.folds, outcome.model.folds, strict=True)
    ]
    assert len(fits) == 6
    fits.append((finished.result.run.split.part == "train", outcome.model.last.prediction.mean))
    for train, said in fits:
        expected = (a - a[train].mean()) / a[train].std()
        np.testing.assert_allclose(np.asarray(said)[: len(a)], expected, rtol=1e-4, atol=1e-5)


def test_a_level_that_a_fold_lacks_is_no_column_there(engine: Any, table: pl.DataFrame) -> None:
    """`rare` stands in one row; the fold that holds it out answers as a pipeline that has never heard of it."""
    rows = table.with_columns(s=pl.when(pl.col("key") == "row 8").then(pl.lit("rare")).otherwise("s"))
    split = "split {\n  test = 0%\n  folds = 3\n}"
    finished = engine.run(engine.pipeline(split=split, model="logistic_regression"), rows)
    holds = next(i for i, f in enumerate(finished.result.run.split.folds) if f.held[8])
    pipeline = finished.result.outcomes[0].model.prepared.pipeline
    assert "s_rare" in [c.name for c in pipeline.columns]
    without = engine.run(engine.pipeline(split=split, model="logistic_regression"), table)
    said, expected = (
        np.asarray(f.result.outcomes[0].model.folds[holds].probability)[: len(table)] for f in (finished, without)
    )
    others = np.arange(len(table)) != 8
    np.testing.assert_allclose(said[others], expected[others], rtol=1e-4)
    assert np.isfinite(said[8]).all()


class Half(NamedTuple):
    """Learned by `half`: of two columns, the first exists."""

    active: Any


def test_columns_that_do_not_exist_are_0_and_the_model_is_told(engine: Any, tiny: Any, table: pl.DataFrame) -> None:
    import attrs
    import jax.numpy as jnp

    from mldsl.plugin import NoSpec, Output, Transform
    from mldsl.plugin.registry import Registry

    half = Transform(
        "half", NoSpec, doc="Keeps one of two.", outputs=(Output(),), apply=lambda spec, params, inputs: inputs + 3,
        fit=lambda spec, key, shape, examples: (Half(jnp.asarray([True, False])), None),
    )  # fmt: skip
    echo = next(c for c in tiny if c.name == "echo")
    learner = attrs.evolve(
        echo, name="learner", fit=lambda spec, key, shape, examples: ((examples.active, examples.inputs), None)
    )
    registry = Registry.load().with_components("acme", [half, learner])
    text = engine.pipeline(
        use="use acme", features="features {\n  a, b: continuous\n  z: continuous as target\n}",
        steps="transforms { half on [a, b] }", model="learner", metrics="",
    )  # fmt: skip
    (outcome,) = engine.run(text, table, registry).result.outcomes
    active, inputs = outcome.model.last.params
    assert active.tolist() == [True, False]
    np.testing.assert_allclose(inputs[: len(table), 0], table["a"] + 3, rtol=1e-6)
    assert not inputs[:, 1].any()


# ---- steps that use the target ---------------------------------------------------------------------------------------
def told(spec: Any, key: Any, shape: Any, examples: Any) -> Any:
    import jax.numpy as jnp

    weight = examples.weight
    return (jnp.sum(weight * examples.target) / jnp.maximum(weight.sum(), 1e-30),), None


@pytest.mark.parametrize("kind", ["fused", "prepared"])
def test_training_rows_see_the_target_only_through_fits_that_have_not_seen_them(
    kind: str, engine: Any, tiny: Any, table: pl.DataFrame
) -> None:
    """`tell` puts the mean of the target in place of a column. What the model is trained on shows whose mean it was."""
    import attrs

    from mldsl.plugin import NoSpec, Output, Transform
    from mldsl.plugin.registry import Registry

    trained_on: list[np.ndarray] = []

    def keep(spec: Any, shape: Any, columns: Any, weight: Any) -> Any:
        (column,) = columns.values()
        trained_on.append(np.where(np.asarray(weight) > 0, column, np.nan)[: len(table)])
        return np.asarray(column)[:, None], {}

    tell = Transform(
        "tell", NoSpec, doc="The mean of the target.", fit=told, uses_target=True, outputs=(Output(),),
        apply=lambda spec, params, inputs: inputs * 0 + params[0],
    )  # fmt: skip
    echo = next(c for c in tiny if c.name == "echo")
    apart = attrs.evolve(
        echo, name="apart", prepare=keep,
        apply_prepared=lambda spec, shape, state, columns: np.stack(list(columns.values()), axis=1),
    )  # fmt: skip
    learner = attrs.evolve(
        echo, name="learner", fit=lambda spec, key, shape, examples: ((examples.inputs[:, 0],), None)
    )
    registry = Registry.load().with_components("acme", [tell, apart, learner])
    text = engine.pipeline(
        use="use acme", features="features {\n  a: continuous\n  z: continuous as target\n}",
        steps="transforms { tell on a }", model="apart" if kind == "prepared" else "learner",
        metrics="metrics { rmse }",
    )  # fmt: skip
    finished = engine.run(text, table, registry)
    (outcome,), train = finished.result.outcomes, finished.result.run.split.part == "train"
    if kind == "fused":
        trained_on = [np.asarray(outcome.model.last.params[0])[: len(table)]]
    inner, z = outcome.model.prepared.inner[: len(table)], table["z"].to_numpy()
    for fold in range(5):
        rows = train & (inner == fold)
        np.testing.assert_allclose(trained_on[0][rows], z[train & (inner != fold)].mean(), rtol=1e-5)
    said = np.asarray(outcome.model.last.prediction.mean)[: len(table)]
    # Rows to predict get the mean of all training rows.
    np.testing.assert_allclose(said, z[train].mean(), rtol=1e-5)


def test_predicting_needs_the_columns_that_steps_work_on(engine: Any, table: pl.DataFrame) -> None:
    import mldsl
    from mldsl.api import Run

    text = engine.pipeline(features=engine.features().replace("s: categorical", "s: categorical as ignore"))
    model = Run(engine.run(text, table)).model()
    new = table.select("a", "b", "s")
    assert model.predict(new)["prediction"].null_count() == 0
    with pytest.raises(mldsl.MldslError, match=r"MLP0413.*`s`"):
        model.predict(new.drop("s"))
