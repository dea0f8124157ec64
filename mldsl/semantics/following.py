"""The declaration of a model as the file sets it: one that is made of other models does at most what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import attrs

from mldsl.plan.model import ComponentValue
from mldsl.plugin.declaration import Declaration
from mldsl.plugin.following import Base, as_bases
from mldsl.semantics.arguments import Resolved, condition_holds
from mldsl.semantics.names import Components


def as_set(resolved: Resolved | None, components: Components) -> Declaration | None:
    """What is declared of a model, given the models in its arguments; it is then called `bagging(base = ridge)`."""
    if resolved is None or resolved.declaration is None or resolved.value is None:
        return resolved.declaration if resolved is not None else None
    return _as_set(resolved.declaration, resolved.value, components)


def _as_set(declaration: Declaration, value: ComponentValue, components: Components) -> Declaration:
    bases = list(_bases(declaration, value, components))
    if not bases:
        return declaration
    given = dict(value.args)
    inside = ", ".join(f"{name} = {_names(given.get(name))}" for name in declaration.follows if given.get(name))
    return attrs.evolve(declaration, name=f"{declaration.name}({inside})", **as_bases(declaration, bases))


def _bases(declaration: Declaration, value: ComponentValue, components: Components) -> Iterator[Base]:
    given = dict(value.args)
    for name in declaration.follows:
        for one in _listed(given.get(name)):
            found = components.get("model", f"{one.plugin}.{one.name}")
            if found is not None:
                yield Base(_as_set(found, one, components), partial(_holds, dict(one.args)))


def _holds(given: Mapping[str, Any], condition: str) -> bool:
    return condition_holds(condition, given)


def _listed(value: object) -> list[ComponentValue]:
    return [one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, ComponentValue)]


def _names(value: object) -> str:
    names = [one.name for one in _listed(value)]
    return f"[{', '.join(names)}]" if isinstance(value, tuple) else names[0] if names else ""
