"""What metrics and reports are shown.

`MetricView` is a pytree of JAX arrays (static facts apart), so that a metric can be mapped over bootstrap weights.
`ReportView` is NumPy on the host: reports run once, after everything is fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import jax
import numpy as np

from mldsl.contract.shape import Shape
from mldsl.contract.trees import Trees
from mldsl.plan.design import Design
from mldsl.plugin import NamedColumn


@attrs.frozen
class MetricView:
    """Rows to be judged, of weight 0 where they do not belong to the part.

    `target` [n]: class index or number (None without a target). `prediction` [n]: class index after the threshold,
    mean, or cluster label. `probability` [n, classes]. `score` [n]. `inputs` [n, d]: the model's matrix.
    `labels` [n]: codes of a column named by the metric (`adjusted_rand(labels = cultivar)`), -1 missing.
    `costs` [classes, classes]: what the metric's own `costs` say of a row of the first predicted to be of the second.
    `prior` [classes]: class shares of the training rows. `center`: weighted mean of the training target. `group`,
    `query` [n]: codes. `centroids` [k, d]: the centres of a clustering, where the model has them. `prepared` is what
    the metric's `prepare` returned.
    Static: `shape`, `classes`, `positive` (index of the positive class, the last of a binary target; a metric's own
    `positive` argument has been resolved into it), `clusters`, `label_count`, `parameters` (columns of the matrix).
    """

    weight: Any
    target: Any = None
    prediction: Any = None
    probability: Any = None
    score: Any = None
    inputs: Any = None
    labels: Any = None
    centroids: Any = None
    costs: Any = None
    prior: Any = None
    center: Any = None
    group: Any = None
    query: Any = None
    prepared: Any = None
    shape: Shape | None = None
    classes: int = 0
    positive: int | None = None
    clusters: int = 0
    label_count: int = 0
    parameters: int = 0


_STATIC = ("shape", "classes", "positive", "clusters", "label_count", "parameters")
_LEAVES = tuple(f.name for f in attrs.fields(MetricView) if f.name not in _STATIC)


def _flatten(view: MetricView) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return tuple(getattr(view, n) for n in _LEAVES), tuple(getattr(view, n) for n in _STATIC)


def _unflatten(static: tuple[Any, ...], leaves: Sequence[Any]) -> MetricView:
    return MetricView(**dict(zip(_LEAVES, leaves, strict=True)), **dict(zip(_STATIC, static, strict=True)))


jax.tree_util.register_pytree_node(MetricView, _flatten, _unflatten)


@attrs.frozen
class PartView:
    """The rows of one part (train, validation, test, folds, all) with a model's answers, as NumPy.

    `target`, `weight`, `prediction`, `probability`, `distance` as in `MetricView`, rows of weight 0 left out; `inputs`
    [n, d] is the model's matrix, SciPy's CSR where it is sparse; `row` the 0-based row in its source; `index` the
    row of `ReportView.frame`. `uncalibrated` [n, classes]: the probabilities before `calibrate`, where the model
    has it.
    """

    name: str
    weight: np.ndarray
    row: np.ndarray
    target: np.ndarray | None = None
    prediction: np.ndarray | None = None
    probability: np.ndarray | None = None
    interval: np.ndarray | None = None
    distance: np.ndarray | None = None
    score: np.ndarray | None = None
    inputs: Any = None
    index: np.ndarray | None = None
    uncalibrated: np.ndarray | None = None


@attrs.frozen
class Permuted:
    """What a metric loses when columns are permuted, on held-out rows, each asked of a fit that has not seen it.

    `metric` is its name, `base` its value as the rows are. `drop` [columns, repeats]: how much worse it gets, in the
    metric's own units, above 0 whatever its direction. `low`, `high` [columns]: the 95 % interval of the mean over
    repeats. `fits` counts the fits that were asked: one, or one a fold.
    """

    metric: str
    base: float
    drop: np.ndarray
    low: np.ndarray
    high: np.ndarray
    fits: int


@attrs.frozen
class ModelView:
    """One fitted model, as reports see it. `params` and `info` are the algorithm's own tuples with NumPy leaves.

    `features` are the columns of its matrix, in order (a sequence, which may be long); `held_out` is the part that
    counts, `train` the training rows. `history` maps a watched name (loss, validation loss) to its values by step, for
    iterative models. `steps` maps the text of each fitted transform to (step's columns, params, info). `design` is what
    a formula made the matrix of: terms with their columns, in the order of `features` (`positions()`), and the
    reference levels. `columns` are the dense ones among the features as they are after the steps, in order, with types
    and levels in code order; `trees` the grown trees of a model that has some (`mldsl.contract.Trees`, NumPy leaves),
    which split by these columns: None for other models. `terms` name what `params.coefficients` are of, by default the
    features.
    `compiled(name, function, *arrays)` runs a pure function of pytrees of arrays as a compiled program, and gives its
    answer with NumPy leaves; `name` tells it from the report's other functions.
    `predict(matrix [m, d]) -> Prediction` with NumPy leaves; the matrix may be SciPy's CSR where the
    model is sparse. `calibration` maps part -> before, after -> calibration error, where the model has `calibrate`;
    "train" are its training rows, out of fold.

    The model may be asked what it would say of other rows; None where it answers no rows. `reads` are the declared
    columns that its answers come from. `permuted(columns, repeats, metric) -> Permuted`; `metric` is a nested
    component of a Spec, None the primary one. `replaced({column: values [g], ...}) -> [g, m, outputs]`: the answers
    for the m rows of `held_out` with these values in place of their own; outputs are probabilities, or one number.
    `answered(frame) -> Prediction` [m]: what the last fit says of other rows, which hold the declared columns (Polars).
    `refit(train Bool[n], fold) -> {part: {metric: value}}`: the same model fitted anew on these training rows of one
    of `ReportView.training_folds()`, measured on them (`train`) and on the rows which that fold holds out (`held`).
    """

    name: str
    algorithm: str
    spec: Any
    params: Any
    info: Any
    shape: Shape
    features: Sequence[str]
    held_out: PartView
    train: PartView
    predict: Callable[[Any], Any]
    threshold: float | tuple[float, ...] | None = None
    calibration: Mapping[str, Mapping[str, float]] | None = None
    history: Mapping[str, Sequence[float]] = attrs.field(factory=dict)
    steps: Sequence[tuple[str, tuple[str, ...], Any, Any]] = ()
    target_scale: str | None = None
    reads: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    permuted: Callable[..., Permuted] | None = None
    replaced: Callable[..., np.ndarray] | None = None
    answered: Callable[[Any], Any] | None = None
    refit: Callable[..., Mapping[str, Mapping[str, float]]] | None = None
    design: Design | None = None
    columns: tuple[NamedColumn, ...] = ()
    trees: Trees | None = None
    compiled: Callable[..., Any] | None = None


@attrs.frozen
class Rival:
    """One model beside another on the same folds or rows: its metric with an interval, and the paired difference.

    `difference` is this model's metric less the other's, with its interval; `p` (two-sided) is corrected for all
    comparisons of the standing. NaN where there is nothing to tell it by, and for the other model itself.
    """

    model: str
    value: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    p: float


@attrs.frozen
class Standing:
    """All models by one metric on one part, each beside the model `against`, in the order of the file.

    `test` says how differences were tested: `corrected_t` over folds, or `bootstrap` of rows; `unit` and `units`, what
    of and how many: folds, rows or groups. `comparisons` is the number of them that p-values are corrected for.
    """

    part: str
    metric: str
    against: str
    test: str
    unit: str
    units: int
    comparisons: int
    rivals: tuple[Rival, ...]


@attrs.frozen
class ReportView:
    """The run, as reports see it.

    `levels` are the target's levels in order (empty if a number), `positive` the index of the positive one (binary).
    `frame` holds the declared columns of all kept rows (Polars), `part` the part of each ("train", ...), `columns` the
    declared columns (`mldsl.plan.ColumnPlan`). `metrics` maps model -> part -> metric -> (value, low, high).
    `fold_metrics` maps model -> one mapping metric -> value per fold. `folds` are those of the split (`train` and
    `held`, Bool[n]), `implicit_folds` whether the file wrote none; `training_folds()` gives them, or five made of the
    training rows by the same rules, none where that cannot be. `better` maps a metric to its direction, `bounds` to
    its least and largest value. `seconds` maps model -> stage -> seconds; its "" maps the steps of the run itself, and
    a stage of one fit is called `fold=0.1` or `last`. `tune` is what was tried: `trials` (`model`, `params`, `score`),
    in order, and `best` (model -> params), or None.
    """

    task: str
    target: str | None
    levels: tuple[str, ...]
    positive: int | None
    models: tuple[ModelView, ...]
    best: str | None
    frame: Any
    part: np.ndarray
    columns: tuple[Any, ...]
    metrics: Mapping[str, Mapping[str, Mapping[str, tuple[float, float, float]]]] = attrs.field(factory=dict)
    fold_metrics: Mapping[str, Sequence[Mapping[str, float]]] = attrs.field(factory=dict)
    primary: str | None = None
    seconds: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict)
    tune: Any = None
    folds: tuple[Any, ...] = ()
    implicit_folds: bool = False
    better: Mapping[str, str] = attrs.field(factory=dict)
    bounds: Mapping[str, tuple[float, float]] = attrs.field(factory=dict)
    training_folds: Callable[[], tuple[Any, ...]] | None = None
    seed: int = 0
    compared: Callable[..., Standing] | None = None
