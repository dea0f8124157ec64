"""A metric refuses targets that it is not defined for before anything is trained; counts have a metric of their own."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from mldsl.diagnostics import MldslError

STEPS = "transforms { drop on s }"


@pytest.fixture(scope="module")
def counted(table: Any) -> Any:
    return table.with_columns(z=pl.col("z").round().cast(pl.Int64))


def start(engine: Any, rows: Any, target: str, metrics: str) -> Any:
    features = f"features {{\n  a, b: continuous\n  z: {target} as target\n  s: categorical\n}}"
    return engine.run(engine.pipeline(model="ridge", features=features, steps=STEPS, metrics=metrics), rows)


def test_counts_are_measured_by_poisson_deviance(engine: Any, counted: Any) -> None:
    finished = start(engine, counted, "integer in 0..1_000", "")
    assert list(finished.record.models["ridge"].metrics["test"]) == ["poisson_deviance", "rmse", "mae"]


def test_other_integers_are_numbers(engine: Any, counted: Any) -> None:
    finished = start(engine, counted, "integer in 1..1_000", "")
    assert list(finished.record.models["ridge"].metrics["test"]) == ["rmse", "mae", "r2"]


@pytest.mark.parametrize(
    ("metric", "words"), [("poisson_deviance", "counts (0 or more)"), ("rmsle", "numbers above -1")]
)
def test_targets_that_a_metric_is_not_defined_for_are_refused(
    engine: Any, counted: Any, metric: str, words: str
) -> None:
    rows = counted.with_columns(z=pl.col("z") - 500)
    with pytest.raises(MldslError) as caught:
        start(engine, rows, "integer", f"metrics {{ rmse\n {metric} }}")
    (found,) = caught.value.diagnostics
    assert found.code == "MLP0312"
    assert found.message.startswith(f"`{metric}` cannot work here: `z`: expected {words}, found -")
    assert found.span is not None
