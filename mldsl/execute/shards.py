"""Fits over rows that are sharded over all devices: the contract's reductions add up over the shards."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from mldsl.contract import Examples, Prepared, Shape
from mldsl.contract.reductions import sharded

BY_ROW = PartitionSpec("rows")
EVERYWHERE = PartitionSpec()
SHARD_FROM = 20_000  # rows; below, joining the shards costs more than two devices save


def mesh(devices: int) -> Mesh:
    """The first devices in a row, as the axis `rows`."""
    return Mesh(np.asarray(jax.devices()[:devices]), ("rows",))


def of_examples(examples: Examples) -> Examples:
    """Which parts of examples are cut by rows: all but `active` and what prepared inputs share."""

    def part(value: Any, name: str) -> Any:
        if value is None:
            return None
        if isinstance(value, Prepared):
            return Prepared(BY_ROW, EVERYWHERE)
        return EVERYWHERE if name == "active" else BY_ROW

    return Examples(**{name: part(getattr(examples, name), name) for name in Examples._fields})


def of_state(state: Any, by_row: Collection[str]) -> Any:
    """Which fields of a loop's State are cut by rows: those that the model names in `row_state`."""
    if not by_row:
        return EVERYWHERE
    fields = state._fields  # a NamedTuple, as the contract has it
    if unknown := sorted(set(by_row) - set(fields)):
        raise TypeError(f"`row_state` names `{unknown[0]}`, and the State has {', '.join(fields)}")
    return type(state)(*(BY_ROW if name in by_row else EVERYWHERE for name in fields))


def over_rows(function: Callable[..., Any], devices: int, arguments: tuple[Any, ...], result: Any) -> Any:
    """`function` inside a `shard_map` over the axis `rows`; `arguments` and `result` say what is cut by rows."""

    def one(*args: Any) -> Any:
        with sharded("rows"):
            return function(*args)

    return jax.shard_map(one, mesh=mesh(devices), in_specs=arguments, out_specs=result, check_vma=False)


def sharded_fit(
    fit: Callable[..., tuple[Any, Any]], spec: Any, key: Any, shape: Shape, examples: Examples, devices: int
) -> tuple[Any, Any]:
    """`fit` inside a `shard_map` over the axis `rows`; params and info come out equal on every device."""
    mapped = over_rows(lambda shard: fit(spec, key, shape, shard), devices, (of_examples(examples),), EVERYWHERE)
    fitted: tuple[Any, Any] = mapped(examples)
    return fitted


def placed(tree: Any, layout: Any, devices: int) -> Any:
    """The arrays of a tree on their devices, so that no call has to move them there."""
    grid = mesh(devices)
    shardings = jax.tree.map(
        lambda spec: NamedSharding(grid, spec), layout, is_leaf=lambda x: isinstance(x, PartitionSpec)
    )
    return jax.device_put(tree, shardings)


def spread(tree: Any, rows: int, devices: int) -> Any:
    """Arrays on all devices: by rows if so many rows are their first axis, else whole; what is there already stays."""
    grid = mesh(devices)

    def one(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and len(leaf.sharding.device_set) > 1:
            return leaf
        cut = np.ndim(leaf) and np.shape(leaf)[0] == rows
        return jax.device_put(leaf, NamedSharding(grid, BY_ROW if cut else EVERYWHERE))

    return jax.tree.map(one, tree)


def worth_spreading(component: Any, shape: Shape) -> int:
    """Over how many devices the rows go: over all, where the component declares `shards` and they are many enough."""
    many = shape.rows >= SHARD_FROM and shape.rows * len(shape.columns) >= component.shards
    return len(jax.devices()) if component.shards and many else 1


def fitting(devices: int, rows: int) -> int:
    """So many devices if the rows divide evenly over them, else one."""
    return devices if rows % devices == 0 else 1
