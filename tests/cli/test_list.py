"""`mldsl list`."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from mldsl.cli import main
from mldsl.plugin import Metric, Model, Part, param
from mldsl.plugin.registry import Registry


@attrs.frozen
class Spec:
    """Hyperparameters."""

    trees: int = param(100, ge=1, doc="How many.")


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "A summary that is much too long for one line of a terminal window: " + "very " * 20 + "long"
    made = Registry.of(
        {
            "core": [
                Model("forest", Spec, doc="Trees.", tasks={"classify"}),
                Metric("rmse", doc=long, metric=print),
                Part("rbf", doc="A kernel.", part_kind="kernel"),
            ],
            "acme": [Model("tabnet", doc="A network.", tasks={"classify"})],
        }
    )
    monkeypatch.setattr(Registry, "load", classmethod(lambda cls: made))


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["list", *arguments]) == status
    captured = capsys.readouterr()
    return captured.out if status == 0 else captured.err


def test_kinds_come_in_the_order_of_a_pipeline_with_names_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys).splitlines()
    assert lines[:4] == ["Models (2)", "  forest       Trees", "  acme.tabnet  A network", ""]
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "Models (2)", "Metrics (1)", "Kernels (1)",
    ]  # fmt: skip


def test_a_pipe_gets_whole_lines_and_a_window_what_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert any(line.endswith("very long") for line in run(capsys).splitlines())
    monkeypatch.setattr("mldsl.cli.list.is_wide", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    lines = run(capsys).splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.endswith("…") for line in lines)


@pytest.mark.parametrize("word", ["model", "models"])
def test_one_kind(capsys: pytest.CaptureFixture[str], word: str) -> None:
    out = run(capsys, word)
    assert "forest" in out
    assert "rmse" not in out


def test_one_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "--plugin", "acme")
    assert "acme.tabnet" in out
    assert "forest" not in out
    assert "no plugin `acne` is installed (installed: core, acme)" in run(capsys, "--plugin", "acne", status=2)


def test_an_unknown_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no kind `modell`; did you mean `model`?" in run(capsys, "modell", status=2)
    assert "the kinds are model, metric, kernel" in run(capsys, "zzz", status=2)


def test_json_has_what_the_catalogue_compares(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = json.loads(run(capsys, "--json"))
    assert {(row["kind"], row["name"], row["plugin"]) for row in rows} == {
        ("model", "forest", "core"), ("metric", "rmse", "core"), ("kernel", "rbf", "core"), ("model", "tabnet", "acme"),
    }  # fmt: skip
    assert all(list(row) == ["kind", "name", "summary", "plugin", "parameters"] for row in rows)
    (trees,) = next(row for row in rows if row["name"] == "forest")["parameters"]
    assert (trees["name"], trees["type"]["name"], trees["default"], trees["ge"]) == ("trees", "int", 100, 1)
