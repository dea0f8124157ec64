"""`mldsl doc`."""

from __future__ import annotations

import json

import attrs
import pytest

from mldsl.cli import main
from mldsl.plugin import Model, Part, param
from mldsl.plugin.codec import from_dict
from mldsl.plugin.registry import Registry


@attrs.frozen
class Spec:
    """Hyperparameters."""

    trees: int = param(100, ge=1, doc="How many.")


MADE = Registry.of(
    {
        "core": [
            Model("forest", Spec, doc="Random forest.", tasks={"classify"}, also_known_as=["RandomForestClassifier"]),
            Model("constant", doc="Predict the same for every row.", tasks={"classify"}),
            Part("constant", doc="A learning rate that stays.", part_kind="schedule"),
        ],
        "acme": [Model("forest", doc="Another forest.", tasks={"classify"})],
    }
)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "load", classmethod(lambda cls: MADE))


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["doc", *arguments]) == status
    captured = capsys.readouterr()
    return captured.out if status == 0 else captured.err


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("core.forest", "Random forest."),
        ("acme.forest", "Another forest."),
        ("model.constant", "Predict the same for every row."),
        ("schedule.constant", "A learning rate that stays."),
        ("core.model.forest", "Random forest."),
    ],
)
def test_a_name_that_means_one(capsys: pytest.CaptureFixture[str], name: str, summary: str) -> None:
    assert run(capsys, name).splitlines()[1] == summary


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("constant", "several components are called `constant`: model.constant, schedule.constant"),
        ("forest", "several components are called `forest`: core.model.forest, acme.model.forest"),
        ("model.forest", "several components are called `model.forest`: core.model.forest, acme.model.forest"),
        ("forrest", "no component `forrest`; did you mean `forest`?"),
        ("randomforestclassifier", "did you mean `forest`?"),
        ("zzz", "no component `zzz`; see `mldsl list`"),
        ("model", "`model` is a kind of component; see `mldsl list model`"),
    ],
)
def test_a_name_that_does_not(capsys: pytest.CaptureFixture[str], name: str, message: str) -> None:
    assert message in " ".join(run(capsys, name, status=2).split())


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "core.forest", "--format", "markdown")
    assert out.startswith("# `forest`\n")
    assert "| `trees` | integer >= 1 | `100` | How many. |" in out


def test_json_is_the_declaration(capsys: pytest.CaptureFixture[str]) -> None:
    page = json.loads(run(capsys, "core.forest", "--format", "json"))
    assert page.pop("format_version") == "1.0"
    assert from_dict(page) == MADE.declarations("model", ("core",))[1]


def test_a_broken_component_is_said_to_be_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mldsl.plugin.failure import Failure
    from mldsl.plugin.registry import PluginInfo

    info = PluginInfo("bad", "1.0", "mldsl-bad", "", ("model.broken",), failures=(Failure("bad", "m", "", "why"),))
    monkeypatch.setattr(Registry, "plugins", lambda self: [info])
    assert "`broken` could not be read from the plugin `bad`" in " ".join(run(capsys, "broken", status=2).split())
