"""McFadden's R2: how much of the log loss without inputs is explained by the probabilities.

    R2 = 1 - L / L0,   L = sum_i w_i log p_i(t_i),   L0 = sum_i w_i log s(t_i)

with s(c) the share of class c among the rows that are scored: the best that a model without inputs could know of them.

Range:   up to 1, higher is better; 0 is a model that knows the shares only, below 0 it knows less. 0.2 to 0.4 is an
         excellent fit of a choice model (McFadden 1979). On training rows, for `logistic_regression(l2 = 0)`, it is
         the figure that statistics programs print.
Edges:   the shares are those of the scored rows, not of the training rows, so that the value depends on these rows
         alone, as R2 of numbers does. Probabilities are raised as in `log_loss`. One class only: nothing is to be
         explained, and the value is 1 if all probabilities are 1, else 0. No rows give NaN.
Source:  McFadden 1974, Conditional logit analysis of qualitative choice behavior, in Frontiers in Econometrics.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._classes import of_target
from mldsl_plugins.metrics._errors import explained
from mldsl_plugins.metrics._rows import namespace, prepared, present, total


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """-log p of each row's own class [n], and the rows of each class [classes, n]."""
    xp = namespace(view)
    least = xp.finfo(view.probability.dtype).eps
    missing = -xp.log(xp.clip(present(view, of_target(view, view.probability), absent=1), least, 1))
    here = xp.arange(view.classes)[:, None] == xp.asarray(view.target)[None, :]
    return missing, (here & (view.weight > 0)[None, :]).astype(view.weight.dtype)


def metric(spec: NoSpec, view: MetricView) -> Any:
    """1 - L / L0."""
    missing, here = prepared(prepare, spec, view)
    mass = total(view.weight, jnp.asarray(here))
    share = mass / jnp.maximum(mass.sum(), jnp.finfo(mass.dtype).tiny)
    unexplained = -jnp.where(mass > 0, mass * jnp.log(jnp.where(mass > 0, share, 1)), 0).sum()
    # One class leaves nothing but rounding.
    unexplained = jnp.where((mass > 0).sum() > 1, unexplained, 0)
    return explained(view.weight, total(view.weight, jnp.asarray(missing)), unexplained)


@hookimpl
def mldsl_components() -> list[Component]:
    """McFadden's R2."""
    return [
        Metric(
            "mcfadden_r2", metric=metric, prepare=prepare, tasks={"classify"}, better="higher",
            needs=("probabilities",), highest=1.0, also_known_as=("pseudo_r2", "mcfadden", "likelihood_ratio_index"),
            sources=("McFadden 1974, Conditional logit analysis of qualitative choice behavior",),
            snippet="metrics { mcfadden_r2 >= 0.1 }",
        )
    ]  # fmt: skip
