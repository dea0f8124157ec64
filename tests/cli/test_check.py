"""`mldsl check`, `explain` and `plan` from the command line."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from mldsl.cli.check import command as check
from mldsl.cli.explain import command as explain
from mldsl.cli.plan import command as plan

SOUND = """mlp 1
param l2: number = 1 in 0..10
data { csv("t.csv") }
features {
  y: binary as target
  a: continuous
}
model { logistic_regression(l2 = $l2) }
"""
BROKEN = SOUND.replace("a: continuous", "a: contnuous")
TABLE = "y,a\n" + "".join(f"{'yes' if i % 3 else 'no'},{i}\n" for i in range(30))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command, *arguments, text=None):
    """The exit status, standard output and standard error."""
    result = CliRunner().invoke(command, arguments, input=text, standalone_mode=False)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.return_value, result.stdout, result.stderr


def test_a_sound_file(folder):
    (folder / "t.mlp").write_text(SOUND)
    assert run(check, "t.mlp") == (0, "0 errors, 0 warnings; no data was read\n", "")


def test_all_pipelines_below_the_current_folder(folder):
    (folder / "t.mlp").write_text(SOUND)
    (folder / "inner").mkdir()
    (folder / "inner/b.mlp").write_text(BROKEN)
    status, out, _ = run(check)
    assert status == 1
    assert "error[MLP0109]: unknown column type `contnuous`\n --> inner/b.mlp:6:6" in out
    assert out.endswith("1 error, 0 warnings; no data was read\n")


def test_warnings_are_no_failure(folder):
    (folder / "t.mlp").write_text(SOUND.replace("(l2 = $l2)", ""))
    status, out, _ = run(check, "t.mlp")
    assert status == 0
    assert "warning[MLP0801]" in out


def test_a_mistake_in_an_included_file_is_said_once(folder):
    (folder / "base.mlp").write_text(BROKEN.replace("model { logistic_regression(l2 = $l2) }\n", ""))
    (folder / "main.mlp").write_text('mlp 1\ninclude "base.mlp"\nmodel { logistic_regression(l2 = $l2) }\n')
    (folder / "other.mlp").write_text('mlp 1\ninclude "base.mlp"\nmodel { logistic_regression(l2 = $l2) }\n')
    assert run(check)[1].count("MLP0109") == 1


def test_params_are_checked(folder):
    (folder / "t.mlp").write_text(SOUND)
    assert run(check, "t.mlp", "-p", "l2=3")[0] == 0
    status, out, _ = run(check, "t.mlp", "-p", "l2=30")
    assert status == 1
    assert "error[MLP0202]: `l2` is out of range: allowed are 0..10" in out


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_forms(folder, form):
    (folder / "t.mlp").write_text(BROKEN)
    status, out, _ = run(check, "t.mlp", "--format", form)
    assert status == 1
    if form == "github":
        assert out.startswith("::error file=t.mlp,line=6,")
        return
    data = json.loads(out)
    if form == "json":
        (found,) = data["diagnostics"]
        assert (data["errors"], found["code"], found["span"]) == (1, "MLP0109", [6, 6, 6, 15])
    else:
        assert data["runs"][0]["results"][0]["ruleId"] == "MLP0109"


def test_fixes_are_written(folder):
    text = SOUND.replace("mlp 1\n", "").replace("a: continuous", "a: continuous\n  c: categorical")
    (folder / "t.mlp").write_text(text)
    status, out, err = run(check, "t.mlp", "--fix")
    assert status == 0
    assert err == "repaired 2 mistakes\n"
    assert out == "0 errors, 0 warnings; no data was read\n"
    repaired = (folder / "t.mlp").read_text()
    assert repaired.startswith("mlp 1\n")
    assert "transforms { one_hot on categorical }" in repaired


def test_standard_input(folder):
    status, out, _ = run(check, "-", text=BROKEN)
    assert status == 1
    assert "<stdin>:6:6" in out
    status, out, err = run(check, "-", "--fix", text=SOUND.removeprefix("mlp 1\n"))
    assert (status, out) == (0, SOUND)
    assert "0 errors" in err


def test_a_file_that_is_not_text(folder):
    (folder / "t.mlp").write_bytes(b"\xff\xfe")
    status, out, _ = run(check, "t.mlp")
    assert status == 1
    assert "MLP0407" in out


def test_usage(folder):
    for arguments in (["nowhere.mlp"], ["--format", "xml"], ["-p", "a"], ["-p", "a=1", "-p", "a=2"]):
        result = CliRunner().invoke(check, arguments)
        assert result.exit_code == 2, arguments


def test_explain(folder):
    status, out, _ = run(explain, "MLP0307")
    assert status == 0
    assert out.startswith("MLP0307: Missing values reach")
    assert "    model { logistic_regression }\n" in out
    assert run(explain, "307")[1] == out
    assert run(explain, "mlp0307", "--format", "markdown")[1].startswith("# MLP0307: Missing values")


def test_explain_lists_all_codes(folder):
    from mldsl.diagnostics.codes import CODES

    out = run(explain)[1]
    assert all(f"  {code}  {meaning}\n" in out for code, meaning in CODES.items())


def test_explain_says_what_was_meant(folder):
    result = CliRunner().invoke(explain, ["MLP9307"])
    assert result.exit_code == 2
    assert "`MLP0307`" in result.stderr
    assert "`MLP0301`" in CliRunner().invoke(explain, ["leak"]).stderr


def test_plan(folder):
    (folder / "t.mlp").write_text(SOUND)
    (folder / "t.csv").write_text(TABLE)
    status, out, _ = run(plan, "t.mlp", "-p", "l2=0.5")
    assert status == 0
    assert out.startswith("t.mlp: classification of `y`\n")
    assert "$l2           0.5: number in 0..10, from the command line\n" in out
    assert "matrix        a: continuous\n" in out
    data = json.loads(run(plan, "t.mlp", "--json")[1])
    assert data["format_version"] == "1.0"
    assert data["models"][0]["algorithm"]["args"]["l2"] == 1.0
    assert data["complete"] is True


def test_plan_reports_what_is_wrong(folder):
    (folder / "t.mlp").write_text(SOUND)
    (folder / "t.csv").write_text("y,b\nyes,1\nno,2\n")
    status, out, err = run(plan, "t.mlp")
    assert (status, out) == (1, "")
    assert "error[MLP0413]: `a` is not in `t.csv`" in err


def test_checking_imports_no_array_library(folder):
    (folder / "t.mlp").write_text(BROKEN)
    code = (
        "import sys\nfrom mldsl.cli import main\n"
        "status = main(['check', 't.mlp'])\n"
        "heavy = {'numpy', 'jax', 'polars', 'matplotlib', 'rich', 'pandas'} & set(sys.modules)\n"
        "assert status == 1 and not heavy, (status, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
