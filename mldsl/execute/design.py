"""The design matrix of a formula, as the last step of a model's device half.

Levels are those of the training rows' dictionary. A level that it does not hold counts as the reference: its row has
the code 0. A missing number or level makes every product with it missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import jax.numpy as jnp
import numpy as np

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import DesignPlan
from mldsl.plan.design import Design, Variable, absent, design_of
from mldsl.plugin import NamedColumn

NOTHING, NUMBER = -1, -1


@attrs.frozen
class DesignMatrix:
    """How each column [d] of a design comes from the matrix before it: a product of k factors.

    `position` [k][d] is the column of each factor, NOTHING where a product has fewer; `level` [k][d] the code whose
    indicator it is, NUMBER for the column itself.
    """

    position: tuple[tuple[int, ...], ...]
    level: tuple[tuple[int, ...], ...]


def design_over(plan: DesignPlan, columns: Sequence[NamedColumn]) -> Design:
    """The design of a formula over the columns that its model has; MLP0105 for one that no step has made."""
    names = [c.name for c in columns]
    lacking = absent(plan.right, names)
    if lacking:
        made = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        note = f"the columns after the transforms are {made}"
        raise MldslError(
            *(Diagnostic("MLP0105", f"unknown column `{name}`", plan.span, notes=(note,)) for name in lacking)
        )
    return design_of(plan.right, [Variable(c.name, c.levels) for c in columns])


def compiled(design: Design, columns: Sequence[NamedColumn]) -> DesignMatrix:
    """The same by positions in the matrix of these columns."""
    place = {c.name: i for i, c in enumerate(columns)}
    coded = [
        [(place[name], NUMBER if level is None else level) for name, level in column.parts] for column in design.columns
    ]
    most = max(map(len, coded), default=0)
    padded = [(*parts, *((NOTHING, NUMBER),) * (most - len(parts))) for parts in coded]
    return DesignMatrix(
        tuple(tuple(parts[k][0] for parts in padded) for k in range(most)),
        tuple(tuple(parts[k][1] for parts in padded) for k in range(most)),
    )


def design_matrix(design: DesignMatrix, matrix: Any) -> Any:
    """The columns of the design [n, d] from the matrix [n, D] that its factors stand in. O(n d k)."""
    product = matrix[:, :0]
    for k, (where, levels) in enumerate(zip(design.position, design.level, strict=True)):
        position, level = np.asarray(where), np.asarray(levels)
        value = matrix[:, np.maximum(position, 0)]
        if (level != NUMBER).any():
            code = jnp.maximum(value, 0)  # an unknown level is the reference; NaN stays
            indicator = jnp.where(jnp.isnan(value), value, (code == level[None]).astype(value.dtype))
            value = jnp.where(level[None] == NUMBER, value, indicator)
        if (position == NOTHING).any():
            value = jnp.where(position[None] == NOTHING, 1, value)
        product = value if k == 0 else product * value
    return product
