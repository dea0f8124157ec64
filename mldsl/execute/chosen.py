"""Which columns the steps that choose among them kept in one fit, for the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mldsl.execute.costs import called

if TYPE_CHECKING:
    from mldsl.execute.fit import Prepared


LISTED = 200  # names of columns that the record keeps of each list


def chosen_of(prepared: Prepared, steps: Sequence[Any]) -> dict[str, Any]:
    """`chosen`: each such step with the columns that it kept and those that it left out; empty without such steps.

    `steps` are the Params of the fit. A column that an earlier step has left out is in neither list. `stay` and `leave`
    count; of the lists the record keeps the first names.
    """
    found = []
    gone: set[str] = set()
    for step, params in zip(prepared.pipeline.steps, steps, strict=True):
        if step.component is None or not getattr(step.component, "chooses", False):
            continue
        active = np.asarray(params.active)
        names: Sequence[str] = step.names_in
        if step.blocks:  # dense columns and blocks are one block from here on, which a later step may make into others
            names = prepared.pipeline.blocks.get(step.blocks[0], ())
        if len(names) != len(active):
            continue
        there = [(name, bool(stays)) for name, stays in zip(names, active, strict=True) if name not in gone]
        kept, left = [name for name, stays in there if stays], [name for name, stays in there if not stays]
        gone |= set(left)
        lists = {"kept": kept[:LISTED], "left_out": left[:LISTED]}
        found.append({"step": called(step), "stay": len(kept), "leave": len(left), **lists})
    return {"chosen": found} if found else {}
