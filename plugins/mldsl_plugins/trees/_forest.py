"""Forests: trees that are grown apart from each other, each from rows and columns that it draws, and averaged.

What random forests and extremely randomized trees share: how rows are drawn, how levels of categories get an order, the
trees as arrays, and what each row is told by the trees that have not seen it (out of bag).

Drawing. A tree draws as many rows as there are (by weight), with replacement: places on a line on which every row is as
long as it weighs. So a row of weight 2 is drawn as two rows would be. The rows lie on the line in an order that depends
on what they hold, not on where they stand, so the order of the rows does not matter, and neither do rows of weight 0.

Categories. Before a tree is grown, the levels of a categorical column get an order by the rows that the tree has drawn:
by their mean target, or the share of the last of two classes; with more classes by the shares of all, along the
direction in which they differ most. Splits then part the levels in this order. It is the order in which the best split
of all is found at the root, and it takes no more time than a number (Wright & König 2019, who order once a forest; here
rows out of bag have no part in it). Levels that a tree has not drawn stand in the middle.

Shapes:  n rows, d columns, T trees, N nodes a tree has room for, k classes, or 1. Room is made for a leaf for each row
         that a tree may draw, but no more than 1 GiB for all trees; a tree that would need more is cut off, and a
         warning of the run says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, UInt

from mldsl.contract import Examples, Prediction, Prepared, Shape, Trees, over_devices, tiny
from mldsl.plugin import Problem, param
from mldsl.plugin.params import Share
from mldsl_plugins.trees import _deep
from mldsl_plugins.trees._deep import Growth, Phase, Rows
from mldsl_plugins.trees._predict import averaged

ROOM = 1 << 30  # bytes for the nodes of all trees
TOGETHER, CELLS = 1 << 16, 1 << 24  # rows, and bytes of their inputs, of trees that grow together
_BLOCK = 16384  # rows that are walked together
WORD = 32

TYPES = ("continuous", "integer", "binary", "ordinal", "categorical")


@attrs.frozen
class Common:
    """Hyperparameters that all forests have."""

    trees: int = param(
        100, ge=1, unit="trees", doc="How many trees.", search="50..500",
        also_known_as=("n_estimators", "ntree", "num_trees", "num.trees", "n_trees"),
    )  # fmt: skip
    columns: float | Literal["auto", "sqrt", "log2", "third", "all"] = param(
        "auto", gt=0, search="0.1..1.0",
        doc="How many columns are drawn for a split: a number, a share below 1, or a function of how many there are "
        "(auto: sqrt for classes, all for numbers).",
        also_known_as=("max_features", "mtry", "feature_fraction", "colsample_bynode", "column_sample"),
    )  # fmt: skip
    max_depth: int | None = param(
        None, ge=1, unit="levels", doc="How deep leaves may be (default: any depth).", search="2..20",
        simpler="smaller", also_known_as=("depth",),
    )  # fmt: skip
    min_samples_leaf: float = param(
        1, ge=1, unit="rows", doc="The least weight of the rows of a leaf.", search="1..50", simpler="larger",
        also_known_as=("nodesize", "min_node_size", "min.bucket", "minbucket", "min_data_in_leaf"),
    )  # fmt: skip
    min_samples_split: float = param(
        2, ge=2, unit="rows", doc="The least weight of the rows of a node that is split.", simpler="larger",
        also_known_as=("minsplit", "min_n"),
    )  # fmt: skip
    criterion: Literal["auto", "gini", "entropy", "squared_error"] = param(
        "auto", doc="The impurity that splits lower (auto: gini for classes, squared_error for numbers).",
        also_known_as=("splitrule", "split_criterion", "impurity"),
    )  # fmt: skip
    row_sample: Share = param(
        1.0, gt=0, le=1, doc="How many rows a tree draws, as a share of all.", only_if="bootstrap = true",
        also_known_as=("max_samples", "sample_fraction", "sample.fraction", "sampsize", "subsample"),
    )  # fmt: skip


class Params(NamedTuple):
    """The trees, whose values are shares of classes or means."""

    grown: Trees
    categories: Bool[Array, " d"]


class Info(NamedTuple):
    """What rows were told by the trees that had not drawn them, [n, k] or [n], 0 where there was none.

    `out_of_bag_score` is the accuracy, or R2, of these answers over the `out_of_bag_share` of rows that have one. `cut`
    trees had no room for all of their nodes; `nodes` and `depth` are means over trees, `largest` the most nodes.
    """

    out_of_bag: Float[Array, " n *k"] | None
    out_of_bag_score: Float[Array, ""] | None
    out_of_bag_share: Float[Array, ""] | None
    nodes: Float[Array, ""]
    largest: Int[Array, ""]
    depth: Float[Array, ""]
    cut: Int[Array, ""]


class Tree(NamedTuple):
    """One grown tree: as it is kept, and as rows are walked down (`at`, `places` by level) and which rows drew it."""

    grown: Trees
    at: Float[Array, " N"]
    depth: Int[Array, ""]
    used: Int[Array, ""]
    cut: Int[Array, ""]
    absent: Bool[Array, " n"] | None
    ranks: Float[Array, "c codes"] | None


@attrs.frozen
class Kind:
    """What the two forests do differently: how splits are found, by the growth and the rows of a queue, and whether
    inputs are bins.
    """

    phases: Callable[[Growth, int], tuple[Phase, ...]]
    binned: bool


# ---- declared sizes --------------------------------------------------------------------------------------------------


def columns_of(columns: Any, d: int, classes: int) -> int:
    """How many columns are drawn for a node, of d."""
    if columns == "auto":
        columns = "sqrt" if classes else "all"
    named = {"sqrt": int(d**0.5), "log2": int(np.log2(max(d, 1))), "third": d // 3, "all": d}
    count = named[columns] if isinstance(columns, str) else int(columns if columns >= 1 else columns * d)
    return max(1, min(count, d))


def criterion_of(criterion: str, classes: int) -> str:
    """Which impurity is lowered."""
    return ("gini" if classes else "squared_error") if criterion == "auto" else criterion


def check(spec: Any, shape: Shape) -> Iterator[Problem]:
    """A criterion for the target, and columns that there are."""
    numbers, given = spec.criterion == "squared_error", spec.criterion
    if given != "auto" and numbers == bool(shape.classes):
        fits = "gini or entropy, for classes" if shape.classes else "squared_error, for numbers"
        yield Problem("criterion", f"expected {fits}, found {given}")
    if not isinstance(spec.columns, str):
        if spec.columns > shape.d:
            yield Problem("columns", f"expected at most {shape.d} (the columns), found {spec.columns:g}")
        elif spec.columns > 1 and spec.columns != int(spec.columns):
            yield Problem("columns", f"expected a whole number, or a share below 1, found {spec.columns:g}")
    if spec.row_sample < 1 and not spec.bootstrap:
        yield Problem(
            "row_sample",
            f"expected 100% where `bootstrap = false`, found {spec.row_sample:.0%}; only a bootstrap draws rows",
        )


def bytes_of(classes: int, words: int) -> int:
    """What a node takes in `Trees`."""
    return 4 * 5 + 1 + 4 * words + 4 * max(classes, 1) + 4


def together(trees: int, x: Array, node: int) -> int:
    """How many trees grow in one queue: so many that it has rows enough, but at least two queues.

    Such trees have room for whatever they need; where that is too much (`node` bytes each), every tree grows alone.
    """
    n, width = x.shape
    if 2 * n * trees * node > ROOM:
        return 1
    fit = min(TOGETHER // max(n, 1), CELLS // max(n * width * x.dtype.itemsize, 1))
    queues = max(min(2, trees), -(-trees // max(fit, 1)))
    return -(-trees // queues)


def growth_of(spec: Any, shape: Shape, costs: bool, *, alone: bool) -> Growth:
    """How trees grow, with room for the leaves that rows can make; all of them, where trees share their room."""
    rows = float(shape.rows)
    if alone and spec.bootstrap:  # of so many rows drawn, distinct ones, and three standard deviations more
        rows = rows * (1 - np.exp(-spec.row_sample)) + 3 * rows**0.5
    leaves = max(2, min(shape.rows, int(rows)))
    if alone and spec.min_samples_leaf > 1:
        leaves = max(2, min(leaves, int(2 * shape.rows * max(spec.row_sample, 0) / spec.min_samples_leaf)))
    depth = spec.max_depth if spec.max_depth is not None else 1 << 20
    if depth < 30:
        leaves = min(leaves, 1 << depth)
    fit = ROOM // (spec.trees * bytes_of(shape.classes, words_of(shape))) if alone else 2 * leaves
    nodes = max(3, min(2 * leaves - 1, int(fit)))
    columns = columns_of(spec.columns, shape.d, shape.classes)
    return Growth(
        criterion_of(spec.criterion, shape.classes), shape.classes, costs, columns, depth,
        float(spec.min_samples_split), float(spec.min_samples_leaf), nodes,
    )  # fmt: skip


def categories_of(shape: Shape) -> tuple[int, ...]:
    """The places of columns whose levels have no order."""
    return tuple(i for i, column in enumerate(shape.columns) if column.type == "categorical")


def words_of(shape: Shape) -> int:
    """How many words a set of levels takes."""
    return max((-(-shape.columns[i].levels // WORD) for i in categories_of(shape)), default=0)


# ---- drawing rows ----------------------------------------------------------------------------------------------------


def by_content(x: Array, active: Array, target: Array, weight: Array) -> Int[Array, " n"]:
    """An order of the rows that follows from what they hold, those of weight 0 last."""
    x, target = jnp.where(active[None], _bits(x[:, : len(active)]), 0), _bits(target)
    place = jnp.arange(len(active), dtype=jnp.uint32)[None]

    def mark(number: int) -> Array:
        seed = _deep.mixed_bits(place * jnp.uint32(0x9E3779B9) + jnp.uint32(number))
        total = _deep.mixed_bits(x ^ seed).sum(axis=1, dtype=jnp.uint32)
        return _deep.mixed_bits(total + _deep.mixed_bits(target + jnp.uint32(number)))

    there = weight > 0
    keys = tuple(jnp.where(there, mark(number), jnp.uint32(0)) for number in (1, 2))
    every = jnp.arange(len(weight), dtype=jnp.int32)
    return jax.lax.sort((~there, *keys, every), num_keys=3, is_stable=True)[3]


def _bits(x: Array) -> Array:
    """What a number is made of; every missing value alike, and 0 as -0."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x.astype(jnp.uint32)
    bits = jax.lax.bitcast_convert_type(jnp.where(jnp.isnan(x), jnp.nan, x + 0), jnp.uint32)
    return bits if bits.ndim == x.ndim else bits[..., 0] ^ _deep.mixed_bits(bits[..., 1])


