"""Boosted trees on either side: ours as the engine fits them, LightGBM and XGBoost by their scikit-learn interface.

A fit is all that follows the matrix of numbers: bins, rounds, and for ours the arrays of the model. Two threads each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

ROUNDS, LEAVES, BINS = 100, 31, 255
PACKAGES = ("mldsl", "jax", "numpy", "lightgbm", "xgboost-cpu")


class Rows(NamedTuple):
    """float32 inputs with codes of categories as they are, targets, and the levels of each column (0: numbers)."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    levels: tuple[int, ...]
    classes: int

    def shape(self, rows: int) -> Any:
        """What our model may know of them."""
        from mldsl.contract import ColumnShape, Shape

        missing = np.isnan(self.x).any(axis=0)
        columns = tuple(
            ColumnShape(f"x{j}", "categorical" if k else "continuous", k, missing=bool(gone))
            for j, (k, gone) in enumerate(zip(self.levels, missing, strict=True))
        )
        return Shape(rows, columns, classes=self.classes)


def dense(rows: int, columns: int = 28) -> Rows:
    """So many of the million rows of `benchmarks.dense`, or as many as wide ones of the same kind; two classes."""
    if columns == 28:
        from benchmarks.dense import data

        of = data()
        return Rows(of.x[:rows], of.label[:rows], of.x_test, of.label_test, (0,) * columns, 2)
    return wide(rows, columns)


