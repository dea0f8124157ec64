"""Sparse blocks through a run: what each fold knows of them, what steps do to them, and that none is made dense."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import attrs
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from mldsl.api import Run
from mldsl.contract import HostSparse, Numbered, Prediction, matmul, segment_reduce
from mldsl.plugin import Component, Model, NoSpec, Output, Transform, param
from mldsl.plugin.registry import Registry

FEATURES = """features {
  label: binary("ham", "spam") as target
  text: text
  size: continuous
}"""
FOLDS = "split { folds = 3 }"
WORDS = [f"w{i:02}" for i in range(30)]


# ---- components of a few lines ---------------------------------------------------------------------------------------


@attrs.frozen
class TallySpec:
    """Hyperparameters of `tally`."""

    least: int = param(2, ge=1, unit="rows", doc="Rows of a fold in which a word must be.")
    power: float = param(1.0, ge=0, traced=True, doc="What the rarity of a word is raised to.", search="0..2")


class TallyParams(NamedTuple):
    """What is known of each word."""

    rarity: Any
    active: Any


LOOKED = Counter()  # how often the host half was done


def tally_host(spec: TallySpec, columns: Any, weight: np.ndarray) -> Any:
    LOOKED["fits"] += 1
    state = {}
    for name, texts in columns.items():
        there = [text or "" for text, w in zip(texts, weight, strict=True) if w > 0]
        state[name] = sorted({word for text in there for word in text.split()})
    return state, tally_count(spec, state, columns)


def tally_count(spec: TallySpec, state: Any, columns: Any) -> dict[str, HostSparse]:
    blocks = {}
    for name, texts in columns.items():
        place = {word: i for i, word in enumerate(state[name])}
        rows = [Counter(place[w] for w in (text or "").split() if w in place) for text in texts]
        indptr = np.cumsum([0, *map(len, rows)])
        indices = np.array([i for row in rows for i in sorted(row)], np.int32)
        values = np.array([row[i] for row in rows for i in sorted(row)], np.float32)
        blocks[name] = HostSparse(indptr, indices, values, tuple(f"{name}_{word}" for word in state[name]))
    return blocks


def tally_fit(spec: TallySpec, key: Any, shape: Any, examples: Any) -> Any:
    rows = examples.inputs.presence().column_sums(examples.weight)
    active = examples.active & (rows >= spec.least)
    rarity = (1 + examples.weight.sum()) / (1 + rows)
    return TallyParams(rarity, active), None


def tally_apply(spec: TallySpec, params: TallyParams, inputs: Any) -> Any:
    return inputs.scaled(column=params.rarity**spec.power)


def unit_rows(spec: NoSpec, params: Any, inputs: Any) -> Any:
    if isinstance(inputs, jnp.ndarray):
        return inputs / jnp.maximum(jnp.linalg.norm(inputs, axis=1), 1e-30)[:, None]
    return inputs.scaled(row=1 / jnp.maximum(inputs.row_norms(), 1e-30))


class LeanParams(NamedTuple):
    """What a column is multiplied by: how much of it the classes have."""

    lean: Any


def lean_fit(spec: NoSpec, key: Any, shape: Any, examples: Any) -> Any:
    sums = segment_reduce(examples.inputs, examples.target, shape.classes, weight=examples.weight)
    return LeanParams(sums[1] + 2 * sums[0]), None


def lean_apply(spec: NoSpec, params: LeanParams, inputs: Any) -> Any:
    return inputs.scaled(column=params.lean)


def total(spec: NoSpec, params: Any, inputs: Any) -> Any:
    return matmul(inputs, jnp.ones((inputs.d, 1), jnp.float32))


@attrs.frozen
class BayesSpec:
    """Hyperparameters of `bayes`."""

    smoothing: float = param(1.0, gt=0, traced=True, doc="Added to every count.", search="log(0.01..10)")


class BayesParams(NamedTuple):
    """Logarithms of shares, the sums that they come from, and the columns that exist."""

    share: Any
    sums: Any
    active: Any


def bayes_fit(spec: BayesSpec, key: Any, shape: Any, examples: Any) -> Any:
    sums = segment_reduce(examples.inputs, examples.target, shape.classes, weight=examples.weight).T
    there = jnp.where(examples.active[:, None], sums + spec.smoothing, 0)
    share = there / there.sum(axis=0)[None, :]
    return BayesParams(jnp.log(jnp.where(there > 0, share, 1)), sums, examples.active), None


def bayes_predict(spec: BayesSpec, params: BayesParams, inputs: Any) -> Prediction:
    joint = matmul(inputs, params.share)
    shifted = jnp.exp(joint - joint.max(axis=1)[:, None])
    return Prediction(probability=shifted / shifted.sum(axis=1)[:, None])


def _steps() -> list[Component]:
    made = (Output("{column}_*", "continuous", "no", sparse="yes"),)
    return [
        Transform(
            "tally", TallySpec, doc="Counts words.", host_fit=tally_host, host_apply=tally_count, fit=tally_fit,
            apply=tally_apply, inputs=("text",), outputs=made, missing="fills", host_reads=(),
        ),
        Transform("unit_rows", NoSpec, doc="Rows of length 1.", apply=unit_rows, sparse=True),
        Transform(
            "lean", NoSpec, doc="Weighs by class.", fit=lean_fit, apply=lean_apply, sparse=True, uses_target=True
        ),
        Transform(
            "total", NoSpec, doc="Adds up rows.", apply=total, sparse=True,
            outputs=(Output("total", "continuous", "no", per="step", sparse="no"),),
        ),
        Model(
            "bayes", BayesSpec, doc="Shares.", fit=bayes_fit, predict=bayes_predict, tasks=("classify",), sparse=True
        ),
    ]  # fmt: skip


@pytest.fixture(scope="session")
def words() -> Registry:
    """The installed components, and those above for files that say `use words`."""
    return Registry.load().with_components("words", _steps())


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    """150 texts of which the class tells a part, some empty or missing, and a positive number beside."""
    rng = np.random.default_rng(3)
    spam = rng.random(150) < 0.4
    texts: list[str | None] = []
    for one in spam:
        weight = np.exp(-np.arange(30) / 8)[:: -1 if one else 1] + 0.05
        texts.append(" ".join(rng.choice(WORDS, rng.integers(0, 9), p=weight / weight.sum())))
    texts[5], texts[6] = None, ""
    other = [" ".join(rng.choice(WORDS[:6], 3)) for _ in range(150)]
    size = 1 + rng.random(150)
    return pl.DataFrame({"label": np.where(spam, "spam", "ham"), "text": texts, "other": other, "size": size})


@pytest.fixture
def go(engine: Any, words: Registry, rows: pl.DataFrame) -> Any:
    """Runs a pipeline of these steps: its outcome."""

    def run(*steps: str, features: str = FEATURES, **blocks: Any) -> Any:
        features = features.replace("text: text\n", "text: text?\n")
        blocks = {"model": "bayes", "split": FOLDS, **blocks}
        text = engine.pipeline(
            *blocks.pop("more", ()), features=features, steps="transforms {\n" + "\n".join(steps) + "\n}",
            use="use words", **blocks,
        )  # fmt: skip
        return engine.run(text, rows, words)

    return run


# ---- the same in NumPy -----------------------------------------------------------------------------------------------


def counts(texts: Any, vocabulary: list[str]) -> np.ndarray:
    return np.array([[(text or "").split().count(word) for word in vocabulary] for text in texts], float)


def weighed(count: np.ndarray, train: np.ndarray, least: int = 2, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """What `tally` gives: values, and which columns exist."""
    present = (count[train] > 0).sum(axis=0)
    return count * ((1 + train.sum()) / (1 + present)) ** power * (present >= least), present >= least


def bayes(x: np.ndarray, active: np.ndarray, target: np.ndarray, train: np.ndarray) -> np.ndarray:
    """The probability of the second class."""
    sums = np.stack([x[train & (target == c)].sum(axis=0) for c in (0, 1)], axis=1)
    smooth = np.where(active[:, None], sums + 1, 0)
    share = smooth / smooth.sum(axis=0)
    joint = x @ np.where(share > 0, np.log(np.where(share > 0, share, 1)), 0)
    return expit(joint[:, 1] - joint[:, 0])


def test_each_fold_knows_only_its_own_rows(go: Any, rows: pl.DataFrame) -> None:
    finished = go("tally(least = 12) on text")
    (outcome,) = finished.result.outcomes
    pipeline = outcome.model.prepared.pipeline
    assert list(pipeline.features) == ["size", *(f"text_{word}" for word in sorted(WORDS))]
    target = (rows["label"] == "spam").to_numpy().astype(int)
    count = counts(rows["text"], sorted(WORDS))
    lacking = 0
    for fold, said in zip(finished.result.run.split.folds, outcome.model.folds, strict=True):
        x, active = weighed(count, fold.train, least=12)
        lacking += (~active).sum()
        x = np.column_stack([rows["size"], x])
        expected = bayes(x, np.array([True, *active]), target, fold.train)
        np.testing.assert_allclose(np.asarray(said.probability)[:150, 1], expected, rtol=2e-4, atol=1e-30)
    assert lacking > 3, "some words are too rare in some fold"
    last = outcome.model.last
    _, active = weighed(count, np.ones(150, bool), least=12)
    assert (last.params.active == [True, *active]).all()
    assert not last.params.sums[1:][~active].any(), "a column that does not exist is 0"


def test_a_word_of_the_test_part_is_no_column(go: Any, rows: pl.DataFrame, engine: Any, words: Registry) -> None:
    finished = go("tally on text", split="split { test = 20% }")
    train = finished.result.run.split.part == "train"
    known = sorted({word for text in rows["text"].to_numpy()[train] for word in (text or "").split()})
    (outcome,) = finished.result.outcomes
    assert list(outcome.model.prepared.pipeline.features)[1:] == [f"text_{word}" for word in known]


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        (["drop on text_w03"], [w for w in WORDS if w != "w03"]),
        (['drop on "text_w0*"'], [w for w in WORDS if not w.startswith("w0")]),
        (['keep on [size, "text_w1*"]'], [w for w in WORDS if w.startswith("w1")]),
        (['keep on "text_*"'], WORDS),
        (["drop on size"], WORDS),
    ],
)
def test_single_words_leave_and_stay(steps: list[str], kept: list[str], go: Any, rows: pl.DataFrame) -> None:
    (outcome,) = go("tally(least = 1) on text", *steps, split="").result.outcomes
    pipeline, params = outcome.model.prepared.pipeline, outcome.model.last.params
    there = {name for name, active in zip(pipeline.features, params.active, strict=True) if active}
    seen = {w for text, p in zip(rows["text"], _train(outcome), strict=True) if p for w in (text or "").split()}
    assert there - {"size"} == {f"text_{word}" for word in kept if word in seen}
    assert ("size" in pipeline.features) == (steps not in (["drop on size"], ['keep on "text_*"']))


def _train(outcome: Any) -> np.ndarray:
    """Every row but those of the default test part: the rows whose words the host half knows."""
    names = {name.removeprefix("text_") for name in outcome.model.prepared.pipeline.features}
    return np.ones(150, bool) if names else np.zeros(150, bool)


def test_a_block_that_is_dropped_leaves_a_dense_matrix(go: Any) -> None:
    (outcome,) = go("tally on text", 'drop on "text_*"').result.outcomes
    assert tuple(outcome.model.prepared.pipeline.features) == ("size",)
    assert outcome.model.last.params.sums.shape == (1, 2)


def test_a_step_works_on_dense_and_sparse_columns_together(go: Any, rows: pl.DataFrame) -> None:
    (outcome,) = go("tally on text", 'unit_rows on ["text_*", size]').result.outcomes
    x, _ = weighed(counts(rows["text"], sorted(WORDS)), np.ones(150, bool))
    x = np.column_stack([rows["size"], x])
    x = x / np.linalg.norm(x, axis=1)[:, None]
    spam = (rows["label"] == "spam").to_numpy()
    expected = np.stack([x[~spam].sum(axis=0), x[spam].sum(axis=0)], axis=1)
    np.testing.assert_allclose(outcome.model.last.params.sums, expected, rtol=1e-5, atol=1e-6)
    assert next(iter(outcome.model.prepared.pipeline.features)) == "size"


def test_a_step_may_make_dense_columns_of_sparse_ones(go: Any, rows: pl.DataFrame) -> None:
    finished = go("tally on text", 'total on "text_*"', "standardize on numeric", model="logistic_regression")
    (outcome,) = finished.result.outcomes
    assert tuple(outcome.model.prepared.pipeline.features) == ("size", "total")
    x, _ = weighed(counts(rows["text"], sorted(WORDS)), np.ones(150, bool))
    scaler = outcome.model.last.steps[2]
    assert float(scaler.mean[-1, 0]) == pytest.approx(x.sum(axis=1).mean(), rel=1e-5)


def test_a_step_that_uses_the_target_is_applied_out_of_fold(go: Any, rows: pl.DataFrame) -> None:
    (outcome,) = go("tally(least = 1, power = 0) on text", 'lean on "text_*"').result.outcomes
    count = counts(rows["text"], sorted(WORDS))
    spam = (rows["label"] == "spam").to_numpy()
    inner = np.asarray(outcome.model.prepared.inner)[:150]
    x = np.zeros_like(count)
    for fold in range(5):
        others = inner != fold
        lean = count[others & spam].sum(axis=0) + 2 * count[others & ~spam].sum(axis=0)
        x[~others] = count[~others] * lean
    expected = np.stack([x[~spam].sum(axis=0), x[spam].sum(axis=0)], axis=1)
    np.testing.assert_allclose(outcome.model.last.params.sums[1:], expected, rtol=1e-5)


def test_two_texts_and_one_text_twice(go: Any) -> None:
    both = FEATURES.replace("  size", "  other: text\n  size")
    (outcome,) = go("tally on [text, other]", features=both).result.outcomes
    pipeline = outcome.model.prepared.pipeline
    assert tuple(pipeline.blocks) == ("text", "other")
    assert len(outcome.model.last.steps[0]) == 2, "each is learned by itself"
    finished = go("tally(least = 5, keep = true) on text", "tally(least = 1) on text")
    (outcome,) = finished.result.outcomes
    assert tuple(outcome.model.prepared.pipeline.blocks) == ("text", "text_tally")
    names = list(outcome.model.prepared.pipeline.features)
    assert (names[1], names[-1]) == ("text_w00", "text_tally_w29")
    after = finished.result.run.plan.models[0].columns
    assert {c.name for c in after if c.sparse} == {"text_*", "text_tally_*"}


# ---- searches --------------------------------------------------------------------------------------------------------
TUNE = """param p: number = 1
param least: integer = 2
tune {
  search = grid(points = 3)
  $p in 0.5..1.5
  $least in [1, 4]
}"""


def test_a_search_scores_as_fits_one_by_one_do(go: Any, rows: pl.DataFrame) -> None:
    LOOKED.clear()
    finished = go("tally(least = $least, power = $p) on text", more=(TUNE,), metrics="metrics { brier }")
    assert LOOKED["fits"] == 1, "what only the device half looks at does not count words again"
    target = (rows["label"] == "spam").to_numpy().astype(int)
    count = counts(rows["text"], sorted(WORDS))
    trials = finished.result.tune.trials
    assert len(trials) == 6 * 4, "no test part: each of three folds is searched, and all rows"
    for trial in (t for t in trials if t.fold is None):
        losses = []
        for fold in finished.result.run.split.folds:
            x, active = weighed(count, fold.train, trial.params["least"], trial.params["p"])
            said = bayes(np.column_stack([rows["size"], x]), np.array([True, *active]), target, fold.train)
            losses.append(((said - target)[fold.held] ** 2).mean())
        assert trial.score == pytest.approx(np.mean(losses), rel=2e-3)


def test_the_plan_says_how_a_search_goes(engine: Any, words: Registry) -> None:
    from mldsl.execute.ways import way_of

    model = next(c for c in _steps() if c.name == "bayes")
    way = way_of(attrs.evolve(model, batches=True), BayesSpec(), 31, [], sparse=True)
    assert way.name == "map"
    assert "sparse" in way.why
    assert way_of(attrs.evolve(model, batches=True), BayesSpec(), 31, []).name == "product"


# ---- kept, asked, looked at ------------------------------------------------------------------------------------------


def test_an_artifact_answers_new_texts(go: Any, words: Registry, rows: pl.DataFrame) -> None:
    finished = go("tally on text", split="split { test = 20% }")
    model = Run(finished).model()
    new = pl.DataFrame({"text": ["never seen words", "", None, "w00 w00 never"], "size": [1.0] * 4})
    said = model.predict(new)
    unseen, empty, missing, known = said["probability_spam"].to_list()
    assert unseen == empty == missing != known


def test_reports_and_metrics_of_a_sparse_model(engine: Any, words: Registry, rows: pl.DataFrame) -> None:
    from mldsl.execute.reports import report_view

    text = engine.pipeline(
        "report { confusion_matrix }", features=FEATURES.replace("text: text\n", "text: text?\n"), model="bayes",
        steps="transforms { tally on text }", use="use words", split="split { test = 30% }",
    )  # fmt: skip
    finished = engine.run(text, rows, words)
    (model,) = report_view(finished.result).models
    part = model.held_out
    assert part.inputs.shape == (45, model.shape.d)
    np.testing.assert_allclose(model.predict(part.inputs).probability, part.probability, rtol=1e-5)
    assert model.reads == ("text", "size")
    shuffled = model.permuted(["text", "size"], 2)
    assert shuffled.drop[0].mean() > 3 * abs(shuffled.drop[1].mean()), "the text tells, the number does not"
    replaced = model.replaced({"text": ["w00 w01 w00", "w29 w28 w29"]})
    assert (replaced[0, :, 1] < replaced[1, :, 1]).all()
    fold = finished.result.run.split.folds[0] if finished.result.run.split.folds else None
    if fold is None:
        from mldsl.execute.refit import training_folds

        fold = training_folds(finished.result.run)()[0]
    again = model.refit(fold.train, fold)
    assert set(again) == {"train", "held"}


# ---- size ------------------------------------------------------------------------------------------------------------


def _wide(spec: NoSpec, state: Any, columns: Any) -> dict[str, HostSparse]:
    found = {}
    for name, series in columns.items():
        n = len(series)
        rng = np.random.default_rng(0)
        indices = rng.integers(0, 100_000, (n, 10)) + np.arange(10) * 100_000
        values = np.ones(n * 10, np.float32)
        names = Numbered(f"{name}_", 1_000_000)
        found[name] = HostSparse(np.arange(n + 1) * 10, indices.ravel().astype(np.int32), values, names)
    return found


def test_what_would_not_fit_as_a_dense_matrix_runs(engine: Any) -> None:
    """50,000 rows of a million columns: 200 GB of float32."""
    wide = Transform(
        "wide", NoSpec, doc="A million columns.", host=True, apply=_wide, inputs=("text",), missing="fills",
        outputs=(Output("{column}_*", "continuous", "no", sparse="yes"),),
    )  # fmt: skip
    registry = Registry.load().with_components("words", [*_steps(), wide])
    rng = np.random.default_rng(1)
    rows = pl.DataFrame({"label": np.where(rng.random(50_000) < 0.5, "ham", "spam"), "text": "x", "size": 1.0})
    steps = 'transforms {\n  wide on text\n  unit_rows on "text_*"\n}'
    text = engine.pipeline(
        "report { confusion_matrix }", features=FEATURES, steps=steps, use="use words", model="bayes",
        split="split {\n  test = 20%\n  folds = 2\n}", metrics="metrics { accuracy }",
    )  # fmt: skip
    (outcome,) = engine.run(text, rows, registry).result.outcomes
    assert outcome.model.prepared.pipeline.shape.d == 1_000_001
    sums = outcome.model.last.params.sums[1:]
    np.testing.assert_allclose(sums.sum(), 40_000 * 10 / np.sqrt(10), rtol=1e-4)
