"""Models inside of models: what each of them says against its Spec, and names of classes in it as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from mldsl.contract import Shape
from mldsl.execute.blame import blamed
from mldsl.plan import ComponentValue
from mldsl.plugin import Model, Problem
from mldsl.plugin.following import bases_of
from mldsl.plugin.spec import Configured


def problems_of(component: Any, spec: Any, shape: Shape, value: ComponentValue) -> Iterator[Problem]:
    """What a model and those that it follows say against their Specs and these sizes."""
    if component.check is not None:
        with blamed(value, "check"):
            yield from list(component.check(spec, shape))
    for name, base in bases_of(component, spec):
        for problem in problems_of(base.component, base.spec, shape, value):
            yield Problem(name, f"`{base.component.name}`: `{problem.parameter}`: {problem.message}")


def bound(component: Any, spec: Any, classes: tuple[str, ...], value: ComponentValue) -> Any:
    """The Spec with names of classes as numbers, in the models within it, too; or a list of `Problem`s."""
    changes: dict[str, Any] = {}
    problems: list[Problem] = []

    def inner(name: str, one: Any) -> Any:
        if not isinstance(one, Configured) or not isinstance(one.component, Model):
            return one
        made = bound(one.component, one.spec, classes, value)
        if isinstance(made, list):
            problems.extend(Problem(name, f"`{one.component.name}`: `{p.parameter}`: {p.message}") for p in made)
            return one
        return one if made is one.spec else attrs.evolve(one, spec=made)

    for field in attrs.fields(type(spec)) if attrs.has(type(spec)) else ():
        old = getattr(spec, field.name)
        new = tuple(inner(field.name, one) for one in old) if isinstance(old, tuple) else inner(field.name, old)
        same = new is old or (isinstance(old, tuple) and all(a is b for a, b in zip(new, old, strict=True)))
        changes |= {} if same else {field.name: new}
    if problems:
        return problems
    spec = attrs.evolve(spec, **changes) if changes else spec
    if component.bind is None:
        return spec
    with blamed(value, "bind"):
        return component.bind(spec, classes)
