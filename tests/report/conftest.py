"""A run that uses every kind of table and figure, for the tests of the renderers."""

import numpy as np
import pytest

from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl.record import (
    ColumnRecord,
    DataRecord,
    GateResult,
    MetricValue,
    ModelRecord,
    PipelineRecord,
    RunRecord,
    SourceRecord,
    SplitRecord,
)

SOURCE = """mlp 1

# Who survived?
param depth: integer = 6 in 1..16

data { csv("data/titanic.csv") }

features {
  survived: binary("died", "survived") as target
  pclass: ordinal("3rd", "2nd", "1st")
  age: continuous? in 0..100
}

transforms { impute(median) on age }
split { test = 20%   by = stratified }
model { logistic_regression(l2 = $depth) }
metrics { roc_auc >= 0.80 as primary }
"""


def outputs() -> dict[str, ReportOutput]:
    random = np.random.default_rng(0)
    x = np.linspace(0, 1, 60)
    levels = ["setosa", "versicolor", "virginica"]
    counts = np.array([[50, 0, 0], [0, 47, 3], [0, 5, 45]])
    confusion = ReportOutput(
        tables=[
            Table(
                "Rows by actual and predicted class",
                [Column("actual", levels, "text"), *(Column(n, counts[:, i], "integer") for i, n in enumerate(levels))],
                note="Rows are what was true, columns what was predicted.",
            )
        ],
        figures=[
            Figure(
                "Confusion matrix",
                [
                    Panel(
                        "predicted",
                        "actual",
                        heatmap=counts.tolist(),
                        x_labels=levels,
                        y_labels=levels,
                        cell_format="integer",
                    )
                ],
                "47 of 50 versicolor are right.",
            )
        ],
    )
    roc = ReportOutput(
        tables=[
            Table(
                "Area under the curve",
                [Column("class", levels, "text"), Column("AUC", [1.0, 0.987, 0.9912345], "number")],
            ),
            Table("Points", [Column("x", x, "share"), Column("y", np.sqrt(x), "share")], name="points"),
        ],
        figures=[
            Figure(
                "ROC curve",
                [
                    Panel(
                        "false positive rate",
                        "true positive rate",
                        [
                            Series([0, 1], [0, 1], "chance", emphasis="reference"),
                            *(Series(x, x ** (0.1 + 0.15 * i), n, mark="step") for i, n in enumerate(levels)),
                        ],
                        x_range=(0, 1),
                        y_range=(0, 1),
                        square=True,
                    )
                ],
                "All three curves hug the upper left corner.",
            )
        ],
    )
    many = ReportOutput(
        figures=[
            Figure(
                "Columns",
                [
                    Panel(
                        "",
                        "rows",
                        [Series(np.linspace(0, 100 * (i + 1), 20), random.poisson(20, 20), mark="bars")],
                        title=f"column_{i}",
                    )
                    for i in range(7)
                ],
                "Histograms of seven columns.",
            )
        ],
        notes=["All kept rows."],
    )
    fitted = random.normal(180_000, 60_000, 900)
    residuals = random.normal(0, 20_000, 900)
    plots = ReportOutput(
        figures=[
            Figure(
                "Residuals",
                [
                    Panel(
                        "fitted",
                        "residual",
                        [
                            Series(fitted, residuals, "rows", mark="points"),
                            Series([5e4, 3e5], [0, 0], "", emphasis="reference"),
                            Series(np.linspace(5e4, 3e5, 30), 8000 * np.sin(np.arange(30) / 6), "trend"),
                        ],
                        title="Residuals vs fitted",
                    ),
                    Panel(
                        "normal quantile",
                        "standardized residual",
                        [
                            Series(np.linspace(-3, 3, 80), np.linspace(-3.2, 3.1, 80), "rows", mark="points"),
                            Series([-3, 3], [-3, 3], "", emphasis="reference"),
                        ],
                        title="Q-Q",
                    ),
                    Panel(
                        "residual",
                        "rows",
                        [Series(np.linspace(-60000, 60000, 21), random.poisson(40, 21), "rows", mark="bars")],
                        title="Histogram",
                    ),
                    Panel(
                        "l2",
                        "score",
                        [
                            Series(
                                [1e-4, 1e-2, 1, 100, 1e4],
                                [0.5, 0.7, 0.8, 0.75, 0.6],
                                "folds",
                                low=[0.45, 0.65, 0.76, 0.7, 0.5],
                                high=[0.55, 0.75, 0.84, 0.8, 0.7],
                            )
                        ],
                        title="Search",
                        x_kind="log",
                    ),
                ],
                "Four panels.",
            ),
            Figure(
                "Coefficients",
                [
                    Panel(
                        "estimate",
                        "",
                        [
                            Series(
                                [0.5, -1.2, 2.1, 0.02],
                                ["age", "sex_male", "a_very_long_column_name_indeed_it_is", "fare"],
                                low=[0.2, -1.5, 1.2, 0],
                                high=[0.8, -0.9, 3.0, 0.04],
                                mark="points",
                            )
                        ],
                        y_kind="category",
                    )
                ],
                "Four estimates.",
                name="coefficients",
            ),
            Figure(
                "By class",
                [
                    Panel(
                        "class",
                        "score",
                        [
                            Series(levels, [0.9, 0.8, 0.85], "precision", mark="bars"),
                            Series(
                                levels,
                                [0.8, 0.7, 0.95],
                                "recall",
                                mark="bars",
                                low=[0.7, 0.6, 0.9],
                                high=[0.9, 0.8, 0.98],
                            ),
                        ],
                        x_kind="category",
                        y_range=(0, 1),
                    )
                ],
                "Bars.",
                name="bars",
            ),
            Figure(
                "Profiles",
                [
                    Panel(
                        "cluster",
                        "",
                        heatmap=[[1.2, -0.4, 0.1], [-2.0, 0.3, 1.1], [float("nan"), 0, 0.5]],
                        x_labels=["0", "1", "2"],
                        y_labels=["alcohol", "ash", "proline"],
                    )
                ],
                "Diverging heatmap.",
                name="heat",
            ),
        ],
        warnings=["3 rows have residuals beyond 4 standard deviations"],
    )
    return {"confusion_matrix": confusion, "roc_curve": roc, "data_profile": many, "residual_plots": plots}