@lru_cache(maxsize=1)
def wide(rows: int, columns: int, seed: int = 0) -> Rows:
    """Normal columns, of which 40 matter."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows + 20_000, columns)).astype(np.float32)
    score = x[:, :40] @ rng.normal(size=40) + 2 * np.sin(2 * x[:, 0]) * x[:, 1]
    y = (score + rng.logistic(scale=0.3 * score.std(), size=len(x)) > 0).astype(np.int32)
    return Rows(x[:rows], y[:rows], x[rows:], y[rows:], (0,) * columns, 2)


class Fitted(NamedTuple):
    """Ours: the model, its Spec as a tree, and what it learned."""

    component: Any
    spec: Any
    params: Any

    def said(self, x: np.ndarray) -> np.ndarray:
        """The probability of the second class, or the mean."""
        import jax

        answer = jax.jit(self.component.predict)(self.spec, self.params, x)
        return np.asarray(answer.mean if answer.probability is None else answer.probability[:, 1])


def ours(rows: Rows, **settings: Any) -> Callable[..., Fitted]:
    """A function that fits our model: bins, every round, the result; compiled at its first call."""
    import jax
    from mldsl_plugins.trees import gradient_boosting

    from mldsl.contract import Examples, as_tree
    from mldsl.execute.buckets import bucket, pad
    from mldsl.execute.programs import Programs, key_data
    from mldsl.execute.rounds import Rounds
    from mldsl.execute.settings import configure
    from mldsl.execute.shards import worth_spreading

    configure()
    component: Any = gradient_boosting.mldsl_components()[0]
    n = bucket(len(rows.x))
    shape = rows.shape(n)
    plain = component.bind(component.Spec(**settings), ("no", "yes") if rows.classes else ())
    spec, programs = as_tree(plain), Programs(keep=False)
    pipeline: Any = SimpleNamespace(
        static=repr(shape), devices=worth_spreading(component, shape), value=None, model=component
    )
    target = rows.y.astype(np.int32 if rows.classes else np.float32)

    def fit(seed: int = 0) -> Fitted:
        columns = {column.name: pad(rows.x[:, j], n) for j, column in enumerate(shape.columns)}
        weight = pad(np.ones(len(rows.x), np.float32), n)
        inputs, _ = component.prepare(plain, shape, columns, weight)
        examples = Examples(inputs, weight, pad(target, n), np.ones(len(columns), bool))
        key = key_data(seed, "model/boosted")
        rounds = Rounds(programs, pipeline, spec, shape, key, examples, x64=False, used_up=True)
        state = rounds.start()
        for _ in range(component.steps(plain)):
            state, _ = rounds.update(state)
        return Fitted(component, spec, jax.block_until_ready(rounds.finish(state)))

    return fit


def _table(rows: Rows, x: np.ndarray) -> Any:
    """The inputs as the peers want categories: a frame with their codes."""
    if not any(rows.levels):
        return x
    import pandas as pd

    frame = pd.DataFrame({f"x{j}": x[:, j] for j in range(x.shape[1])})
    for j, k in enumerate(rows.levels):
        if k:
            codes = np.where(np.isnan(x[:, j]), -1, x[:, j]).astype(int)
            frame[f"x{j}"] = pd.Categorical.from_codes(codes, range(k))
    return frame


def lightgbm(rows: Rows, **settings: Any) -> Callable[..., Any]:
    """A function that fits LightGBM; what is not set is its default."""
    import lightgbm as peer

    kind = peer.LGBMClassifier if rows.classes else peer.LGBMRegressor
    table = _table(rows, rows.x)
    return lambda seed=0: kind(n_jobs=2, verbose=-1, random_state=seed, **settings).fit(table, rows.y)


def xgboost(rows: Rows, **settings: Any) -> Callable[..., Any]:
    """A function that fits XGBoost; what is not set is its default."""
    import xgboost as peer

    kind = peer.XGBClassifier if rows.classes else peer.XGBRegressor
    table, some = _table(rows, rows.x), any(rows.levels)
    given = {"n_jobs": 2, "enable_categorical": some, **settings}
    return lambda seed=0: kind(random_state=seed, **given).fit(table, rows.y)


def said(rows: Rows, fitted: Any) -> np.ndarray:
    """What a model of either side says of the held-out rows."""
    if isinstance(fitted, Fitted):
        return fitted.said(rows.x_test)
    table = _table(rows, rows.x_test)
    return np.asarray(fitted.predict_proba(table)[:, 1] if rows.classes else fitted.predict(table))


def area(rows: Rows) -> Callable[[Any], float]:
    """The area under the ROC curve of held-out rows."""
    from sklearn.metrics import roc_auc_score

    return lambda fitted: float(roc_auc_score(rows.y_test, said(rows, fitted)))


SAME = {
    "lightgbm": {"n_estimators": ROUNDS, "num_leaves": LEAVES, "max_bin": BINS, "learning_rate": 0.1},
    "xgboost": {
        "n_estimators": ROUNDS, "max_leaves": LEAVES, "max_depth": 0, "grow_policy": "lossguide", "max_bin": BINS,
        "tree_method": "hist", "learning_rate": 0.1,
    },
}  # fmt: skip
"""The same task for both: as many trees of as many leaves, the best leaf first, from as many bins."""

SIZES = {"": (1_000_000, 28), "_100k": (100_000, 28), "_wide": (50_000, 500)}


OURS = {"trees": ROUNDS, "leaves": LEAVES, "bins": BINS, "learning_rate": 0.1}
TABLES = 5  # wide ones, by seed, on which the scores are compared: of one table they say little


def comparison(size: str, peer: str) -> Any:
    """The benchmark of one size beside one peer, scored by the area under the ROC curve."""
    from benchmarks.harness import Fit

    rows, (n, d) = dense(*SIZES[size]), SIZES[size]
    make, name, title = {
        "lightgbm": (lightgbm, "LGBMClassifier", "LightGBM"),
        "xgboost": (xgboost, "XGBClassifier", "XGBoost"),
    }[peer]
    settings = ", ".join(f"{key}={value!r}" for key, value in SAME[peer].items())

    def over_tables() -> Mapping[str, Sequence[float]]:
        found: dict[str, list[float]] = {"ours": [], title: []}
        for seed in range(1, TABLES + 1):
            of = wide(n, d, seed)
            for side, fit in (("ours", ours(of, **OURS)), (title, make(of, **SAME[peer]))):
                found[side].append(area(of)(fit()))
        return found

    return Fit(
        title=f"gradient_boosting, {n:,} x {d}, {ROUNDS} trees of {LEAVES} leaves, {BINS} bins",
        goal=1.0,
        peer_call=f"{name}({settings}, n_jobs=2).fit",
        ours=ours(rows, **OURS),
        peer=make(rows, **SAME[peer]),
        score_name="held-out AUC",
        score_ours=area(rows),
        score_peer=area(rows),
        rounds=5,
        packages=PACKAGES,
        seeds=over_tables if size == "_wide" else None,
    )


# ---- in a process of their own: memory, and the first fit ------------------------------------------------------------
def alone(side: str, what: str) -> list[str]:
    """The command of a process that fits one side once and prints `memory`, MB at most, or `first`, seconds."""
    return [sys.executable, "-m", "benchmarks.boosting", side, what]


def _main(side: str, what: str) -> None:
    import resource
    import time

    rows = dense(*SIZES["" if what == "memory" else "_100k"])
    fit = ours(rows, **OURS) if side == "ours" else lightgbm(rows, **SAME["lightgbm"])
    start = time.perf_counter()
    fit()
    first = time.perf_counter() - start
    if what == "memory":
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    start = time.perf_counter()
    fit()
    print(first - (time.perf_counter() - start))


def environment() -> Mapping[str, str]:
    """Nothing that an earlier process compiled."""
    return {"MLDSL_NO_CACHE": "1", "JAX_ENABLE_COMPILATION_CACHE": "false"}


if __name__ == "__main__":
    _main(*sys.argv[1:])
