"""Softmax regression by stochastic gradient descent over named tensors, one epoch an update.

Minimises the weighted mean cross-entropy of softmax(x W + b), where x is every tensor of a row laid flat, side by side
in the order of their names, divided by the largest absolute value that its tensor holds in training.

Shapes:  n rows, d numbers a row in all tensors together, k classes, m rows a batch. O(n d k) time per epoch.
Units:   none; the learning rate is per batch.
Errors:  none.
Sources: Robbins & Monro 1951, doi:10.1214/aoms/1177729586.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Prediction, Shape, tiny, weighted_mean
from mldsl.plugin import Component, Model, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of softmax regression by epochs."""

    epochs: int = param(5, ge=1, unit="epochs", doc="How often every row is seen.")
    batch_size: int = param(32, ge=1, unit="rows", doc="Rows of one gradient step, m.")
    learning_rate: float = param(0.5, gt=0, traced=True, doc="Length of a step.", search="log(0.01..1)")


class Params(NamedTuple):
    """What predict needs."""

    scale: dict[str, Float[Array, ""]]
    weights: Float[Array, "d k"]
    bias: Float[Array, " k"]


class State(NamedTuple):
    """What the loop carries."""

    params: Params
    key: Key[Array, ""]


class Info(NamedTuple):
    """What an update reports."""

    loss: Float[Array, ""]


def _flat(inputs: Mapping[str, Array], scale: Mapping[str, Array]) -> Float[Array, "n d"]:
    return jnp.concatenate([inputs[name].reshape(len(inputs[name]), -1) / scale[name] for name in sorted(inputs)], 1)


def _width(shape: Shape) -> dict[str, int]:
    widths = {name: 1 for name, _ in shape.tensors}
    for name, size in shape.tensors:
        for length in size:
            widths[name] *= length
    return widths | ({"table": shape.d} if shape.columns else {})


def init(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> State:
    """Weights of zero: the problem is convex, so nothing is gained by noise."""
    widths = _width(shape)
    params = Params(
        {name: jnp.zeros(()) for name in widths},
        jnp.zeros((sum(widths.values()), shape.classes)),
        jnp.zeros(shape.classes),
    )
    return State(params, key)


def _loss(params: Params, x: Array, target: Array, weight: Array) -> Array:
    logits = jnp.matmul(x, params.weights, precision="highest") + params.bias[None, :]
    wrong = -jnp.take_along_axis(jax.nn.log_softmax(logits, axis=1), target[:, None], axis=1)[:, 0]
    return weighted_mean(wrong, weight)


def update(spec: Spec, state: State, batch: Examples) -> tuple[State, Info]:
    """One epoch: the rows in a new order, a gradient step for every `batch_size` of them."""
    weight = batch.weight
    here = {name: jnp.where(_rows(weight, value), value, 0) for name, value in batch.inputs.items()}
    if batch.active is not None and "table" in here:
        here["table"] = jnp.where(batch.active[None, :], here["table"], 0)
    largest = {name: jnp.maximum(jnp.abs(value).max(), tiny(value)) for name, value in here.items()}
    # The scale is fixed by the first rows seen; later epochs must not move the inputs under the weights.
    scale = {name: jnp.where(state.params.scale[name] > 0, state.params.scale[name], largest[name]) for name in largest}
    x = _flat(here, scale)
    key, shuffle = jax.random.split(state.key)
    # Rows of weight 0 go last, so that steps hold real rows however far the table is padded.
    order = jnp.argsort(jnp.where(weight > 0, jax.random.uniform(shuffle, weight.shape), 2))
    steps = -(-len(weight) // spec.batch_size)
    order = jnp.pad(order, (0, steps * spec.batch_size - len(weight)), constant_values=-1).reshape(steps, -1)

    def step(params: Params, rows: Array) -> tuple[Params, Array]:
        w = jnp.where(rows >= 0, batch.loss_weight()[rows], 0)
        loss, slope = jax.value_and_grad(_loss)(params, x[rows], batch.target[rows], w)
        return Params(
            params.scale,
            params.weights - spec.learning_rate * slope.weights,
            params.bias - spec.learning_rate * slope.bias,
        ), jnp.stack([loss * w.sum(), w.sum()])

    params, sums = jax.lax.scan(step, Params(scale, state.params.weights, state.params.bias), order)
    wrong, mass = sums.sum(axis=0)
    return State(params, key), Info(wrong / jnp.maximum(mass, tiny(mass)))


def _rows(weight: Array, value: Array) -> Array:
    return (weight > 0).reshape(-1, *[1] * (value.ndim - 1))


def finish(spec: Spec, state: State) -> Params:
    """The weights of the last epoch."""
    return state.params


def steps(spec: Spec) -> int:
    """As many updates as epochs."""
    return spec.epochs


def loss(spec: Spec, params: Params, examples: Examples) -> Float[Array, ""]:
    """The weighted mean cross-entropy."""
    return _loss(params, _flat(examples.inputs, params.scale), examples.target, examples.loss_weight())


def predict(spec: Spec, params: Params, inputs: Mapping[str, Array]) -> Prediction:
    """Probabilities of the classes."""
    logits = jnp.matmul(_flat(inputs, params.scale), params.weights, precision="highest") + params.bias[None, :]
    return Prediction(probability=jax.nn.softmax(logits, axis=1))


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "softmax_epochs",
            Spec,
            init=init,
            update=update,
            finish=finish,
            steps=steps,
            loss=loss,
            predict=predict,
            tasks={"classify"},
            costs=True,
            accepts=("continuous", "integer", "binary", "ordinal", "image", "sequence", "vector"),
            sources=["Robbins & Monro 1951, doi:10.1214/aoms/1177729586"],
        )
    ]
