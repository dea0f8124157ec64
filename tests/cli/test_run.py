"""`mldsl run`: what it prints where, how it ends, what it leaves, and going on after kill -9."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mldsl.record.model import schema

ROOT = Path(__file__).parents[2]


def test_a_run_prints_its_result_and_where_the_rest_is(command: Any, project: Path, tmp_path: Path) -> None:
    ended = command("run", project / "flowers.mlp", "--runs-dir", tmp_path)
    assert ended.status == 0
    assert ended.err == ""
    (folder,) = tmp_path.glob("[!.]*")
    assert f"{folder.name}/report.html" in ended.out.replace("\n", "")
    for words in ("confusion_matrix", "accuracy", "on the test rows", "gate passed", "120 rows"):
        assert words in ended.out
    assert "\x1b[" not in ended.out, "colour is for terminals"


def test_runs_lie_beside_the_file_by_default(command: Any, project: Path, tmp_path: Path) -> None:
    for name in ("flowers.mlp", "flowers.csv"):
        (tmp_path / name).write_bytes((project / name).read_bytes())
    assert command("run", tmp_path / "flowers.mlp", "-q").status == 0
    assert (tmp_path / "runs").is_dir()


def test_resume_says_so_where_there_is_nothing_to_go_on_from(command: Any, project: Path, tmp_path: Path) -> None:
    ended = command("run", project / "flowers.mlp", "-q", "--resume", "--runs-dir", tmp_path)
    assert ended.status == 0
    assert "nothing to go on from" in ended.err


def test_quiet_leaves_headline_gates_and_folder(command: Any, project: Path, tmp_path: Path) -> None:
    ended = command("run", project / "flowers.mlp", "-q", "--runs-dir", tmp_path)
    assert "accuracy" in ended.out
    assert "gate passed" in ended.out
    assert "report.html" in ended.out
    assert "confusion_matrix" not in ended.out
    assert len(ended.out.splitlines()) <= 6


def test_json_is_the_record_and_nothing_else(command: Any, project: Path, tmp_path: Path) -> None:
    ended = command("run", project / "flowers.mlp", "--json", "--runs-dir", tmp_path)
    record = json.loads(ended.out)
    jsonschema.validate(record, schema())
    (folder,) = tmp_path.glob("[!.]*")
    assert ended.out == (folder / "run.json").read_text()
    assert "on the test rows" in ended.err


def test_a_missed_gate_ends_with_3_and_keeps_the_run(command: Any, project: Path, tmp_path: Path) -> None:
    ended = command("run", project / "strict.mlp", "--runs-dir", tmp_path, "--json")
    assert ended.status == 3
    (gate,) = json.loads(ended.out)["gates"]
    assert (gate["metric"], gate["op"], gate["bound"], gate["passed"]) == ("accuracy", ">=", 0.9999, False)
    assert "missed" in ended.err
    assert len(list(tmp_path.glob("[!.]*"))) == 1


def test_params_are_set_checked_and_recorded(command: Any, project: Path, tmp_path: Path) -> None:
    ended = command("run", project / "flowers.mlp", "-p", "smoothing=0.5", "--json", "--runs-dir", tmp_path)
    record = json.loads(ended.out)
    assert record["params"]["smoothing"] == 0.5
    assert record["models"]["gaussian_naive_bayes"]["spec"]["smoothing"] == 0.5
    for wrong, code in (("smoothing=7", "MLP0202"), ("smoothing=many", "MLP0201"), ("smooth=1", "MLP0104")):
        ended = command("run", project / "flowers.mlp", "-p", wrong, "--runs-dir", tmp_path / "none")
        assert ended.status == 1
        assert code in ended.err
    assert command("run", project / "flowers.mlp", "-p", "smoothing").status == 2
    assert not (tmp_path / "none").exists()


# ---- what goes wrong -------------------------------------------------------------------------------------------------
def test_a_missing_file_is_said_with_what_was_perhaps_meant(command: Any, project: Path) -> None:
    ended = command("run", project / "flower.mlp")
    assert ended.status == 1
    assert "error[MLP0406]" in ended.err
    assert "flowers.mlp" in ended.err
    assert ended.out == ""


def test_missing_data_and_bad_rows_leave_nothing(command: Any, project: Path, tmp_path: Path) -> None:
    text = (project / "flowers.mlp").read_text()
    (tmp_path / "a.mlp").write_text(text)
    ended = command("run", tmp_path / "a.mlp")
    assert (ended.status, "MLP0406" in ended.err) == (1, True)
    table = (project / "flowers.csv").read_text().splitlines()
    table[5] = "plain,red,99,12"
    (tmp_path / "flowers.csv").write_text("\n".join(table) + "\n")
    ended = command("run", tmp_path / "a.mlp")
    assert ended.status == 1
    assert "error[MLP0401]" in ended.err
    assert "line 6: 99" in ended.err
    assert "width: continuous? in 0..10" in ended.err, "the line that declares it is shown"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mlp", "flowers.csv"]


def test_errors_of_the_file_come_all_at_once_and_no_data_is_read(command: Any, project: Path, tmp_path: Path) -> None:
    text = (project / "flowers.mlp").read_text().replace("log_loss", "log_los").replace("impute", "inpute")
    (tmp_path / "a.mlp").write_text(text)
    ended = command("run", tmp_path / "a.mlp")
    assert ended.status == 1
    assert ended.err.count("error[MLP0101]") == 2


def test_a_runs_folder_that_cannot_be_written(command: Any, project: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    ended = command("run", project / "flowers.mlp", "--runs-dir", tmp_path / "taken")
    assert ended.status == 1
    assert "error[MLP0602]" in ended.err
    assert (tmp_path / "taken").read_text() == "a file"


@pytest.mark.parametrize("where", ["write_text", "save_file", "rename"])
def test_a_full_disk_leaves_nothing_half_written(
    where: str, command: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **options: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "save_file":
        import safetensors.numpy

        monkeypatch.setattr(safetensors.numpy, "save_file", full)
    else:
        monkeypatch.setattr(Path, where, full)
    ended = command("run", project / "flowers.mlp", "--runs-dir", tmp_path / "runs")
    monkeypatch.undo()
    assert ended.status == 1
    assert "error[MLP0602]" in ended.err
    assert "the disk is full" in ended.err
    assert not (tmp_path / "runs").exists()


def test_a_device_that_is_not_there(project: Path, tmp_path: Path) -> None:
    """In a process of its own: a backend is chosen once."""
    arguments = ["run", str(project / "flowers.mlp"), "--device", "tpu", "--runs-dir", str(tmp_path / "runs")]
    command = [sys.executable, "-c", "import sys; from mldsl.cli import main; sys.exit(main())", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error[MLP0603]: there is no TPU that JAX can use" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(
    command: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mldsl.execute import engine

    def stop(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "judge_model", stop)
    ended = command("run", project / "flowers.mlp", "--runs-dir", tmp_path / "runs")
    assert ended.status == 130
    assert "Traceback" not in ended.err
    assert not (tmp_path / "runs").exists(), "there was nothing to go on from"


def test_a_plugin_that_fails_is_named_and_verbose_shows_where(
    command: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mldsl_plugins.bayes.gaussian_naive_bayes as module

    def fail(*args: Any) -> Any:
        raise ZeroDivisionError("the sky fell")

    monkeypatch.setattr(module, "segment_reduce", fail)
    text = (project / "flowers.mlp").read_text().replace("colour: categorical", "colour: categorical\n  n: continuous?")
    (tmp_path / "a.mlp").write_text(text.replace("on width", "on [width, n]"))
    import polars as pl

    pl.read_csv(project / "flowers.csv").with_columns(n=pl.int_range(pl.len())).write_csv(tmp_path / "flowers.csv")
    ended = command("run", tmp_path / "a.mlp")  # a shape of its own: what is kept compiled never calls the function
    assert ended.status == 1
    assert "error[MLP0504]: the model `gaussian_naive_bayes` of the plugin `core` failed" in ended.err
    assert "ZeroDivisionError: the sky fell" in ended.err
    assert "Traceback" not in ended.err
    ended = command("--verbose", "run", tmp_path / "a.mlp")
    assert "in fail" in ended.err


# ---- kill -9 ---------------------------------------------------------------------------------------------------------
STEPS = """mlp 1
use proof
data { csv("flowers.csv") }
features {
  kind: binary("plain", "fancy") as target
  "p*": continuous
}
transforms { photo = vector("p*") }
model { softmax_epochs(epochs = 400) }
metrics { accuracy }
"""
EAGER = (
    "import sys; sys.path.append(sys.argv[1])\n"
    "import mldsl.execute.loop as loop; loop.SECONDS_BETWEEN_CHECKPOINTS = 0.0\n"
    "from mldsl.cli import main; sys.exit(main(sys.argv[2:]))\n"
)
BOTH = """
import json, sys
sys.path.append(sys.argv[1])
from pathlib import Path
from mldsl.driver import Options, run
seen = [[], []]
for steps, folder in zip(seen, sys.argv[3:]):
    progress = lambda stage, step, total, info: steps.append(step)
    run(Path(sys.argv[2]), Options(runs_dir=Path(folder), resume=folder == sys.argv[3], progress=progress))
