"""What models made of others share: fitting members in place, what these say as columns, and what cannot be a member.

A member is a model with its settings. Members that are written in place, `[cart, ridge(l2 = 2)]`, all learn from the
inputs of the ensemble. The engine fits each member of a run as a pipeline of its own; the functions here that fit are
for an ensemble inside of another component, such as `bagging(voting([...]))`.

Shapes: n rows, k classes (0: a number), m members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract import Examples, Inputs, Prediction, Shape, fit_whole, remarks_of
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plugin import Problem
from mldsl.plugin.spec import Configured

EVERY = ("continuous", "integer", "binary", "ordinal", "categorical")  # at most: members may take fewer


def fit_members(
    models: Sequence[Any], key: Array, shape: Shape, examples: Examples
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Params and Info of each member, fitted on the same rows; each draws from a key of its own."""
    for model in models:
        inside(model)
    made = [fit_whole(model, jax.random.fold_in(key, i), shape, examples) for i, model in enumerate(models)]
    return tuple(params for params, _ in made), tuple(info for _, info in made)


def inside(model: Any) -> None:
    """MLP0312 for what only the engine can fit, where an ensemble is inside of another component."""
    if not isinstance(model, Configured):
        why = f"`{model}` is a model of the file"
    elif model.component.prepares_for(model.spec):  # type: ignore[attr-defined]
        why = f"`{model.component.name}` prepares its inputs before the fit"
    else:
        return
    raise MldslError(
        Diagnostic(
            "MLP0312", f"{why}, so it cannot be a member of a model that is inside of another component",
            help="use the vote, or the stack, as a model of the file",
        )
    )  # fmt: skip


def answers(models: Sequence[Configured], params: Sequence[Any], inputs: Inputs) -> tuple[Prediction, ...]:
    """What each member says of rows."""
    return tuple(m.component.predict(m.spec, learned, inputs) for m, learned in zip(models, params, strict=True))


def folds(key: Array, weight: Float[Array, " n"], target: Array | None, classes: int, count: int) -> Int[Array, " n"]:
    """Which of `count` folds holds each row out: rows are dealt out in a random order, class by class.

    Folds differ by one row at most, and so do the rows of a class in them. Rows of weight 0 are dealt out last.
    """
    n = weight.shape[0]
    drawn = jax.random.uniform(key, (n,))
    stratum = jnp.zeros(n, jnp.int32) if target is None or not classes else target.astype(jnp.int32)
    order = jnp.lexsort((drawn, stratum, weight <= 0))
    return jnp.zeros(n, jnp.int32).at[order].set(jnp.arange(n, dtype=jnp.int32) % count)


def too_few(models: Sequence[Any]) -> Iterator[Problem]:
    """Refuse none and one."""
    if len(models) < 2:
        found = "found one, which is best written by itself" if models else "found none"
        yield Problem("models", f"expected two models or more, {found}")


def remarks(models: Sequence[Configured], infos: Sequence[Any], shape: Shape) -> Iterator[Problem | str]:
    """What members say of the rows that they were fitted on."""
    for model, info in zip(models, infos, strict=True):
        yield from remarks_of("models", model, [info], shape)


def cheap(task: str) -> tuple[Configured, Configured]:
    """Two members that compile quickly, for those who know no file."""
    from mldsl_plugins.baseline.constant import mldsl_components as constant
    from mldsl_plugins.bayes.gaussian_naive_bayes import mldsl_components as bayes
    from mldsl_plugins.neighbors.k_nearest_neighbors import mldsl_components as neighbors

    (near,), (other,) = neighbors(), bayes() if task == "classify" else constant()
    return Configured(other, other.Spec()), Configured(near, near.Spec(k=3))
