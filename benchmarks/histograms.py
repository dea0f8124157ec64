"""Parts of a split, each in two forms, on one core: why the builder of trees does what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

N, D = 500_000, 28


def inputs() -> tuple[Any, ...]:
    """Records of codes [n, 7], two derivatives and weights of half a million rows; a list of a third of the rows."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 255, (N, D)).astype(np.uint8)
    listed = np.zeros(N + (1 << 16), np.int32)
    listed[: N // 3] = np.sort(rng.permutation(N)[: N // 3])
    slope, curve = rng.normal(size=N).astype(np.float32), rng.random(N).astype(np.float32)
    return codes.view(np.uint32), slope, curve, np.ones(N, np.float32), listed


def packed(records: Any, slope: Any, curve: Any, weight: Any, listed: Any, *, count: int) -> Any:
    """The histogram of the first so many listed rows, of all where that is n: as the builder makes it."""
    import jax.numpy as jnp
    from mldsl_plugins.trees import _histogram as histograms

    of = histograms.pack(slope, curve, weight)
    words = histograms.words_of(jnp.ones(D, bool))
    found, _ = histograms.of_rows(
        records, of, words, listed, jnp.int32(0), jnp.int32(count), straight=jnp.asarray(count == N), alike=True
    )
    return jnp.stack(histograms.by_column(found, of.unit), axis=-1)


def pairs(records: Any, slope: Any, curve: Any, weight: Any, listed: Any) -> Any:
    """The histogram of all rows as sums of float32 pairs, column by column."""
    import jax
    import jax.numpy as jnp

    both = jnp.stack([slope, curve], axis=1)

    def one(column: Any) -> Any:
        code = (records[:, column // 4] >> (column % 4 * 8).astype(jnp.uint32)) & jnp.uint32(255)
        return jnp.zeros((256, 2), jnp.float32).at[code.astype(jnp.int32)].add(both)

    return jax.lax.map(one, jnp.arange(D))


def scattered(records: Any, slope: Any, curve: Any, weight: Any, listed: Any) -> Any:
    """The histogram of all rows by one scatter of all columns."""
    import jax.numpy as jnp

    shifts = jnp.arange(0, 32, 8, dtype=jnp.uint32)
    codes = ((records[:, :, None] >> shifts[None, None]) & jnp.uint32(255)).reshape(N, -1).astype(jnp.int32)
    place = jnp.arange(D, dtype=jnp.int32)[None] * 256 + codes
    both = jnp.broadcast_to(jnp.stack([slope, curve], axis=1)[:, None], (N, D, 2))
    return jnp.zeros((D * 256, 2), jnp.float32).at[place].add(both).reshape(D, 256, 2)


def running(counts: Callable[[Any], Any]) -> Callable[..., Any]:
    """Running counts of blocks of 16,384 flags, added up so that all are made."""

    def all_of_them(records: Any, *_: Any) -> Any:
        import jax
        import jax.numpy as jnp

        flags = (records[:, 0] & jnp.uint32(1)).astype(bool)[: N // 16384 * 16384].reshape(-1, 16384)
        return jax.lax.map(counts, flags).sum(axis=0)

    return all_of_them


def compared(title: str, one: Callable[..., Any], other: Callable[..., Any], what: str) -> Any:
    """The first form beside the second one, on the same arrays; scored by the greatest sum of a bin."""
    import jax

    from benchmarks.harness import Fit
    from mldsl.execute.settings import configure

    configure()
    given = jax.device_put(inputs())
    first, second = jax.jit(one), jax.jit(other)

    def top(found: Any) -> float:
        return float(np.abs(np.asarray(found)).max())

    return Fit(
        title=title,
        goal=1.0,
        peer_call=what,
        ours=lambda: jax.block_until_ready(first(*given)),
        peer=lambda: jax.block_until_ready(second(*given)),
        score_name="greatest sum",
        score_ours=top,
        score_peer=top,
        rounds=15,
        packages=("mldsl", "jax", "numpy"),
    )
