"""Gradient boosting: trees grown one after the other, each on what is still wrong with the sum of those before it.

Lowers sum_i v_i L(f(x_i), y_i), v_i the row's weight times its cost and f(x) = start + r t_1(x) + r t_2(x) + ..., r the
learning rate. `start` is the best constant. In each round the derivatives g and h of L by f are taken at every row, and
a tree is grown that lowers their expansion to second order, sum_i v_i (g_i t(x_i) + h_i t(x_i)^2 / 2) + l2 / 2 sum of
the squared values of its leaves: a leaf says -G / (H + l2) of the sums in it. Losses whose second derivative is 0 get
leaves with the best constant for the residuals in them. Of several classes (`softmax`) a round grows a tree for each.

Columns are cut into at most 255 bins, and splits are sought by histograms of bins. `leaf_wise` splits the leaf that
gains most, until there are `leaves`; `depth_wise` splits all leaves of a level before those of the next. Missing values
go to the side where they gain more; categories are parted as sets of levels. l2 is 0 as in LightGBM: with at least 20
rows in a leaf and a learning rate of 0.1 it seldom pays. A tree that finds no split adds nothing.

Without a `learning_rate` it is 0.1 sqrt(max(n / 20000, 1) / max(T / 100, 1)), n the weight of the training rows, kept
within 0.03 and 0.3; the record and the page say what it was. Many rows can bear longer steps, and a hundred short ones
do not get far in them; more rounds want shorter ones. It was read off the losses of a grid of rates on 15 real tables.
Of 200,000 flights of 2001 it makes 0.3, and the area under the ROC curve 0.758 where LightGBM's 0.1 makes it 0.749
(`benchmarks/fit_gradient_boosting_on_flights_2001.py`).

`row_sample` grows each tree on some of the rows, drawn anew (a row of weight 2 is drawn or left out as a whole);
`column_sample` on some of the columns. `monotone = [age = increasing]` lets the answer only rise with a column, all
others being equal. `interval = 90%` grows two more trees in every round, for the quantiles at 5 % and 95 %, between
which a new target falls with about that chance; where the three cross, the outer ones bound the interval.

With one class among the training rows every row gets it, with probability 1 - 1e-15.

Shapes:  n rows, d columns, T trees, L leaves, k classes (1 unless several). O(T k n d) time at most, less with unequal
         leaves; O(n d) bytes for codes, O(n k) numbers beside them.
Units:   scores are those of the loss; a mean has the target's unit. Gains are in the units of the loss.
Errors:  a loss that does not suit the target; monotone columns that are no numbers, or with a loss whose leaves are
         found anew or with several classes; an interval of classes.
Sources: Friedman 2001, doi:10.1214/aos/1013203451; Friedman 2002, doi:10.1016/S0167-9473(01)00065-2 (sampling);
         Chen & Guestrin 2016, doi:10.1145/2939672.2939785 (XGBoost); Ke et al. 2017, NeurIPS (LightGBM).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt

from mldsl.contract import Examples, Prediction, Prepared, Shape, Trees, total, weighted_mean
from mldsl.plugin import Component, Directions, Model, Problem, Share, hookimpl, param
from mldsl.plugin.spec import Configured
from mldsl_plugins.losses import logistic, quantile, softmax, squared_error
from mldsl_plugins.losses._loss import Loss
from mldsl_plugins.trees._bins import Table, bin_columns, with_table
from mldsl_plugins.trees._boosted import Params, compact, empty, for_reports, longer, middles, scores, until, with_round
from mldsl_plugins.trees._draws import some_columns, some_rows
from mldsl_plugins.trees._grow import grow, turned
from mldsl_plugins.trees._splits import Growth, Limits

SIGNS = {"increasing": 1, "decreasing": -1}
RATE, RATES = 0.1, (0.03, 0.3)  # the learning rate where none is given, and its bounds
MANY_ROWS = 20_000  # beyond which it grows with their root
MANY_ROUNDS = 100  # beyond which it falls with theirs


@attrs.frozen
class Spec:
    """Hyperparameters of gradient boosting."""

    loss: Any | None = param(
        None, kind="loss", also_known_as=("objective", "loss_function", "distribution"),
        doc="What is lowered. Left out: `squared_error` of numbers, `logistic` of two classes, `softmax` of more.",
    )  # fmt: skip
    trees: int = param(
        100, ge=1, unit="rounds", search="50..500", simpler="smaller", doc="Rounds: trees, or as many for each class.",
        also_known_as=("n_estimators", "num_iterations", "num_boost_round", "max_iter", "iterations", "nrounds",
                       "num_trees", "n_iter", "rounds"),
    )  # fmt: skip
    learning_rate: float | None = param(
        None, gt=0, le=1, traced=True, search="log(0.02..0.3)", also_known_as=("eta", "shrinkage", "shrinkage_rate"),
        doc="What each tree is multiplied by. Left out: 0.1, but more of many rows and less in many rounds.",
    )  # fmt: skip
    leaves: int = param(
        31, ge=2, search="15..127", simpler="smaller", also_known_as=("num_leaves", "max_leaves", "max_leaf_nodes"),
        doc="Most leaves of a tree.",
    )  # fmt: skip
    max_depth: int | None = param(
        None, ge=1, le=30, simpler="smaller", also_known_as=("depth", "interaction_depth"),
        doc="Most splits between the root and a leaf; left out: no limit.",
    )  # fmt: skip
    min_samples_leaf: float = param(
        20.0, gt=0, traced=True, search="log(5..200)", simpler="larger", unit="rows, by weight",
        also_known_as=("min_data_in_leaf", "min_child_samples", "n_minobsinnode"), doc="Least weight of a leaf's rows.",
    )  # fmt: skip
    min_hessian: float = param(
        1e-3, ge=0, traced=True, simpler="larger",
        also_known_as=("min_child_weight", "min_sum_hessian_in_leaf", "min_sum_hessian"),
        doc="Least sum of second derivatives in a leaf.",
    )  # fmt: skip
    l2: float = param(
        0.0, ge=0, traced=True, search="log(1e-3..10)", simpler="larger",
        also_known_as=("reg_lambda", "lambda_l2", "lambda", "l2_regularization", "l2_leaf_reg"),
        doc="Weight of half the sum of the squared values of leaves.",
    )  # fmt: skip
    bins: int = param(
        255, ge=2, le=255, also_known_as=("max_bin", "max_bins", "border_count"), doc="Most bins of a column."
    )
    row_sample: Share = param(
        Share(1.0), gt=0, traced=True, search="0.5..1", also_known_as=("subsample", "bagging_fraction", "bag_fraction"),
        doc="The chance of each row to be among those that a tree is grown on.",
    )  # fmt: skip
    column_sample: Share = param(
        Share(1.0), gt=0, traced=True, search="0.3..1",
        also_known_as=("colsample_bytree", "feature_fraction", "max_features", "rsm"),
        doc="The share of columns that a tree is grown on.",
    )  # fmt: skip
    growth: Literal["leaf_wise", "depth_wise"] = param(
        "leaf_wise", also_known_as=("grow_policy",), doc="Which leaf is split next: that which gains most, or by level."
    )
    monotone: Directions | None = param(
        None, also_known_as=("monotone_constraints", "monotonic_cst"),
        doc="Columns with which the answer may only rise or only fall: `[age = increasing, price = decreasing]`.",
    )  # fmt: skip
    interval: Share | None = param(
        None, gt=0, lt=1, also_known_as=("confidence", "level", "prediction_interval"),
        doc="The chance of targets to fall between two further answers, of quantiles; left out: there are none.",
    )  # fmt: skip


class State(NamedTuple):
    """What the loop carries: `score` of every row, held-out ones too, and what has been grown. `across` are the codes
    of the rows, column by column. `outside` counts training rows whose target has no loss.
    """

    score: Float[Array, "n K"]
    across: UInt[Array, "n codes"]
    params: Params
    key: Key[Array, ""]
    outside: Int[Array, ""]
    rate: Float[Array, ""]
    growth: Growth


class Round(NamedTuple):
    """What a round reports: the mean loss of the training rows after it, weighted."""

    loss: Float[Array, ""]


class Info(NamedTuple):
    """The rounds that were made, the mean number of leaves of their trees, `State.outside`, and the rate of it all."""

    rounds: Int[Array, ""]
    leaves: Float[Array, ""]
    outside: Int[Array, ""]
    learning_rate: Float[Array, ""]


jax.tree_util.register_static(Growth)


# ---- before the fit --------------------------------------------------------------------------------------------------
def bind(spec: Spec, classes: tuple[str, ...]) -> Spec:
    """The Spec with its loss, which follows from the target where none is given."""
    if spec.loss is not None:
        return spec
    return attrs.evolve(spec, loss=_plain(squared_error if not classes else logistic if len(classes) < 3 else softmax))


def _plain(module: Any, **numbers: Any) -> Configured:
    component = module.mldsl_components()[0]
    return Configured(component, component.Spec(**numbers))


def losses(spec: Spec) -> tuple[Loss, ...]:
    """The loss, and those of the ends of an interval."""
    if spec.interval is None:
        return (Loss(spec.loss),)
    below = (1 - spec.interval) / 2
    return (Loss(spec.loss), *(Loss(_plain(quantile, q=q)) for q in (below, 1 - below)))


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Loss, monotone columns and interval must suit the target and the columns."""
    loss = Loss(bind(spec, ("",) * shape.classes).loss)
    yield from loss.check(shape)
    if spec.interval is not None and shape.classes:
        yield Problem("interval", f"expected a number as the target, found {shape.classes} classes")
    if spec.monotone is None:
        return
    if loss.renews or spec.interval is not None:
        found = loss.name if loss.renews else "an interval"
        yield Problem("monotone", f"expected a loss whose leaves keep their bounds, found {found}")
    if shape.classes > 2:
        yield Problem("monotone", f"expected one score, found one for each of {shape.classes} classes")
    types = {column.name: column.type for column in shape.columns}
    for name, _ in spec.monotone:
        if types.get(name, "") in ("", "categorical"):
            found = "a categorical one" if name in types else "none of that name among the model's columns"
            yield Problem("monotone", f"expected numbers in `{name}`, found {found}")


