"""Deep trees: a queue of nodes, of which a group at a time is split, until none is left that can be.

Small trees are grown together, many in one queue: a step of the loop costs some hundred microseconds, however little it
does, and so it has enough to do. To the queue their rows are rows of their own.

Rows stay grouped by node in one long list of their numbers, so what a group of nodes costs follows from how many rows
it has, not from how many there are. A group's rows come in windows of a fixed size; how many is known only while the
program runs, so its loops are `while_loop`s. A split moves the numbers of a node's rows to another list, those that go
left from the front, the others from the back.

Nodes are numbered in the order in which they are made, which is level by level but for nodes that are looked at again:
where none of the columns drawn for a node can split it, the next ones are drawn, until there are none.

Shapes:  n rows a tree, d columns, m columns drawn for a node, N nodes at most, K sums by node (classes; or weight and
         target), G nodes in a group, R rows in a window.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl_plugins.trees._groups import Group, Phase, Window, draw, goes_left, windows
from mldsl_plugins.trees._impurity import Growth, Rows, counted, running, weight_of

MOST = 256  # nodes in a group


class Grown(NamedTuple):
    """Trees, node by node; `used` nodes are there, and `cut` would have been split but for the room."""

    column: Int[Array, "many N"]
    at: Float[Array, "many N"]
    missing_left: Bool[Array, "many N"]
    left: Int[Array, "many N"]
    sums: Float[Array, "many N K"]
    center: Float[Array, "many N"]
    gain: Float[Array, "many N"]
    depth: Int[Array, "many N"]
    used: Int[Array, " many"]
    cut: Int[Array, " many"]


class Tables(NamedTuple):
    """Nodes as they are made. `whole`: start, rows, depth, last draw, column, missing_left, left, tree; `parts`: gain,
    at, center, and the K sums.
    """

    whole: Int[Array, "N 8"]
    parts: Float[Array, "N c"]


class Queue(NamedTuple):
    """What trees are while they grow: two lists of rows by node, nodes, those of them that are waiting,
    and those that wait for the next phase.
    """

    order: Int[Array, " 2n"]
    nodes: Tables
    waiting: Int[Array, " q"]
    head: Int[Array, ""]
    tail: Int[Array, ""]
    later: Int[Array, " q"]
    late: Int[Array, ""]
    free: Int[Array, ""]
    cut: Int[Array, ""]


def advance(growth: Growth, phase: Phase, seed: Array, active: Array, rows: Rows, queue: Queue) -> Queue:
    """Split the next nodes that wait."""
    g, r, n = phase.nodes, phase.rows, len(rows.weight)
    waits = jnp.arange(g, dtype=jnp.int32) < queue.tail - queue.head
    node = jnp.where(waits, jax.lax.dynamic_slice_in_dim(queue.waiting, queue.head, g), 0)
    whole, parts = queue.nodes.whole[node], queue.nodes.parts[node]
    begin, count, depth = whole[:, 0], jnp.where(waits, whole[:, 1], 0), whole[:, 2]
    last = jax.lax.bitcast_convert_type(whole[:, 3], jnp.uint32)
    drawn, last = draw(growth, seed, active, node, last)
    source = depth % 2 * n
    ends = running(count)
    group = Group(node, waits, source + begin, count, ends, parts[:, 3:].T, parts[:, 2], drawn)
    stretch = windows(queue.order, group, r)
    split = phase.evaluate(growth, seed, rows, group, stretch)
    found = waits & split.found & split.mixed
    spare = 2 * MOST  # beyond the last node, for blocks that are not full
    room = queue.free + 2 * running(found) <= queue.nodes.whole.shape[0] - spare
    cut = queue.cut + counted(found & ~room)
    found &= room

    # Where rows go: those that go left from the front, the others from the back.
    target = (n - source) + begin
    front = group.end - group.rows

    def move(value: tuple[Array, Array], window: Window) -> tuple[Array, Array]:
        order, left = value
        of = window.node
        goes = window.there & found[of]
        first = goes & goes_left(rows.x, window.row, split.column[of], split.at[of], split.missing_left[of])
        until = running(first)
        before = jnp.concatenate([jnp.zeros(1, jnp.int32), until])
        here = jnp.clip(front - window.place[0], 0, r), jnp.clip(group.end - window.place[0], 0, r)
        rank = until - 1 - before[here[0]][of] + left[of]
        other = window.place - front[of] - (rank + 1)  # how many before this one do not go left
        place = jnp.where(first, target[of] + rank, target[of] + count[of] - 1 - other)
        place = jnp.where(goes, place, 2 * n)
        order = order.at[place].set(window.row, mode="drop", unique_indices=True)
        return order, left + before[here[1]] - before[here[0]]

    order, left_rows = stretch.fold(move, (queue.order, jnp.zeros(g, jnp.int32)))
    divides = found & (left_rows > 0) & (left_rows < count)
    rank = running(divides) - divides
    child = queue.free + 2 * rank

    # Their children.
    children = jnp.stack([split.left, split.right], axis=1)  # [K 2 G]
    if growth.classes:  # what rounding leaves of a class is not a class
        least = 2 * jnp.finfo(children.dtype).eps * (split.left + split.right)
        children = jnp.where(children > least[:, None], children, 0)
    center = jnp.stack([group.center, group.center])
    if not growth.classes:
        shift = children[1] / jnp.where(children[0] > 0, children[0], 1)
        center, children = center + shift, children.at[1].set(0)
    number = jnp.stack([left_rows, count - left_rows])  # [2 G]
    zero = jnp.zeros_like(number)
    itself = jnp.stack([child, child + 1])
    tree = jnp.stack([whole[:, 7]] * 2)
    facts = jnp.stack(
        [jnp.stack([begin, begin + left_rows]), number, jnp.stack([depth + 1] * 2), zero, zero - 1, zero, itself, tree],
        axis=-1,
    )
    none = jnp.zeros_like(center)
    values = jnp.concatenate([jnp.stack([none, none, center], axis=-1), children.transpose(1, 2, 0)], axis=-1)
    mass = weight_of(growth, children)
    closed = (number < 2) | (mass < growth.min_split) | (mass < 2 * growth.min_leaf)
    closed |= (depth + 1 >= growth.depth)[None]
    if growth.classes:
        closed |= (children[: growth.classes] > 0).sum(axis=0) < 2

    def in_line(x: Array) -> Array:
        """[2 G ...] as children follow each other, [2G ...]."""
        return jnp.moveaxis(x, 0, 1).reshape(2 * g, *x.shape[2:])

    place = in_line(jnp.where(divides[None], 2 * rank[None] + jnp.arange(2)[:, None], 2 * g))

    def block(table: Array, x: Array) -> Array:
        """The children, one after the other, where there is room for the next ones."""
        made = jnp.zeros((2 * g, table.shape[1]), table.dtype).at[place].set(in_line(x), mode="drop")
        return jax.lax.dynamic_update_slice_in_dim(table, made, queue.free, 0)

    # A node that these columns could not split waits for the next ones.
    again = waits & split.mixed & ~split.found & (drawn[-1] >= 0)
    if growth.columns >= len(active):
        again = jnp.zeros_like(again)
    at_node = jnp.where(waits, node, queue.nodes.whole.shape[0])
    whole = jnp.stack(
        [
            begin, count, depth, jax.lax.bitcast_convert_type(last, jnp.int32), jnp.where(divides, split.column, -1),
            split.missing_left.astype(jnp.int32), jnp.where(divides, child, node), whole[:, 7],
        ],
        axis=-1,
    )  # fmt: skip
    parts = parts.at[:, 0].set(jnp.where(divides, split.gain, 0)).at[:, 1].set(split.at)
    nodes = Tables(
        block(queue.nodes.whole.at[at_node].set(whole, mode="drop"), facts),
        block(queue.nodes.parts.at[at_node].set(parts, mode="drop"), values),
    )
    opens, line = in_line(divides[None] & ~closed), in_line(itself)

    def queued(waiting: Array, tail: Array, which: Array) -> tuple[Array, Array]:
        to = jnp.where(which, running(which) - 1, 2 * g)
        block = jnp.zeros(2 * g, jnp.int32).at[to].set(line, mode="drop")
        return jax.lax.dynamic_update_slice_in_dim(waiting, block, tail, 0), tail + counted(which)

    later, late = queue.later, queue.late
    if phase.above:
        few = in_line(number) <= phase.above
        later, late = queued(later, late, opens & few)
        opens &= ~few
    waiting, tail = queued(queue.waiting, queue.tail, opens)
    # Nodes to be looked at again are put back to the front.
    done = counted(waits) - counted(again)
    to = jnp.where(again, done + running(again) - 1, g)
    front_line = jax.lax.dynamic_slice_in_dim(waiting, queue.head, g).at[to].set(node, mode="drop")
    waiting = jax.lax.dynamic_update_slice_in_dim(waiting, front_line, queue.head, 0)
    return Queue(order, nodes, waiting, queue.head + done, tail, later, late, queue.free + 2 * counted(divides), cut)


def grow(
    growth: Growth,
    phases: tuple[Phase, ...],
    seed: Array,
    active: Array,
    rows: Rows,
    first: Int[Array, "many n"],
) -> Grown:
    """Grow `many` trees, each of n of the rows [many n], of those that weigh something.

    `first` is an order of the rows of each tree, which nothing depends on but ties. O(rows m) time for a level.
    """
    many, n = first.shape
    k, dtype = growth.sums, rows.weight.dtype
    line = first.reshape(-1).astype(jnp.int32)
    there = rows.weight[line] > 0
    until = jnp.cumsum(there, dtype=jnp.int32)
    place = jnp.where(there, until - 1, 2 * many * n)
    order = jnp.zeros(2 * many * n, jnp.int32).at[place].set(line, mode="drop", unique_indices=True)
    end = until[n - 1 :: n]
    begin = jnp.concatenate([jnp.zeros(1, jnp.int32), end[:-1]])
    count = end - begin
    rows = rows._replace(loss=jnp.where(rows.weight > 0, rows.loss, 0))
    of = jnp.arange(many * n, dtype=jnp.int32) // n
    center = jnp.zeros(many, dtype)
    if growth.classes:
        sums = jnp.zeros((many, k), dtype).at[of, rows.y].add(rows.loss)
    else:
        mass = rows.loss.reshape(many, n).sum(axis=1)
        total = (rows.loss * jnp.where(rows.weight > 0, rows.y, 0)).reshape(many, n).sum(axis=1)
        center = total / jnp.where(mass > 0, mass, 1)
        sums = jnp.zeros((many, k), dtype).at[:, 0].set(mass)
    if growth.costs:
        sums = sums.at[:, -1].set(rows.weight.reshape(many, n).sum(axis=1))
    nodes = many * growth.nodes
    room = nodes + 2 * MOST
    every = jnp.arange(many, dtype=jnp.int32)
    whole = jnp.zeros((room, 8), jnp.int32).at[:, 4].set(-1).at[:, 6].set(jnp.arange(room, dtype=jnp.int32))
    whole = whole.at[:many, 0].set(begin).at[:many, 1].set(count).at[:many, 7].set(every)
    parts = jnp.zeros((room, 3 + k), dtype).at[:many, 2].set(center).at[:many, 3:].set(sums)
    mass = weight_of(growth, sums.T)
    waits = (count > 1) & (mass >= growth.min_split) & (mass >= 2 * growth.min_leaf) & (growth.depth > 0)
    if growth.classes:
        waits &= (sums[:, : growth.classes] > 0).sum(axis=1) > 1
    zero = jnp.zeros((), jnp.int32)
    nothing = jnp.zeros(room + MOST, jnp.int32)

    def listed(which: Array) -> tuple[Array, Array]:
        return nothing.at[jnp.where(which, running(which) - 1, room + MOST)].set(every, mode="drop"), counted(which)

    few = waits & (count <= phases[0].above)
    waiting, tail = listed(waits & ~few)
    queue = Queue(order, Tables(whole, parts), waiting, zero, tail, *listed(few), zero + many, zero)
    for i, phase in enumerate(phases):
        if i:
            queue = queue._replace(waiting=queue.later, head=zero, tail=queue.late, later=nothing, late=zero)
        queue = jax.lax.while_loop(
            lambda q: q.head < q.tail,
            lambda q, phase=phase: advance(growth, phase, seed, active, rows, q),
            queue,
        )
    whole, parts = queue.nodes.whole[:nodes], queue.nodes.parts[:nodes]
    itself = jnp.arange(nodes, dtype=jnp.int32)
    made = itself < queue.free
    grown = Grown(
        jnp.where(made, whole[:, 4], -1), parts[:, 1], whole[:, 5] > 0, jnp.where(made, whole[:, 6], itself),
        jnp.where(made[:, None], parts[:, 3:], 0), jnp.where(made, parts[:, 2], 0), jnp.where(made, parts[:, 0], 0),
        whole[:, 2], jnp.broadcast_to(queue.free, 1), jnp.broadcast_to(queue.cut, 1),
    )  # fmt: skip
    if many == 1:
        return jax.tree.map(lambda part: part[None] if part.ndim and len(part) == nodes else part, grown)
    return apart(grown, jnp.where(made, whole[:, 7], many), many)


def apart(grown: Grown, tree: Int[Array, " all"], many: int) -> Grown:
    """The nodes of each tree by themselves, in the order in which they were made."""
    size = len(tree) // many
    order = jnp.argsort(tree, stable=True).astype(jnp.int32)
    used = jnp.zeros(many, jnp.int32).at[tree].add(1, mode="drop")
    before = jnp.concatenate([jnp.zeros(1, jnp.int32), running(used)[:-1]])
    number = jnp.zeros(len(tree), jnp.int32).at[order].set(jnp.arange(len(tree), dtype=jnp.int32))
    number = number - before[jnp.minimum(tree, many - 1)]  # of each node in its tree
    place = jnp.arange(size, dtype=jnp.int32)
    made = place[None] < used[:, None]
    at = order[jnp.minimum(before[:, None] + place[None], len(tree) - 1)]

    def of(part: Array, nothing: Any = 0) -> Array:
        return jnp.where(made.reshape(*made.shape, *[1] * (part.ndim - 1)), part[at], nothing)

    return Grown(
        of(grown.column, -1), of(grown.at), of(grown.missing_left, False), of(number[grown.left], place[None]),
        of(grown.sums), of(grown.center), of(grown.gain), of(grown.depth), used, jnp.zeros_like(used),
    )  # fmt: skip
