"""Views of small fitted models, made with scikit-learn, for the tests of the reports."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import attrs
import numpy as np
import polars as pl
import pytest
from sklearn import cluster, datasets, linear_model

from mldsl.contract.shape import ColumnShape, Shape
from mldsl.contract.views import ModelView, PartView, ReportView
from mldsl.plan import ColumnPlan


class Params(NamedTuple):
    intercept: Any
    coefficients: Any


class Info(NamedTuple):
    standard_error: Any = None
    intercept_standard_error: Any = None
    residual_degrees_of_freedom: Any = None
    separated: Any = None


@attrs.frozen
class Penalty:
    l2: float = 0.0


def part(name: str = "test", **arrays: Any) -> PartView:
    n = len(next(v for v in arrays.values() if v is not None))
    weight = arrays.pop("weight", None)
    return PartView(name, np.ones(n) if weight is None else weight, arrays.pop("row", np.arange(n)), **arrays)


def model(name: str, held_out: PartView, **facts: Any) -> ModelView:
    features = tuple(facts.pop("features", ()))
    classes = facts.pop("classes", 0)
    given: dict[str, Any] = {
        "algorithm": name, "spec": Penalty(), "params": (), "info": (), "features": features, "train": held_out,
        "shape": Shape(len(held_out.weight), tuple(map(ColumnShape, features)), classes), "predict": lambda x: None,
    }  # fmt: skip
    return ModelView(name=name, held_out=held_out, **(given | facts))


def view(
    task: str,
    models: Sequence[ModelView],
    levels: Sequence[str] = (),
    frame: pl.DataFrame | None = None,
    columns: Sequence[ColumnPlan] = (),
    **facts: Any,
) -> ReportView:
    frame = pl.DataFrame() if frame is None else frame
    given: dict[str, Any] = {
        "target": "y", "positive": 1 if len(levels) == 2 else None, "best": models[0].name if models else None,
        "part": np.array(["test"] * frame.height),
    }  # fmt: skip
    return ReportView(
        task=task, levels=tuple(levels), models=tuple(models), frame=frame, columns=tuple(columns), **(given | facts)
    )


def cells(output: Any, table: int = 0) -> Mapping[str, list[Any]]:
    """A table as column name -> values."""
    return {c.name: list(c.values) for c in output.tables[table].columns}


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """The makers of this file."""
    return SimpleNamespace(model=model, part=part, view=view, cells=cells, Params=Params, Info=Info, Penalty=Penalty)


@pytest.fixture(scope="session")
def three_classes() -> ReportView:
    data = datasets.load_iris()
    rng = np.random.default_rng(0)
    x = data.data + rng.normal(0, 1, data.data.shape)
    weight = rng.integers(1, 4, len(x)).astype(float)
    fitted = linear_model.LogisticRegression(max_iter=500).fit(x, data.target)
    probability = fitted.predict_proba(x)
    held = part(target=data.target, prediction=probability.argmax(1), probability=probability, weight=weight)
    return view("classification", [model("linear", held, classes=3)], data.target_names.tolist())


@pytest.fixture(scope="session")
def two_classes() -> ReportView:
    data = datasets.load_breast_cancer()
    rng = np.random.default_rng(1)
    x = data.data[:, :3] + rng.normal(0, 3, (len(data.data), 3))
    weight = rng.integers(1, 3, len(x)).astype(float)
    models = []
    for name, columns in (("all", [0, 1, 2]), ("one", [1])):
        score = (
            linear_model.LogisticRegression(max_iter=500).fit(x[:, columns], data.target).predict_proba(x[:, columns])
        )
        score = np.round(score, 1 if name == "one" else 3)  # ties
        held = part(target=data.target, prediction=(score[:, 1] > 0.5).astype(int), probability=score, weight=weight)
        models.append(model(name, held, classes=2))
    return view("classification", models, ["malignant", "benign"])


@pytest.fixture(scope="session")
def numbers() -> ReportView:
    data = datasets.load_diabetes()
    x, y = data.data[:, :5] * 100, data.target
    design = np.column_stack([np.ones(len(x)), x])
    b, rss, *_ = np.linalg.lstsq(design, y, rcond=None)
    degrees = len(x) - design.shape[1]
    error = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * rss[0] / degrees)
    held = part(target=y, prediction=design @ b, inputs=x)
    info = Info(error[None, 1:], error[:1], float(degrees))
    found = model(
        "ridge", held, features=data.feature_names[:5], params=Params(b[:1], b[None, 1:]), info=info, spec=Penalty(0.0)
    )
    return view("regression", [found])


@pytest.fixture(scope="session")
def clusters() -> ReportView:
    data = datasets.load_wine()
    x = (data.data - data.data.mean(0)) / data.data.std(0)
    fitted = cluster.KMeans(3, n_init=3, random_state=0).fit(x)
    frame = pl.DataFrame(data.data, schema=data.feature_names).with_columns(
        pl.Series("cultivar", [f"c{i}" for i in data.target])
    )
    columns = [ColumnPlan(name, "continuous") for name in data.feature_names]
    columns.append(ColumnPlan("cultivar", "categorical", role="ignore"))
    held = part("all", prediction=fitted.labels_, distance=fitted.transform(x), inputs=x)
    return view(
        "clustering", [model("k_means", held, features=data.feature_names)], frame=frame, columns=columns,
        part=np.array(["all"] * len(x)),
    )  # fmt: skip
