"""Sparse blocks on their way through the device half: which steps work on them, and what becomes of them.

A block is a sparse matrix that a host step or half made of one column; its columns may be a million, so they have no
places in the dense matrix. A step that makes blocks gets each by itself; one that only works on sparse columns gets all
that it names as one matrix, with its dense columns. At the end the model gets dense columns and blocks as one matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, overload

import attrs
import jax.numpy as jnp
import numpy as np

from mldsl.contract import HostSparse, Sparse
from mldsl.execute.arrays import join_sparse
from mldsl.execute.blame import blamed
from mldsl.execute.steps import Blocks, DeviceStep, outputs_of
from mldsl.plan import StepPlan
from mldsl.plan.blocks import blocks_of
from mldsl.plugin import NamedColumn


class Block(NamedTuple):
    """A sparse matrix, and which of its columns exist in this fold."""

    matrix: Sparse
    active: Any


# ---- what is known before anything is compiled -----------------------------------------------------------------------


@attrs.frozen(eq=False)
class Chained(Sequence[str]):
    """Names one sequence after the other, without a list of them all."""

    parts: tuple[Sequence[str], ...]

    def __len__(self) -> int:
        """How many names."""
        return sum(len(part) for part in self.parts)

    def __iter__(self) -> Iterator[str]:
        """All names in order."""
        for part in self.parts:
            yield from part

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: Any) -> Any:
        """The name at a place."""
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        place = range(len(self))[index]
        for part in self.parts:
            if place < len(part):
                return part[place]
            place -= len(part)
        raise IndexError(index)


@attrs.frozen(eq=False)
class _Columns(Sequence[NamedColumn]):
    """The columns of a block, each made when it is asked for."""

    names: Sequence[str]

    def __len__(self) -> int:
        """How many columns."""
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> NamedColumn: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NamedColumn]: ...
    def __getitem__(self, index: Any) -> Any:
        """The column at a place."""
        found = self.names[index]
        return NamedColumn(found, "continuous") if isinstance(found, str) else _Columns(found)


def with_blocks(
    made: DeviceStep, step: StepPlan, blocks: Blocks, classes: tuple[str, ...] = ()
) -> tuple[DeviceStep, Blocks]:
    """A step with the blocks that it works on, and the blocks after it; `classes` are the levels of the target."""
    component: Any = made.component
    if component is None or component.resample is not None:
        return attrs.evolve(made, order=tuple(blocks)), blocks
    if component.host_apply is not None:
        own = tuple(name for name in blocks_of(step).values() if name in blocks)
        wide = min((len(blocks[name]) for name in own), default=0)
        return attrs.evolve(made, blocks=own, each=True, names_in=own, order=tuple(blocks), wide=wide), blocks
    here = {state.name for state in step.before}
    present = {name: names for name, names in blocks.items() if f"{name}_*" in here}
    if component.selects:
        return _selecting(made, step, present, blocks)
    taken = tuple(name for name in present if f"{name}_*" in step.on)
    if not taken:
        return attrs.evolve(made, order=tuple(blocks)), blocks
    return _together(made, step, taken, blocks, classes)


def _selecting(made: DeviceStep, step: StepPlan, present: Blocks, blocks: Blocks) -> tuple[DeviceStep, Blocks]:
    """`drop` or `keep`: whole blocks go or stay; single columns of a block that stays are 0 if they go."""
    component: Any = made.component
    keeps = component.selects == "keep"
    after, inner = dict(blocks), []
    for name, names in present.items():
        if f"{name}_*" in step.on:
            if not keeps:
                del after[name]
            continue
        places = _places(step.on, name, names)
        if places:
            inner.append((name, places))
        elif keeps:
            del after[name]
    return attrs.evolve(made, inner=tuple(inner), stay=keeps, order=tuple(after)), after


def _places(on: Sequence[str], block: str, names: Sequence[str]) -> tuple[int, ...]:
    """The columns of a block that names and globs stand for."""
    wanted = {name for name in on if name.startswith(f"{block}_") or any(sign in name for sign in "*?[")}
    if not wanted:
        return ()
    globs = [name for name in wanted if any(sign in name for sign in "*?[")]
    return tuple(i for i, n in enumerate(names) if n in wanted or any(fnmatchcase(n, glob) for glob in globs))


def _together(
    made: DeviceStep, step: StepPlan, taken: tuple[str, ...], blocks: Blocks, classes: tuple[str, ...]
) -> tuple[DeviceStep, Blocks]:
    """A step that works on blocks and its dense columns as one matrix: a block comes out, or dense columns."""
    component: Any = made.component
    dense = all(output.sparse == "no" for output in component.outputs)
    after = {}
    for name, names in blocks.items():
        if name == taken[0] and not dense:
            parts = tuple(blocks[one] for one in taken)
            after[name] = Chained((made.names_in, *parts)) if made.names_in or len(parts) > 1 else names
        elif name not in taken:
            after[name] = names
    leave = tuple(i for i in range(len(made.before)) if i not in set(made.take))
    kept = tuple(made.before[i] for i in leave)
    new: Sequence[NamedColumn] = ()
    if dense:
        names = Chained((made.names_in, *(blocks[one] for one in taken)))
        with blamed(step.component, "names"):
            new = outputs_of(component, made.spec, _Columns(names), classes)
    wide = sum(len(blocks[one]) for one in taken)
    made = attrs.evolve(made, leave=leave, place=len(leave), after=(*kept, *new), wide=wide)
    return attrs.evolve(made, blocks=taken, order=tuple(after)), after


# ---- inside of programs ----------------------------------------------------------------------------------------------


def joined(matrix: Any, active: Any, blocks: Sequence[Block]) -> Block:
    """Dense columns and blocks side by side as one block."""
    return Block(
        join_sparse(matrix, [block.matrix for block in blocks]),
        jnp.concatenate([active, *(block.active for block in blocks)]),
    )


def masked(matrix: Sparse, active: Any) -> Block:
    """A block whose columns that do not exist in this fold are 0, so that nothing can be learned from them."""
    return Block(matrix.only(active), active)


def selected(step: DeviceStep, blocks: Mapping[str, Block]) -> dict[str, Block]:
    """The blocks after a step that works on dense columns, or selects."""
    found = {name: blocks[name] for name in step.order}
    for name, places in step.inner:
        block = found[name]
        index = jnp.asarray(places, jnp.int32)
        if step.stay:
            stays = jnp.zeros(block.active.shape[0], bool).at[index].set(True)
        else:
            stays = jnp.ones(block.active.shape[0], bool).at[index].set(False)
        found[name] = masked(block.matrix, block.active & stays)
    return found


def out_of_fold(mine: Any, made: Mapping[str, Block], so_far: dict[str, Any]) -> dict[str, Any]:
    """Values of entries by block, where the rows of an inner fold (`mine` Bool[n]) take those that were made for it."""
    return {
        name: jnp.where(mine[made[name].matrix.row], made[name].matrix.value, value) for name, value in so_far.items()
    }


# ---- outside again ---------------------------------------------------------------------------------------------------


def as_csr(matrix: Sparse) -> Any:
    """The same as SciPy's CSR, without entries that are 0."""
    from scipy.sparse import coo_array

    value, row, column = (np.asarray(part) for part in (matrix.value, matrix.row, matrix.column))
    there = value != 0
    parts = (value[there], (row[there], column[there]))
    return coo_array(parts, shape=(matrix.n, matrix.d)).tocsr()


def of_csr(matrix: Any) -> HostSparse:
    """SciPy's CSR as a block on the host."""
    from mldsl.contract import Numbered

    csr = matrix.tocsr()
    return HostSparse(csr.indptr, csr.indices, csr.data, Numbered("", csr.shape[1]))
