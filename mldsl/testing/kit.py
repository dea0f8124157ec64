"""Which checks a component gets, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mldsl.plugin import Component, Function, Metric, Model, Report, Search, Stop, Transform
from mldsl.plugin.following import as_set
from mldsl.plugin.registry import Registry
from mldsl.testing.declared import DECLARED
from mldsl.testing.finding import Case, Finding, guarded


def conformance_cases(component: Component) -> list[Case]:
    """Every check of a component that it does not declare an exception to, as callables that raise AssertionError.

    For pytest: `@pytest.mark.parametrize("case", conformance_cases(component), ids=lambda case: case.id)`.
    """
    cases = [Case(check.__name__, check.__name__, guarded(check, component)) for check in DECLARED]
    for subject, checks in _subjects(component):
        cases += [Case(f"{subject}{name}", name, check) for name, check in checks]
    excused = set(component.exceptions)
    return [case for case in cases if case.check not in excused]


def check_component(component: Component) -> list[Finding]:
    """What is wrong with a component; empty if nothing is."""
    name = f"{component.kind}.{component.name}"
    return [Finding(name, c.check, _placed(c, message)) for c in conformance_cases(component) for message in c.run()]


def check_plugin(name: str, registry: Registry | None = None) -> list[Finding]:
    """What is wrong with the components of an installed plugin, one after the other."""
    from mldsl.execute.settings import configure

    configure("cpu")
    registry = registry or Registry.load()
    findings: list[Finding] = []
    for declaration in registry.declarations(plugins=[name]):
        findings += check_component(registry.component(declaration))
    return findings


def _placed(case: Case, message: str) -> str:
    """The task that a message is about, where a component has several."""
    place = case.id.removesuffix(case.check).rstrip("/")
    return f"{place}: {message}" if place else message


def _subjects(component: Component) -> Iterator[tuple[str, list[tuple[str, Callable[[], list[str]]]]]]:
    """What the component is tried on (`classify/`), and the checks."""
    match component:
        case Model():
            from mldsl.testing.learning import OF_MODELS

            tasks = sorted(component.tasks)
            for task in tasks:
                place = f"{task}/" if len(tasks) > 1 else ""
                yield place, _of_learner(component, task, OF_MODELS)
                if _example_of(component, task).sparse:
                    yield f"{place}sparse/", _of_learner(component, task, OF_MODELS, sparse=True)
        case Transform(host_apply=apply) if apply is not None:
            from mldsl.testing.learning import OF_TRANSFORMS
            from mldsl.testing.others import host_step

            yield "host/", [(name, guarded(check)) for name, check in host_step(component)]
            yield "sparse/", _of_learner(component, "regress", OF_TRANSFORMS, sparse=True)
        case Transform(host=True):
            from mldsl.testing.others import host_step

            yield "", [(name, guarded(check)) for name, check in host_step(component)]
        case Transform(fit=None, apply=None, resample=None):
            return  # it selects columns, and computes nothing
        case Transform(resample=None):
            from mldsl.testing.learning import OF_TRANSFORMS

            tasks = sorted(set(component.tasks or ("classify", "regress")) & {"classify", "regress"})
            for task in tasks if component.uses_target else ("regress",):
                place = f"{task}/" if component.uses_target else ""
                yield place, _of_learner(component, task, OF_TRANSFORMS)
                if component.sparse:
                    yield f"{place}sparse/", _of_learner(component, task, OF_TRANSFORMS, sparse=True)
        case Transform():
            from mldsl.testing.resampling import OF_RESAMPLING

            yield "", _of_learner(component, "classify", OF_RESAMPLING)
        case Metric():
            from mldsl.testing.judging import OF_METRICS, Judge

            tasks = sorted(component.tasks)
            for task in tasks:
                place = f"{task}/" if len(tasks) > 1 else ""
                yield place, _lazily(lambda task=task: Judge(component, task), OF_METRICS)  # type: ignore[misc]
        case Report():
            from mldsl.testing.reporting import OF_REPORTS, report_tasks

            for task in report_tasks(component):
                yield f"{task}/", [(check.__name__, guarded(check, component, task)) for check in OF_REPORTS]
        case Function():
            from mldsl.testing.others import function_is_total

            yield "", [("deterministic", guarded(function_is_total, component))]
        case Search():
            from mldsl.testing.searching import OF_SEARCHES

            yield "", [(check.__name__, guarded(check, component)) for check in OF_SEARCHES]
        case Stop():
            from mldsl.testing.others import stop_is_calm

            yield "", [("deterministic", guarded(stop_is_calm, component))]


def _example_of(component: Model, task: str) -> Any:
    """The model as its example makes it, with what the models in it decide."""
    if not component.follows:
        return component
    example = component.examples.get(task, component.example)
    return as_set(component, example if example is not None else component.Spec())


def _of_learner(
    component: Component, task: str, checks: tuple[Any, ...], *, sparse: bool = False
) -> list[tuple[str, Callable[[], list[str]]]]:
    from mldsl.testing.learner import Learner

    return _lazily(lambda: Learner(component, task, sparse=sparse), checks)


def _lazily(make: Callable[[], Any], checks: tuple[Any, ...]) -> list[tuple[str, Callable[[], list[str]]]]:
    """Checks that share one subject, which is made when the first of them runs.

    Where the component does not even work on the subject as it is, only the first check says so, not all of them.
    """
    made: list[Any] = []

    def subject() -> Any:
        if not made:
            made.append(make())
            made[0].begin()
        return made[0]

    def run(check: Callable[..., Iterator[str]]) -> Callable[[], list[str]]:
        def one() -> Iterator[str]:
            if check is not checks[0] and broken():
                return iter(())
            return check(subject())

        return guarded(one)

    def broken() -> bool:
        try:
            subject().begin()
        except Exception:
            return True
        return False

    return [(check.__name__, run(check)) for check in checks]
