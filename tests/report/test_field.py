"""A field of cells behind the marks: as SVG in the hues of its series, as characters, and through JSON."""

from __future__ import annotations

import re

from mldsl.plugin.display import Field, Figure, Panel, ReportOutput, Series
from mldsl.report.field import extent
from mldsl.report.json import output_json, read_output
from mldsl.report.sketch import sketch
from mldsl.report.svg import figure_svg

FIELD = Field([0.0, 1.0, 2.0], [10.0, 20.0], [[0, 0, 1], [1, 1, 1]], [[1.0, 1.0, 0.5], [0.0, 0.0, 0.0]], ["no", "yes"])
FIGURE = Figure(
    "Map", [Panel("a", "b", [Series([0.1], [12.0], "no", mark="points"), Series([1.9], [19.0], "yes", mark="points")],
                  field=FIELD)], "A map."
)  # fmt: skip


def test_cells_reach_half_a_step_beyond_their_middles() -> None:
    assert extent([0.0, 1.0, 2.0]) == (-0.5, 2.5)
    assert extent([3.0]) == (2.5, 3.5)


def test_alike_cells_of_a_row_are_one_rectangle_in_the_hue_of_their_name() -> None:
    svg = figure_svg(FIGURE)
    paths = re.findall(r'<path class="f(\d)" fill-opacity="([\d.]+)" shape-rendering="crispEdges" d="([^"]+)"', svg)
    assert [(hue, opacity) for hue, opacity, _ in paths] == [("1", "0.42"), ("2", "0.06"), ("2", "0.24")]
    first, top, half = (re.findall(r"M([\d.]+) ([\d.]+)H([\d.]+)V([\d.]+)", d) for _, _, d in paths)
    assert [len(first), len(top), len(half)] == [1, 1, 1]
    left, upper, right, lower = map(float, first[0])
    assert upper < lower, "the first row of cells is the lowest"
    assert float(half[0][0]) == right, "the third cell begins where the two before it end"
    assert (float(top[0][0]), float(top[0][2])) == (left, float(half[0][2]))
    assert float(top[0][3]) == upper
    assert svg.index("crispEdges") < svg.index("<circle", svg.index("crispEdges")), "marks stand on the cells"


def test_a_sketch_has_a_sign_for_each_name() -> None:
    lines = sketch(FIGURE, 30)
    assert lines[-1].split() == ["·", "no", "▒", "yes"]
    body = [line.split("│")[1] for line in lines if "│" in line]
    assert len(body) == 16
    assert set(body[0]) == {"▒"}
    width = len(body[-1])
    assert body[-1].count("·") == body[-1].index("▒")
    assert abs(body[-1].count("·") - 2 * width / 3) <= 1


def test_it_comes_back_from_json() -> None:
    read = read_output(output_json("map", ReportOutput(figures=[FIGURE])), "here")
    assert read.figures[0].panels[0].field == FIELD
