"""An offset on the scale of a link: rates times exposures, from fit to prediction; a curve end to end."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from mldsl.api import Run


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """200 counts: exp(0.5 + a) an hour, for so many hours."""
    random = np.random.default_rng(1)
    a, hours = random.normal(size=200), random.uniform(1, 9, 200)
    return pl.DataFrame({"a": a, "hours": hours, "n": random.poisson(hours * np.exp(0.5 + a)).astype(float)})


def test_an_exposure_multiplies_the_mean(engine: Any, rows: pl.DataFrame) -> None:
    features = """features {
  n: integer in 0..100_000 as target
  a: continuous
  hours: continuous as ignore
  exposure: continuous = log(hours) as offset
}"""
    text = engine.pipeline(
        features=features, steps="", model="generalized_linear(family = poisson)",
        metrics="metrics { poisson_deviance }",
    )  # fmt: skip
    finished = engine.run(text, rows)
    (outcome,) = finished.result.outcomes
    assert outcome.metrics["test"]["poisson_deviance"].value < 2  # 1 is what chance leaves
    model = Run(finished).model()
    rates = np.asarray(model.predict(rows.with_columns(hours=pl.lit(1.0)))["prediction"])
    np.testing.assert_allclose(model.predict(rows)["prediction"], rates * rows["hours"].to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(np.log(rates), 0.5 + rows["a"].to_numpy(), atol=0.3)
    with pytest.warns(UserWarning, match="the offset `exposure` is absent; it counts as 0"):
        without = model.predict(rows.drop("hours"))
    np.testing.assert_allclose(without["prediction"], rates, rtol=1e-9)


def test_a_curve_from_its_text_to_new_rows(engine: Any, rows: pl.DataFrame) -> None:
    curved = rows.with_columns(z=2 + 3 * (-0.4 * pl.col("hours")).exp())
    text = engine.pipeline(
        features="features {\n  z: continuous as target\n  a, hours: continuous\n  n: continuous as ignore\n}",
        steps="",
        model='nonlinear_regression(z ~ low + drop * exp(-rate * hours), start = ["low" = 1, "drop" = 1, "rate" = 1])',
        metrics="metrics { rmse }",
    )  # fmt: skip
    finished = engine.run(text, curved)
    (outcome,) = finished.result.outcomes
    np.testing.assert_allclose(outcome.model.last.params.coefficients[0], [2, 3, 0.4], rtol=1e-8)
    said = Run(finished).model().predict(curved.select("hours"))  # `a` is not in the curve, so nobody needs it
    np.testing.assert_allclose(said["prediction"], curved["z"], rtol=1e-8)
    assert {"low", "high"} <= set(said.columns)


@pytest.mark.parametrize("right", ["1", "a + 0"])
def test_formulas_without_columns_and_without_an_intercept(engine: Any, rows: pl.DataFrame, right: str) -> None:
    text = engine.pipeline(
        "report { coefficients }", features="features {\n  n: continuous as target\n  a: continuous\n}", steps="",
        model=f"generalized_linear(family = poisson, formula = ~ {right})", metrics="metrics { rmse }", split="",
    )  # fmt: skip
    (outcome,) = engine.run(text, rows).result.outcomes
    params, info = outcome.model.last.params, outcome.model.last.info
    assert params.coefficients.shape == (1, right.count("a"))
    assert info.rank == 1
    if right == "1":
        trained = rows["n"].to_numpy()[outcome.model.prepared.weight[:200] > 0]
        assert info.deviance == pytest.approx(info.null_deviance)
        assert np.isfinite(params.intercept).all()
        assert trained.min() <= np.exp(params.intercept[0]) <= trained.max()
    else:
        assert params.intercept[0] == 0


def test_a_target_that_a_family_does_not_have_is_refused(engine: Any, rows: pl.DataFrame) -> None:
    from mldsl.diagnostics import MldslError

    text = engine.pipeline(
        features="features {\n  n: continuous as target\n  a: continuous\n}", steps="",
        model="generalized_linear(family = gamma)", metrics="metrics { rmse }",
    )  # fmt: skip
    with pytest.raises(MldslError) as caught:
        engine.run(text, rows.with_columns(n=pl.col("n") - 5))
    (found,) = caught.value.diagnostics
    assert found.code == "MLP0312"
    assert "expected numbers above 0 as target for gamma, found others in" in found.message