def drawn(seed: UInt[Array, ""], line: Float[Array, " n"], share: float) -> Float[Array, " n"]:
    """How often each row is drawn; `line` says where each ends on the line of all."""
    n, mass = len(line), line[-1]
    count = jnp.maximum(jnp.round(mass * share), 1).astype(jnp.int32)
    cells = jnp.maximum(jnp.ceil(mass), 1).astype(jnp.int32)
    dtype = line.dtype

    def some(value: tuple[Array, Array]) -> tuple[Array, Array]:
        turn, times = value
        bits = _deep.mixed_bits(seed + turn.astype(jnp.uint32) * np.uint32(0x9E3779B9)) + jnp.arange(
            n, dtype=jnp.uint32
        )
        # A whole number and a part of 1, so that long lines do not lack random bits.
        whole, part = _deep.mixed_bits(bits) % cells.astype(jnp.uint32), _deep.mixed_bits(bits ^ np.uint32(0x5BD1E995))
        place = whole.astype(dtype) + (part >> 8).astype(dtype) / (1 << 24)
        row = jnp.searchsorted(line, place * (mass / cells.astype(dtype)), side="right").astype(jnp.int32)
        counts = turn * n + jnp.arange(n, dtype=jnp.int32) < count
        return turn + 1, times.at[jnp.minimum(row, n - 1)].add(counts.astype(dtype))

    start = jnp.zeros((), jnp.int32), jnp.zeros(n, dtype)
    return jax.lax.while_loop(lambda value: value[0] * n < count, some, start)[1]


