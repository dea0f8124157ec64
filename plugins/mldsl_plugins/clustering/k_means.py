"""K-means clustering: Lloyd's iterations from a k-means++ start.

Minimises inertia, the weighted sum of squared Euclidean distances from each row to its nearest centroid. Finds a
local minimum, which depends on the key; of several `restarts` the best is kept. A cluster that loses all its rows
moves to the row that is farthest from its centroid.

Shapes:  n rows, d columns, k clusters. O(n k d) time per iteration; distances are made a block of rows at a time, so
         memory beside the inputs is O(n).
Units:   all columns share one unit u; centroids are in u, inertia in u squared.
Errors:  more clusters than rows. Not converging is reported in Info.
Sources: Lloyd 1982, doi:10.1109/TIT.1982.1056489; Arthur & Vassilvitskii 2007, doi:10.5555/1283383.1283494 (k-means++).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import (
    Examples,
    Prediction,
    Shape,
    block_rows,
    gather,
    shard,
    sum_blocks,
    tiny,
    total,
    weighted_mean,
    weighted_sum,
)
from mldsl.plugin import Component, Model, Problem, hookimpl, param

DRAW = 1024  # rows of a block from which a row is drawn


@attrs.frozen
class Spec:
    """Hyperparameters of k-means."""

    clusters: int = param(
        ge=1, doc="Number of centroids, k.", search="2..12", simpler="smaller",
        also_known_as=("n_clusters", "k", "centers"),
    )  # fmt: skip
    init: Literal["k_means_plus_plus", "random"] = param(
        "k_means_plus_plus", doc="First centroids: rows far from each other, or any rows."
    )
    restarts: int = param(
        1, ge=1, doc="How often to start; the least inertia wins.", also_known_as=("n_init", "nstart")
    )
    max_iter: int = param(300, ge=1, unit="iterations", doc="Most to run.", also_known_as=("iterations",))
    tol: float = param(
        1e-4, ge=0, traced=True, doc="Stop at this squared shift of the centroids over the mean variance."
    )
    algorithm: Literal["lloyd"] = param("lloyd", doc="How to iterate: over all rows at a time.")


class Params(NamedTuple):
    """The centroids; 0 in inactive columns."""

    centroids: Float[Array, "k d"]


class Info(NamedTuple):
    """Of the best start: inertia, sum of weights by cluster; inertia before each iteration, NaN where none was made."""

    inertia: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    mass: Float[Array, " k"]
    inertia_history: Float[Array, " max_iter"]


class Rows(NamedTuple):
    """The data, with what makes it centred: distances are taken from the mean, so that no digits are lost to it."""

    x: Float[Array, "n d"]
    weight: Float[Array, " n"]
    center: Float[Array, " d"]
    active: Float[Array, " d"]  # 1 or 0: a product, since XLA on CPUs does not vectorise sums of a choice
    norm: Float[Array, " n"]  # squared distance from the mean
    spread: Float[Array, ""]  # the weighted sum of these

    def centred(self, x: Float[Array, "m d"]) -> Float[Array, "m d"]:
        """Rows of x from the mean; 0 in inactive columns."""
        return (x - self.center[None]) * self.active[None]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be enough rows."""
    if spec.clusters > shape.rows:
        yield Problem("clusters", f"expected at most {shape.rows} (the rows), found {spec.clusters}")


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the centroids."""
    x, weight = examples.inputs, examples.weight
    active = jnp.ones(x.shape[1], bool) if examples.active is None else examples.active
    center = weighted_mean(x, weight)
    mask = active.astype(x.dtype)
    norm = jnp.sum(((x - center[None]) * mask[None]) ** 2, axis=1)
    rows = Rows(x, weight, center, mask, norm, weighted_sum(norm, weight))
    mass = total(weight.sum())
    tolerance = spec.tol * rows.spread / jnp.maximum(mass * active.sum(), tiny(mass))
    if spec.restarts == 1:
        centroids, info = run(spec, key, rows, tolerance)
    else:
        found = jax.lax.map(lambda k: run(spec, k, rows, tolerance), jax.random.split(key, spec.restarts))
        best = found[1].inertia.argmin()
        centroids, info = jax.tree.map(lambda a: a[best], found)
    return Params(jnp.where(active[None], centroids + center[None], 0)), info


def run(spec: Spec, key: Array, rows: Rows, tolerance: Array) -> tuple[Array, Info]:
    """One start: centroids [k, d] from the mean of all rows."""
    start = (
        plus_plus(key, rows, spec.clusters) if spec.init == "k_means_plus_plus" else any_rows(key, rows, spec.clusters)
    )

    def moving(loop: tuple[Array, Array, Array, Array]) -> Array:
        _, shift, n_iter, _ = loop
        return (shift > tolerance) & (n_iter < spec.max_iter)

    def step(loop: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        centroids, _, n_iter, history = loop
        sums, mass, inertia = assign(rows, centroids)
        moved = jnp.where(mass[:, None] > 0, sums / jnp.maximum(mass, tiny(mass))[:, None], centroids)
        moved = jax.lax.cond(jnp.any(mass == 0), lambda c: relocate(rows, c, mass), lambda c: c, moved)
        return moved, jnp.sum((moved - centroids) ** 2), n_iter + 1, history.at[n_iter].set(inertia)

    history = jnp.full(spec.max_iter, jnp.nan, rows.x.dtype)
    infinite = jnp.asarray(jnp.inf, rows.x.dtype)
    centroids, shift, n_iter, history = jax.lax.while_loop(moving, step, (start, infinite, jnp.asarray(0), history))
    mass, inertia = judge(rows, centroids)
    return centroids, Info(inertia, n_iter, shift <= tolerance, mass, history)


def assign(rows: Rows, centroids: Float[Array, "k d"]) -> tuple[Array, Array, Array]:
    """Sum [k, d] and mass [k] of the rows nearest to each centroid, and the inertia."""
    norm = jnp.sum(centroids**2, axis=1)
    cluster = jnp.arange(centroids.shape[0])

    def block(w: Array, v: Array) -> tuple[Array, Array, Array]:
        off = rows.centred(v)
        score = norm[None] - 2 * jnp.matmul(off, centroids.T, precision="highest")  # squared distance less |off|^2
        mine = jnp.where(score.argmin(1)[:, None] == cluster[None], w[:, None], 0)
        return jnp.matmul(mine.T, off, precision="highest"), mine.sum(0), jnp.dot(w, score.min(1))

    sums, mass, score = sum_blocks(block, rows.weight, rows.x, rows=block_rows(max(rows.x.shape[1], cluster.shape[0])))
    return sums, mass, jnp.maximum(rows.spread + score, 0)


def judge(rows: Rows, centroids: Float[Array, "k d"]) -> tuple[Array, Array]:
    """Mass of each cluster, and the inertia from differences (exact where distances are small)."""

    def block(w: Array, v: Array) -> tuple[Array, Array]:
        off = rows.centred(v)
        mine = (nearest(off, centroids)[:, None] == jnp.arange(centroids.shape[0])[None]).astype(v.dtype)
        distance = jnp.sum((off - jnp.matmul(mine, centroids, precision="highest")) ** 2, axis=1)
        return jnp.dot(w, mine), jnp.dot(w, distance)

    mass, inertia = sum_blocks(block, rows.weight, rows.x, rows=block_rows(max(centroids.shape)))
    return mass, inertia


def nearest(off: Float[Array, "m d"], centroids: Float[Array, "k d"]) -> Int[Array, " m"]:
    """The nearest centroid of each row, the first of equals."""
    cross = jnp.matmul(off, centroids.T, precision="highest")
    return (jnp.sum(centroids**2, axis=1)[None] - 2 * cross).argmin(1)


def relocate(rows: Rows, centroids: Float[Array, "k d"], mass: Float[Array, " k"]) -> Float[Array, "k d"]:
    """Move the first empty cluster to the row farthest from its centroid, if any row is off its centroid at all."""
    off = rows.centred(rows.x)
    full = jnp.where(mass[:, None] > 0, centroids, centroids[mass.argmax()][None])  # where rows are
    distance = jnp.sum((off - full[nearest(off, full)]) ** 2, axis=1)
    distance = jnp.where(rows.weight > 0, distance, 0)
    far, row = gather(distance.max()), gather(off[distance.argmax()])
    moved = centroids.at[jnp.argmax(mass == 0)].set(row[far.argmax()])
    return jnp.where(far.max() > 0, moved, centroids)


# ---- first centroids -------------------------------------------------------------------------------------------------
def draw(uniform: Float[Array, " m"], weight: Float[Array, " n"]) -> tuple[Int[Array, " m"], Bool[Array, " m"]]:
    """Rows with probability proportional to weight, from numbers in 0..1; and whether it is this shard that has them.

    Through the cumulative weights, first of blocks (of all shards) and then within one: rows of weight 0 are never
    drawn and do not change what is, nor does repeating a row next to itself.
    """
    n = weight.shape[0]
    blocks = -(-n // DRAW)
    table = jnp.pad(weight, (0, blocks * DRAW - n)).reshape(blocks, DRAW)
    cumulative = jnp.cumsum(gather(table.sum(1)).reshape(-1))
    place = uniform * cumulative[-1]
    block = jax.vmap(lambda p: _find(cumulative, p))(place)
    left = place - jnp.where(block > 0, cumulative[block - 1], 0)
    owner, block = block // blocks, block % blocks
    return block * DRAW + jax.vmap(lambda b, p: _find(jnp.cumsum(table[b]), p))(block, left), owner == shard()


def _find(cumulative: Array, place: Array) -> Array:
    """The first entry beyond the place; where rounding leaves none, the last that adds something."""
    # Counting compiles to less than a search, and the entries are few.
    return jnp.minimum(jnp.sum(cumulative <= place), jnp.sum(cumulative < cumulative[-1]))


def fetch(rows: Rows, row: Int[Array, " m"], here: Bool[Array, " m"]) -> Float[Array, "m d"]:
    """These rows, centred, on every shard."""
    return total(jnp.where(here[:, None], rows.centred(rows.x[jnp.where(here, row, 0)]), 0))


def any_rows(key: Array, rows: Rows, k: int) -> Float[Array, "k d"]:
    """k rows without replacement, while there are rows left."""

    def pick(left: Array, uniform: Array) -> tuple[Array, Array]:
        row, here = draw(uniform[None], jnp.where(total(left.sum()) > 0, left, rows.weight))
        taken = jnp.where(here[0], row[0], left.shape[0])  # beyond the end: another shard's
        return left.at[taken].set(0, mode="drop"), fetch(rows, row, here)[0]

    return jax.lax.scan(pick, rows.weight, jax.random.uniform(key, (k,), rows.x.dtype))[1]


def plus_plus(key: Array, rows: Rows, k: int) -> Float[Array, "k d"]:
    """Rows drawn with probability proportional to the squared distance from the centroids so far.

    For each centroid some candidates are drawn, and the one that lowers the inertia most is taken.
    """
    candidates = 2 + int(math.log(k))
    uniform = jax.random.uniform(key, (k, candidates), rows.x.dtype)
    first = fetch(rows, *draw(uniform[0, :1], rows.weight))
    centroids = jnp.zeros((k, rows.x.shape[1]), rows.x.dtype).at[0].set(first[0])

    def distance(to: Float[Array, "c d"]) -> Float[Array, "c n"]:
        # (x - mean) . to without a centred copy of x, which would take longer than all else here.
        cross = jnp.matmul(to, rows.x.T, precision="highest") - jnp.dot(to, rows.center)[:, None]
        return jnp.maximum(rows.norm[None] - 2 * cross + jnp.sum(to**2, axis=1)[:, None], 0)

    def add(i: Array, loop: tuple[Array, Array]) -> tuple[Array, Array]:
        centroids, nearest = loop
        far = rows.weight * nearest
        drawn = fetch(rows, *draw(uniform[i], jnp.where(total(far.sum()) > 0, far, rows.weight)))
        shorter = jnp.minimum(nearest[None], distance(drawn))
        best = total(jnp.dot(shorter, rows.weight)).argmin()
        return centroids.at[i].set(drawn[best]), shorter[best]

    return jax.lax.fori_loop(1, k, add, (centroids, distance(first)[0]))[0]


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The nearest cluster, and the Euclidean distance to every centroid."""
    distance = jax.lax.map(lambda c: jnp.sqrt(jnp.sum((inputs - c[None]) ** 2, axis=1)), params.centroids).T
    return Prediction(label=distance.argmin(axis=1), distance=distance)


@hookimpl
def mldsl_components() -> list[Component]:
    """K-means."""
    return [
        Model(
            "k_means", Spec, fit=fit, predict=predict, check=check, tasks=("cluster",), shards=True,
            scale_sensitive=True, example=Spec(clusters=3), snippet="model { k_means(clusters = 3, restarts = 10) }",
            sources=("Lloyd 1982, doi:10.1109/TIT.1982.1056489",
                     "Arthur & Vassilvitskii 2007, doi:10.5555/1283383.1283494"),
            also_known_as=("KMeans", "kmeans", "lloyd"),
            exceptions={"row_order": "the start draws rows by their place, so another order may find another minimum"},
        )
    ]  # fmt: skip
