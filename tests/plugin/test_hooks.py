"""Observers see what they ask for, and none can harm a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mldsl.plugin import hookimpl
from mldsl.plugin.loading import Failure, Hooks
from mldsl.plugin.registry import Registry


def observer(**functions: Any) -> SimpleNamespace:
    return SimpleNamespace(**{f"mldsl_{name}": hookimpl(function) for name, function in functions.items()})


def test_results_come_with_the_plugin_that_gave_them() -> None:
    hooks = Hooks()
    hooks.register(observer(lint=lambda plan: [plan + 1]), "acme", "one")
    hooks.register(observer(lint=lambda: None), "core", "two")
    assert hooks.implements("mldsl_lint")
    assert not hooks.implements("mldsl_cli")
    assert hooks.call("mldsl_lint", plan=1) == [("acme", [2])]


def test_an_observer_takes_any_subset_of_the_arguments() -> None:
    seen: list[Any] = []
    hooks = Hooks()
    hooks.register(observer(fit_progress=lambda step, stage: seen.append((stage, step))), "acme", "one")
    hooks.call("mldsl_fit_progress", stage="fit", step=1, total=9, info={})
    assert seen == [("fit", 1)]


def test_one_that_raises_is_reported_once_by_name_and_the_others_go_on() -> None:
    reported: list[Failure] = []
    seen: list[str] = []
    hooks = Hooks(reported.append)

    def fail(stage: str) -> None:
        raise RuntimeError(f"cannot bear {stage}")

    hooks.register(observer(stage_start=fail, stage_end=lambda stage: seen.append(stage)), "bad", "bad_module")
    hooks.register(observer(stage_start=lambda stage: seen.append(stage)), "good", "good_module")
    for stage in ("fit", "predict"):
        hooks.call("mldsl_stage_start", stage=stage)
    assert seen == ["fit", "predict"]
    (failure,) = reported
    assert failure == hooks.failures[0]
    assert (failure.plugin, failure.module, failure.key) == ("bad", "bad_module", "mldsl_stage_start")
    assert failure.message == "RuntimeError: cannot bear fit"
    assert "in fail" in failure.traceback
    assert not hooks.implements("mldsl_stage_end")  # it is not called at all any more


def test_what_a_generator_raises_late_is_caught_too() -> None:
    def lint(plan: Any) -> Any:
        yield "first"
        raise ValueError("then this")

    hooks = Hooks()
    hooks.register(observer(lint=lint), "acme", "one")
    assert hooks.call("mldsl_lint", plan=None) == []
    assert [failure.message for failure in hooks.failures] == ["ValueError: then this"]


def test_ctrl_c_passes_through() -> None:
    def stop(stage: str) -> None:
        raise KeyboardInterrupt

    hooks = Hooks()
    hooks.register(observer(stage_start=stop), "acme", "one")
    with pytest.raises(KeyboardInterrupt):
        hooks.call("mldsl_stage_start", stage="fit")


def test_a_wrong_argument_name_is_reported_when_the_observer_registers() -> None:
    hooks = Hooks()
    hooks.register(observer(stage_start=lambda phase: None), "acme", "one")
    assert not hooks.implements("mldsl_stage_start")
    assert "phase" in hooks.failures[0].message


def test_calls_can_be_limited_to_plugins_in_use() -> None:
    hooks = Hooks()
    for plugin in ("acme", "core"):
        hooks.register(observer(lint=lambda plugin=plugin: [plugin]), plugin, plugin)
    assert hooks.call("mldsl_lint", plan=None, plugins=("core",)) == [("core", ["core"])]


HOOK = '''
"""Counts stages."""
from mldsl.plugin import hookimpl
SEEN = []

@hookimpl
def mldsl_stage_start(stage):
    SEEN.append(stage)

@hookimpl
def mldsl_cli(group):
    import click
    group.add_command(click.Command("count", help="Count stages."))
    group.add_command(click.Command("run", help="Take over."))
'''


def test_hook_modules_of_packages_observe_and_components_in_use_do(site: Any) -> None:
    with_hook = site.module("alpha") + HOOK[HOOK.index("SEEN") : HOOK.index("@hookimpl\ndef mldsl_cli")]
    offers = {"model.alpha": "mldsl_acme.alpha", "hook.counter": "mldsl_acme.counter"}
    site.add("mldsl-acme", offers, {"mldsl_acme.alpha": with_hook, "mldsl_acme.counter": HOOK})
    registry = Registry.load()
    registry.hooks().call("mldsl_stage_start", stage="one")
    component = registry.component(registry.declarations("model", ("acme",))[0])
    registry.hooks().call("mldsl_stage_start", stage="two")
    import mldsl_acme.alpha
    import mldsl_acme.counter

    assert component.name == "alpha"
    assert mldsl_acme.counter.SEEN == ["one", "two"]
    assert mldsl_acme.alpha.SEEN == ["two"]
    assert registry.hook_modules("mldsl_cli") == [("acme", "mldsl_acme.counter")]


def test_a_hook_module_that_cannot_be_imported_is_a_failure(site: Any) -> None:
    site.add("mldsl-acme", {"hook.bad": "mldsl_bad_hook"}, {"mldsl_bad_hook": "1 / 0"})
    hooks = Registry.load().hooks()
    assert [(f.plugin, f.message) for f in hooks.failures] == [("acme", "ZeroDivisionError: division by zero")]


def test_commands_of_plugins_are_added_and_taken_names_refused(site: Any) -> None:
    import click

    from mldsl.cli.group import LazyGroup

    site.add("mldsl-acme", {"hook.counter": "mldsl_acme"}, {"mldsl_acme": HOOK})
    group = LazyGroup("mldsl")
    context = click.Context(group)
    assert group.get_command(context, "count") is not None
    assert "count" in group.list_commands(context)
    assert group.commands.keys() == {"count"}
