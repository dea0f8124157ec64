"""A fit over rows that are sharded over all devices: the contract's reductions add up over the shards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from mldsl.contract import Examples, Shape
from mldsl.contract.reductions import sharded


def mesh(devices: int) -> Mesh:
    """The first devices in a row, as the axis `rows`."""
    return Mesh(np.asarray(jax.devices()[:devices]), ("rows",))


def sharded_fit(
    fit: Callable[..., tuple[Any, Any]], spec: Any, key: Any, shape: Shape, examples: Examples, devices: int
) -> tuple[Any, Any]:
    """`fit` inside a `shard_map` over the axis `rows`; params and info come out equal on every device."""
    by_row = PartitionSpec("rows")
    everywhere = PartitionSpec()

    def part(value: Any, name: str) -> Any:
        return None if value is None else (everywhere if name == "active" else by_row)

    layout = Examples(**{name: part(getattr(examples, name), name) for name in Examples._fields})

    def one(shard: Examples) -> tuple[Any, Any]:
        with sharded("rows"):
            return fit(spec, key, shape, shard)

    mapped = jax.shard_map(one, mesh=mesh(devices), in_specs=(layout,), out_specs=everywhere, check_vma=False)
    fitted: tuple[Any, Any] = mapped(examples)
    return fitted
