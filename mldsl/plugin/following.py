"""What a model that is made of others takes and gives, given which ones: at most what all of them do.

`bagging(base = ridge)` takes the columns that `ridge` takes, and warns where `ridge` would. A component says by
`follows` in which parameters its bases stand; the same rules hold for declarations, which `check` reads, and for the
components that run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import attrs

FACTS = ("accepts", "missing", "sparse", "scale_sensitive", "costs", "margins", "roles", "tasks", "precision", "trees")


class Base(NamedTuple):
    """A model that another is made of: its component or declaration, and whether a condition holds as it is set."""

    facts: Any
    holds: Callable[[str], bool]


def as_bases(own: Any, bases: Sequence[Base]) -> dict[str, Any]:
    """The facts of a component, or declaration, that its bases change."""
    every = [base.facts for base in bases]
    names = [name for name in own.accepts if all(not base.accepts or name in base.accepts for base in every)]
    takes = own.missing == "accepts" and all(
        base.facts.missing == "accepts" and base.holds(base.facts.missing_if) for base in bases
    )
    sensitive = own.scale_sensitive or any(
        base.facts.scale_sensitive and not any(base.holds(setting) for setting in base.facts.scale_free)
        for base in bases
    )
    found = {
        "accepts": tuple(names),
        "missing": "accepts" if takes else "refuses",
        "sparse": own.sparse and all(base.sparse for base in every),
        "scale_sensitive": sensitive,
        "costs": own.costs and all(base.costs for base in every),
        "margins": own.margins or any(base.margins for base in every),
        "roles": tuple(role for role in own.roles if all(role in base.roles for base in every)),
        "tasks": tuple(task for task in own.tasks if all(task in base.tasks for base in every)),
        "precision": "float64" if "float64" in (own.precision, *(base.precision for base in every)) else own.precision,
        "trees": own.trees if all(base.trees for base in every) else None,
    }
    return {name: value for name, value in found.items() if name not in own.keeps}


def bases_of(component: Any, spec: Any) -> Iterator[tuple[str, Any]]:
    """The models (`Configured`) that a component follows, each with the parameter that it stands in."""
    for name in getattr(component, "follows", ()):
        value = getattr(spec, name)
        for one in value if isinstance(value, tuple) else (value,):
            if one is not None and not isinstance(one, str):  # the name of a model of the file, which is no part
                yield name, one


def as_set(component: Any, spec: Any) -> Any:
    """The component as its Spec makes it, with the facts of the models that it follows; equal ones are one object."""
    bases = [base for _, base in bases_of(component, spec)]
    if not bases:
        return component
    asked = [Base(base.component, partial(_holds, base.spec)) for base in bases]
    return _evolved(component, tuple(sorted(as_bases(component, asked).items())))


def _holds(spec: Any, condition: str) -> bool:
    from mldsl.plugin.condition import holds

    return holds(condition, spec)


@cache
def _evolved(component: Any, facts: tuple[tuple[str, Any], ...]) -> Any:
    return attrs.evolve(component, **dict(facts))
