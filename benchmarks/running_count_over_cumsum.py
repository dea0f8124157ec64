"""Running counts as products with triangles of ones beside `cumsum`."""

from __future__ import annotations

from typing import Any

from benchmarks.histograms import compared, running


def benchmark() -> Any:
    """Where rows go when a node is parted."""
    import jax.numpy as jnp
    from mldsl_plugins.trees._rows import running_count

    def plain(flags: Any) -> Any:
        return jnp.cumsum(flags, dtype=jnp.int32)

    title = "running counts of 30 x 16,384 flags: products over cumsum"
    return compared(title, running(running_count), running(plain), "jnp.cumsum")
