"""`lag` and `rolling` beside pandas, the past that an artifact keeps, and what must not be looked at."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest
from mldsl_plugins.dates import lag, rolling

import mldsl
from mldsl.plugin import Order

rng = np.random.default_rng(5)
N = 60
START = datetime.datetime(2024, 1, 1)
HOURS = rng.permutation(N)
SHOP = np.asarray(["a", "b", "c"])[rng.integers(0, 3, N)]
SALES = np.where(rng.random(N) < 0.1, np.nan, rng.normal(10, 3, N).round(2))


def series(values, name="sales"):
    return pl.Series(name, values, nan_to_null=True)


def order(rows=slice(None), *, per=True, time=True):
    moments = [START + datetime.timedelta(hours=int(h)) for h in HOURS[rows]]
    return Order(pl.Series(moments) if time else None, pl.Series(SHOP[rows]) if per else None)


def frame():
    import pandas as pd

    made = pd.DataFrame({"hour": HOURS, "shop": SHOP, "sales": SALES, "row": np.arange(N)})
    made["moment"] = pd.Timestamp(START) + pd.to_timedelta(made["hour"], unit="h")
    return made.sort_values("hour")


def same(found, expected):
    np.testing.assert_allclose(found.cast(pl.Float64).to_numpy(), np.asarray(expected, float), rtol=1e-9)


@pytest.mark.parametrize("per", [False, True])
def test_lag_is_pandas_shift(per):
    spec = lag.Spec((1, 3), "shop" if per else None)
    made = lag.apply(spec, None, {"sales": series(SALES)}, order(per=per))
    assert list(made) == ["sales_lag_1", "sales_lag_3"]
    rows = frame()
    for step in (1, 3):
        moved = (rows.groupby("shop")["sales"] if per else rows["sales"]).shift(step)
        same(made[f"sales_lag_{step}"], moved[np.arange(N)])


@pytest.mark.parametrize("statistic", ["mean", "sum", "min", "max", "standard_deviation", "median", "count"])
def test_rolling_is_pandas_without_the_row_itself(statistic):
    of = {"standard_deviation": "std"}.get(statistic, statistic)
    made = rolling.apply(rolling.Spec(4, statistic, per="shop"), None, {"sales": series(SALES)}, order())
    (found,) = made.values()
    rows = frame()
    expected = rows.groupby("shop")["sales"].transform(
        lambda v: getattr(v.shift(1).rolling(4, min_periods=2 if of == "std" else 1), of)()
    )
    expected = expected.where(expected > 0) if of == "count" else expected
    same(found, expected[np.arange(N)])


def test_rolling_in_time_is_pandas_closed_on_the_left():
    spec = rolling.Spec(statistic="mean", within=6 * 3600.0)
    (found,) = rolling.apply(spec, None, {"sales": series(SALES)}, order(per=False)).values()
    rows = frame().set_index("moment")
    expected = rows["sales"].rolling("6h", closed="left", min_periods=1).mean().to_numpy()
    same(found, expected[np.argsort(rows["row"].to_numpy())])
    assert list(rolling.apply(spec, None, {"sales": series(SALES)}, order(per=False))) == ["sales_mean_21600s"]


@pytest.mark.parametrize("step", [lag, rolling])
def test_rows_to_predict_find_their_past(step):
    """What the artifact keeps is enough: later rows get what they would get among all rows."""
    spec = lag.Spec((1, 2), "shop") if step is lag else rolling.Spec(3, "mean", per="shop")
    early, late = np.flatnonzero(HOURS < 45), np.flatnonzero(HOURS >= 45)
    whole = step.apply(spec, None, {"sales": series(SALES)}, order())
    state = step.fit(spec, {"sales": series(SALES[early])}, np.ones(len(early)), order(early))
    later = step.apply(spec, state, {"sales": series(SALES[late])}, order(late))
    for name, values in later.items():
        same(values, whole[name].to_numpy()[late])
    again = step.apply(spec, state, {"sales": series(SALES[early])}, order(early))  # the same rows once more
    for name, values in again.items():
        same(values, step.apply(spec, None, {"sales": series(SALES[early])}, order(early))[name].to_numpy())


def test_a_window_is_in_rows_or_in_time():
    from mldsl.contract import Shape

    for spec in (rolling.Spec(), rolling.Spec(3, within=60.0)):
        (problem,) = rolling.check(spec, Shape(10))
        assert "either `window` (rows) or `within` (time)" in problem.message


# ---- from a file -----------------------------------------------------------------------------------------------------
FILE = """\
mlp 1
data {{ csv("walk.csv") }}
features {{
  day: time{role}
  level: continuous as target
}}
transforms {{
{steps}
  impute(median) on numeric
}}
{split}
model {{ ridge(l2 = 0) }}
metrics {{ rmse }}
"""


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """A random walk, whose best forecast is its last value."""
    folder = tmp_path_factory.mktemp("walk")
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(400)]
    level = np.cumsum(np.random.default_rng(1).normal(size=400)).round(4)
    pl.DataFrame({"day": days, "level": level}).write_csv(folder / "walk.csv")

    def write(steps="  lag(1) on level", role=" as time", split=""):
        path = folder / f"{abs(hash((steps, role, split)))}.mlp"
        path.write_text(FILE.format(steps=steps, role=role, split=split))
        return path

    write.level, write.days = level, days
    return write


def test_the_last_value_forecasts_a_walk(walk, tmp_path):
    run = mldsl.run(walk(), keep=False)
    assert 0.8 < run.metrics["rmse"].value < 1.25  # the walk's own steps, which nobody can foresee
    (lagged,) = run.model().predict(pl.DataFrame({"day": [walk.days[-1] + datetime.timedelta(days=1)]}))["prediction"]
    assert lagged == pytest.approx(walk.level[-1], abs=0.35)


def codes(path):
    return [d.code for d in mldsl.check(path)]


def test_the_past_of_the_target_needs_rows_split_by_time(walk):
    assert codes(walk()) == []
    assert codes(walk(split="split { by = random }")) == ["MLP0301", "MLP0315"]
    assert codes(walk(role=" as ignore")) == ["MLP0314"]
    assert codes(walk(role=" as ignore", split="split { by = order }")) == []
    within = "  rolling(within = 7d) on level"
    assert codes(walk(within)) == []
    assert codes(walk(within, role=" as ignore", split="split { by = order }")) == ["MLP0314"]


def test_a_step_of_the_host_sees_no_fitted_columns(walk):
    path = walk("  lag(1, keep = true) on level\n  impute(mean) on level_lag_1\n  lag(1) on level_lag_1")
    with pytest.raises(mldsl.MldslError, match="runs before anything is fitted"):
        mldsl.run(path, keep=False)