# ---- an order of levels ----------------------------------------------------------------------------------------------


def ranks_of(code: Int[Array, " n"], codes: int, y: Array, loss: Array, classes: int) -> Float[Array, " codes"]:
    """The place of each code in the order by target; codes outside 0..codes-1 have none."""
    kind = loss.dtype
    code = jnp.where((code >= 0) & (loss > 0), code, codes)
    if classes:
        sums = jnp.zeros((codes, classes), kind).at[code, y].add(loss, mode="drop")
    else:
        center = (jnp.where(loss > 0, y, 0) * loss).sum() / jnp.maximum(loss.sum(), tiny(loss))
        off = jnp.where(loss > 0, (y - center) * loss, 0)
        sums = jnp.zeros((codes, 1), kind).at[code, 0].add(off, mode="drop")
    mass = jnp.zeros(codes, kind).at[code].add(loss, mode="drop")
    share = sums / jnp.where(mass > 0, mass, 1)[:, None]
    if classes == 2:
        share = share[:, 1:]
    off = jnp.where(mass[:, None] > 0, share - sums_mean(share, mass)[None], 0)
    score = off[:, 0]
    if classes > 2:
        _, axes = jnp.linalg.eigh(jnp.matmul((off * mass[:, None]).T, off, precision="highest"))
        axis = axes[:, -1]
        # Either sign is an axis; which it is must not be left to rounding.
        axis = axis * jnp.sign(axis[jnp.abs(axis).argmax()])
        score = jnp.matmul(off, axis, precision="highest")
    return jnp.zeros(codes, kind).at[jnp.argsort(score)].set(jnp.arange(codes, dtype=kind))


