"""Bagging: the mean of many fits of one model, each to a bootstrap sample of the rows.

Member m is the base fitted to a sample of `row_sample` of the rows, drawn with replacement, and of `column_sample` of
the columns, drawn without. The answer is the mean of the members' answers:

    f(x) = 1/M sum_m f_m(x)

of probabilities for classes, of numbers for a number, and of margins where the base gives no probabilities (support
vectors): then the bagged model has margins, too. A class that a sample lacks gets what the base gives to a class
without rows.

Each row is left out of about 37 % of the samples. The mean of the members that have not seen it is its out-of-bag
prediction, and the accuracy or R2 of these, `out_of_bag_score`, estimates that on new rows without holding any back. It
is NaN where no row was left out, as without replacement and with all rows.

A sample is how often each row counts, so all members learn from one set of rows in one program. A row of weight w is
drawn as w rows; it is left out where none of them was drawn. Members go one after the other, or side by side where the
base declares that fits side by side gain.

Shapes:  n rows, d columns, M members. M times the time of the base and of one answer for all rows.
Units:   those of the base; samples are shares of the rows and columns.
Errors:  a base that cannot do the task, that has a formula of its own, or that refuses the inputs. Drawn by the key.
Sources: Breiman 1996, doi:10.1007/BF00058655; out of bag: Breiman 1996, Out-of-bag estimation, UC Berkeley; columns:
         Ho 1998, doi:10.1109/34.709601.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Prediction, Shape, Trees, tiny, weighted_mean, weighted_sum
from mldsl.plugin import Component, Model, Problem, Share, hookimpl, param
from mldsl.plugin.spec import Configured
from mldsl_plugins.bayes import gaussian_naive_bayes
from mldsl_plugins.ensembles import _members as members
from mldsl_plugins.ensembles._draws import draw_columns, draw_rows
from mldsl_plugins.linear import ridge

MEMORY = 256 << 20  # bytes that fits side by side may take, in numbers by row


@attrs.frozen
class Spec:
    """Hyperparameters of bagging."""

    base: Any = param(
        kind="model", also_known_as=("estimator", "base_estimator", "learner"),
        doc="The model that every member is, such as `cart` or `logistic_regression(l2 = 1)`.",
    )  # fmt: skip
    members: int = param(
        10, ge=1, search="[10, 30, 100]", also_known_as=("n_estimators", "nbagg", "times", "estimators"),
        doc="How many fits are averaged.",
    )  # fmt: skip
    row_sample: Share = param(
        1.0, gt=0, le=1, traced=True, search="0.3..1", also_known_as=("max_samples", "sample_fraction", "subsample"),
        doc="How large each sample is, as a share of the rows.",
    )  # fmt: skip
    column_sample: Share = param(
        1.0, gt=0, le=1, search="[0.3, 0.5, 0.7, 1]", also_known_as=("max_features", "feature_fraction"),
        doc="Which share of the columns each member has.",
    )  # fmt: skip
    replace: bool = param(
        True, also_known_as=("bootstrap",),
        doc="Whether a row may be drawn several times; where it may not, `row_sample` is to be below 1.",
    )  # fmt: skip


class Params(NamedTuple):
    """The parameters of all members, one entry of the first axis each."""

    members: Any


class Info(NamedTuple):
    """What the rows that members have not seen say of them.

    `out_of_bag` is the mean answer of the members whose sample left the row out, NaN for rows that all have
    seen; `out_of_bag_score` its accuracy (R2 for numbers) over `out_of_bag_share` of the rows. `first` is what the
    base reports of the first member, where it has something to say of its fits.
    """

    out_of_bag: Float[Array, " n *k"]
    out_of_bag_score: Float[Array, ""]
    out_of_bag_share: Float[Array, ""]
    first: Any


def sample(spec: Spec, key: Key[Array, ""], examples: Examples) -> Float[Array, " n"]:
    """How often each row counts for the member of this key."""
    return draw_rows(jax.random.fold_in(key, 0), examples.weight, spec.row_sample, spec.replace)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Fit all members, and ask each about the rows that it has not seen."""
    keys = jax.random.split(key, spec.members)
    weight, active = examples.weight, examples.active
    active = jnp.ones(shape.d, bool) if active is None else active

    def learn(key: Array, drawn: Array) -> tuple[Any, Any]:
        there = active
        if spec.column_sample < 1:
            there = draw_columns(jax.random.fold_in(key, 1), active, spec.column_sample)
        seen = examples._replace(weight=drawn, active=there)
        return members.learn(spec.base, jax.random.fold_in(key, 2), shape, seen)

    beside = _side_by_side(spec, shape, weight.nbytes)
    if beside == 1:
        learned, infos = jax.lax.map(lambda key: learn(key, sample(spec, key, examples)), keys)
    else:
        drawn = jax.lax.map(lambda key: sample(spec, key, examples), keys)
        learned, infos = jax.lax.map(lambda given: learn(*given), (keys, drawn), batch_size=beside)

    def ask(so_far: tuple[Array, Array], member: tuple[Any, Array]) -> tuple[tuple[Array, Array], None]:
        params, key = member
        out = ((sample(spec, key, examples) == 0) & (weight > 0)).astype(weight.dtype)
        answer = members.say(spec.base, params, examples.inputs, examples.offset)
        return (so_far[0] + jnp.where(_tall(out, answer) > 0, answer, 0), so_far[1] + out), None

    empty = jnp.zeros((len(weight), shape.classes) if shape.classes else (len(weight),), weight.dtype)
    (total, count), _ = jax.lax.scan(ask, (empty, jnp.zeros_like(weight)), (learned, keys))
    some = _tall(count, total)
    mean = jnp.where(some > 0, total / jnp.maximum(some, 1), jnp.nan)
    score, share = _out_of_bag(mean, count, shape, examples)
    return Params(learned), Info(mean, score, share, members.first(infos))


