"""Every kind of figure is well-formed SVG, the same bytes each time, readable without seeing it, within its frame."""

import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from mldsl.plugin.display import Figure, Panel, Series
from mldsl.report.panel import panel_size
from mldsl.report.svg import assign_hues, figure_svg, legend

NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(*series, **panel) -> ET.Element:
    return ET.fromstring(figure_svg(Figure("Title", [Panel("x", "y", series, **panel)], "What it shows.")))


def every(root, tag, kind="") -> list[ET.Element]:
    found = root.iter(NAMESPACE + tag)
    return [e for e in found if not kind or kind in e.get("class", "").split()]


def texts(root) -> list[str]:
    return ["".join(e.itertext()) for e in every(root, "text")]


def numbers_of(element) -> list[float]:
    return [float(v) for v in re.findall(r"-?\d+\.?\d*", element.get("d", ""))]


def test_every_figure_of_the_sample(sample_outputs) -> None:
    for output in sample_outputs.values():
        for figure in output.figures:
            svg = figure_svg(figure)
            root = ET.fromstring(svg)
            assert svg == figure_svg(figure)
            assert root.find(f"{NAMESPACE}title").text == figure.title
            assert root.find(f"{NAMESPACE}desc").text == figure.alt
            assert root.get("role") == "img"
            assert "NaN" not in svg
            assert "nan" not in svg.replace("nance", "")
            assert "prefers-color-scheme:dark" in svg
            assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("mark", ["line", "step", "points", "bars", "band"])
@pytest.mark.parametrize(
    "kinds",
    [("number", "number"), ("log", "number"), ("number", "log"), ("category", "number"), ("number", "category")],
)
def test_every_mark_on_every_axis(mark, kinds) -> None:
    names = ["a", "b", "c"]
    x = names if kinds[0] == "category" else [1.0, 10.0, 100.0]
    y = names if kinds[1] == "category" else [2.0, 3.0, 5.0]
    series = Series(x, y, "s", low=[1.0, 2.0, 4.0], high=[3.0, 4.0, 6.0], mark=mark)
    root = drawn(series, x_kind=kinds[0], y_kind=kinds[1])
    assert (
        every(root, "path", "k1") + every(root, "rect", "f1") + every(root, "path", "f1") + every(root, "circle", "f1")
    )


def test_markup_in_names_is_text() -> None:
    nasty = '<script>alert("&")</script>'
    root = ET.fromstring(
        figure_svg(
            Figure(
                nasty,
                [Panel(nasty, nasty, [Series([nasty], [1], nasty, mark="bars")], nasty, x_kind="category")],
                nasty,
            )
        )
    )
    assert not list(root.iter(NAMESPACE + "script"))
    assert any("<scr" in text for text in texts(root))


def test_marks_stay_inside_the_frame() -> None:
    root = drawn(Series(np.linspace(-3, 3, 50), np.linspace(-3, 3, 50) ** 3, "s", mark="points"))
    _, _, width, height = (float(v) for v in root.get("viewBox").split())
    for circle in every(root, "circle"):
        assert 0 < float(circle.get("cx")) < width
        assert 0 < float(circle.get("cy")) < height


def test_bars_stand_on_zero() -> None:
    root = drawn(Series(["a", "b"], [1.0, 2.0], mark="bars"), x_kind="category")
    one, two = every(root, "rect", "f1")
    bottom = [float(r.get("y")) + float(r.get("height")) for r in (one, two)]
    assert bottom[0] == pytest.approx(bottom[1], abs=0.11)
    assert float(two.get("height")) == pytest.approx(2 * float(one.get("height")), abs=0.3)


def test_counts_have_whole_ticks_and_shares_have_not() -> None:
    bars = Panel(
        "x",
        "rows",
        [
            Series([1, 2], [2, 3], mark="bars"),
            Series([0, 2], [0.3, 2.4], emphasis="reference"),
            Series([1.5], [0.5], mark="points", emphasis="muted"),
        ],
    )
    share = Panel("x", "share", [Series([0.5, 1.5], [0, 1])])
    counted, shared = (figure_svg(Figure("t", [panel], "alt")) for panel in (bars, share))
    assert ">2<" in counted
    assert ">2.5<" not in counted
    assert ">2.0<" not in counted
    assert ">0.2<" in shared


def test_bars_of_two_series_stand_side_by_side() -> None:
    root = drawn(Series(["a"], [1.0], "p", mark="bars"), Series(["a"], [1.0], "q", mark="bars"), x_kind="category")
    (p,), (q,) = every(root, "rect", "f1")[-1:], every(root, "rect", "f2")[-1:]
    assert float(p.get("x")) + float(p.get("width")) <= float(q.get("x"))


def test_error_bars_lie_on_their_side_where_names_stand_at_the_left() -> None:
    root = drawn(Series([1.0, 2.0], ["a", "b"], low=[0.0, 1.0], high=[2.0, 4.0], mark="points"), y_kind="category")
    (errors,) = every(root, "path", "e")
    assert "H" in errors.get("d")
    assert "V" not in errors.get("d")
    assert "a" in texts(root)


def test_missing_values_break_a_line() -> None:
    root = drawn(Series([1, 2, 3, 4], [1.0, math.nan, 2.0, 3.0], "s"))
    (path,) = every(root, "path", "l")
    assert path.get("d").count("M") == 2


