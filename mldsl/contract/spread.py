"""Work that has no rows in common (the trees of a forest, members of an ensemble), spread over the devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from mldsl.contract.blocks import axis

NAME = "share"


def over_devices(f: Callable[..., Any], xs: Any, *shared: Any) -> Any:
    """`jax.lax.map(lambda x: f(x, *shared), xs)`, the first axis of `xs` shared out over all devices.

    Every device has `shared` whole, and does one item after the other: memory is that of an item a device. The bits are
    the same for any number of devices; where that does not divide the items, some are done twice. Inside a `shard_map`
    (rows that are sharded, or work that is spread already) and with one device it is `lax.map` itself. What an earlier
    `over_devices` gave must be `shared`; other arrays `f` may close over.
    """
    count = len(jax.tree.leaves(xs)[0])
    devices = min(jax.device_count(), count)
    if devices < 2 or axis() is not None or jax.sharding.get_abstract_mesh().manual_axes:
        return jax.lax.map(lambda x: f(x, *shared), xs)
    each = -(-count // devices)
    spare = each * devices - count
    padded = jax.tree.map(lambda x: jnp.concatenate([x, x[count - spare :]]) if spare else x, xs)
    mesh = Mesh(np.asarray(jax.devices()[:devices]), (NAME,))
    mine, whole = PartitionSpec(NAME), PartitionSpec()

    def one(xs: Any, shared: tuple[Any, ...]) -> Any:
        return jax.lax.map(lambda x: f(x, *shared), xs)

    mapped = jax.shard_map(one, mesh=mesh, in_specs=(mine, whole), out_specs=mine, check_vma=False)
    return jax.tree.map(lambda y: y[:count], mapped(padded, shared))
