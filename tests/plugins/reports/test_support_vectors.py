"""The report of support vectors says what SVC and SVR would, of real runs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.svm import SVC, SVR

from mldsl import driver
from mldsl.source import Source

FEATURES = 'features {\n  y: binary("benign", "malignant") as target\n  "*": continuous\n}'


def run(rows: pl.DataFrame, model: str, features: str = FEATURES):
    text = (
        f'mlp 1\ndata {{ frame("rows") }}\n{features}\ntransforms {{ standardize on continuous }}\n'
        f"split {{ test = 25% }}\n{model}\nreport {{ support_vectors(show = 5) }}\n"
    )
    return driver.run(Source("<test>", text), driver.Options(frames={"rows": rows}, keep=False))


def tables(finished) -> dict[str, dict[str, list]]:
    found = finished.outputs["support_vectors"]
    return {t.name: {c.name: list(c.values) for c in t.columns} for t in found.tables}


@pytest.fixture(scope="module")
def cancer() -> pl.DataFrame:
    frame = pl.read_csv("examples/data/breast_cancer_wdbc.csv").rename({"diagnosis": "y"})
    return frame.select("y", *frame.drop("y").columns[:6])


def parts(finished, rows: pl.DataFrame):
    train = finished.result.run.split.part == "train"
    x = rows.drop("y").to_numpy()
    x = (x - x[train].mean(0)) / x[train].std(0)
    return train, x


def test_classes(cancer: pl.DataFrame) -> None:
    finished = run(cancer, "model { svm(c = 2, tol = 1e-6) }")
    train, x = parts(finished, cancer)
    y = (cancer["y"] == "malignant").to_numpy().astype(int)
    theirs = SVC(C=2.0, tol=1e-6).fit(x[train], y[train])
    found = tables(finished)
    counts = found[""]
    assert counts["class"] == ["benign", "malignant"]
    assert counts["rows"] == [(y[train] == 0).sum(), (y[train] == 1).sum()]
    np.testing.assert_allclose(counts["support vectors"], theirs.n_support_, atol=1)
    limited = np.abs(theirs.dual_coef_[0]) == 2.0
    np.testing.assert_allclose(sum(counts["bounded"]), limited.sum(), atol=1)
    np.testing.assert_array_equal(np.add(counts["free"], counts["bounded"]), counts["support vectors"])
    margin = (2 * y[train] - 1) * theirs.decision_function(x[train])
    assert found["machines"]["between"] == ["benign and malignant"]
    assert found["machines"]["slack"] == pytest.approx([np.maximum(0, 1 - margin).sum()], rel=1e-4)
    hardest = found["hardest"]
    order = np.argsort(margin)[:5]
    assert hardest["row"] == (np.flatnonzero(train)[order] + 1).tolist()
    np.testing.assert_allclose(hardest["margin"], margin[order], atol=1e-4)
    np.testing.assert_allclose(hardest["slack"], 1 - margin[order], atol=1e-4)
    (figure,) = finished.outputs["support_vectors"].figures
    wrong = (margin < 0).mean()
    assert f"{wrong:.0%} of the training rows on the wrong side" in figure.alt
    drawn = [s for s in figure.panels[0].series if s.name]
    assert [s.name for s in drawn] == [f"{train.sum()} training rows", f"{(~train).sum()} test rows"]
    for line in drawn:
        assert np.sum(np.asarray(line.y)[::2]) == pytest.approx(1)


def test_planes_of_several_classes_and_models_without_vectors() -> None:
    rows = pl.read_csv("examples/data/iris.csv").rename({"species": "y"})
    features = 'features {\n  y: categorical as target\n  "*": continuous\n}'
    models = "model plane { linear_svm }\nmodel pairs { svm }\nmodel other { gaussian_naive_bayes }"
    text = f"{models}\nmetrics {{ accuracy }}"
    finished = run(rows, text, features)
    found = tables(finished)
    assert found["machines"]["between"][:3] == [f"{n} and the rest" for n in ("setosa", "versicolor", "virginica")]
    assert found["machines"]["between"][3:] == [
        "setosa and versicolor", "setosa and virginica", "versicolor and virginica"
    ]  # fmt: skip
    assert finished.outputs["support_vectors"].notes == ["other: it has no support vectors."]
    assert len(finished.outputs["support_vectors"].figures[0].panels) == 2
    assert all(slack > 0 for slack in found["hardest"]["slack"])


def test_numbers() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=120)
    rows = pl.DataFrame({"y": np.sin(2 * a) + 0.3 * rng.normal(size=120), "a": a, "b": rng.normal(size=120)})
    features = 'features {\n  y: continuous as target\n  "*": continuous\n}'
    finished = run(rows, "model { svm_regression(epsilon = 0.2, tol = 1e-6) }", features)
    train, x = parts(finished, rows)
    y = rows["y"].to_numpy()
    theirs = SVR(epsilon=0.2, tol=1e-6).fit(x[train], y[train])
    found = tables(finished)
    np.testing.assert_allclose(found[""]["support vectors"], [len(theirs.support_)], atol=1)
    lack = np.maximum(np.abs(y[train] - theirs.predict(x[train])) - 0.2, 0)
    assert found["machines"]["slack"] == pytest.approx([lack.sum()], rel=1e-4)
    order = np.argsort(-lack)[:5]
    assert found["hardest"]["row"] == (np.flatnonzero(train)[order] + 1).tolist()
    np.testing.assert_allclose(found["hardest"]["slack"], lack[order], atol=1e-4)
