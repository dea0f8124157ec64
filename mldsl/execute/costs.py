"""Class weights: what a row's loss is multiplied by because of its class.

`class_weights` is an argument that the language gives to every classifier whose loss honours `Examples.cost`; no
algorithm sees it. Weights that the file writes are leaves of the program's arguments, so that another number compiles
nothing. `balanced` is computed inside the program, from the rows of that fit alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import jax.numpy as jnp
import numpy as np

from mldsl.contract import Examples, segment_reduce, tiny
from mldsl.plan import ComponentValue
from mldsl.plan.values import full_text

if TYPE_CHECKING:
    from mldsl.execute.fit import Prepared
    from mldsl.execute.steps import DeviceStep


class Balanced(NamedTuple):
    """`class_weights = balanced`: every class has the same share of the loss."""


def class_weights_of(value: ComponentValue, component: Any, classes: tuple[str, ...], dtype: Any) -> Any:
    """What the file says of an algorithm: None, `Balanced()`, or the weight of each class, Float[classes].

    A class that is left out has weight 1. A component with a parameter of that name serves it itself: None.
    """
    given = dict(value.args).get("class_weights")
    served = component.costs and "class_weights" not in attrs.fields_dict(component.Spec) and bool(classes)
    if given in (None, "none") or not served:
        return None
    if given == "balanced":
        return Balanced()
    written = dict(given)
    return np.asarray([written.get(level, 1.0) for level in classes], dtype)


def by_class(weights: Any, examples: Examples, classes: int) -> Any:
    """The weight of each class in the fit of these rows, Float[classes]; None without class weights.

    Balanced: sum_i w_i / (k w_c), over the k classes that have rows; w_c is the weight of the rows of class c.
    """
    if not isinstance(weights, Balanced):
        return weights
    assert examples.target is not None
    mass = segment_reduce(jnp.ones_like(examples.weight), examples.target, classes, weight=examples.weight)
    there = mass > 0
    even = mass.sum() / jnp.maximum(there.sum(), 1).astype(mass.dtype)
    return jnp.where(there, even / jnp.maximum(mass, tiny(mass)), 1)


def with_costs(examples: Examples, of_class: Any) -> Examples:
    """The examples, their costs times the weight of their class."""
    if of_class is None:
        return examples
    assert examples.target is not None
    cost = jnp.asarray(of_class, examples.weight.dtype)[examples.target]
    return examples._replace(cost=cost if examples.cost is None else examples.cost * cost)


def called(step: DeviceStep) -> str:
    """A step as the file has it; with its values where the file has `$params`."""
    return full_text(step.value) if "$" in step.text and step.value is not None else step.text


def balance_of(prepared: Prepared, steps_info: tuple[Any, ...], train: np.ndarray) -> dict[str, Any]:
    """What evened the classes out in one fit, for the record; empty where nothing did.

    `resampled`: each step with the weight of every class before and after; `class_weights`: what the loss of each
    class was multiplied by. `train` [n] is how often each row counted.
    """
    pipeline, classes = prepared.pipeline, prepared.classes

    def named(values: Any) -> dict[str, float]:
        return {level: float(value) for level, value in zip(classes, np.asarray(values), strict=True)}

    resampled = [
        {"step": called(step), **{when: named(mass) for when, mass in info.items()}}
        for step, info in zip(pipeline.steps, steps_info, strict=True)
        if step.component is not None and getattr(step.component, "resample", None) is not None and info is not None
    ]
    found: dict[str, Any] = {"resampled": resampled} if resampled else {}
    weights = prepared.specs[2]
    if weights is None:
        return found
    if isinstance(weights, Balanced):
        codes = np.asarray(prepared.rows.target)[: len(train)]
        mass = (
            np.asarray(list(resampled[-1]["after"].values()))  # type: ignore[attr-defined]
            if resampled
            else np.bincount(codes[train > 0], train[train > 0], len(classes))
        )
        weights = np.where(mass > 0, mass.sum() / (mass > 0).sum() / np.where(mass > 0, mass, 1), 1.0)
    return found | {"class_weights": named(weights)}