def test_many_points_become_a_few_paths() -> None:
    rng = np.random.default_rng(0)
    root = drawn(Series(rng.normal(size=5000), rng.normal(size=5000), "s", mark="points"))
    assert not every(root, "circle")
    assert 1 < len(every(root, "path", "p")) < 20


def test_a_name_has_one_colour_in_all_panels_and_references_none() -> None:
    reference = Series([0, 1], [0, 1], "chance", emphasis="reference")
    panels = [
        Panel("", "", [reference, Series([1], [1], "a"), Series([1], [1], "b")]),
        Panel("", "", [Series([1], [1], "b"), Series([1], [1], "c")]),
    ]
    figure = Figure("t", panels, "")
    assert assign_hues(figure) == {"chance": 0, "a": 1, "b": 2, "c": 3}
    assert [name for name, _, _ in legend(figure)] == ["chance", "a", "b", "c"]
    assert legend(Figure("t", [Panel("", "", [Series([1], [1], "alone")])], "")) == []


def test_heatmap_says_every_value() -> None:
    panel = Panel(
        "p", "a", heatmap=[[5, 1], [0, 7]], x_labels=["no", "yes"], y_labels=["no", "yes"], cell_format="integer"
    )
    root = ET.fromstring(figure_svg(Figure("t", [panel], "")))
    assert {"5", "1", "0", "7"} <= set(texts(root))
    titles = ["".join(t.itertext()) for r in every(root, "rect") for t in r.iter(NAMESPACE + "title")]
    assert "no / yes: 1" in titles


def test_heatmap_below_zero_has_two_hues_and_missing_cells_none() -> None:
    panel = Panel("", "", heatmap=[[1.0, -1.0], [math.nan, 0.0]], x_labels=["a", "b"], y_labels=["c", "d"])
    root = ET.fromstring(figure_svg(Figure("t", [panel], "")))
    assert len(every(root, "rect", "f2")) == 1
    assert "–" in texts(root)


def test_long_names_slant_instead_of_running_into_each_other() -> None:
    names = [f"a long name of level {i}" for i in range(12)]
    root = drawn(Series(names, range(12), mark="bars"), x_kind="category")
    assert sum("rotate" in e.get("transform", "") for e in every(root, "text")) == 12


def test_a_square_panel_has_equal_scales() -> None:
    root = drawn(Series([0, 1], [0, 1], "s"), x_range=(0, 1), y_range=(0, 1), square=True)
    (path,) = every(root, "path", "l")
    x0, y0, x1, y1 = numbers_of(path)
    assert x1 - x0 == pytest.approx(y0 - y1, abs=0.2)


def test_empty_series_and_panels_draw_axes_only() -> None:
    assert texts(drawn(Series([], [], "s")))
    assert texts(drawn())
    assert ET.fromstring(figure_svg(Figure("t", [], "nothing"))) is not None
    assert panel_size(Panel("", "", y_kind="category"), 1)[1] > 0


def test_a_heatmap_without_room_for_numbers_has_a_key_and_keeps_its_names() -> None:
    names = [f"column_{i}" for i in range(60)]
    cells = np.cos(np.add.outer(np.arange(60), np.arange(60))).tolist()
    root = drawn(heatmap=cells, x_labels=names, y_labels=names)
    found = texts(root)
    assert {"−1.00", "0.00", "1.00"} <= set(found)  # the key
    assert all(found.count(name) == 2 for name in names)
    few = drawn(heatmap=[[1.0, -0.5], [-0.5, 1.0]], x_labels=["a", "b"], y_labels=["a", "b"])
    assert texts(few).count("−0.50") == 2
    assert "−1.00" not in texts(few)
    _, _, width, height = (float(v) for v in root.get("viewBox").split())
    rects = every(root, "rect", "f1") + every(root, "rect", "f2")
    assert all(float(r.get("x")) + float(r.get("width")) <= width for r in rects)
    assert max(float(r.get("y")) + float(r.get("height")) for r in rects) < height - 40  # names stand below


def test_points_have_their_names_beside_them_on_the_side_with_room() -> None:
    root = drawn(Series([1.0, 2.0, 9.0], [1.0, math.nan, 3.0], "s", mark="points", labels=["<first>", "none", "last"]))
    names = {"".join(e.itertext()): e.get("text-anchor") for e in every(root, "text", "s")}
    assert names["<first>"] == "start"
    assert names["last"] == "end"
    assert "none" not in names
    close = drawn(Series([1.0, 1.0, 1.0], [1.0, 1.001, 5.0], "s", mark="points", labels=["a", "b", "c"]))
    heights = {"".join(e.itertext()): float(e.get("y")) for e in every(close, "text", "s")}
    assert heights["a"] - heights["b"] >= 10


def test_points_stand_off_their_category_and_nameless_muted_lines_are_thin() -> None:
    swarm = Series([1.0, 1.0, 1.0], ["a", "a", "b"], "", mark="points", offset=[0.0, 0.5, -0.5])
    svg = figure_svg(Figure("F", [Panel("x", "", [swarm], y_kind="category")], "a"))
    first, beside, other = (float(y) for y in re.findall(r'<circle[^>]* cy="([\d.]+)"', svg))
    assert beside == other, "halfway between the two categories"
    assert beside > first
    lines = [Series([0, 1], [0, 1], "", emphasis="muted"), Series([0, 1], [1, 0], "named", emphasis="muted")]
    svg = figure_svg(Figure("F", [Panel("x", "y", lines)], "a"))
    assert re.findall(r'class="(l k0[^"]*)" d=', svg) == ["l k0 m", "l k0"]