print(json.dumps(seen))
"""


def test_after_kill_9_resume_gives_the_same_bits(project: Path, tmp_path: Path) -> None:
    import polars as pl

    rows = pl.read_csv(project / "flowers.csv").select("kind", p0=pl.col("length") / 50, p1=pl.col("length") % 7)
    rows.write_csv(tmp_path / "flowers.csv")
    (tmp_path / "steps.mlp").write_text(STEPS)
    proof = str(ROOT / "tests" / "proof")
    arguments = [
        sys.executable,
        "-c",
        EAGER,
        proof,
        "run",
        str(tmp_path / "steps.mlp"),
        "--runs-dir",
        str(tmp_path / "a"),
    ]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("a/.partial/*/checkpoints/*.safetensors")):
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    if process.stderr:
        process.stderr.close()
    assert [p.name for p in (tmp_path / "a").iterdir()] == [".partial"], "no run folder that is not complete"
    done = subprocess.run(
        [sys.executable, "-c", BOTH, proof, str(tmp_path / "steps.mlp"), str(tmp_path / "a"), str(tmp_path / "b")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    went_on, from_the_start = json.loads(done.stdout)
    assert from_the_start == list(range(1, 401))
    assert went_on == from_the_start[went_on[0] - 1 :]
    assert went_on[0] > 1
    (resumed,), (whole,) = (list((tmp_path / name).glob("[!.]*")) for name in ("a", "b"))
    for name in ("models/softmax_epochs/params.safetensors", "predictions.parquet"):
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()
    records = [json.loads((folder / "run.json").read_text()) for folder in (resumed, whole)]
    assert records[0]["models"]["softmax_epochs"]["metrics"] == records[1]["models"]["softmax_epochs"]["metrics"]
    assert records[0]["models"]["softmax_epochs"]["info"] == records[1]["models"]["softmax_epochs"]["info"]
