"""How much the answers of a model hang on each column: by permuting it, by what its splits gained, or row by row.

`method = permutation`, for every model that answers rows: what a metric loses when the column is permuted.

    importance(c) = mean over repeats of  (metric of the rows) - (metric of the rows with column c permuted)

with the sign turned where less is better, so that a column that matters is above 0. What is permuted are the columns as
they are declared, before any transform: a category is one column, however many `one_hot` makes of it. A column computed
in `features` is a column of its own. The rows are held-out ones: the test part, else every row of the folds, asked of
the fit that has not seen it. Nothing is fitted again but the fits of folds.

The 95% interval is about the fits that are asked: it allows for the choice of rows (up to 200 bootstrap replicates,
groups whole) and for there being so many repeats and no more. A column whose interval covers 0 cannot be told from
noise. Columns that say the same share their importance, since each can stand in for the other: pairs of numbers that
are correlated beyond 0.9 on the training rows are named.

`method = gain`, of models of trees: the sum of what the splits by a column gained over all trees, as a share of all
gain, and how many splits there are. It costs nothing, and it misleads twice: it is measured on the rows that the trees
were grown on, and columns with many distinct values have more splits to choose from.

`method = shap`, of models whose answers are a sum or a mean of trees: for each of up to `rows` held-out rows, how much
each column adds to the answer. Values are in units of what is added up (log odds for boosted classes, probabilities for
forests), exact for coalitions that follow the paths of trees, and with the mean answer they add up to that of the row.
The table has their mean size, their range and their direction; the figures draw them by the value of the column. They
say what the model does with a column, not what the world would do.

For `gain` and `shap`, columns are those that reach the model, after all steps.

Shapes:  c columns, r repeats, m held-out rows: c r passes over m rows, in one compiled program. Shapley values of m
         rows, of trees of L leaves with D columns on a path, take O(m L D^2) a tree.
Units:   those of the metric; gain in those of what trees lower; Shapley values in those of the score.
Errors:  `gain` and `shap` are refused where no model grows trees; a model without, without a target, or that answers no
         rows, is left out, and a sentence says so.
Sources: Breiman 2001, doi:10.1023/A:1010933404324; Fisher, Rudin & Dominici 2019, JMLR 20(177); Strobl et al. 2008,
         doi:10.1186/1471-2105-9-307 (correlated columns); Strobl et al. 2007, doi:10.1186/1471-2105-8-25 (gain);
         Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9 (shap).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import attrs
import numpy as np

from mldsl.contract.views import ModelView, Permuted, ReportView
from mldsl.plugin import Component, Problem, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._columns import is_number, values
from mldsl_plugins.reports._gain import by_gain
from mldsl_plugins.reports._shap_values import by_shap
from mldsl_plugins.reports._shared import model_column, part_words, parts_words

_SHOWN = 20
_CORRELATED = 0.9
_PAIRS = 5


@attrs.frozen
class Spec:
    """How importance is measured."""

    method: Literal["permutation", "gain", "shap"] = param(
        "permutation",
        doc="Permute each column among the held-out rows, for any model; `gain` and `shap` are of models of trees.",
    )
    repeats: int = param(
        10, ge=2, le=1000, unit="permutations", only_if="method = permutation", also_known_as=("n_repeats",),
        doc="How often each column is permuted.",
    )  # fmt: skip
    metric: Any | None = param(
        None, kind="metric", only_if="method = permutation", doc="What is lost; the primary metric unless given.",
        also_known_as=("scoring",),
    )  # fmt: skip
    rows: int = param(
        1000,
        ge=10,
        unit="rows",
        only_if="method = shap",
        doc="Most held-out rows to explain, drawn by the seed; of many large trees fewer are, down to 50.",
    )


@attrs.frozen
class _Found:
    model: ModelView
    columns: list[str]
    result: Permuted

    @property
    def mean(self) -> np.ndarray:
        """The importance of each column [c]."""
        return np.round(self.result.drop.mean(axis=1), 12)  # gains and losses that cancel out leave a 0


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """What splits gain, and how trees add up to an answer, can be told of trees alone."""
    if spec.method != "permutation" and not any(model.trees for model in plan.models):
        names = ", ".join(f"`{model.algorithm.name}`" for model in plan.models)
        yield Problem(
            "method", f"expected permutation, which works for {names}; found {spec.method}, which needs trees"
        )


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """A table of all columns, and a picture of the most important ones, a panel a model."""
    if spec.method == "gain":
        return by_gain(view)
    return by_shap(spec.rows, view) if spec.method == "shap" else _by_permutation(spec, view)


def _by_permutation(spec: Spec, view: ReportView) -> ReportOutput:
    found, notes = [], []
    for model in view.models:
        if model.permuted is None or not model.reads:
            notes.append(f"{model.name}: nothing can be asked of it, since it has no target or answers no rows.")
            continue
        result = model.permuted(model.reads, spec.repeats, spec.metric)
        order = np.argsort(-result.drop.mean(axis=1), kind="stable")
        sorted_ = attrs.evolve(result, drop=result.drop[order], low=result.low[order], high=result.high[order])
        found.append(_Found(model, [model.reads[i] for i in order], sorted_))
    if not found:
        return ReportOutput(notes=notes)
    notes += _words(found) + _correlated(view, {name for f in found for name in f.columns})
    warnings = [
        f"{f.model.name}: measured on the rows it was trained on, so a column that it learned by heart looks important."
        for f in found
        if f.model.held_out.name == "train"
    ]
    return ReportOutput([_table(spec, found)], [_figure(found)], notes, warnings)


def _table(spec: Spec, found: list[_Found]) -> Table:
    models = [f.model for f in found]

    def joined(give: Any) -> np.ndarray:
        return np.concatenate([give(f) for f in found])

    results = found[0].result
    return Table(
        f"Loss of {results.metric} when a column is permuted: {parts_words(models)}, {spec.repeats} permutations",
        [
            *model_column(models, [f.model.name for f in found for _ in f.columns]),
            Column("column", [name for f in found for name in f.columns], "text"),
            Column("importance", joined(lambda f: f.mean)),
            Column("95% low", joined(lambda f: f.result.low)),
            Column("95% high", joined(lambda f: f.result.high)),
            Column("deviation of repeats", joined(lambda f: f.result.drop.std(axis=1, ddof=1))),
        ],
        note="; ".join(f"{f.model.name}: {f.result.metric} is {f.result.base:.4g} as the rows are" for f in found)
        + ".",
    )


def _words(found: list[_Found]) -> list[str]:
    notes = []
    for f in found:
        if f.result.fits > 1:
            notes.append(f"{f.model.name}: each row is asked of the fit of its fold ({f.result.fits} fits).")
        noise = [name for name, low in zip(f.columns, f.result.low, strict=True) if low <= 0]
        if noise and len(noise) < len(f.columns):
            listed = ", ".join(f"`{name}`" for name in noise[:8]) + (" ..." if len(noise) > 8 else "")
            which = "column" if len(noise) == 1 else "columns"
            notes.append(f"{f.model.name}: {len(noise)} {which} cannot be told from noise: {listed}.")
        elif noise:
            notes.append(f"{f.model.name}: no column can be told from noise on {part_words(f.model.held_out)}.")
    return notes


def _correlated(view: ReportView, names: set[str]) -> list[str]:
    """A sentence on pairs of numbers that are correlated on the training rows."""
    train = np.asarray(view.part) == "train"
    chosen = [c for c in view.columns if c.name in names and is_number(view.frame, c)]
    if len(chosen) < 2 or train.sum() < 3:
        return []
    x = np.column_stack([values(view.frame, c.name)[train] for c in chosen])
    x = np.where(np.isfinite(x), x, np.nan)
    x = x - np.nanmean(x, axis=0, where=np.isfinite(x))
    x = np.nan_to_num(x)  # a missing cell is neither above nor below the mean
    length = np.sqrt((x**2).sum(axis=0))
    r = (x / np.where(length > 0, length, 1)).T @ (x / np.where(length > 0, length, 1))
    i, j = np.nonzero(np.triu(np.abs(r) > _CORRELATED, 1))
    if not len(i):
        return []
    order = np.argsort(-np.abs(r[i, j]), kind="stable")
    pairs = [f"`{chosen[i[k]].name}` and `{chosen[j[k]].name}` (r = {r[i[k], j[k]]:.2f})" for k in order[:_PAIRS]]
    more = f", and {len(order) - _PAIRS} more pairs" if len(order) > _PAIRS else ""
    text = (
        f"Columns that say nearly the same: {'; '.join(pairs)}{more}. Permuting one leaves the other to stand in for "
        "it, so they share their importance, and each seems to matter less than both do."
    )
    return [text]


def _figure(found: list[_Found]) -> Figure:
    panels = []
    for f in found:
        names = f.columns[:_SHOWN]
        shown = slice(0, len(names))
        panels.append(
            Panel(
                f"loss of {f.result.metric}, 95% interval", "",
                [
                    Series([0.0] * len(names), names, "", emphasis="reference"),
                    Series(f.mean[shown], names, "", low=f.result.low[shown], high=f.result.high[shown], mark="points"),
                ],
                title=f.model.name if len(found) > 1 else "", y_kind="category",
            )
        )  # fmt: skip
    most = max((len(f.columns) for f in found), default=0)
    title = "Permutation importance" + (f": the first {_SHOWN} of {most} columns" if most > _SHOWN else "")
    alt = "; ".join(f"{f.model.name}: most important is {f.columns[0]}, {f.mean[0]:.3g}" for f in found)
    return Figure(title, panels, f"Loss of {found[0].result.metric} when a column is permuted. {alt}.")


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "feature_importance", Spec, compute=compute, check=check, tasks={"classify", "regress", "rank"},
            snippet="report { feature_importance(repeats = 20) }",
            also_known_as=("permutation_importance", "variable_importance", "feature_importances_", "TreeExplainer"),
            sources=(
                "Breiman 2001, doi:10.1023/A:1010933404324",
                "Fisher, Rudin & Dominici 2019, JMLR 20(177)",
                "Strobl et al. 2008, doi:10.1186/1471-2105-9-307",
                "Strobl et al. 2007, doi:10.1186/1471-2105-8-25",
                "Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9",
            ),
        )
    ]  # fmt: skip
