"""Trees beside what R's rpart printed: splits, improvements, agreement, predictions of rows that miss values."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from mldsl_plugins.trees import cart, cost_complexity

from mldsl.contract import ColumnShape
from mldsl.plugin.spec import Configured

GOLDEN, DATA = Path("../shared/golden/rpart_golden.txt"), Path("../shared/data")
NAME, REFERENCE = "model.cart", "rpart 4.1.19"
RELIABILITY = ("Much worse", "worse", "average", "better", "Much better")
PRUNED = Configured(cost_complexity.mldsl_components()[0], cost_complexity.Spec(0.01, folds=0))
LEFT, RIGHT = 0, 1

pytestmark = pytest.mark.skipif(not GOLDEN.exists(), reason="what rpart printed is not here")


@pytest.fixture(scope="module")
def golden():
    """The parts of the file: lines of nodes, tables of splits and of cp, predictions."""
    lines = GOLDEN.read_text("utf-8").splitlines()
    trees, tables, paths, answers = [], [], [], []
    for line in lines:
        if re.match(r"\s*1\) root", line):
            trees.append([line.strip()])
        elif re.match(r"\s+count ncat +improve", line):
            tables.append([])
        elif re.match(r"\s+CP nsplit", line):
            paths.append([])
        elif re.match(r"\s*\d+\) ", line):
            trees[-1].append(line.strip())
        elif re.match(r"[A-Z][a-z]+ +\d+ +-?\d+ ", line) and tables:
            name, *numbers = line.split()
            tables[-1].append((name.lower(), *map(float, numbers)))
        elif re.match(r"\d+ 0\.\d+ +\d+ ", line):
            paths[-1].append([float(v) for v in line.split()[1:]])
        elif re.match(r"\d+ +[01]\.\d{10} [01]\.\d{10}$", line):
            answers.append([float(v) for v in line.split()[1:]])
    start = max(i for i, line in enumerate(lines) if re.match(r" +Start +Age +Number *$", line))
    importance = [float(v) for v in lines[start + 1].split()]
    return {
        "trees": trees, "tables": tables, "paths": paths, "answers": np.asarray(answers), "importance": importance,
    }  # fmt: skip


def codes(column):
    """Codes of sorted levels, NaN where missing, and the levels."""
    levels = sorted(column.drop_nulls().unique().to_list())
    place = {level: float(i) for i, level in enumerate(levels)}
    return np.asarray([place.get(v, np.nan) for v in column]), levels


class Tree:
    """A fit with rpart's defaults, listed as rpart lists trees: the side of the lower mean is the left one."""

    def __init__(self, run, frame, names, y, classes, first):
        self.levels, x, columns = {}, [], []
        for name in names:
            column = frame[name]
            if column.dtype == pl.String:
                values, self.levels[name] = codes(column)
                columns.append(ColumnShape(name, "categorical", len(self.levels[name])))
            else:
                values = column.cast(pl.Float64).to_numpy()
                columns.append(ColumnShape(name))
            x.append(values)
        self.names, self.x = names, np.stack(x, axis=1)
        self.fit = run("cart", cart.Spec(prune=PRUNED), self.x, y, classes=classes, columns=tuple(columns))
        self.params, self.info, self.y, self.first = self.fit.params, self.fit.info, y, first
        self.walk, self.sent_by = [], {}  # by node, which rows the split and its surrogates send
        self._list(0, 1, "root")

    def _mean(self, node):
        value = self.params.value[node]
        return value @ np.arange(len(value)) if len(value) > 1 else value[0]

    def lowest_left(self, node):
        """Whether our left child is rpart's."""
        return bool(self._mean(self.params.left[node]) < self._mean(self.params.right[node]))

    def set_of(self, split, at, side):
        levels = self.levels[self.names[split.feature[at]]]
        bit = lambda words, i: int(words[at][i // 32]) >> (i % 32) & 1  # noqa: E731
        left = bool(split.low_left[at]) == (side == LEFT)
        return [v for i, v in enumerate(levels) if bit(split.known, i) and bit(split.subset, i) == left]

    def _label(self, node, side):
        split = self.params.split
        name = self.names[split.feature[node]]
        if name in self.levels:
            return f"{name.capitalize()}={','.join(self.set_of(split, node, side))}"
        return f"{name.capitalize()}{'< ' if side == LEFT else '>='}{split.threshold[node]:g}"

    def _list(self, node, number, label):
        self.walk.append((node, number, label))
        if self.params.split.feature[node] < 0:
            return
        sides = [LEFT, RIGHT] if self.lowest_left(node) else [RIGHT, LEFT]
        for i, side in enumerate(sides):
            child = (self.params.left, self.params.right)[side][node]
            self._list(int(child), 2 * number + i, self._label(node, side))

    def rows(self):
        """Rows of rpart's table of splits: the primary split, its competitors and its surrogates, node by node."""
        params, info, made = self.params, self.info, []
        present = ~np.isnan(self.x)
        for node, _, _ in self.walk:
            if params.split.feature[node] < 0:
                continue
            scale = 1 if len(params.value[node]) > 1 else info.risk[node]
            here = self.reached(node)
            self.sent_by[node] = []
            self.sides(node)
            for j, cut, gain in [
                (params.split.feature[node], params.split.threshold[node], info.gain[node]),
                *zip(info.competitor[node], info.competitor_threshold[node], info.competitor_gain[node], strict=True),
            ]:
                if j >= 0:
                    made.append((self.names[j], present[here, j].sum(), gain / scale, cut, 0.0))
            for s in range(params.surrogate.feature.shape[1]):
                j = params.surrogate.feature[node, s]
                if j >= 0:
                    cut = params.surrogate.threshold[node, s]
                    sent = self.sent_by[node][1 + s][here].sum()
                    made.append((self.names[j], sent, info.agree[node, s], cut, info.adjusted[node, s]))
        return made

    def reached(self, node):
        """The training rows of a node, found by its ancestors' splits and surrogates in plain Python."""
        here = np.zeros(len(self.x), int)
        parent = {}
        for at, _, _ in self.walk:
            for child in (self.params.left[at], self.params.right[at]):
                if child != at:
                    parent[int(child)] = at
        way = [node]
        while way[-1] in parent:
            way.append(parent[way[-1]])
        rows = np.ones(len(self.x), bool)
        for above, below in zip(way[:0:-1], way[-2::-1], strict=True):
            here = self.sides(above)
            rows &= here == (LEFT if self.params.left[above] == below else RIGHT)
        return rows

    def sides(self, node):
        """Where the split of a node sends every row."""
        params = self.params
        told = np.full(len(self.x), 2)
        ways = [(params.split, (node,))]
        ways += [(params.surrogate, (node, s)) for s in range(params.surrogate.feature.shape[1])]
        for split, at in ways:
            j = split.feature[at]
            if j < 0:
                continue
            v = self.x[:, j]
            if self.names[j] in self.levels:
                code = np.nan_to_num(v, nan=31).astype(int)
                known = ~np.isnan(v) & ((int(split.known[at][0]) >> code & 1) == 1)
                low = (int(split.subset[at][0]) >> code & 1) == 1
            else:
                known, low = ~np.isnan(v), v <= split.threshold[at]
            side = np.where(low == split.low_left[at], LEFT, RIGHT)
            self.sent_by.setdefault(node, []).append((told == 2) & known)
            told = np.where((told == 2) & known, side, told)
        return np.where(told == 2, params.default[node], told)


def compared(tree, golden, number, agreement, data):
    """Nodes with their splits, numbers of rows and losses; the table of splits."""
    found, lines = [], golden["trees"][number]
    assert len(tree.walk) == len(lines)
    for (node, place, label), line in zip(tree.walk, lines, strict=True):
        assert line.startswith(f"{place}) {label} {tree.info.weight[node]:g} "), f"{line}: found {place}) {label}"
        rest = line[len(f"{place}) {label} {tree.info.weight[node]:g} ") :].split()
        found.append((tree.info.risk[node], float(rest[0])))
    agreement(NAME, "loss of nodes", *np.asarray(found).T, reference=REFERENCE, data=data)
    table, ours = golden["tables"][tree.first], tree.rows()
    assert [row[0] for row in ours] == [row[0] for row in table]
    kind = np.asarray([abs(row[2]) == 1 for row in table])
    ours, table = (np.asarray([row[-4:] for row in rows], float) for rows in (ours, [(*r[:2], *r[3:]) for r in table]))
    for place, what in enumerate(("rows that have the value", "improve and agree", "thresholds", "adj")):
        there = kind if what == "thresholds" else np.ones(len(table), bool)
        agreement(NAME, what, ours[there, place], table[there, place], reference=REFERENCE, data=data)


def path(tree, golden, number, agreement, data):
    expected = np.asarray(golden["paths"][number])[:, :3]
    found = np.stack([part[: len(expected)] for part in tree.info.path[:3]], axis=1)
    assert np.isnan(tree.info.path.alpha[len(expected) :]).all()
    agreement(NAME, "cp, nsplit and rel error", found, expected, reference=REFERENCE, data=data)


@pytest.fixture(scope="module")
def kyphosis(run):
    frame = pl.read_csv(DATA / "kyphosis.csv")
    y = (frame["kyphosis"] == "present").to_numpy().astype(int)
    return frame, y, Tree(run, frame, ("age", "number", "start"), y, 2, 0)


def test_kyphosis(kyphosis, golden, agreement):
    _, _, tree = kyphosis
    compared(tree, golden, 0, agreement, "kyphosis")
    path(tree, golden, 0, agreement, "kyphosis")
    expected = dict(zip(("start", "age", "number"), golden["importance"], strict=True))
    found = dict.fromkeys(tree.names, 0.0)
    for node, _, _ in tree.walk:
        primary, gain = tree.params.split.feature[node], tree.info.gain[node]
        if primary >= 0:
            found[tree.names[primary]] += gain
            for s, j in enumerate(tree.params.surrogate.feature[node]):
                found[tree.names[j]] += gain * tree.info.adjusted[node, s] * (j >= 0)
    pairs = np.asarray([(found[name], expected[name]) for name in expected]).T
    agreement(NAME, "variable importance", *pairs, reference=REFERENCE, data="kyphosis")


def test_rows_that_miss_start_go_by_surrogates(kyphosis, golden, agreement):
    _, _, tree = kyphosis
    x = tree.x.copy()
    x[::3, 2] = np.nan
    found = tree.fit.predict(x).probability[: len(golden["answers"])]
    agreement(NAME, "predictions that miss a value", found, golden["answers"], reference=REFERENCE, data="kyphosis")


def test_kyphosis_that_misses_start(run, kyphosis, golden, agreement):
    frame, y, _ = kyphosis
    holes = frame.with_columns(start=pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.col("start")))
    tree = Tree(run, holes, ("age", "number", "start"), y, 2, 3)
    compared(tree, golden, 3, agreement, "kyphosis that misses every third start")


def test_reliability(run, golden, agreement):
    frame = pl.read_csv(DATA / "cu_summary.csv").filter(pl.col("reliability").is_not_null())
    y = np.asarray([RELIABILITY.index(v) for v in frame["reliability"]])
    tree = Tree(run, frame, ("price", "country", "mileage", "type"), y, 5, 1)
    compared(tree, golden, 1, agreement, "cu_summary")


def test_price(run, golden, agreement):
    frame = pl.read_csv(DATA / "cu_summary.csv")
    y = frame["price"].to_numpy().astype(float)
    tree = Tree(run, frame, ("mileage", "type", "country"), y, 0, 2)
    compared(tree, golden, 2, agreement, "cu_summary")
    path(tree, golden, 1, agreement, "cu_summary")
