"""Classification and regression tree: questions about one column at a time, until a leaf answers.

A node splits its rows in two, at the place of all columns that lowers the total impurity most. With m_c the loss weight
(weight times cost) of class c in a node, m their sum, v_i loss weights and y_i targets:

- `gini` m (1 - sum_c (m_c / m)^2); `entropy` -sum_c m_c log2(m_c / m), in bits;
- `squared_error` sum_i v_i (y_i - mean)^2; `absolute_error` sum_i v_i |y_i - median|.

The split is exact: every distinct value is tried, the threshold is half way to the next one, and x <= threshold goes
left. Categories are split as sets of levels; all sets are tried but for more than two classes and more than 10 levels,
where levels are ordered along the principal direction of their shares. A leaf answers the shares of the classes, the
mean or the median. A node splits if it holds `min_samples_split` rows, its children would hold `min_samples_leaf` (rows
count by weight, whatever they cost), and something is gained; scikit-learn also splits where nothing is gained. Of
equal splits the first column wins, then the lowest threshold; scikit-learn goes through columns in random order.

A missing value is no reason to leave a row out. A column is judged on the rows that have it, so one that few have gains
little. A row that misses the value goes by the first of the node's surrogates that knows the way: cuts of other columns
which send rows as the split does (agreement, the share of rows sent alike) and better than the majority would (adjusted
agreement, the share of the rest that is won). If none knows, it goes with the majority; where both sides are equally
heavy it stays, and the node answers it. A level that a node has not seen counts as missing. All this is as in rpart,
with two conventions that change no tree: the low side is always the left one, and gains are totals (of squares, not
shares of the node's).

The stopping rules are rpart's, too (20 rows to split, 7 in a leaf, 5 surrogates); nothing is pruned unless
`prune` says so, while rpart prunes by `cost_complexity(0.01)`. For scikit-learn's tree write `min_samples_split = 2,
min_samples_leaf = 1, surrogate_splits = 0`.

Shapes:  n rows, d columns: O(n d) time for each level of the tree, O(n d) memory; surrogates double it, and
         `absolute_error` takes O(n d log n) for a level. Rows with few distinct values are faster.
Units:   thresholds are in the unit of their column; gains and impurities in rows times that of the criterion.
Errors:  a criterion that does not suit the target; more levels than sets of levels have room for.
Sources: Breiman, Friedman, Olshen & Stone 1984, doi:10.1201/9781315139470; surrogates as in Therneau & Atkinson 1997,
         An introduction to recursive partitioning using the RPART routines; many levels and classes: Coppersmith, Hong
         & Hosking 1999, doi:10.1023/A:1009869804967.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Prediction, Prepared, Shape, Trees, weighted_mean
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl.plugin.spec import Configured
from mldsl_plugins.trees import _exact as exact
from mldsl_plugins.trees import _pruning as pruning
from mldsl_plugins.trees import _walk as walk
from mldsl_plugins.trees import cost_complexity
from mldsl_plugins.trees._cells import ranked, values_of
from mldsl_plugins.trees._criteria import Criterion, Rows
from mldsl_plugins.trees._nodes import Nodes, Split, Tables, blank, named, tables
from mldsl_plugins.trees._ranks import ranks

OF_CLASSES, OF_NUMBERS = ("gini", "entropy"), ("squared_error", "absolute_error")
SETS = 1 << 28  # bytes that sets of levels may take
DEEPEST = 2**30


@attrs.frozen
class Spec:
    """Hyperparameters of a tree."""

    criterion: Literal["auto", "gini", "entropy", "squared_error", "absolute_error"] = param(
        "auto", also_known_as=("split", "loss", "impurity"),
        doc="What splits lower; `auto` is gini for classes, squared_error for numbers.",
    )  # fmt: skip
    max_depth: int | None = param(
        None, ge=1, unit="levels", search="2..12", simpler="smaller", also_known_as=("maxdepth", "depth"),
        doc="Most questions that a row is asked, without limit unless given.",
    )  # fmt: skip
    min_samples_split: int = param(
        20, ge=2, unit="rows", simpler="larger", also_known_as=("minsplit", "min_split"),
        doc="Rows that a node must hold to be split.",
    )  # fmt: skip
    min_samples_leaf: int = param(
        7, ge=1, unit="rows", search="log(1..100)", simpler="larger",
        also_known_as=("minbucket", "min_child_samples", "min_data_in_leaf"), doc="Rows that a child must hold.",
    )  # fmt: skip
    surrogate_splits: int = param(
        5, ge=0, also_known_as=("maxsurrogate", "surrogates"),
        doc="How many surrogates a node keeps, for rows that miss its value; 0 for none.",
    )  # fmt: skip
    prune: Any | None = param(
        None, kind="pruning", also_known_as=("ccp_alpha", "cp", "pruning"),
        doc="What is taken back of the grown tree: `cost_complexity`, or nothing.",
    )  # fmt: skip


class Params(NamedTuple):
    """The tree, node by node, level by level; node 0 is the root.

    `value` are the shares of the classes or the mean, of inner nodes, too. `kind` of a column: 0 a number, 1 levels in
    order, 2 categories.
    """

    split: Split
    surrogate: Split
    left: Int[Array, " N"]
    right: Int[Array, " N"]
    default: Int[Array, " N"]
    value: Float[Array, "N k"]
    weight: Float[Array, " N"]
    gain: Float[Array, " N"]
    kind: Int[Array, " d"]


class Info(NamedTuple):
    """The first nodes of the tree, M of them at most, and its path.

    `nodes` and `depth` are those of the whole tree. `weight` are rows, `counts` [M, k] the loss weight of each class,
    or that of all rows; `impurity` the mean one, `risk` the loss that pruning weighs, `gain` what the split lowers the
    total impurity by, 0 for leaves. `agree` and `adjusted` [M, S] are those of `Params.surrogate`. `competitor` [M, C]
    are the columns that come next, with thresholds (of numbers) and gains, -1 where there is none. `path`: the trees
    that `cost_complexity` makes, see there; None if nothing is pruned.
    """

    nodes: Int[Array, ""]
    depth: Int[Array, ""]
    weight: Float[Array, " M"]
    counts: Float[Array, "M k"]
    impurity: Float[Array, " M"]
    risk: Float[Array, " M"]
    gain: Float[Array, " M"]
    agree: Float[Array, "M S"]
    adjusted: Float[Array, "M S"]
    competitor: Int[Array, "M C"]
    competitor_threshold: Float[Array, "M C"]
    competitor_gain: Float[Array, "M C"]
    path: pruning.Path | None


def criterion_of(spec: Spec, classes: int) -> str:
    """The criterion, where it is `auto` that of the task."""
    return spec.criterion if spec.criterion != "auto" else ("gini" if classes else "squared_error")


def leaves(spec: Spec, rows: int) -> int:
    """How many leaves a tree of so many rows, of weight 1 at most, can have."""
    grown = max(rows // spec.min_samples_leaf, 1)
    return min(grown, 2 ** min(spec.max_depth if spec.max_depth is not None else DEEPEST, 30))


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """The criterion must suit the target, and sets of levels must have room."""
    suited, other = (OF_CLASSES, "classes") if shape.classes else (OF_NUMBERS, "numbers")
    name = criterion_of(spec, shape.classes)
    if name not in suited:
        yield Problem("criterion", f"expected {' or '.join(suited)} for {other}, found {name}")
    most = max((c for c in shape.columns if c.type == "categorical"), key=lambda c: c.levels, default=None)
    if most is None:
        return
    words = -(-most.levels // 32)
    if 8 * words * (1 + spec.surrogate_splits) * 2 * leaves(spec, shape.rows) > SETS:
        yield Problem(
            "max_depth",
            f"expected less than {2 * leaves(spec, shape.rows)} nodes, for which sets of the {most.levels} levels of "
            f"`{most.name}` would take more than {SETS >> 20} MB, as many as this depth and these leaves allow; merge "
            "rare levels, encode them by the target, or limit the tree",
        )


def prepare(spec: Spec, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray) -> tuple[Prepared, None]:
    """The ranks of the values of each column, found on the host, beside the matrix."""
    x = np.stack([np.asarray(column) for column in columns.values()], axis=1) if columns else np.zeros((len(weight), 0))
    levels = tuple(c.levels if c.type == "categorical" else 0 for c in shape.columns)
    # As many leaves as rows are possible only where rows weigh more than 1.
    room = len(weight) if weight.sum() > len(weight) else max(len(weight) // spec.min_samples_leaf, 1)
    ordered = kinds(shape) == walk.ORDERED
    return Prepared((ranks(np.where(ordered[None] & (x < 0), np.nan, x), levels), x), np.zeros(room, bool)), None


def _growth(spec: Spec, shape: Shape, room: int, costs: bool) -> exact.Growth:
    depth = DEEPEST if spec.max_depth is None else min(spec.max_depth, DEEPEST)
    most = min(room, 2 ** min(depth, 30))
    categories = tuple(j for j, c in enumerate(shape.columns) if c.type == "categorical")
    return exact.Growth(
        criterion=Criterion(criterion_of(spec, shape.classes), shape.classes, costs),
        max_depth=depth,
        min_samples_split=spec.min_samples_split,
        min_samples_leaf=spec.min_samples_leaf,
        surrogates=spec.surrogate_splits if shape.d > 1 else 0,
        numbers=tuple(j for j in range(shape.d) if j not in set(categories)),
        categories=categories,
        levels=max((shape.columns[j].levels for j in categories), default=0),
        nodes=2 * most - 1,
        width=max(most, 2),
    )


def _inputs(shape: Shape, examples: Examples) -> tuple[Array, Array, int]:
    """The matrix, the ranks of its values, and for how many leaves there is room."""
    given = examples.inputs
    if isinstance(given, Prepared):
        rank, x = given.rows
        return x, rank, given.shared.shape[0]
    x = given
    nominal = jnp.asarray(np.asarray([c.type == "categorical" for c in shape.columns], bool))
    levels = jnp.asarray(np.asarray([c.levels for c in shape.columns], np.int32))
    code = jnp.where((x >= 0) & (x < levels[None]), x, -1).astype(jnp.int32)
    return x, jnp.where(nominal[None], code, ranked(_known(x, shape), examples.weight > 0)), x.shape[0]


def kinds(shape: Shape) -> np.ndarray:
    """Of each column whether it holds numbers, levels in order, or categories."""
    by = {"categorical": walk.CATEGORY, "ordinal": walk.ORDERED, "binary": walk.ORDERED}
    return np.asarray([by.get(c.type, walk.NUMBER) for c in shape.columns], np.int32)


def _known(x: Array, shape: Shape) -> Array:
    """The matrix with codes of no level missing."""
    ordered = jnp.asarray(kinds(shape) == walk.ORDERED)
    return jnp.where(ordered[None] & (x < 0), jnp.nan, x)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Grow a tree, and prune it."""
    assert examples.target is not None
    x, rank, room = _inputs(shape, examples)
    weight, loss = examples.weight, examples.loss_weight()
    growth = _growth(spec, shape, room, examples.cost is not None)
    active = jnp.ones(shape.d, bool) if examples.active is None else examples.active
    center = jnp.zeros((), loss.dtype)
    target = examples.target
    if not shape.classes:
        center = weighted_mean(target, loss)
        target = jnp.where(weight > 0, target - center, 0)
    table = exact.Table(rank, values_of(*(exact.chosen(part, growth.numbers) for part in (x, rank))))
    rows = Rows(weight, jnp.where(weight > 0, loss, 0), target)

    def grow(weight: Array) -> Tables:
        share = jnp.where(weight > 0, rows.loss, 0)
        return exact.grow(growth, table, Rows(weight, share, rows.target), active)

    kind, path = jnp.asarray(kinds(shape)), None
    if spec.prune is None:
        tree = grow(weight)
    else:
        empty = tables(blank(growth, growth.nodes, loss.dtype))
        growing = pruning.Growing(growth, rows, x, kind, grow, _lost(growth.criterion), empty)
        tree, path = spec.prune.component.functions["prune"](spec.prune.spec, key, growing)
    nodes = named(growth, tree)
    value = nodes.value if shape.classes else nodes.value + center
    params = Params(
        nodes.split, nodes.surrogate, nodes.left, nodes.right, nodes.default, value, nodes.weight, nodes.gain, kind
    )
    return params, _info(growth, nodes, path)