def sums_mean(share: Float[Array, "codes k"], mass: Float[Array, " codes"]) -> Float[Array, " k"]:
    """The mean of shares by mass."""
    return (share * mass[:, None]).sum(axis=0) / jnp.maximum(mass.sum(), tiny(mass))


# ---- fitting ---------------------------------------------------------------------------------------------------------


def fit(kind: Kind, spec: Any, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Grow the trees, and ask those that have not drawn a row about it."""
    inputs: Any = examples.inputs
    x = inputs.rows if isinstance(inputs, Prepared) else inputs
    weight, target = examples.weight, examples.target
    assert target is not None
    dtype = weight.dtype
    active = jnp.ones(shape.d, bool) if examples.active is None else examples.active
    y = jnp.where(weight > 0, target, 0).astype(jnp.int32 if shape.classes else dtype)
    cost = jnp.ones_like(weight) if examples.cost is None else examples.cost
    many = together(spec.trees, x, bytes_of(shape.classes, words_of(shape)))
    growth = growth_of(spec, shape, examples.cost is not None, alone=many == 1)
    places = categories_of(shape)
    order = by_content(x, active, y, weight)
    line = jnp.cumsum(weight[order])

    n = len(weight)

    def some(seed: Array) -> Tree:
        """The trees of one queue."""
        own = jnp.broadcast_to(weight, (many, n))
        if spec.bootstrap:
            times = jax.lax.map(lambda one: drawn(one, line, spec.row_sample), seed[:, 0])
            own = jnp.zeros_like(own).at[:, order].set(times)
        own = jnp.where(weight[None] > 0, own, 0)
        loss = own * cost[None]
        ranks = jax.lax.map(lambda one: _ranks(kind, shape, x, y, one), loss) if places else None
        rows = Rows(_ranked(x, places, ranks, many), jnp.tile(y, many), own.reshape(-1), loss.reshape(-1))
        first = order[None] + n * jnp.arange(many, dtype=jnp.int32)[:, None]
        grown = _deep.grow(growth, kind.phases(growth, many * n), seed[0, 1], active, rows, first)
        made = jax.lax.map(lambda one: _trees(kind, shape, inputs, one[0], growth, one[1]), (grown, ranks))
        absent = (own == 0) & (weight[None] > 0) if spec.bootstrap else None
        return Tree(made, grown.at, grown.depth.max(axis=1), grown.used, grown.cut, absent, ranks)

    queues = -(-spec.trees // many)
    trees = over_devices(some, jax.random.bits(key, (queues, many, 2), jnp.uint32))
    if trees.absent is not None:  # those that only fill the last queue
        counts = (jnp.arange(queues * many) < spec.trees).reshape(queues, many)
        trees = trees._replace(absent=trees.absent & counts[..., None])
    told, score, share = _out_of_bag(trees, x, y, weight, places) if spec.bootstrap else (None, None, None)
    trees = jax.tree.map(lambda part: part.reshape(queues * many, *part.shape[2:])[: spec.trees], trees)
    info = Info(
        told, score, share, trees.used.astype(dtype).mean(), trees.used.max(), trees.depth.astype(dtype).mean(),
        _deep.counted(trees.cut > 0),
    )  # fmt: skip
    categories = np.zeros(shape.d, bool)
    categories[list(places)] = True
    return Params(trees.grown, jnp.asarray(categories)), info


def _ranks(kind: Kind, shape: Shape, x: Array, y: Array, loss: Array) -> Float[Array, "c codes"]:
    """The order of the codes (bins, or levels) of each categorical column."""
    places = categories_of(shape)
    codes = 255 if kind.binned else WORD * words_of(shape)
    column = x[:, np.asarray(places)].T
    if not kind.binned:
        column = jnp.where((column >= 0) & (column < codes), column, -1)
    column = jnp.where(column == 255, -1, column.astype(jnp.int32)) if kind.binned else column.astype(jnp.int32)
    return jax.lax.map(lambda code: ranks_of(code, codes, y, loss, shape.classes), column)


def _ranked(x: Array, places: tuple[int, ...], ranks: Array | None, many: int) -> Array:
    """The rows once for each tree, with codes of categories replaced by their places in its order."""
    if ranks is None:
        return x if many == 1 else jnp.tile(x, (many, 1))
    every = jax.lax.map(lambda one: _in_order(x, places, one), ranks)
    return every.reshape(-1, x.shape[1])


def _in_order(x: Array, places: tuple[int, ...], ranks: Array) -> Array:
    """The rows with codes of categories replaced by their places."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        ranks = jnp.concatenate([ranks, jnp.full((len(ranks), 1), 255, ranks.dtype)], axis=1).astype(x.dtype)
        for i, place in enumerate(places):
            x = x.at[:, place].set(ranks[i][x[:, place].astype(jnp.int32)])
        return x
    for i, place in enumerate(places):
        code = x[:, place]
        known = (code >= 0) & (code < ranks.shape[1])
        rank = ranks[i][jnp.where(known, code, 0).astype(jnp.int32)]
        x = x.at[:, place].set(jnp.where(known, rank, jnp.nan))
    return x


def _trees(kind: Kind, shape: Shape, inputs: Any, grown: Any, growth: Growth, ranks: Array | None) -> Trees:
    """A tree in terms of the matrix as it is."""
    n, inner = growth.nodes, grown.column >= 0
    column = jnp.maximum(grown.column, 0)
    at = grown.at
    if kind.binned:
        edges = jnp.asarray(inputs.shared.edges).astype(at.dtype)
        edges = jnp.concatenate([edges, jnp.full((len(edges), 1), jnp.inf, at.dtype)], axis=1)
        at = edges[column, jnp.clip(at, 0, edges.shape[1] - 1).astype(jnp.int32)]
    words = words_of(shape)
    subset = jnp.zeros((n, words), jnp.uint32)
    if ranks is not None:
        which = np.full(shape.d, -1, np.int32)
        which[list(categories_of(shape))] = np.arange(len(ranks))
        number = jnp.where(inner, jnp.asarray(which)[column], -1)
        by_level = ranks
        if kind.binned:  # bins of levels, and rare levels without a bin, which are as good as missing
            level = jnp.asarray(inputs.shared.level)[np.asarray(categories_of(shape))].astype(jnp.int32)
            level = jnp.where(level < 0, WORD * words, level)
            lines = jnp.arange(len(ranks), dtype=jnp.int32)[:, None]
            by_level = jnp.full((len(ranks), WORD * words), jnp.nan, ranks.dtype)
            by_level = by_level.at[lines, level].set(ranks[:, : level.shape[1]], mode="drop")
        subset = _subsets(by_level, number, grown.at, grown.missing_left, words)
        at = jnp.where(number >= 0, 0, at)
    total = _deep.loss_of(growth, grown.sums.T)
    safe = jnp.where(total > 0, total, 1)[:, None]
    if growth.classes:
        value = grown.sums[:, : growth.classes] / safe
    else:
        value = grown.center[:, None] + grown.sums[:, 1:2] / safe
    node = jnp.arange(n, dtype=jnp.int32)
    weight = _deep.weight_of(growth, grown.sums.T)
    return Trees(
        jnp.where(inner, column, -1), jnp.where(inner, at, 0), subset, inner & grown.missing_left,
        jnp.where(inner, grown.left, node), jnp.where(inner, grown.left + 1, node), value, weight, grown.gain,
    )  # fmt: skip


def _subsets(
    ranks: Float[Array, "c levels"], number: Array, at: Array, missing_left: Array, words: int
) -> UInt[Array, "N words"]:
    """Which levels go left, a bit for each; those without a place go where missing values go."""
    table = ranks.reshape(len(ranks), words, WORD)

    def bit(i: Array, so_far: Array) -> Array:
        rank = table[jnp.maximum(number, 0), :, i]
        left = jnp.where(jnp.isnan(rank), missing_left[:, None], rank <= at[:, None]) & (number >= 0)[:, None]
        return so_far | (left.astype(jnp.uint32) << i.astype(jnp.uint32))

    return jax.lax.fori_loop(0, WORD, bit, jnp.zeros((len(number), words), jnp.uint32))


# ---- out of bag ------------------------------------------------------------------------------------------------------


def _out_of_bag(trees: Tree, x: Array, y: Array, weight: Array, places: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """What rows are told by the trees that have not drawn them; how good that is; how many rows there are of them."""
    (_, many, _, k), n = trees.grown.value.shape, len(weight)
    size = min(_BLOCK, n)
    first = jnp.minimum(jnp.arange(-(-n // size), dtype=jnp.int32) * size, n - size)

    def block(first: Array, trees: Tree) -> tuple[Array, Array]:
        own = jax.lax.dynamic_slice_in_dim(x, first, size)

        def add(value: tuple[Array, Array], some: Tree) -> tuple[tuple[Array, Array], None]:
            total, votes = value
            assert some.absent is not None
            absent = jax.lax.dynamic_slice_in_dim(some.absent, first, size, axis=1)
            says = jnp.where(absent[..., None], walked(some, _ranked(own, places, some.ranks, many)), 0)
            return (total + says.sum(axis=0), votes + absent.astype(total.dtype).sum(axis=0)), None

        zero = jnp.zeros((size, k), weight.dtype), jnp.zeros(size, weight.dtype)
        return jax.lax.scan(add, zero, trees)[0]

    total, votes = over_devices(block, first, trees)
    place = (first[:, None] + jnp.arange(size, dtype=jnp.int32)[None]).reshape(-1)
    told = jnp.zeros((n, k), weight.dtype).at[place].set((total / jnp.maximum(votes, 1)[..., None]).reshape(-1, k))
    some = jnp.zeros(n, bool).at[place].set(votes.reshape(-1) > 0)
    counted = jnp.where(some, weight, 0)
    mass = counted.sum()
    safe = jnp.maximum(mass, tiny(mass))
    if jnp.issubdtype(y.dtype, jnp.floating):
        told = told[:, 0]
        mean = (counted * y).sum() / safe
        off, spread = (counted * (y - told) ** 2).sum(), (counted * (y - mean) ** 2).sum()
        score = jnp.where(spread > 0, 1 - off / jnp.where(spread > 0, spread, 1), jnp.nan)
    else:
        score = jnp.where(mass > 0, (counted * (told.argmax(axis=1) == y)).sum() / safe, jnp.nan)
    return told, score, mass / jnp.maximum(weight.sum(), tiny(weight))


def walked(some: Tree, x: Array) -> Float[Array, "many b k"]:
    """What trees say of rows, of bins or numbers; `x` has the b rows once for each tree."""
    many, size, k = some.grown.value.shape
    row = jnp.arange(len(x), dtype=jnp.int32)
    root = row // (len(x) // many) * size
    flat = jax.tree.map(lambda part: part.reshape(many * size, *part.shape[2:]), some.grown)
    at = some.at.reshape(-1)

    def step(value: tuple[Array, Array]) -> tuple[Array, Array]:
        node, _ = value
        column = flat.feature[node]
        left = _deep.goes_left(x, row, jnp.maximum(column, 0), at[node], flat.missing_left[node])
        following = root + jnp.where(left, flat.left[node], flat.right[node])
        return following, (following != node).any()

    leaf = jax.lax.while_loop(lambda value: value[1], step, (root, jnp.asarray(True)))[0]
    return flat.value[leaf].reshape(many, -1, k)


# ---- afterwards ------------------------------------------------------------------------------------------------------


def remarks(spec: Any, info: Info, shape: Shape) -> Iterator[str]:
    """Trees that were cut off, and rows that no tree was left for."""
    if info.cut > 0:
        yield (
            f"{int(info.cut)} of {spec.trees} trees have no room for more than {int(info.largest):,} nodes and were "
            "cut off: a larger `min_samples_leaf`, a `max_depth` or fewer `trees` makes them fit"
        )


def compact(params: Params) -> Params:
    """Without the nodes that no tree needed; on the host."""
    used = int((np.asarray(params.grown.weight) > 0).sum(axis=1).max(initial=1))
    cut = Trees(*(np.asarray(part)[:, :used] for part in params.grown))
    return params._replace(grown=cut)


def trees(spec: Any, params: Params) -> Trees:
    """The trees as they are."""
    return params.grown


def predict(spec: Any, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The mean over trees of the shares of classes, or means, in the row's leaves."""
    value = averaged(params.grown, inputs, params.categories)
    return Prediction(probability=value) if value.shape[1] > 1 else Prediction(mean=value[:, 0])
