"""What render_run writes: names, CSV, JSON, and the run read back from its folder."""

import csv
import io
import json
import math

import attrs
import numpy as np
import pytest

from mldsl.diagnostics import MldslError
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl.record.model import TuneRecord
from mldsl.report import files_of, render_run, summary_text, unique_names
from mldsl.report.csv import table_csv
from mldsl.report.facts import command, literal, setting
from mldsl.report.json import output_json, read_output
from mldsl.report.read import read_run


def test_a_report_used_twice_gets_a_number() -> None:
    assert unique_names(["a", "b", "a", "a"]) == ["a", "b", "a-2", "a-3"]


def test_the_first_table_has_the_reports_name_and_further_ones_their_part() -> None:
    output = ReportOutput(
        [Table("", []), Table("", [], name="points"), Table("", [], name="a/b c"), Table("", [])],
        [Figure("", [], ""), Figure("", [], "", name="points")],
    )
    found = files_of({"roc": output})["roc"]
    assert found.tables == ("reports/roc.csv", "reports/roc.points.csv", "reports/roc.a_b_c.csv", "reports/roc.4.csv")
    assert found.figures == ("reports/roc.svg", "reports/roc.points.svg")


def test_a_name_cannot_leave_the_folder() -> None:
    assert files_of({"../../etc/x y": ReportOutput([Table("", [])])})["../../etc/x y"].tables == (
        "reports/etc_x_y.csv",
    )


def test_everything_promised_is_written_and_nothing_else(
    sample_record, sample_outputs, sample_source, tmp_path
) -> None:
    written = render_run(sample_record, sample_outputs, sample_source, "plan", tmp_path)
    on_disk = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert set(written) == on_disk
    promised = {p for files in files_of(sample_outputs).values() for p in (*files.tables, *files.figures)}
    assert promised < on_disk
    assert {"report.html", "reports/roc_curve.json"} <= on_disk


def test_csv_keeps_full_precision_and_leaves_missing_cells_empty() -> None:
    table = Table(
        "",
        [
            Column("name", ["a,b", 'say "x"', None], "text"), Column("value", np.array([0.1, math.nan, 1 / 3])),
            Column("single", np.array([0.1, 0.2, 0.3], np.float32)), Column("yes", [True, False, None]),
            Column("rows", [1, 2, 3], "integer", "rows"),
        ],
    )  # fmt: skip
    rows = list(csv.reader(io.StringIO(table_csv(table))))
    assert rows[0] == ["name", "value", "single", "yes", "rows [rows]"]
    assert rows[1] == ["a,b", "0.1", "0.1", "true", "1"]
    assert rows[2] == ['say "x"', "", "0.2", "false", "2"]
    assert rows[3] == ["", str(1 / 3), "0.3", "", "3"]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "\tx"])
def test_csv_is_no_way_into_a_spreadsheet(text) -> None:
    assert list(csv.reader(io.StringIO(table_csv(Table("", [Column("x", [text], "text")])))))[1] == ["'" + text]


def test_json_round_trip(sample_outputs) -> None:
    for name, output in sample_outputs.items():
        text = output_json(name, output)
        assert json.loads(text)["format_version"] == "1.0"
        again = read_output(text, name)
        assert output_json(name, again) == text
        assert [t.title for t in again.tables] == [t.title for t in output.tables]


def test_json_writes_what_is_not_finite_as_null() -> None:
    output = ReportOutput([Table("", [Column("x", [math.inf, math.nan, 1.0])])])
    assert json.loads(output_json("x", output))["tables"][0]["columns"][0]["values"] == [None, None, 1.0]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format_version": "1.0"}', '{"format_version": 1}', "[" * 50_000])
def test_what_is_no_report_is_refused(text) -> None:
    with pytest.raises(MldslError) as caught:
        read_output(text, "x.json")
    assert caught.value.diagnostics[0].code == "MLP0502"


def test_a_newer_report_is_refused_with_its_own_code() -> None:
    with pytest.raises(MldslError) as caught:
        read_output('{"format_version": "2.0"}', "x.json")
    assert caught.value.diagnostics[0].code == "MLP0503"


def test_a_run_read_back_renders_to_the_same_bytes(sample_record, sample_outputs, sample_source, tmp_path) -> None:
    record = attrs.evolve(sample_record, reports=files_of(sample_outputs))
    render_run(record, sample_outputs, sample_source, "plan", tmp_path)
    (tmp_path / "run.json").write_text(record.text())
    (tmp_path / "pipeline.mlp").write_text(sample_source)
    (tmp_path / "plan.txt").write_text("plan")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    found = read_run(tmp_path / "run.json")
    render_run(found.record, found.outputs, found.source_text, found.plan_text, found.folder)
    changed = [p.name for p, content in before.items() if p.read_bytes() != content]
    assert not changed


def test_a_disk_that_refuses_is_a_coded_error(sample_record, sample_outputs, tmp_path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(MldslError) as caught:
        render_run(sample_record, sample_outputs, "", "", tmp_path)
    assert caught.value.diagnostics[0].code == "MLP0602"


def test_the_command_runs_it_again(sample_record) -> None:
    params = {"depth": 6, "path": "my data.csv", "kernel": "rbf", "deep": True}
    record = attrs.evolve(sample_record, params=params)
    assert command(record) == (
        "mldsl run examples/titanic.mlp -p depth=6 -p 'path=\"my data.csv\"' -p kernel=rbf -p deep=true"
    )
    assert literal([["died", 1.0], ["survived", 1.6]]) == '["died" = 1, "survived" = 1.6]'
    assert literal([1, "a b"]) == '[1, "a b"]'


def test_what_was_searched_is_not_fixed_by_the_command(sample_record) -> None:
    tune = TuneRecord(best={"forest": {"depth": 9, "rate": 0.003079572}}, domains={"depth": ["range", 1, 9]})
    record = attrs.evolve(sample_record, params={"depth": 6, "seed": 7}, tune=tune)
    assert command(record) == "mldsl run examples/titanic.mlp -p seed=7"
    text = summary_text(record, {}, colour=False, width=100)
    assert "tuned     forest: depth = 9, rate = 0.003080" in text
    assert [setting(v) for v in (1e-12, 0.1, 1.0, 2, math.inf)] == ["1e-12", "0.1", "1", "2", "inf"]
    assert "depth = 6" not in text
    assert "params" not in text


def test_points_of_single_precision_are_drawn() -> None:
    series = Series(np.arange(3, dtype=np.float32), np.arange(3, dtype=np.float32), "s")
    output = ReportOutput(figures=[Figure("t", [Panel("x", "y", [series])], "alt")])
    assert '"x":[0.0,1.0,2.0]' in output_json("r", output)
