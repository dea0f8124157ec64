"""feature_importance and partial_dependence on real data, against scikit-learn; and in words."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.inspection import partial_dependence as sklearn_dependence
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mldsl.driver import Options, plan
from mldsl.driver import run as run_source
from mldsl.source import Source

DATA = Path("examples/data").absolute()
NUMBERS = ["age", "sibsp", "parch"]
TITANIC = f"""mlp 1
data {{ csv("{DATA}/titanic.csv") }}
features {{
  survived: binary("died", "survived") as target
  sex, pclass: categorical
  age: continuous? in 0..100
  sibsp, parch: integer in 0..20
}}
transforms {{
  impute(median) on age
  standardize on numeric
  one_hot(drop = first) on categorical
}}
model {{ logistic_regression(l2 = 0) }}
metrics {{
  roc_auc
  log_loss
}}
report {{
  feature_importance(repeats = 60)
  feature_importance(repeats = 2, metric = log_loss)
  partial_dependence(columns = [age, sex, sibsp], grid = 7)
}}
"""
WINE = f"""mlp 1
data {{ csv("{DATA}/wine.csv") }}
features {{
  cultivar: categorical as target
  "*": continuous
}}
transforms {{ standardize on numeric }}
split {{ folds = 3 }}
model a {{ logistic_regression(l2 = 1) }}
model b {{ gaussian_naive_bayes }}
metrics {{ accuracy }}
report {{
  feature_importance(repeats = 3)
  partial_dependence(columns = [proline], grid = 4, individual = 3)
}}
"""


def run(text: str, **options):
    return run_source(Source("<test>", text), Options(keep=False, **options))


@pytest.fixture(scope="module")
def titanic():
    return run(TITANIC)


@pytest.fixture(scope="module")
def sklearn(titanic):
    """The same pipeline fitted on the same rows, with the rows that were held out."""
    view = titanic.result.run.dataset.frame
    part = titanic.result.run.split.part
    x = view.select("sex", "pclass", *NUMBERS).to_pandas()
    y = (view["survived"] == "survived").to_numpy()
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
            ("levels", OneHotEncoder(drop="first"), ["sex", "pclass"]),
        ]
    )
    fitted = make_pipeline(columns, LogisticRegression(C=np.inf, tol=1e-10, max_iter=5000))
    fitted.fit(x[part == "train"], y[part == "train"])
    return fitted, x[part == "test"], y[part == "test"]


def test_importance_agrees_with_scikit_learn(titanic, sklearn, build) -> None:
    found = build.cells(titanic.outputs["feature_importance"])
    fitted, x, y = sklearn
    theirs = permutation_importance(fitted, x, y, scoring="roc_auc", n_repeats=60, random_state=0)
    for name, mean, spread in zip(x.columns, theirs.importances_mean, theirs.importances_std, strict=True):
        i = found["column"].index(name)
        error = np.hypot(spread, found["deviation of repeats"][i]) / np.sqrt(60)
        assert abs(found["importance"][i] - mean) < 4 * error + 1e-6, name
        assert found["deviation of repeats"][i] == pytest.approx(spread, rel=0.4)
        assert found["95% low"][i] < found["importance"][i] < found["95% high"][i]
    assert found["column"][:2] == ["sex", "pclass"]


def test_another_metric_has_its_own_direction(titanic, build) -> None:
    output = titanic.outputs["feature_importance-2"]
    assert output.tables[0].title.startswith("Loss of log_loss")
    assert build.cells(output)["importance"][0] > 0  # the loss grows


def test_partial_dependence_agrees_with_scikit_learn(titanic, sklearn, build) -> None:
    curves = build.cells(titanic.outputs["partial_dependence"], 1)
    fitted, x, _ = sklearn
    for name in ("age", "sex", "sibsp"):
        rows = [i for i, c in enumerate(curves["column"]) if c == name]
        grid = [curves["value"][i] for i in rows]
        grid = grid if name == "sex" else [float(v) for v in grid]
        x = x.astype({"sibsp": float})
        theirs = sklearn_dependence(fitted, x, [name], kind="average", method="brute", custom_values={name: grid})
        np.testing.assert_allclose([curves["mean"][i] for i in rows], theirs["average"][0], atol=1e-5)
    assert set(np.array(curves["value"])[np.array(curves["column"]) == "sex"]) == {"female", "male"}


def test_several_models_and_classes_over_folds(build) -> None:
    outputs = run(WINE).outputs
    importance, dependence = outputs["feature_importance"], outputs["partial_dependence"]
    assert [p.title for p in importance.figures[0].panels] == ["a", "b"]
    assert any("the fit of its fold (3 fits)" in note for note in importance.notes)
    assert set(build.cells(importance)["model"]) == {"a", "b"}
    curves = build.cells(dependence, 1)
    for model in ("a", "b"):
        for value in set(curves["value"]):
            rows = zip(curves["model"], curves["value"], curves["mean"], strict=True)
            assert sum(m for n, v, m in rows if (n, v) == (model, value)) == pytest.approx(1, abs=1e-5)
    panels = dependence.figures[0].panels
    assert [p.title for p in panels] == ["proline, a", "proline, b"]
    assert sum(s.emphasis == "muted" for s in panels[0].series) == 3 * 3  # rows, classes


def test_intervals_of_noise_cover_nothing_at_all(build) -> None:
    """Twelve columns of noise beside four that matter: nearly all of their intervals hold 0."""
    random = np.random.default_rng(4)
    iris = pl.read_csv(DATA / "iris.csv")
    iris = iris.with_columns(pl.Series(f"noise{i}", random.normal(size=150)) for i in range(12))
    text = """mlp 1
data { frame("rows") }
features {
  species: categorical as target
  "*": continuous
}
split { test = 50% }
model { logistic_regression(l2 = 1) }
metrics { log_loss }
report { feature_importance }
"""
    output = run(text, frames={"rows": iris}).outputs["feature_importance"]
    table = build.cells(output)
    rows = zip(table["column"], table["95% low"], table["95% high"], strict=True)
    covered = [low <= 0 <= high for name, low, high in rows if name.startswith("noise")]
    assert sum(covered) >= 10
    assert table["column"][0] == "petal_length"
    assert table["95% low"][0] > 0
    assert any("cannot be told from noise" in note for note in output.notes)
    assert any("`petal_length` and `petal_width` (r = 0.9" in note for note in output.notes)
    assert not any("noise1" in note for note in output.notes if "nearly the same" in note)


def test_what_cannot_be_drawn_is_refused_before_anything_is_trained() -> None:
    text = TITANIC.replace("[age, sex, sibsp]", "[age, survived]").replace(
        "feature_importance(repeats = 60)", "learning_curve(metric = f1)"
    )
    found = plan(Source("<test>", text)).diagnostics
    assert [d.code for d in found] == ["MLP0312", "MLP0312"]
    assert "expected one of the metrics of the file (roc_auc, log_loss), found f1" in found[0].message
    assert "expected columns that models look at, found the target `survived`" in found[1].message
