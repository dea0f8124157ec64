"""20,000 x 30 rows to tune on and 5,000 to test with, and the search on them: ours and scikit-learn's, on equal folds.

20 values of the penalty, 5 stratified folds, accuracy, and the winner fitted to all 20,000 rows. Both sides start from
arrays in memory. `python -m benchmarks.tuning ours|peer` makes one search in a process of its own and prints its
seconds and its score, without imports and without what comes before the search.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks.harness import Fit

ROWS, HELD_OUT, COLUMNS, FOLDS, SETTINGS = 20_000, 5_000, 30, 5, 20
FILE = f"""mlp 1
param l2: number = 1 in 1e-4..1e4
data {{ frame("data") }}
features {{
  label: binary as target
  part: categorical as part
  "*": continuous
}}
split {{
  folds = {FOLDS}
  by = stratified
}}
model {{ logistic_regression(l2 = $l2) }}
tune {{
  search = grid(points = {SETTINGS})
  $l2 in log(1e-3..1e3)
}}
metrics {{ accuracy }}
"""


@cache
def table() -> Any:
    """The rows as a Polars frame: correlated columns on different scales."""
    import polars as pl

    rng = np.random.default_rng(1)
    n = ROWS + HELD_OUT
    mixing = np.eye(COLUMNS) + 0.3 * rng.normal(size=(COLUMNS, COLUMNS)) / np.sqrt(COLUMNS)
    x = rng.normal(size=(n, COLUMNS)) @ mixing
    label = rng.random(n) < 1 / (1 + np.exp(-x @ rng.normal(size=COLUMNS) * 0.3))
    part = np.where(np.arange(n) < ROWS, "train", "test")
    return pl.DataFrame({"label": label.astype(int), "part": part, **{f"x{j}": x[:, j] for j in range(COLUMNS)}})


def prepared() -> Any:
    """A run of the file on the frame, up to the point where fitting begins."""
    from mldsl import driver
    from mldsl.execute.fit import Run
    from mldsl.execute.programs import Programs
    from mldsl.execute.resolver import RegistryResolver
    from mldsl.execute.settings import configure
    from mldsl.plugin.registry import Registry
    from mldsl.source import Source

    configure()
    options = driver.Options(data=table(), registry=Registry.load(), keep=False)
    source = Source("tuning.mlp", FILE)
    looked = driver.look(source, driver.plan(source, options), options)
    plan = looked.checked.sound()
    resolver = RegistryResolver(options.registry)
    modules = [resolver.component(model.algorithm).fit.__module__ for model in plan.models]
    return Run(
        plan, looked.dataset, looked.split, resolver, Programs(modules=modules),
        lambda *_: None, lambda *_: None,
    )  # fmt: skip


def ours(run: Any) -> Callable[[], Any]:
    """The search and the last fit: gives the outcome of the search."""
    from mldsl.execute.fit import fit_all
    from mldsl.execute.tune import tune_model

    def once() -> Any:
        tuned = tune_model(run, run.plan.models[0])
        assert tuned is not None
        fit_all(run, tuned.model, (), (), tuned.base)
        return tuned

    return once


def peer(run: Any) -> Callable[[], Any]:
    """GridSearchCV on the same folds, on both cores."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    frame = table()
    train = run.split.part == "train"
    place = np.cumsum(train) - 1
    x = frame.drop("label", "part").to_numpy()[train]
    y = frame["label"].to_numpy()[train]
    folds = [(place[fold.train], place[fold.held]) for fold in run.split.folds]
    settings = {"C": 1 / np.geomspace(1e-3, 1e3, SETTINGS)}

    def once() -> Any:
        return GridSearchCV(LogisticRegression(max_iter=1000), settings, cv=folds, n_jobs=2).fit(x, y)

    return once


def ways(mine: str, other: str, title: str, goal: float) -> Fit:
    """The same search in two of the engine's own ways."""
    from mldsl.execute import tune
    from mldsl.execute.ways import Way

    run = prepared()
    search, chosen = ours(run), tune.way_of

    def by(name: str) -> Callable[[], Any]:
        def once() -> Any:
            tune.way_of = lambda *_: Way(name, "asked for")
            try:
                return search()
            finally:
                tune.way_of = chosen

        return once

    return Fit(
        title=title, goal=goal, peer_call=f"way `{other}`", ours=by(mine), peer=by(other),
        score_name="best mean accuracy over the folds", score_ours=best_score, score_peer=best_score, rounds=5,
        packages=("mldsl", "jax", "numpy"),
    )  # fmt: skip


def best_score(result: Any) -> float:
    """The mean accuracy over the folds of the best setting."""
    if hasattr(result, "best_score_"):
        return float(result.best_score_)
    return max(trial.score for trial in result.trials)


def main(side: str) -> None:
    """One search, timed, in this process."""
    import time

    run = prepared()
    search = ours(run) if side == "ours" else peer(run)
    start = time.perf_counter()
    result = search()
    print(time.perf_counter() - start, best_score(result))


if __name__ == "__main__":
    import sys

    main(sys.argv[1])