def growth_of(spec: Spec, shape: Shape) -> Growth:
    """How the trees grow."""
    signs = {name: SIGNS[word] for name, word in spec.monotone or ()}
    levels = [column.levels for column in shape.columns if column.type == "categorical"]
    return Growth(
        leaves=min(spec.leaves, 2**spec.max_depth) if spec.max_depth else spec.leaves,
        max_depth=spec.max_depth or 0,
        by_depth=spec.growth == "depth_wise",
        bins=spec.bins,
        categories=tuple(column.type == "categorical" for column in shape.columns),
        monotone=tuple(signs.get(column.name, 0) for column in shape.columns),
        words=-(-max(levels) // 32) if levels else 0,
        missing=bool(levels) or any(column.missing for column in shape.columns),
    )


def prepare(spec: Spec, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray) -> tuple[Prepared, Table]:
    """Cut the columns into bins."""
    codes, table = bin_columns(shape, columns, weight, spec.bins)
    return Prepared(codes.view(np.uint32), table), table  # four codes a word


def prepare_as(spec: Spec, shape: Shape, state: Table, columns: Mapping[str, np.ndarray]) -> Prepared:
    """Other rows in the same bins."""
    codes, table = with_table(shape, columns, state)
    return Prepared(codes.view(np.uint32), table)


# ---- the loop --------------------------------------------------------------------------------------------------------
def steps(spec: Spec) -> int:
    """As many updates as rounds."""
    return spec.trees


def init(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> State:
    """The best constants, and room for all trees."""
    weight, target = examples.loss_weight(), examples.target
    assert target is not None
    start = jnp.concatenate([loss.start(target, weight, shape.classes) for loss in losses(spec)])
    growth = growth_of(spec, shape)
    score = jnp.broadcast_to(start, (weight.shape[0], start.shape[0]))
    rate = rate_of(spec, total(examples.weight.sum()))
    params, outside = empty(start, growth, spec.trees), _outside(spec, examples)
    return State(score, turned(examples.inputs.rows), params, key, outside, rate.astype(score.dtype), growth)


def rate_of(spec: Spec, rows: Float[Array, ""]) -> Float[Array, ""]:
    """What each tree is multiplied by, of so many rows by weight."""
    if spec.learning_rate is not None:
        return jnp.asarray(spec.learning_rate)
    many = jnp.maximum(rows / MANY_ROWS, 1) / max(spec.trees / MANY_ROUNDS, 1)
    return jnp.clip(RATE * jnp.sqrt(many), *RATES)


def resume(
    spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples, params: Params, info: Info, more: int
) -> State:
    """What the trees say of these rows, and room for more of them, which are multiplied by what the first were."""
    growth, rate = growth_of(spec, shape), jnp.asarray(info.learning_rate)
    score = scores(params, middles(examples.inputs, params.categories))  # type: ignore[arg-type]
    params, outside = longer(params, growth, more), _outside(spec, examples)
    return State(score, turned(examples.inputs.rows), params, key, outside, rate.astype(score.dtype), growth)


def _outside(spec: Spec, examples: Examples) -> Int[Array, ""]:
    assert examples.target is not None
    there = (examples.loss_weight() > 0) & Loss(spec.loss).outside(examples.target)
    return total(jnp.sum(there, dtype=jnp.int32))


def update(spec: Spec, state: State, examples: Examples) -> tuple[State, Round]:
    """One round: a tree for each score."""
    params, target, weight = state.params, examples.target, examples.weight
    inputs: Any = examples.inputs
    assert target is not None
    members, k, n = losses(spec), params.start.shape[0], weight.shape[0]
    of_round = jax.random.fold_in(state.key, params.rounds)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(of_round, jnp.arange(k + 1))  # of each tree, and of the rows
    kept = jax.lax.cond(
        spec.row_sample < 1,
        lambda: jnp.where(some_rows(keys[k], n, spec.row_sample), weight, 0),
        lambda: weight,
    )
    times = kept if examples.cost is None else kept * examples.cost
    slopes = [loss.slopes(part, target) for loss, part in _parts(members, state.score)]
    first, second = (jnp.concatenate([pair[i] for pair in slopes], axis=1).T for i in range(2))  # [K, n]
    there = (times > 0)[None]
    first, second = (jnp.where(there, part * times[None], 0) for part in (first, second))
    active = examples.active if examples.active is not None else jnp.ones(params.categories.shape, bool)
    limits = Limits(spec.l2, spec.min_samples_leaf, spec.min_hessian)

    def one(given: tuple[Array, Array, Array]) -> Any:
        key, g, h = given
        columns = some_columns(key, active, spec.column_sample)
        return grow(state.growth, limits, inputs, g, h, kept, columns, state.across)

    grown = jax.lax.map(one, (keys[:k], first, second))
    value = grown.value
    place = 0
    for loss, part in _parts(members, state.score):
        if loss.renews:
            found = loss.renew(target - part[:, 0], times, grown.leaf[place], value.shape[1])
            value = value.at[place].set(jnp.where(grown.feature[place] < 0, found, value[place]))
        place += part.shape[1]
    split = grown.feature[:, :1] >= 0
    value = jnp.where(split, state.rate * value, 0)
    said = jax.lax.map(lambda t: t[0].at[t[1]].get(mode="promise_in_bounds"), (value, grown.leaf))
    score = state.score + said.T
    made = Trees(
        grown.feature, grown.threshold, grown.subset, grown.missing_left, grown.left, grown.right, value[..., None],
        grown.weight, grown.gain,
    )  # fmt: skip
    told = Round(_mean_loss(members, score, examples))
    return state._replace(score=score, params=with_round(params, made)), told


def _mean_loss(members: tuple[Loss, ...], score: Float[Array, "n K"], examples: Examples) -> Float[Array, ""]:
    loss, part = next(_parts(members, score))
    weight = examples.loss_weight()
    assert examples.target is not None
    return weighted_mean(jnp.where(weight > 0, loss.value(part, examples.target), 0), weight)


def _parts(members: tuple[Loss, ...], score: Float[Array, "n K"]) -> Iterator[tuple[Loss, Float[Array, "n k"]]]:
    """Each loss with its scores: those of an interval have one each."""
    k = score.shape[1] - (len(members) - 1)
    yield members[0], score[:, :k]
    for i, loss in enumerate(members[1:]):
        yield loss, score[:, k + i : k + i + 1]


def finish(spec: Spec, state: State) -> Params:
    """What has been grown."""
    return state.params


def cut(spec: Spec, state: State, updates: Int[Array, ""]) -> State:
    """The state without the trees of later rounds; its scores are no longer looked at."""
    return state._replace(params=until(state.params, updates))


def so_far(spec: Spec, state: State, examples: Examples) -> Prediction:
    """What the trees so far say of every row."""
    return _answer(spec, state.score)


def loss_of(spec: Spec, prediction: Prediction, examples: Examples) -> Float[Array, ""]:
    """The mean loss of rows of which this is said, weighted."""
    loss = Loss(spec.loss)
    return _mean_loss((loss,), loss.undo(prediction), examples)


def info(spec: Spec, state: State) -> Info:
    """What the loop came to."""
    params = state.params
    leaves = (params.trees.feature >= 0).sum(axis=1) + 1
    made = jnp.arange(leaves.shape[0]) < params.rounds * params.start.shape[0]
    mean = jnp.where(made, leaves, 0).sum() / jnp.maximum(made.sum(), 1)
    return Info(params.rounds, mean.astype(params.start.dtype), state.outside, state.rate)


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """Targets that the loss has no value for are refused."""
    if info.outside:
        loss = Loss(spec.loss)
        rows = "one row" if info.outside == 1 else f"{info.outside} rows"
        yield Problem("loss", f"expected {loss.domain()}, found {rows} with others")


# ---- what was learned ------------------------------------------------------------------------------------------------
def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The sum of the trees, as the loss reads it."""
    return _answer(spec, scores(params, inputs))


def _answer(spec: Spec, score: Float[Array, "n K"]) -> Prediction:
    (loss, part), *ends = _parts(losses(spec), score)
    answer = loss.answer(part)
    if not ends:
        return answer
    assert answer.mean is not None
    three = jnp.stack([answer.mean, ends[0][1][:, 0], ends[1][1][:, 0]], axis=1)
    return answer._replace(interval=jnp.stack([three.min(axis=1), three.max(axis=1)], axis=1))


def loss(spec: Spec, params: Params, examples: Examples) -> Float[Array, ""]:
    """The mean loss of rows, weighted."""
    return _mean_loss(losses(spec), scores(params, examples.inputs), examples)  # type: ignore[arg-type]


def trees(spec: Spec, params: Params) -> Trees:
    """The trees of the answer itself, without those of an interval; the first of each score has the start in it."""
    return for_reports(params, params.start.shape[0] - (len(losses(spec)) - 1))


@hookimpl
def mldsl_components() -> list[Component]:
    """Gradient boosting."""
    small = Spec(trees=5, leaves=4, min_samples_leaf=1e-3)
    return [
        Model(
            "gradient_boosting", Spec, init=init, update=update, finish=finish, steps=steps, predict=predict, loss=loss,
            so_far=so_far, loss_of=loss_of, cut=cut, resume=resume, info=info, remarks=remarks, prepare=prepare,
            prepare_reads=("bins",), prepare_as=prepare_as, bind=bind, check=check, compact=compact, trees=trees,
            row_state=("score", "across"), shards=1 << 20, costs=True, tasks=("classify", "regress"),
            accepts=("continuous", "integer", "binary", "ordinal", "categorical"), missing="accepts",
            roles=("weight",), example=small,
            exceptions={"dtype": "rows are counted in float32, exactly; what is learned has the type of the inputs"},
            snippet="model { gradient_boosting(trees = 200, learning_rate = 0.05) }",
            sources=("Friedman 2001, doi:10.1214/aos/1013203451",
                     "Friedman 2002, doi:10.1016/S0167-9473(01)00065-2",
                     "Chen & Guestrin 2016, doi:10.1145/2939672.2939785", "Ke et al. 2017, NeurIPS"),
            also_known_as=("LGBMClassifier", "LGBMRegressor", "XGBClassifier", "XGBRegressor", "lightgbm", "xgboost",
                           "HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "catboost", "gbm",
                           "CatBoostClassifier", "CatBoostRegressor", "GradientBoostingClassifier",
                           "GradientBoostingRegressor", "gbdt", "boosted_trees"),
        )
    ]  # fmt: skip
