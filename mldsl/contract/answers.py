"""What several models say of the same rows, side by side: what a model that stacks them learns from.

A number is a column, and so is the probability of each class; of two classes the second has one, since they add up to
1. Margins stand where a model gives no probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract.examples import Prediction


def side_by_side(said: Sequence[Prediction]) -> Float[Array, "n w"]:
    """The answers of all models as columns, in order."""
    parts = []
    for answer in said:
        if answer.mean is not None:
            parts.append(answer.mean[:, None])
            continue
        by_class: Any = answer.score if answer.probability is None else answer.probability
        parts.append(by_class[:, 1:] if by_class.shape[1] == 2 else by_class)
    kind = jnp.result_type(*parts)
    return jnp.concatenate([part.astype(kind) for part in parts], axis=1)


def names_side_by_side(models: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """What these columns are called: after the model, and after the class that they speak of."""
    shown = classes[1:] if len(classes) == 2 else classes
    return tuple(f"{model}_{level}" for model in models for level in shown) if classes else tuple(models)
