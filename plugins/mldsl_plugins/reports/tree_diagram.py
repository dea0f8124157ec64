"""A grown tree as a drawing and as text: what is asked at each node, how many rows get there, and what is said of them.

    left where  x ≤ threshold,  or x is one of a set of levels;  right otherwise

The drawing shows the first `max_depth` levels of splits; below a node that is split further stands how many splits are
left out. A box has the question that its rows are asked, how many training rows came there (how much they count, where
rows have weights), and what the node says of them: the shares of the classes as a bar, with the one that it answers; or
the mean of the target; or, where trees are added up (boosting), what the tree adds to the score. Lines are the thicker
the more rows go there. A box that asks nothing has the colour of its answer, the stronger the surer. `missing` stands
at the way that missing values take.

The text has one line a node, set in by its depth, numbered as R's rpart does: the children of node i are 2 i and
2 i + 1. It has all nodes if they are no more than 24; else those that are drawn, and all of them in a file of their
own. A rule is what a node's rows meet and those of its sibling do not. `gain` is how much the split lowered what the
trees of the model lower (impurity or loss, summed over rows); that of a leaf is empty.

Where a tree has surrogate splits (`cart`), they are listed: by which other columns rows go that miss the value of a
question.

Of an ensemble one tree is drawn, the first unless `tree` says another. It tells little about the others:
`feature_importance` sums up all of them.

Shapes:  the drawing has at most 2^(max_depth + 1) - 1 boxes.
Units:   thresholds are on the scale of the columns that reach the model: a note names steps that changed it.
Errors:  models that have no trees are left out, and a sentence says so; without any, it is refused before training.
Sources: Breiman, Friedman, Olshen & Stone 1984, Classification and Regression Trees; Reingold & Tilford 1981,
         doi:10.1109/TSE.1981.234519 (where boxes stand).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Problem, Report, hookimpl, param
from mldsl.plugin.display import Box, Column, Diagram, Figure, Panel, ReportOutput, Table
from mldsl_plugins.reports._grown import Node, nodes_of
from mldsl_plugins.reports._shared import model_column
from mldsl_plugins.reports._stand_ins import StandIn, stand_ins_of, staying
from mldsl_plugins.reports._tree_answers import Says, columns_of, grown_of, says_of, scale_notes, without_trees

_MISSES = (
    "a row that misses the value of a question goes by the first surrogate that it has a value for; without one, with "
    "the majority."
)
_LINES = 24  # of a tree that is printed whole
_RAISES = ("lowers the score", "raises the score")


@attrs.frozen
class Spec:
    """Which tree, and how much of it."""

    max_depth: int = param(3, ge=1, le=12, unit="levels", doc="Levels of splits that are drawn.")
    tree: int = param(
        0, ge=0, doc="Which tree of an ensemble, counted from 0; where each class has its own, they take turns."
    )
    surrogates: bool = param(True, doc="List the surrogate splits of a tree that has them, as `cart` does.")


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """There is something to draw."""
    yield from without_trees(plan, "max_depth")


@attrs.frozen(eq=False)
class _Drawn:
    """One tree of a model."""

    model: ModelView
    says: Says
    nodes: list[Node]
    number: int
    count: int
    stand_ins: dict[int, list[StandIn]]

    def title(self, several: bool) -> str:
        """What the drawing is of."""
        of = f" of {self.model.name}" if several else ""
        score = f", score of {self.says.of}" if self.says.of else ""
        return f"Tree{of}" if self.count == 1 else f"Tree {self.number + 1} of {self.count:,}{of}{score}"


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """For each model the drawing and the lines that it shows; all nodes where it leaves some out; the surrogates."""
    drawn, notes = [], []
    for model in view.models:
        trees = grown_of(model)
        if trees is None:
            notes.append(f"{model.name}: it has no trees.")
            continue
        count = len(trees.feature)
        number = min(spec.tree, count - 1)
        if spec.tree >= count:
            notes.append(f"{model.name}: it has {count} trees, so the last of them is drawn.")
        says = says_of(view, model, trees, number)
        stand_ins = stand_ins_of(model, columns_of(model))
        nodes = nodes_of(trees, number, columns_of(model), {*stand_ins, *staying(model)})
        drawn.append(_Drawn(model, says, nodes, number, count, stand_ins))
        notes += [f"{model.name}: {words}" for words in (*says.notes(), *scale_notes(model, nodes))]
        if stand_ins:
            notes.append(f"{model.name}: {_MISSES}")
        if count > 1:
            notes.append(
                f"{model.name}: one of {count:,} trees, which says little about the others; "
                "`feature_importance(method = gain)` sums up all of them."
            )
    if not drawn:
        return ReportOutput(notes=notes)
    several = len(drawn) > 1
    tables = [_table(spec, drawn, everything=_short(drawn))]
    if not _short(drawn) and any(node.depth > spec.max_depth for one in drawn for node in one.nodes):
        tables.append(attrs.evolve(_table(spec, drawn, everything=True), title="All nodes", name="nodes"))
    if spec.surrogates and any(one.stand_ins for one in drawn):
        tables.append(_surrogates(drawn))
    figures = [_figure(spec, one, several, "" if i == 0 else one.model.name) for i, one in enumerate(drawn)]
    return ReportOutput(tables, figures, notes)


# ---- text ------------------------------------------------------------------------------------------------------------
def _table(spec: Spec, drawn: list[_Drawn], *, everything: bool) -> Table:
    """One line a node, set in by its depth; down to the last level that is drawn unless `everything`."""
    rows = [(one, node) for one in drawn for node in one.nodes if everything or node.depth <= spec.max_depth]
    most = 10_000 if everything else 6
    models = [one.model for one in drawn]
    levels = drawn[0].says.levels if all(one.says.levels == drawn[0].says.levels for one in drawn) else ()
    heading = " or ".join(dict.fromkeys(one.says.heading for one in drawn))
    folded = [not everything and node.depth == spec.max_depth and not node.is_leaf for _, node in rows]
    ends = [_more(node) if cut else "*" if node.is_leaf else "" for (_, node), cut in zip(rows, folded, strict=True)]
    columns = [
        *model_column(models, [one.model.name for one, _ in rows]),
        Column("node", [node.number for _, node in rows], "text"),
        Column("rule", [_rule(node, most) for _, node in rows], "text", depth=[node.depth for _, node in rows]),
        Column("rows", [_whole(node.weight) for _, node in rows], "integer"),
        Column(heading, [one.says.cell(node.value) for one, node in rows], "text" if levels else "number"),
        *(Column(level, [node.value[k] for _, node in rows], "share") for k, level in enumerate(levels)),
        Column("gain", [None if node.is_leaf else node.gain for _, node in rows]),
        Column("leaf", ends, "text"),
    ]  # fmt: skip
    titles = dict.fromkeys(one.title(len(drawn) > 1) for one in drawn)
    return Table("; ".join(titles), columns, note="* a leaf.")


def _short(drawn: list[_Drawn]) -> bool:
    return sum(len(one.nodes) for one in drawn) <= _LINES


def _surrogates(drawn: list[_Drawn]) -> Table:
    """What stands in for each question, the best first."""
    rows = [(one, node, s) for one in drawn for node in one.nodes for s in one.stand_ins.get(node.place, ())]
    return Table(
        "Surrogate splits",
        [
            *model_column([one.model for one in drawn], [one.model.name for one, _, _ in rows]),
            Column("node", [node.number for _, node, _ in rows], "text"),
            Column("question", [node.yes.words(6) if node.yes else "" for _, node, _ in rows], "text"),
            Column("yes where", [s.rule.words(6) for _, _, s in rows], "text"),
            Column("agreement", [s.agree for _, _, s in rows], "share"),
            Column("adjusted", [s.adjusted for _, _, s in rows], "share"),
        ],
        name="surrogates",
        note="Agreement: the share of rows that go the same way by both. Adjusted: the share that it gets right of the "
        "rows that would go wrong if all went with the majority.",
    )  # fmt: skip


def _rule(node: Node, most: int) -> str:
    return "all rows" if node.rule is None else node.rule.words(most)


def _more(node: Node) -> str:
    return f"… {node.below + 1} more {'split' if node.below == 0 else 'splits'}"


def _whole(weight: float) -> float:
    """A sum of float32 weights without the digits that it does not have."""
    return float(f"{weight:.7g}")


# ---- drawing ---------------------------------------------------------------------------------------------------------
def _figure(spec: Spec, one: _Drawn, several: bool, name: str) -> Figure:
    shown = [i for i, node in enumerate(one.nodes) if node.depth <= spec.max_depth]
    place = {i: k for k, i in enumerate(shown)}
    boxes = [_box(spec, one, one.nodes[i], place.get(one.nodes[i].parent, -1)) for i in shown]
    names = one.says.levels or (_RAISES if one.says.kind == "sum" else (one.says.heading,))
    leaves = sum(node.is_leaf for node in one.nodes)
    root = one.nodes[0]
    first = "it is a single leaf" if root.yes is None else f"the first question is {root.yes.words(missing=False)}"
    alt = f"A tree of {leaves} leaves: {first}; the text below has all of it."
    return Figure(one.title(several), [Panel("", "", diagram=Diagram(boxes, names))], alt, name=name)


def _box(spec: Spec, one: _Drawn, node: Node, parent: int) -> Box:
    says, root = one.says, one.nodes[0]
    cut = node.depth == spec.max_depth and not node.is_leaf
    asks = node.yes is not None and not cut
    answer, detail = says.words(node.value, node.weight)
    which, strength = says.colour(node.value, [n.value for n in one.nodes if n.is_leaf])
    return Box(
        head=_question(node) if asks else answer,
        lines=[f"{says.word}{answer}{': ' if says.kind == 'shares' else ', '}{detail}" if asks else detail],
        parent=parent, edge="" if parent < 0 else _edge(one.nodes[node.parent], node),
        flow=node.weight / root.weight if root.weight > 0 else 0.0,
        shares=node.value.tolist() if says.kind == "shares" else (),
        which=-1 if asks else which, strength=strength,
        more=_more(node) if cut else "",
        title=_path(one.nodes, node),
    )  # fmt: skip


def _question(node: Node) -> str:
    """What a node asks; where its line breaks, a sign stays with what it compares with."""
    assert node.yes is not None
    words = f"{node.yes.words(missing=False)}?"
    return words.replace("≤ ", "≤\u00a0").replace("> ", ">\u00a0").replace("= ", "=\u00a0")


def _edge(parent: Node, node: Node) -> str:
    """`yes` leads to the rows that the question is true of; missing values take one of the ways."""
    assert node.rule is not None
    word = "yes" if node.rule.left else "no"
    return f"{word}, missing" if node.rule.missing else word


def _path(nodes: list[Node], node: Node) -> str:
    """All conditions from the root to a node."""
    found: list[str] = []
    while node.rule is not None:
        found.append(node.rule.words(20))
        node = nodes[node.parent]
    return f"Node {node.number}" if not found else " and ".join(reversed(found))


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "tree_diagram", Spec, compute=compute, check=check, tasks={"classify", "regress", "rank"},
            snippet="report { tree_diagram(max_depth = 4) }",
            also_known_as=("plot_tree", "export_text", "rpart.plot", "dtreeviz"),
            sources=(
                "Breiman, Friedman, Olshen & Stone 1984, Classification and Regression Trees",
                "Reingold & Tilford 1981, doi:10.1109/TSE.1981.234519",
            ),
        )
    ]  # fmt: skip
