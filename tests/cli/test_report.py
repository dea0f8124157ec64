"""`mldsl report`: a finished run printed again, rendered anew, found under runs/."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from mldsl.cli.report import command
from mldsl.report import files_of, render_run


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run folder under runs/ of the current directory."""
    spec = spec_from_file_location("sample", Path(__file__).parents[1] / "report" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    sample = module_from_spec(spec)
    spec.loader.exec_module(sample)
    outputs = sample.outputs()
    record = attrs.evolve(sample.record(), reports=files_of(outputs))
    folder = tmp_path / "runs" / record.id
    folder.mkdir(parents=True)
    render_run(record, outputs, sample.SOURCE, "", folder)
    (folder / "run.json").write_text(record.text())
    monkeypatch.chdir(tmp_path)
    return folder


def test_the_newest_run_is_the_default(run) -> None:
    result = CliRunner().invoke(command, [], standalone_mode=False)
    assert result.return_value == 0
    assert "linear: roc_auc 0.8710" in result.output
    assert result.output.rstrip().endswith("report.html")


@pytest.mark.parametrize(
    "which", ["runs", "runs/20260801-142233-titanic-3fa9c1d2", "runs/20260801-142233-titanic-3fa9c1d2/run.json"]
)
def test_a_run_is_named_by_its_folder_its_record_or_the_folder_of_runs(run, which) -> None:
    result = CliRunner().invoke(command, [which, "-q"], standalone_mode=False)
    assert result.return_value == 0
    assert "linear: roc_auc 0.8710" in result.output


def test_json_is_the_record_and_nothing_else(run) -> None:
    result = CliRunner().invoke(command, ["--json"], standalone_mode=False)
    assert json.loads(result.output)["best"] == "linear"


def test_rendering_anew_restores_what_was_lost(run) -> None:
    before = (run / "reports" / "roc_curve.svg").read_bytes()
    (run / "reports" / "roc_curve.svg").unlink()
    (run / "report.html").unlink()
    assert CliRunner().invoke(command, ["--render", "-q"], standalone_mode=False).return_value == 0
    assert (run / "reports" / "roc_curve.svg").read_bytes() == before
    assert (run / "report.html").is_file()


def test_open_opens_the_page(run, monkeypatch) -> None:
    opened = []
    monkeypatch.setattr("click.launch", opened.append)
    CliRunner().invoke(command, ["--open", "-q"], standalone_mode=False)
    assert opened == [str(run / "report.html")]


def test_no_run_is_a_coded_error(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, [], standalone_mode=False)
    assert result.return_value == 1
    assert "MLP0502" in result.stderr
    (tmp_path / "notes.txt").write_text("x")
    assert CliRunner().invoke(command, ["notes.txt"], standalone_mode=False).return_value == 1
