"""Which columns the steps that choose among them kept in one fit, for the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mldsl.execute.costs import called

if TYPE_CHECKING:
    from mldsl.execute.fit import Prepared


def chosen_of(prepared: Prepared, steps: Sequence[Any]) -> dict[str, Any]:
    """`chosen`: each such step with the columns that it kept and those that it left out; empty without such steps.

    `steps` are the Params of the fit. A column that an earlier step has left out is in neither list.
    """
    found = []
    gone: set[str] = set()
    for step, params in zip(prepared.pipeline.steps, steps, strict=True):
        if step.component is None or not getattr(step.component, "chooses", False):
            continue
        active = np.asarray(params.active)
        there = [(name, bool(stays)) for name, stays in zip(step.names_in, active, strict=True) if name not in gone]
        kept, left = [name for name, stays in there if stays], [name for name, stays in there if not stays]
        gone |= set(left)
        found.append({"step": called(step), "kept": kept, "left_out": left})
    return {"chosen": found} if found else {}