def _lost(criterion: Criterion) -> Any:
    def lost(rows: Rows, nodes: Nodes, node: Array) -> Array:
        each = jnp.where(rows.weight > 0, rows.loss / jnp.where(rows.weight > 0, rows.weight, 1), 0)
        if criterion.classes:
            return each * (nodes.value.argmax(axis=1)[node] != rows.target)
        off = nodes.value[node, 0] - rows.target
        return each * (jnp.abs(off) if criterion.name == "absolute_error" else off**2)

    return lost


def _info(growth: exact.Growth, nodes: Nodes, path: pruning.Path | None) -> Info:
    mass = growth.criterion.mass(nodes.sums.T)
    some = jax.tree.map(lambda a: a[: pruning.SHOWN], nodes)
    sums = some.sums[:, : growth.criterion.classes] if growth.criterion.classes else some.sums[:, :1]
    impurity = nodes.risk / jnp.where(mass > 0, mass, 1)
    return Info(
        (nodes.weight > 0).sum().astype(jnp.int32), nodes.depth.max(), some.weight, sums,
        impurity[: pruning.SHOWN], some.loss, some.gain, some.agree, some.adjusted, some.competitor,
        some.competitor_threshold, some.competitor_gain, path,
    )  # fmt: skip


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """What the leaf says that a row comes to."""
    ways = walk.Ways(params.split, params.surrogate, params.left, params.right, params.default, params.kind)
    value = params.value[walk.leaf(ways, inputs)]
    return Prediction(probability=value) if value.shape[1] > 1 else Prediction(mean=value[:, 0])


