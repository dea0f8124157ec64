"""The summary in a terminal: as wide as it is, plain where colour is not wanted, quiet when asked."""

import re
import subprocess
import sys

import attrs
import pytest

from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl.report import files_of, summary_text
from mldsl.report.grid import fit, width_of
from mldsl.report.sketch import blocks, sketch


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(sample_record, sample_outputs, width) -> None:
    text = summary_text(sample_record, sample_outputs, False, width)
    # A single word or path that is longer than the terminal may stand out; tables and paragraphs may not.
    assert not [line for line in text.splitlines() if width_of(line) > width and len(line.split()) > 2]


def test_no_colour_means_no_codes(sample_record, sample_outputs) -> None:
    plain = summary_text(sample_record, sample_outputs, False, 100)
    coloured = summary_text(sample_record, sample_outputs, True, 100)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_the_conclusion_stands_last(sample_record, sample_outputs) -> None:
    text = summary_text(
        attrs.evolve(sample_record, reports=files_of(sample_outputs)), sample_outputs, False, 100, folder="runs/x"
    )
    lines = text.rstrip("\n").split("\n")
    assert lines[-1] == "report   runs/x/report.html"
    order = [
        text.index(part)
        for part in ("data/titanic.csv", "confusion_matrix ─", "metrics ─", "✓ gate passed", "✗ gate missed")
    ]
    assert order == sorted(order)
    assert "linear: roc_auc 0.8710 (0.820 to 0.920)\n  on the test rows, which no fit" in text
    assert text.count("3 rows have residuals beyond 4 standard deviations") == 1
    assert text.count("263 cells of `age` are missing") == 1


def test_quiet_keeps_what_matters(sample_record, sample_outputs) -> None:
    text = summary_text(sample_record, sample_outputs, False, 100, folder="runs/x", quiet=True)
    assert "✗ gate missed" in text
    assert "263 cells" in text
    assert "3 rows have residuals" in text
    assert "setosa" not in text
    assert len(text.splitlines()) < 12


def test_one_model_shows_its_parts(sample_record) -> None:
    one = attrs.evolve(sample_record, models={"linear": sample_record.models["linear"]})
    text = summary_text(one, {}, False, 110)
    assert re.search(r"metric +test +folds +training\n", text)
    sides = r"roc_auc +0.8710 \(0.820 to 0.920\) +0.8800 \(0.850 to 0.910\) +0.9100 \(0.900 to 0.930\)\n"
    assert re.search(sides, text)
    assert "chosen on these folds: optimistic" in text


def test_in_a_narrow_terminal_parts_stand_below_each_other(sample_record) -> None:
    one = attrs.evolve(sample_record, models={"linear": sample_record.models["linear"]})
    text = summary_text(one, {}, False, 60)
    assert re.search(r"metric +on +value +95% interval", text)
    assert re.search(r"roc_auc +test +0.8710 +0.820 to 0.920\n +folds +0.8800 +0.850 to 0.910\n", text)
    several = summary_text(sample_record, {}, False, 60)
    assert re.search(r"linear ★ +test +0.8710 +0.820 to 0.920\n +folds +0.8800 +0.850 to 0.910\n", several)


def test_several_models_stand_part_by_part_then_by_the_other_metrics(sample_record) -> None:
    text = summary_text(sample_record, {}, False, 100)
    assert re.search(r"roc_auc\n +model +test +folds +training\n", text)
    assert re.search(r"linear ★ +0.8710 \(0.820 to 0.920\) +0.8800 \(0.850 to 0.910\) +0.9100 \(0.900 to 0.930\)", text)
    assert re.search(r"other metrics, test\n +model +log_loss +f1", text)


def test_long_tables_are_cut_and_say_where_the_rest_is(sample_record) -> None:
    output = ReportOutput(
        [Table("Main", [Column("x", range(100), "integer")]), Table("Points", [Column("x", range(100))], name="points")]
    )
    text = summary_text(sample_record, {"r": output}, False, 100)
    assert "and 80 more rows in reports/r.csv" in text
    assert "Points: 100 rows in reports/r.points.csv" in text


