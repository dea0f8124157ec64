"""Whatever a plugin does while it is imported, the others are read and the message names it."""

from __future__ import annotations

from typing import Any

import pytest

from mldsl.plugin.isolate import Task, extract
from mldsl.plugin.registry import Broken, Found, PluginError, Registry

HOOK = "from mldsl.plugin import hookimpl\n"
BROKEN = {
    "raises": ("raise RuntimeError('no good')", "RuntimeError: no good"),
    "syntax": ("def f(:", "SyntaxError"),
    "dependency": ("import torch_that_is_not_there", "ModuleNotFoundError: No module named 'torch_that_is_not_there'"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "dies": ("import os\nos._exit(7)", "it ended the process with status 7"),
    "aborts": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "it ended the process with signal 9"),
    "hookless": ("x = 1", "has no function `mldsl_components` marked with `@hookimpl`"),
    "unmarked": ("def mldsl_components(): return []", "marked with `@hookimpl`"),
    "argument": (HOOK + "@hookimpl\ndef mldsl_components(wrong): return []", "PluginValidationError"),
    "returns": (HOOK + "@hookimpl\ndef mldsl_components(): return ['text']", "gave 'text', which is no component"),
    "nothing": (HOOK + "@hookimpl\ndef mldsl_components(): return []", "the module gives no `model.nothing`"),
    "other": ("MODULE something_else", "the module gives `model.something_else`, which the package's entry points"),
    "invalid": ("MODULE invalid", "the default 0 is not within >= 1"),
}


@pytest.fixture
def broken(site: Any) -> Any:
    """A package with one good module and all of the broken ones."""
    offers = {"model.good": "mldsl_bad.good", **{f"model.{name}": f"mldsl_bad.{name}" for name in BROKEN}}
    sources = {"mldsl_bad.good": site.module("good", before="print('noise on stdout')")}
    for name, (source, _) in BROKEN.items():
        kind, _, argument = source.partition(" ")
        made = site.module(argument).replace("param(3", "param(0") if kind == "MODULE" else source
        sources[f"mldsl_bad.{name}"] = made
    site.add("mldsl-bad", offers, sources)
    return site


def test_each_is_isolated_and_named_with_its_reason(broken: Any) -> None:
    registry = Registry.load()
    assert [declaration.name for declaration in registry.declarations(plugins=("bad",))] == ["good"]
    assert isinstance(registry.find("model", "good", ("bad",)), Found)
    for name, (_, reason) in BROKEN.items():
        answer = registry.find("model", name, ("bad",))
        assert isinstance(answer, Broken), name
        assert answer.failure.plugin == "bad"
        assert answer.failure.module == f"mldsl_bad.{name}"
        said = [f.message for f in registry.plugins()[-1].failures if f.module == f"mldsl_bad.{name}"]
        assert any(reason in message for message in said), (name, said)


def test_a_broken_component_is_a_diagnostic_that_names_the_plugin(broken: Any) -> None:
    answer = Registry.load().find("model", "raises", ("bad",))
    assert isinstance(answer, Broken)
    diagnostic = answer.failure.diagnostic()
    assert diagnostic.code == "MLP0504"
    assert "plugin `bad` failed in `model.raises` of `mldsl_bad.raises`" in diagnostic.message
    assert diagnostic.notes == ("RuntimeError: no good",)
    assert "MLDSL_BLOCK_PLUGINS=bad" in (diagnostic.help or "")
    assert 'mldsl_bad/raises.py", line 1' in answer.failure.traceback
    assert "importlib" not in answer.failure.traceback


def test_a_module_that_hangs_is_given_up(site: Any) -> None:
    site.add("mldsl-slow", {"model.slow": "mldsl_slow"}, {"mldsl_slow": "import time\ntime.sleep(60)"})
    answers = extract([Task("slow", "mldsl_slow", ("model.slow",))], seconds=0.5)
    ((_, message, trace),) = answers["mldsl_slow"]["failures"]
    assert "it ended the process with status 1" in message
    assert "mldsl_slow.py" in trace


def test_input_ends_at_once(site: Any) -> None:
    site.add("mldsl-asks", {"model.asks": "mldsl_asks"}, {"mldsl_asks": "input('name? ')"})
    ((_, message, _),) = extract([Task("asks", "mldsl_asks", ("model.asks",))])["mldsl_asks"]["failures"]
    assert "EOFError" in message


def test_importing_for_a_run_names_the_plugin_too(site: Any) -> None:
    check = "import os\nif os.environ.get('NOW_FAIL'): raise OSError('the licence server is down')"
    source = site.module("alpha", before=check)
    site.add("mldsl-acme", {"model.alpha": "mldsl_acme"}, {"mldsl_acme": source})
    registry = Registry.load()
    answer = registry.find("model", "alpha", ("acme",))
    assert isinstance(answer, Found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOW_FAIL", "1")
        with pytest.raises(PluginError, match=r"MLP0504.*plugin `acme` failed") as caught:
            registry.component(answer.declaration)
    assert caught.value.failure.message == "OSError: the licence server is down"
    assert registry.component(answer.declaration).name == "alpha"  # a failure is not remembered against it