def record(models: int = 2) -> RunRecord:
    def model(i: int) -> ModelRecord:
        shift = 0.03 * i
        return ModelRecord(
            "logistic_regression" if i == 0 else "gaussian_naive_bayes",
            spec={"l2": 1.0, "solver": "newton"} if i == 0 else {},
            threshold=0.5 if i == 0 else None,
            metrics={
                "train": {"roc_auc": MetricValue(0.91, 0.9, 0.93), "log_loss": MetricValue(0.41)},
                "folds": {"roc_auc": MetricValue(0.88, 0.85, 0.91, selected_on=True), "log_loss": MetricValue(0.44)},
                "test": {
                    "roc_auc": MetricValue(0.871 - shift, 0.82 - shift, 0.92 - shift),
                    "log_loss": MetricValue(0.46, 0.4, 0.53),
                    'f1(positive = "survived")': MetricValue(0.7812, 0.7, 0.84),
                },
            },
            fold_metrics=({"roc_auc": 0.87}, {"roc_auc": 0.89}),
            info={"iterations": 12, "converged": True},
            seconds={"compile": 0.31, "fit": 0.004, "predict": 0.0008},
        )

    names = ["linear", "bayes", "third", "fourth"][:models]
    return RunRecord(
        id="20260801-142233-titanic-3fa9c1d2",
        pipeline=PipelineRecord("examples/titanic.mlp", "ab" * 32),
        task="classification",
        seed=7,
        data=DataRecord(
            (SourceRecord("data/titanic.csv", "cd" * 32, 1309),),
            1309,
            (
                ColumnRecord("survived", "binary", "target"),
                ColumnRecord("pclass", "ordinal"),
                ColumnRecord("age", "continuous", missing=True),
            ),
        ),
        split=SplitRecord(1047, 0, 262, 5, "stratified"),
        params={"depth": 6, "seed": 7},
        models={name: model(i) for i, name in enumerate(names)},
        best=names[0] if names else None,
        primary="roc_auc",
        gates=(
            GateResult("roc_auc", names[0], "test", ">=", 0.8, 0.871, True),
            GateResult("log_loss", names[0], "test", "<=", 0.4, 0.46, False),
        )
        if names
        else (),
        warnings=("263 cells of `age` are missing: 20% of the rows",),
        versions={"mldsl": "0.1.0", "python": "3.11.7", "jax": "0.10.2", "numpy": "2.4.6", "polars": "2.1.0"},
        outputs=("out/titanic",),
    )


@pytest.fixture
def sample_outputs() -> dict[str, ReportOutput]:
    return outputs()


@pytest.fixture
def sample_record() -> RunRecord:
    return record()


@pytest.fixture
def sample_source() -> str:
    return SOURCE
