"""`mldsl plugins` and `mldsl plugins check`."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import attrs
import pytest

from mldsl.cli import main
from mldsl.plugin import Model
from mldsl.plugin.failure import Failure
from mldsl.plugin.registry import Registry

FAILURE = Failure("acme", "mldsl_acme.net", "model.net", "ImportError: no torch", "Traceback: line 1")


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Registry.of({"core": [Model("forest", doc="Trees.", tasks={"rank"})], "acme": []})
    infos = [
        attrs.evolve(made.plugins()[0], version="0.1.0", distribution="mldsl"),
        attrs.evolve(
            made.plugins()[1], version="2.0", distribution="mldsl-acme", origin="/site", provides=("model.net",),
            failures=(FAILURE,),
        ),
        attrs.evolve(made.plugins()[1], name="off", blocked=True),
    ]  # fmt: skip
    monkeypatch.setattr(Registry, "plugins", lambda self: infos)
    monkeypatch.setattr(Registry, "_plugins", lambda self: infos)
    monkeypatch.setattr(Registry, "load", classmethod(lambda cls: made))


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(list(arguments)) == status
    captured = capsys.readouterr()
    return captured.out if status < 2 else captured.err


def test_each_plugin_with_what_failed_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "plugins")
    core, acme, off = out.split("\n\n")
    assert core.splitlines() == ["core 0.1.0", "  from mldsl (in memory)", "  model forest"]
    assert acme.splitlines() == [
        "acme 2.0",
        "  from mldsl-acme (/site)",
        "  model net",
        "  1 failed (mldsl --verbose plugins shows tracebacks)",
        "    model.net  in mldsl_acme.net",
        "      ImportError: no torch",
    ]
    assert off.startswith("off  switched off by MLDSL_BLOCK_PLUGINS")


def test_colour_can_be_switched_off(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from mldsl.cli.layout import heading

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert heading("core") != "core"
    monkeypatch.setenv("NO_COLOR", "1")
    assert heading("core") == "core"


def test_verbose_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert "      Traceback: line 1" in run(capsys, "--verbose", "plugins").splitlines()


def test_json_holds_everything(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(run(capsys, "plugins", "--json"))
    assert data["format_version"] == "1.0"
    core, acme, off = data["plugins"]
    assert [declaration["name"] for declaration in core["declarations"]] == ["forest"]
    assert acme["failures"] == [
        {"module": "mldsl_acme.net", "key": "model.net", "message": "ImportError: no torch",
         "traceback": "Traceback: line 1"},
    ]  # fmt: skip
    assert (off["blocked"], off["declarations"]) == (True, [])


@attrs.frozen
class Finding:
    component: str
    check: str
    message: str


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """The conformance kit, played: it gives what the test puts in the list."""
    findings: list[Finding] = []
    module: Any = ModuleType("mldsl.testing")
    module.check_plugin = lambda name: findings
    monkeypatch.setitem(sys.modules, "mldsl.testing", module)
    return findings


def test_checking_a_sound_plugin(capsys: pytest.CaptureFixture[str], kit: list[Finding]) -> None:
    assert run(capsys, "plugins", "check", "core") == "core: 1 component checked, nothing found\n"


def test_checking_a_plugin_with_findings_fails(capsys: pytest.CaptureFixture[str], kit: list[Finding]) -> None:
    kit += [
        Finding("model.net", "weight_0", "rows of weight 0 change the fit"),
        Finding("model.net", "nan", "it raised"),
    ]
    assert run(capsys, "plugins", "check", "acme", status=1).splitlines() == [
        "model.net",
        "  weight_0",
        "    rows of weight 0 change the fit",
        "  nan",
        "    it raised",
        "acme: 1 component checked, 2 findings",
    ]
    data = json.loads(run(capsys, "plugins", "check", "acme", "--json", status=1))
    assert data["findings"][0] == {
        "component": "model.net", "check": "weight_0", "message": "rows of weight 0 change the fit",
    }  # fmt: skip


def test_checking_what_is_not_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no plugin `acne` is installed" in run(capsys, "plugins", "check", "acne", status=2)
