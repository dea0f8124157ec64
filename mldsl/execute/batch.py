"""Many fits of one pipeline in one compiled program: folds times settings.

A fold is a weight vector and a setting is a Spec, so that folds and settings are axes of arrays. By default the fits of
a call are mapped, one after the other, over one program; an algorithm that declares `batches` gets its fits at once,
where its reductions contract all weight vectors against the inputs that they share. Transforms are fitted once a fold,
for all settings that do not change them. What cannot be one program (a loop that the engine owns, a host `prepare`, a
width that depends on the data) goes fit by fold and setting through the same compiled pieces.

Batched fits give predictions of the rows that their folds hold out, and no `Info`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import attrs
import jax
import numpy as np

from mldsl.contract import Prediction
from mldsl.data import Fold
from mldsl.execute.arrays import Rows
from mldsl.execute.buckets import bucket, pad
from mldsl.execute.fit import Prepared, Run, to_numpy
from mldsl.execute.programs import key_data
from mldsl.execute.scales import back
from mldsl.execute.ways import Way, bytes_of, chunk_size


@attrs.frozen(eq=False)
class Setting:
    """One setting made ready; `index` is its place among those asked for."""

    index: int
    prepared: Prepared


def alike(settings: Sequence[Setting]) -> list[list[Setting]]:
    """Settings that one program can fit together: what differs are numbers, not shapes or words."""
    groups: dict[Any, list[Setting]] = {}
    for setting in settings:
        prepared = setting.prepared
        structure = jax.tree.structure(prepared.specs)
        groups.setdefault((id(prepared.host), prepared.pipeline.static, structure), []).append(setting)
    return list(groups.values())


def chunk_of(prepared: Prepared, way: Way, settings: int, folds: int) -> int:
    """How many settings like this one a call fits."""
    rows, size = len(prepared.weight), 8 if prepared.x64 else 4
    return chunk_size(way, settings, bytes_of(way, rows, len(prepared.classes), size, folds))


def answers(
    run: Run, group: Sequence[Setting], way: Way, folds: Sequence[Fold], weights: np.ndarray, stage: str, chunk: int
) -> Iterator[tuple[list[Setting], Prediction, np.ndarray]]:
    """The settings of a group, a chunk at a time, with their answers and whether each fit is to be relied on.

    `weights` [folds, n] says how often each row counts in each fold's training. Answers have leaves
    [folds, settings, m, ...], of the rows that the fold holds out, in order, and then of as many others as make all
    folds equal. Sure is [folds, settings], false where an iterative fit says that it did not converge. The last chunk
    is filled up with its last setting, so that one program serves all.
    """
    first = group[0].prepared
    pipeline = attrs.evolve(first.pipeline, devices=1)
    keys = np.stack([key_data(run.plan.seed, f"model/{pipeline.name}/{stage}fold={f.repeat}.{f.index}") for f in folds])
    held = [np.flatnonzero(fold.held) for fold in folds]
    m = bucket(max(map(len, held)))
    rows, index = _used(first, way, weights, held)
    n = len(rows.matrix)
    dtype = np.float64 if first.x64 else np.float32
    weighed = np.stack([pad((first.weight * w).astype(dtype)[index], n) for w in weights])
    places = np.stack([pad(np.searchsorted(index, h).astype(np.int32), m) for h in held])
    fixed = all(_same(setting.prepared.specs[0], first.specs[0]) for setting in group)
    program = partial(pipeline.many, fixed=fixed, product=way.name == "product")
    for start in range(0, len(group), chunk):
        taken = list(group[start : start + chunk])
        specs = [setting.prepared.specs for setting in taken]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *specs, *[specs[-1]] * (chunk - len(taken)))
        given, sure = run.programs.call(
            "many", program, (pipeline.static, fixed, way.name), stacked, np.arange(chunk), keys, rows, weighed,
            places, pad(first.inner[: len(first.weight)][index], n), x64=first.x64,
        )  # fmt: skip
        count = len(taken)
        kept = Prediction(*(None if leaf is None else leaf[:, :count] for leaf in to_numpy(given)))
        yield taken, back(first.scale, kept), np.asarray(sure)[:, :count]


def _used(prepared: Prepared, way: Way, weights: np.ndarray, held: Sequence[np.ndarray]) -> tuple[Rows, np.ndarray]:
    """The rows that the fits look at, and their places among all.

    Fits side by side leave out rows that no fold counts (those of the test part). Where draws are made over rows all
    stay in their places, so that a fit draws what it would draw by itself.
    """
    n, rows = len(prepared.weight), prepared.rows
    steps: list[Any] = [step.component for step in prepared.pipeline.steps if step.component is not None]
    draws = way.name != "product" or any(step.resample is not None for step in steps)
    if draws or rows.sparse or rows.tensors:
        return rows, np.arange(n)
    there = np.asarray(weights.any(axis=0))
    there[np.concatenate(held)] = True
    index = np.flatnonzero(there)
    if bucket(len(index)) == len(rows.matrix):
        return rows, np.arange(n)
    return jax.tree.map(lambda leaf: pad(np.asarray(leaf)[index], bucket(len(index))), rows), index


def _same(left: Any, right: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True))