def trees(spec: Spec, params: Params) -> Trees:
    """The tree, for reports: where the way of a missing value is not known, it counts as going left."""
    one = params.split
    return Trees(*(
        part[None] for part in (
            one.feature, one.threshold, one.subset, params.default != walk.RIGHT, params.left, params.right,
            params.value, params.weight, params.gain,
        )
    ))  # fmt: skip


class Surrogates(NamedTuple):
    """The surrogates of the first M nodes, best first, for whoever draws the tree; `feature` is -1 where none is left.

    Numbers up to `threshold`, and categories in `subset` (as in `Trees`), go left where `low_left`, else right;
    categories that are not `known` tell nothing. `agree` is the share of rows that go the same way as by the split,
    `adjusted` which part of the rows it gets right that the majority would not.
    """

    feature: Any
    threshold: Any
    low_left: Any
    subset: Any
    known: Any
    agree: Any
    adjusted: Any


def surrogates(spec: Spec, params: Params, info: Info) -> Surrogates:
    """The surrogates [M, S] of the nodes that `Info` tells of; S is 0 where the Spec wants none."""
    shown = min(len(info.agree), len(params.left))
    return Surrogates(*(part[:shown] for part in params.surrogate), info.agree[:shown], info.adjusted[:shown])


def compact(params: Params) -> Params:
    """Without room for nodes that were not needed."""
    used = max(int(np.count_nonzero(params.weight > 0)), 1)
    kind, rest = params.kind, params._replace(kind=None)
    return jax.tree.map(lambda a: a[:used], rest)._replace(kind=kind)  # type: ignore[no-any-return]


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[str]:
    """A tree that asks nothing."""
    if info.nodes == 1:
        yield (
            "the tree has no split, so every row gets the same answer: none was allowed by `min_samples_split` and "
            "`min_samples_leaf`, gained anything, or was worth keeping"
        )