def _tall(value: Float[Array, " n"], like: Array) -> Array:
    return value.reshape(-1, *[1] * (like.ndim - 1))


def _side_by_side(spec: Spec, shape: Shape, size: int) -> int:
    """How many members go at once: a divisor of their number, so that one program does them all.

    `size` is that of a number by row, in bytes. Columns of their own would give each member inputs of its own.
    """
    model: Any = spec.base.component
    gains = model.batches(spec.base.spec, shape.d) if callable(model.batches) else model.batches
    if not gains or spec.column_sample < 1 or shape.wide:
        return 1
    most = MEMORY // (size * (2 * max(shape.classes, 1) + 2))
    return max(m for m in range(1, spec.members + 1) if spec.members % m == 0 and m <= max(most, 1))


def _out_of_bag(mean: Array, count: Array, shape: Shape, examples: Examples) -> tuple[Array, Array]:
    """Accuracy, or R2, of the rows that some member has not seen; and their share."""
    known = examples.weight * (count > 0)
    target = examples.target
    assert target is not None
    mass = weighted_sum(jnp.ones_like(known), known)
    share = mass / jnp.maximum(weighted_sum(jnp.ones_like(known), examples.weight), tiny(mass))
    if shape.classes:
        right = jnp.argmax(jnp.where(jnp.isnan(mean), 0, mean), axis=1) == target
        score = weighted_mean(right.astype(known.dtype), known)
    else:
        off = jnp.where(known > 0, target - jnp.where(known > 0, mean, 0), 0)
        around = jnp.where(known > 0, target - weighted_mean(jnp.where(known > 0, target, 0), known), 0)
        spread = weighted_sum(around**2, known)
        score = jnp.where(spread > 0, 1 - weighted_sum(off**2, known) / jnp.where(spread > 0, spread, 1), jnp.nan)
    return jnp.where(mass > 0, score, jnp.nan), share


def predict(spec: Spec, params: Params, inputs: Any) -> Prediction:
    """The mean of what the members say."""

    def one(member: Any) -> Array:
        return members.say(spec.base, member, inputs)

    first = jax.eval_shape(one, jax.tree.map(lambda leaf: leaf[0], params.members))
    start = jnp.zeros(first.shape, first.dtype)
    total, _ = jax.lax.scan(
        lambda so_far, member: (so_far + one(member), None), start, params.members, length=spec.members
    )
    mean = total / spec.members
    if mean.ndim == 1:
        return Prediction(mean=mean)
    margins = spec.base.component.margins
    return Prediction(score=mean) if margins else Prediction(probability=mean)


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """What the base cannot do."""
    if spec.column_sample < 1 and "active" in spec.base.component.exceptions:
        reason = spec.base.component.exceptions["active"]
        yield Problem(
            "column_sample", f"expected 1 for `{spec.base.component.name}`, found {spec.column_sample:g}: {reason}"
        )
    yield from members.check(spec.base, shape)


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """What the base says of its fits; samples that leave nothing out."""
    yield from members.remarks(spec.base, info.first, shape, sentences=not spec.column_sample < 1)
    if info.out_of_bag_share == 0 and not spec.replace and spec.row_sample >= 1:
        yield "without replacement and with all rows every member sees the same rows; set `row_sample` below 1"


def prepare(spec: Spec, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray) -> tuple[Any, Any]:
    """The inputs of the base, once for all members."""
    return members.prepare(spec.base, shape, columns, weight)


def trees(spec: Spec, params: Params) -> Trees | None:
    """The trees of all members."""
    return members.trees(spec.base, params.members)


def compact(spec: Spec, params: Params) -> Params:
    """Without what no member needs."""
    return params._replace(members=members.compact(spec.base, params.members))


@hookimpl
def mldsl_components() -> list[Component]:
    """Bagging."""
    classes, numbers = (Configured(m.mldsl_components()[0], m.Spec()) for m in (gaussian_naive_bayes, ridge))
    return [
        Model(
            "bagging", Spec, fit=fit, predict=predict, check=check, remarks=remarks, prepare=prepare,
            prepares=members.prepares, prepare_reads=("base",), trees=trees, compact=compact, follows=("base",),
            tasks=("classify", "regress"),
            accepts=members.ACCEPTS, roles=members.ROLES, missing="accepts", sparse=True, costs=True,
            example=Spec(classes, members=3), examples={"regress": Spec(numbers, members=3)},
            exceptions={
                "row_order": "samples are drawn by the places of rows, so another order draws others",
                "costs": "a row of twice the weight is drawn more often; one of twice the cost counts more when it is",
            },
            snippet="model { bagging(cart, members = 20) }",
            sources=("Breiman 1996, doi:10.1007/BF00058655", "Ho 1998, doi:10.1109/34.709601"),
            also_known_as=("BaggingClassifier", "BaggingRegressor", "bag", "bootstrap_aggregating", "bag_tree"),
        )
    ]  # fmt: skip
