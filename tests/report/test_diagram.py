"""Trees of boxes: nothing overlaps, parents stand over their children, and all of it can be read."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest

from mldsl.plugin.display import Box, Column, Diagram, Figure, Panel, ReportOutput, Table
from mldsl.report.csv import table_csv
from mldsl.report.diagram import diagram_size
from mldsl.report.html import _table as html_table
from mldsl.report.json import output_json, read_output
from mldsl.report.sketch import sketch
from mldsl.report.svg import assign_hues, figure_svg, legend
from mldsl.report.text import Page
from mldsl.report.text import _table as text_table
from mldsl.report.tidy import depths, tidy


def grown(splits: int, seed: int) -> list[int]:
    """Parents of a binary tree in the order of a walk from the left, the leaf to split drawn by chance."""
    draw = random.Random(seed)
    children: dict[int, list[int]] = {0: []}
    for _ in range(splits):
        leaf = draw.choice([n for n, c in children.items() if not c])
        children[leaf] = [len(children), len(children) + 1]
        children |= {child: [] for child in children[leaf]}
    parents: list[int] = []

    def walk(node: int, parent: int) -> None:
        own = len(parents)
        parents.append(parent)
        for child in children[node]:
            walk(child, own)

    walk(0, -1)
    return parents


@pytest.mark.parametrize("seed", range(6))
def test_neighbours_keep_their_distance_and_parents_stand_in_the_middle(seed: int) -> None:
    parents = grown(25, seed)
    draw = random.Random(seed)
    breadths = [draw.uniform(20, 200) for _ in parents]
    places, level = tidy(parents, breadths, 10.0), depths(parents)
    for depth in range(max(level) + 1):
        here = [i for i, of in enumerate(level) if of == depth]
        for a, b in pairwise(here):
            assert places[b] - breadths[b] / 2 - (places[a] + breadths[a] / 2) >= 10 - 1e-9, "in order, and apart"
    for node in set(parents) - {-1}:
        below = [places[i] for i, parent in enumerate(parents) if parent == node]
        assert places[node] == pytest.approx((below[0] + below[-1]) / 2)
    assert min(p - b / 2 for p, b in zip(places, breadths, strict=True)) == pytest.approx(0)


def test_no_room_is_wasted() -> None:
    # Below the left leaf of the root there is room that the left half of the right subtree takes.
    parents = [-1, 0, 0, 2, 2]
    root, leaf, split, left, right = tidy(parents, [10.0] * 5, 2.0)
    assert split - leaf == pytest.approx(12)
    assert (left, right) == pytest.approx((split - 6, split + 6))
    assert root == pytest.approx((leaf + split) / 2)


def test_a_mirror_image_is_the_mirror_image() -> None:
    forth = tidy([-1, 0, 0, 1, 1, 3, 3], [10.0, 30, 20, 10, 12, 8, 6], 4.0)
    back = tidy([-1, 0, 0, 2, 2, 4, 4], [10.0, 20, 30, 12, 10, 6, 8], 4.0)
    width = max(forth[i] + b / 2 for i, b in enumerate([10.0, 30, 20, 10, 12, 8, 6]))
    pairs = [(0, 0), (1, 2), (2, 1), (3, 4), (4, 3), (5, 6), (6, 5)]
    assert [forth[a] for a, _ in pairs] == pytest.approx([width - back[b] for _, b in pairs])


def figure(parents: list[int], **of_leaves: object) -> Figure:
    inner = set(parents)
    boxes = [
        Box(f"a column of number {i} ≤ 3.5?" if i in inner else "yes", ["12 rows"], parent,
            edge="" if parent < 0 else "no, missing", shares=(0.25, 0.75), which=-1 if i in inner else 1, **of_leaves)
        for i, parent in enumerate(parents)
    ]  # fmt: skip
    return Figure("Tree", [Panel("", "", diagram=Diagram(boxes, ("no", "yes")))], "A tree.")


def rectangles(svg: str) -> list[tuple[float, float, float, float]]:
    pattern = r'<rect class="n" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"'
    return [tuple(map(float, found)) for found in re.findall(pattern, svg)]


@pytest.mark.parametrize(("splits", "down"), [(2, True), (16, False), (40, False)])
def test_boxes_do_not_overlap_and_lie_within_the_picture(splits: int, down: bool) -> None:
    drawing = figure(grown(splits, 3))
    boxes = rectangles(figure_svg(drawing))
    assert len(boxes) == 2 * splits + 1
    for i, (x, y, w, h) in enumerate(boxes):
        for a, b, c, d in boxes[:i]:
            assert x >= a + c or a >= x + w or y >= b + d or b >= y + h
    width, height = diagram_size(drawing.panels[0].diagram)
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    root = boxes[0]
    assert (root[1] == min(b[1] for b in boxes)) is down, "a small tree hangs down, a large one lies on its side"
    assert (root[0] == min(b[0] for b in boxes)) is not down
    levels = max(depths([b.parent for b in drawing.panels[0].diagram.boxes])) + 1
    assert width <= 340 * levels


def test_what_a_box_shows() -> None:
    svg = figure_svg(figure([-1, 0, 0], more="… 5 more splits", title="all < that", strength=1.0))
    assert svg.count("no, missing</text>") == 2
    assert "<title>all &lt; that</title>" in svg
    assert svg.count("… 5 more splits") == svg.count("stroke-dasharray=") == 3
    assert svg.count('fill-opacity="0.46"') == 2, "leaves are coloured, as strong as can be"
    bars = [float(w) for w in re.findall(r'<rect class="f[12]" x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="7"', svg)]
    assert len(bars) == 6
    assert bars[1] / bars[0] == pytest.approx(3, rel=0.05)


def test_lines_are_as_thick_as_rows_are_many_and_long_heads_break() -> None:
    boxes = [
        Box("root"), Box("many", parent=0, flow=1.0),
        Box(" ".join(["country in {Germany,"] + ["Netherlands,"] * 5), parent=0, flow=0.1),
    ]  # fmt: skip
    svg = figure_svg(Figure("T", [Panel("", "", diagram=Diagram(boxes))], "a"))
    assert re.findall(r'class="w" stroke-width="([\d.]+)"', svg) == ["6.2", "1.7"]
    assert svg.count("Netherlands") == 5, "nothing is cut"
    assert len(re.findall(r'class="t h"[^>]*font-size="12"', svg)) >= 4
    tall = [h for *_, h in rectangles(svg)]
    assert tall[2] > tall[1]


def test_hues_and_legend_are_those_of_the_names() -> None:
    drawing = figure([-1, 0, 0])
    assert assign_hues(drawing) == {"no": 1, "yes": 2}
    assert legend(drawing) == [("no", 1, "bars"), ("yes", 2, "bars")]


def test_it_comes_back_from_json_and_has_no_sketch() -> None:
    drawing = figure([-1, 0, 0])
    back = read_output(output_json("tree", ReportOutput(figures=[drawing])), "here").figures[0]
    assert figure_svg(back) == figure_svg(drawing)
    assert sketch(drawing, 80) == []


def test_cells_are_set_in_where_people_read_and_as_they_are_in_files() -> None:
    table = Table("T", [Column("rule", ["all", "a", "b"], "text", depth=[0, 1, 2])])
    page = Page(colour=False, width=60)
    text_table(page, table, "x.csv")
    assert page.lines[-3:] == ["  all", "    a", "      b"]
    assert [row[0] for row in html_table(table, "x.csv")["rows"]] == ["all", "\u2003a", "\u2003\u2003b"]
    assert table_csv(table) == "rule\nall\na\nb\n"
    back = read_output(output_json("t", ReportOutput(tables=[table])), "here").tables[0]
    assert list(back.columns[0].depth) == [0, 1, 2]


def test_words_of_edges_stand_below_each_other_where_the_tree_lies_on_its_side() -> None:
    lying, hanging = figure_svg(figure(grown(16, 3))), figure_svg(figure([-1, 0, 0]))
    assert "no, missing</text>" in hanging
    assert "no, missing</text>" not in lying
    assert lying.count(">missing</text>") == 32