def test_tables_too_wide_leave_columns_out_and_say_so(sample_record) -> None:
    columns = [Column("level", ["a"], "text"), *(Column(f"column_{i}", [123456.0]) for i in range(30))]
    text = summary_text(sample_record, {"r": ReportOutput([Table("Wide", columns)])}, False, 80)
    assert re.search(r"and \d+ more columns in reports/r.csv", text)


def test_headings_wrap_before_anything_is_cut() -> None:
    found = fit(["name", "standard deviation"], [["a" * 10, "1.5"]], [True, False], 22)
    assert found.head == ["             standard", "name        deviation"]
    assert found.left_out == 0


def test_texts_are_cut_before_columns_are_left_out() -> None:
    found = fit(["name", "value"], [["a" * 60, "1.5"]], [True, False], 30)
    assert found.body == ["a" * 22 + "…    1.5"]
    narrow = fit(["name", "value"], [["a" * 60, "1" * 20]], [True, False], 30)
    assert narrow.left_out == 1


def test_names_that_differ_at_their_ends_are_cut_inside() -> None:
    names = ["neighborhood[North_Ames]", "neighborhood[Northridge]", "area"]
    lines = fit(["term", "estimate"], [[name, "1.234"] for name in names], [True, False], 26)
    assert [line.split()[0] for line in lines.body] == ["neigh…orth_Ames]", "neigh…orthridge]", "area"]


def test_wide_characters_keep_columns_straight() -> None:
    found = fit(["k", "v"], [["日本", "1"], ["é", "2"], ["abcd", "3"]], [True, False], 40)
    assert {width_of(line) for line in found.body} == {7}


def test_curves_and_histograms_are_sketched() -> None:
    line = Figure("", [Panel("step", "loss", [Series([1, 2, 3], [3.0, 2.0, 1.0])])], "")
    lines = sketch(line, 60)
    assert any("⠀" <= c <= "⣿" for row in lines for c in row)
    assert "loss" in lines[0]
    assert re.search(r"^ +1 +step +3$", lines[-1])
    bars = Figure("", [Panel("", "", [Series([1.0, 2.0, 3.0], [1, 4, 2], mark="bars")], title="age")], "")
    assert sketch(bars, 60) == ["age  1..3  ▂█▄"]
    heat = Figure("", [Panel("", "", heatmap=[[1]], x_labels=["a"], y_labels=["b"])], "")
    assert sketch(heat, 60) == []
    assert blocks([0.0, 0.0]) == ""


def test_no_library_is_imported_to_print() -> None:
    text = (
        "import sys; from mldsl.report import summary_text; from mldsl.record.model import *\n"
        "summary_text(RunRecord('x', PipelineRecord('f.mlp'), 'regression'), {}, True, 80)\n"
        "print(*[m for m in ('rich', 'numpy', 'jinja2', 'polars', 'jax') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


@pytest.mark.parametrize(
    ("info", "line"),
    [
        ({"out_of_bag_score": 0.8125, "out_of_bag_share": 1.0}, "linear: out-of-bag accuracy 0.8125\n"),
        ({"out_of_bag_score": 0.8125}, "linear: out-of-bag accuracy 0.8125\n"),
        ({"out_of_bag_score": 0.8125, "out_of_bag_share": 0.982}, "0.8125 (98.2 % of the training rows)\n"),
        ({"out_of_bag_score": float("nan"), "out_of_bag_share": 0.0}, ""),
    ],
)
def test_what_rows_say_that_members_have_not_seen(sample_record, info, line) -> None:
    one = attrs.evolve(sample_record.models["linear"], info=info, threshold=None)
    text = summary_text(attrs.evolve(sample_record, models={"linear": one}), {}, False, 110)
    assert line in text
    assert ("out-of-bag" in text) == bool(line)
