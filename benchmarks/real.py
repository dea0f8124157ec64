"""Real tables for boosting: what each is read from, and defaults against defaults over splits of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.boosting import PACKAGES, Rows, lightgbm, ours, said, xgboost

DATA = Path(__file__).parents[2] / "shared" / "data"
SPLITS = 10
PART = 200_000  # training rows of flights in a split, and half as many held out


@cache
def _table(name: str) -> tuple[np.ndarray, np.ndarray, tuple[int, ...], int]:
    """Inputs with codes of categories, the target, levels by column (0: numbers), classes."""
    import polars as pl

    if name == "california_housing":
        frame, target, classes = pl.read_csv(DATA / "california_housing.csv"), pl.col("medhouseval"), 0
        used = ["medhouseval"]
    elif name == "adult":
        frame, target, classes = pl.read_csv(DATA / "adult.csv"), pl.col("income") == ">50K", 2
        used = ["income"]
    else:
        frame, target, classes = pl.read_parquet(DATA / "flights_2001.parquet"), pl.col("delay") > 15, 2
        used = ["delay"]
    y = frame.select(target.cast(pl.Float32)).to_series().to_numpy()
    columns, levels = [], []
    for series in frame.drop(used):
        text = series.dtype in (pl.String, pl.Categorical)
        if text:
            named = series.cast(pl.String)
            codes = named.cast(pl.Enum(named.drop_nulls().unique().sort())).to_physical()
            series = codes
        levels.append(int(series.max()) + 1 if text else 0)  # type: ignore[arg-type]
        columns.append(series.cast(pl.Float32).fill_null(float("nan")).to_numpy())
    return np.stack(columns, axis=1), y if classes == 0 else y.astype(np.int32), tuple(levels), classes


def rows(name: str, seed: int) -> Rows:
    """A random split: a quarter of the rows is held out; of flights a part of all rows is looked at."""
    x, y, levels, classes = _table(name)
    order = np.random.default_rng(seed).permutation(len(x))
    cut = min(len(x) * 3 // 4, PART)
    train, test = order[:cut], order[cut : cut + min(len(x) - cut, cut // 2)]
    return Rows(x[train], y[train], x[test], y[test], levels, classes)


def score(of: Rows) -> tuple[str, Callable[[Any], float]]:
    """The name of the score, and of a fitted model its value on held-out rows: area under the ROC curve, or R2."""
    from sklearn.metrics import r2_score, roc_auc_score

    if of.classes:
        return "held-out AUC", lambda fitted: float(roc_auc_score(of.y_test, said(of, fitted)))
    return "held-out R2", lambda fitted: float(r2_score(of.y_test, said(of, fitted)))


def comparison(name: str) -> Any:
    """Fits of one table: timed beside LightGBM on one split, scored beside both peers on ten."""
    from benchmarks.harness import Fit

    first = rows(name, 0)
    label, judge = score(first)

    def over_splits() -> Mapping[str, Sequence[float]]:
        found: dict[str, list[float]] = {"ours": [], "LightGBM": [], "XGBoost": []}
        for seed in range(SPLITS):
            of = rows(name, seed)
            _, judged = score(of)
            for side, make in (("ours", ours), ("LightGBM", lightgbm), ("XGBoost", xgboost)):
                found[side].append(judged(make(of)(seed)))
        return found

    n, d = first.x.shape
    return Fit(
        title=f"gradient_boosting, {name}, {n:,} x {d}, defaults",
        goal=1.0,
        peer_call=f"LGBM{'Classifier' if first.classes else 'Regressor'}(n_jobs=2).fit",
        ours=ours(first),
        peer=lightgbm(first),
        score_name=label,
        score_ours=judge,
        score_peer=judge,
        rounds=5,
        packages=PACKAGES,
        seeds=over_splits,
    )