@hookimpl
def mldsl_components() -> list[Component]:
    """The tree."""
    return [
        Model(
            "cart", Spec, fit=fit, predict=predict, check=check, prepare=prepare, prepare_reads=("min_samples_leaf",),
            trees=trees, compact=compact, remarks=remarks, tasks=("classify", "regress"),
            accepts=("continuous", "integer", "binary", "ordinal", "categorical"), missing="accepts", costs=True,
            precision="float64",
            example=Spec(max_depth=3, min_samples_split=4, min_samples_leaf=2, surrogate_splits=2,
                         prune=Configured(cost_complexity.mldsl_components()[0], cost_complexity.Spec(0.02, 0))),
            examples={"regress": Spec(max_depth=2, min_samples_split=2, min_samples_leaf=1, surrogate_splits=1)},
            snippet="model { cart(max_depth = 5, prune = cost_complexity(alpha = 0.01)) }",
            sources=("Breiman, Friedman, Olshen & Stone 1984, doi:10.1201/9781315139470",
                     "Therneau & Atkinson 1997, An introduction to recursive partitioning using the RPART routines",
                     "Coppersmith, Hong & Hosking 1999, doi:10.1023/A:1009869804967"),
            also_known_as=("rpart", "DecisionTreeClassifier", "DecisionTreeRegressor", "decision_tree", "tree"),
        )
    ]  # fmt: skip
