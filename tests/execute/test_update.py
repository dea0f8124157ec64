"""Models that go on learning: batches make the model of all rows, as one fit does and as scikit-learn's batches do."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
import polars as pl
import pytest

import mldsl

DATA = Path(__file__).parents[2] / "examples" / "data"

PIPELINE = """mlp 1
data {{ frame("rows") }}
features {{
  {target} as target
  {inputs}
  times: integer as weight
}}
split {{ folds = 2 }}
model {{ {model} }}
metrics {{ accuracy }}
"""


def iris() -> tuple[pl.DataFrame, str, str]:
    return pl.read_csv(DATA / "iris.csv"), "species: categorical", '"*": continuous'


def digits() -> tuple[pl.DataFrame, str, str]:
    return pl.read_csv(DATA / "digits_8x8.csv"), "label: categorical", '"*": integer'


def penguins() -> tuple[pl.DataFrame, str, str]:
    """With a column of their sex, which some miss."""
    frame = pl.read_csv(DATA / "penguins.csv").select("species", "island", "year", "sex")
    return frame, "species: categorical", "island, year: categorical\n  sex: categorical?"


def with_times(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows in an order that mixes the classes, some of which count twice."""
    mixed = frame.sample(fraction=1.0, shuffle=True, seed=3)
    return mixed.with_columns(times=1 + pl.int_range(mixed.height) % 3 // 2)


def fitted(frame: pl.DataFrame, target: str, inputs: str, model: str) -> Any:
    text = PIPELINE.format(target=target, inputs=inputs, model=model)
    return mldsl.run(text, frames={"rows": frame}, keep=False).model()


def batches(frame: pl.DataFrame, target: str) -> list[pl.DataFrame]:
    """A first half, and the rest class by class: no further batch has rows of all classes."""
    half = frame.height // 2
    rest = frame[half:].sort(target, maintain_order=True)
    return [frame[:half], rest[: rest.height // 3], rest[rest.height // 3 :]]


MODELS = {
    # So much smoothing that the largest variance of all rows, of which it is a share, is seen.
    "gaussian": (iris, "gaussian_naive_bayes(smoothing = 0.05)"),
    "multinomial": (digits, "multinomial_naive_bayes"),
    "weighted": (digits, 'multinomial_naive_bayes(class_weights = ["1" = 3, "8" = 0.5])'),
    "bernoulli": (digits, "bernoulli_naive_bayes(binarize = 7)"),
    "complement": (digits, "complement_naive_bayes(norm = true)"),
    "categorical": (penguins, "categorical_naive_bayes"),
}


@pytest.mark.parametrize("name", MODELS)
def test_batches_make_the_model_of_all_rows(name: str, tmp_path: Path) -> None:
    of, model = MODELS[name]
    frame, target, inputs = of()
    frame = with_times(frame)
    first, *more = batches(frame, target.partition(":")[0])
    whole = fitted(frame, target, inputs, model)
    part = fitted(first, target, inputs, model)
    before = jax.tree.map(np.copy, part.params)
    found = part
    for number, batch in enumerate(more):
        found = mldsl.load(found.update(batch).save(tmp_path / str(number)))
    tolerance = {"rtol": 2e-5, "atol": 1e-5}
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), found.params, whole.params)
    np.testing.assert_allclose(found.info.counts.mass, whole.info.counts.mass, rtol=1e-6)
    said = [m.predict(frame).select(pl.selectors.starts_with("probability")).to_numpy() for m in (found, whole)]
    np.testing.assert_allclose(*said, atol=1e-4)
    # The model that was updated is as it was, and it was another one.
    jax.tree.map(np.testing.assert_array_equal, part.params, before)
    assert any(
        np.abs(a - b).max() > 1e-3 for a, b in zip(part.params, whole.params, strict=True) if a.dtype.kind == "f"
    )


def test_batches_are_scikit_learns(agreement: Any) -> None:
    from sklearn.naive_bayes import GaussianNB, MultinomialNB

    for of, model, peer, learned in (
        (iris, "gaussian_naive_bayes", GaussianNB(), {"mean": "theta_", "variance": "var_"}),
        (digits, "multinomial_naive_bayes", MultinomialNB(), {"log_likelihood": "feature_log_prob_"}),
    ):
        frame, target, inputs = of()
        frame, name = with_times(frame), target.partition(":")[0]
        parts = batches(frame, name)
        classes = np.unique(frame[name].to_numpy())
        for part in parts:
            x = part.drop(name, "times").to_numpy().astype(float)
            peer.partial_fit(x, part[name].to_numpy(), classes, sample_weight=part["times"].to_numpy())
        found = fitted(parts[0], target, inputs, model)
        for part in parts[1:]:
            found = found.update(part)
        for ours, theirs in learned.items():
            agreement(f"model.{model}", f"{ours} after three batches", getattr(found.params, ours),
                      getattr(peer, theirs), reference="scikit-learn", data=f"{of.__name__} (partial_fit)",
                      relative=1e-5)  # fmt: skip


def test_rows_learned_from_are_counted_through_artifacts(tmp_path: Path) -> None:
    frame, target, inputs = iris()
    frame = with_times(frame)
    model = fitted(frame, target, inputs, "gaussian_naive_bayes")
    once = mldsl.load(model.update(frame[:10]).save(tmp_path / "once"))
    twice = mldsl.load(once.update(frame[:5]).save(tmp_path / "twice"))
    assert [m._trained.learned.rows for m in (model, once, twice)] == [150, 160, 165]


def test_a_search_ends_in_an_artifact_with_what_it_chose(tmp_path: Path) -> None:
    """What further rows are counted by is the chosen setting, not the one that the file starts from."""
    frame, target, inputs = iris()
    frame = with_times(frame)
    text = PIPELINE.format(target=target, inputs=inputs, model="bernoulli_naive_bayes(binarize = $at)")
    text = (
        text.replace("data {", "param at: number = 0.01 in 0..9\ndata {")
        + "tune {\n  search = grid(points = 2)\n  $at in [0.01, 3.0]\n}\n"
    )
    run = mldsl.run(text, frames={"rows": frame}, keep=False)
    chosen = run.model()
    plain = fitted(frame, target, inputs, "bernoulli_naive_bayes(binarize = 3)")
    loaded = mldsl.load(chosen.save(tmp_path / "chosen"))
    assert loaded.predict(frame).equals(plain.predict(frame))
    np.testing.assert_allclose(
        loaded.update(frame).params.log_present, plain.update(frame).params.log_present, rtol=1e-6
    )


# ---- what stays ------------------------------------------------------------------------------------------------------
STEPS = """mlp 1
data { frame("rows") }
features {
  species: categorical as target
  "*": continuous
}
transforms { standardize on "*" }
split { folds = 3 }
model {
  gaussian_naive_bayes
  threshold = maximize(accuracy)
  calibrate = sigmoid
}
metrics { accuracy }
"""


def test_what_was_learned_before_and_after_the_model_stays_and_is_said() -> None:
    frame = pl.read_csv(DATA / "iris.csv")
    model = mldsl.run(STEPS, frames={"rows": frame}, keep=False).model()
    shifted = frame.with_columns(pl.selectors.numeric() + 10)
    with pytest.warns(UserWarning, match="not learned anew") as caught:
        found = model.update(shifted)
    (said,) = {str(w.message) for w in caught}
    inputs = "sepal_length, sepal_width, petal_length, petal_width"
    assert f"standardize on {inputs}; the threshold, 0." in said
    assert said.endswith("; the calibration (sigmoid)")
    before, after = model._trained.learned, found._trained.learned
    jax.tree.map(np.testing.assert_array_equal, after.steps, before.steps)
    assert after.threshold == before.threshold
    # The rows went through the scales of the first ones: those of the second lie 10 above.
    moved = 10 / frame.select(pl.selectors.numeric()).to_numpy().std(axis=0)
    np.testing.assert_allclose(found.params.mean - model.params.mean, np.tile(moved / 2, (3, 1)), rtol=1e-4)


def test_without_fitted_steps_nothing_is_said() -> None:
    frame, target, inputs = iris()
    frame = with_times(frame)
    model = fitted(frame, target, inputs, "gaussian_naive_bayes")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.update(frame)


def test_levels_that_the_first_rows_lack_are_counted_and_say_nothing() -> None:
    frame, target, inputs = penguins()
    frame = with_times(frame)
    model = fitted(frame, target, inputs, "categorical_naive_bayes")
    odd = frame.drop_nulls()[:7].with_columns(island=pl.lit("Zavodovski"))
    with pytest.warns(UserWarning, match="7 cells of `island` hold a level that the rows of the first fit do not have"):
        found = model.update(odd)
    added = np.asarray(found.info.counts.count - model.info.counts.count).sum(axis=0)
    np.testing.assert_allclose(added[:3], 0, atol=1e-4)  # the three islands
    assert added.sum() == pytest.approx(2 * odd["times"].sum())  # year and sex


# ---- what is refused -------------------------------------------------------------------------------------------------
def refused(model: Any, rows: Any) -> Any:
    with pytest.raises(mldsl.MldslError) as caught:
        model.update(rows)
    return caught.value.diagnostics


def test_a_model_that_needs_all_rows_names_those_that_do_not() -> None:
    frame = pl.read_csv(DATA / "iris.csv")
    text = STEPS.replace("gaussian_naive_bayes", "linear_discriminant")
    (found,) = refused(mldsl.run(text, frames={"rows": frame}, keep=False).model(), frame)
    assert (found.code, found.message) == (
        "MLP0310", "`linear_discriminant` does not learn in batches: its fit needs all rows together"
    )  # fmt: skip
    assert found.notes[0].startswith("those that do: `bernoulli_naive_bayes`, `categorical_naive_bayes`")
    assert found.help == "run the pipeline again on all rows"


def test_what_follows_from_all_rows_is_refused() -> None:
    frame = pl.read_csv(DATA / "iris.csv")
    text = STEPS.replace("standardize on", "upsample on").replace(
        "gaussian_naive_bayes", "gaussian_naive_bayes(class_weights = balanced)"
    )
    found = refused(mldsl.run(text, frames={"rows": frame}, keep=False).model(), frame)
    assert [d.code for d in found] == ["MLP0312", "MLP0312"]
    assert "`upsample` changes the rows of each fit" in found[0].message
    assert "`class_weights = balanced` follows from all rows" in found[1].message
    assert 'class_weights = ["yes" = 2]' in found[1].help


def test_rows_that_cannot_be_learned_from() -> None:
    frame, target, inputs = digits()
    frame = with_times(frame)
    model = fitted(frame, target, inputs, "multinomial_naive_bayes")
    (other,) = refused(model, frame[:9].with_columns(label=pl.Series([3] * 4 + [77] * 3 + [55] * 2)))
    assert other.code == "MLP0404"
    assert other.message == "5 rows have a `label` that the model has no class for"
    assert other.notes[0] == 'found "77" in 3, "55" in 2'
    (absent,) = refused(model, frame.drop("label"))
    assert absent.code == "MLP0413"
    (negative,) = refused(model, frame[:9].with_columns(pl.lit(-2).alias(frame.columns[1])))
    assert negative.code == "MLP0312"
    assert "expected counts (0 or more), found -2" in negative.message
    (empty,) = refused(model, frame[:0])
    assert empty.code == "MLP0405"


# ---- writing ---------------------------------------------------------------------------------------------------------
def test_an_artifact_is_replaced_by_a_whole_one_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from mldsl.record import artifact

    frame, target, inputs = iris()
    frame = with_times(frame)
    model = fitted(frame, target, inputs, "gaussian_naive_bayes")
    folder = model.save(tmp_path / "model")
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}

    def full(path: Path) -> str:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as disk:
        disk.setattr(artifact, "sha256", full)
        with pytest.raises(mldsl.MldslError, match="the disk is full"):
            model.update(frame).save(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == kept
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    model.update(frame).save(folder)
    assert mldsl.load(folder).info.counts.mass.sum() == pytest.approx(2 * frame["times"].sum())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").write_text("keep me")
    with pytest.raises(mldsl.MldslError, match="is not an artifact, so it is left as it is"):
        model.save(tmp_path / "other")


def test_saving_again_writes_the_same_bytes(tmp_path: Path) -> None:
    """Also of a model whose arrays are cut down to what counts before they are written."""
    frame = pl.read_csv(DATA / "iris.csv")
    text = STEPS.replace("gaussian_naive_bayes", "svm")
    model = mldsl.run(text, frames={"rows": frame}, keep=False).model()
    once = model.save(tmp_path / "once")
    again = mldsl.load(once).save(tmp_path / "again")
    for file in sorted(once.iterdir()):
        assert file.read_bytes() == (again / file.name).read_bytes()
