"""The matrix a model was fitted to, for reports that compute with it; what to say where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mldsl.contract.views import ModelView, PartView
from mldsl.plugin import Problem

_TENSORS = ("image", "sequence", "vector", "text")


def refused(plan: Any) -> Iterator[Problem]:
    """A problem where no model of the plan has a matrix of columns that can be looked at one by one."""
    kinds = {c.type for model in plan.models for c in model.columns}
    if plan.models and all(any(c.type in _TENSORS for c in model.columns) for model in plan.models):
        found = ", ".join(sorted(kinds & set(_TENSORS)))
        yield Problem("model", f"expected a model of numbers in columns, found columns of {found}")


def matrix_of(model: ModelView, part: PartView | None = None) -> np.ndarray | None:
    """Float64[n, d] of the part (the training rows unless another is given), None where it is sparse or of tensors."""
    inputs: Any = (model.train if part is None else part).inputs
    if not isinstance(inputs, np.ndarray) or inputs.ndim != 2 or inputs.shape[1] != len(model.features):
        return None
    return inputs.astype(float)


def without_matrix(model: ModelView) -> str:
    """Why there is nothing to compute with."""
    return (
        f"{model.name} has no matrix of numbers in columns (its inputs are sparse, or texts, images or sequences), so "
        "this report has nothing to say of it."
    )


def has_intercept(model: ModelView) -> bool:
    """Whether the model has one; a formula can leave it out."""
    return bool(model.shape.intercept)


def terms_of(model: ModelView) -> dict[str, tuple[int, ...]]:
    """Term -> its columns of the matrix: those of a formula, else every column by itself."""
    if model.design is None:
        return {name: (j,) for j, name in enumerate(model.features)}
    return {name: places for name, places in model.design.positions().items() if places}
