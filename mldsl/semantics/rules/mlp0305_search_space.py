"""A search leaves the declared range, or varies what it must not.

## What it does

Compares each line of `tune` with the range that the `param` declares and with what the arguments it reaches allow, and
refuses to vary what `data`, `features` or `split` depend on.

## Why is this bad?

The range of a param is a promise about which values make sense; a search outside of it tries values that are errors
elsewhere. And a score on other rows, or of another target, is no score of the same thing: trials could not be compared.

## Example

```mlp
mlp 1
param k: integer = 3 in 2..10
data { csv("wine.csv") }
features { "*": continuous }
transforms { standardize on continuous }
model { k_means(clusters = $k) }
tune {
  search = grid
  $k in 2..20
}
```

## Use instead

```mlp
mlp 1
param k: integer = 3 in 2..20
data { csv("wine.csv") }
features { "*": continuous }
transforms { standardize on continuous }
model { k_means(clusters = $k) }
tune {
  search = grid
  $k in 2..20
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic, Label
from mldsl.plan.model import ComponentValue
from mldsl.plugin.declaration import Parameter, ParameterType
from mldsl.semantics.draft import Draft
from mldsl.semantics.params import Domain, within
from mldsl.source import Span
from mldsl.syntax import ast


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Each domain against the range of its param, the bounds of arguments, and the blocks it must leave alone."""
    if draft.tune is None:
        return
    reached = _reached(draft)
    for name, (domain, line) in draft.tune.domains.items():
        declared, node = draft.params[name].domain, draft.definitions.params.get(name)
        if declared is not None and not all(within(value, declared) for value in _ends(domain)):
            labels = (Label(node.domain.span, "declared here"),) if node is not None and node.domain is not None else ()
            yield Diagnostic(
                "MLP0305", f"the search space of `${name}` leaves its declared range", _range(line),
                label="searched here", labels=labels,
            )  # fmt: skip
        else:
            yield from _bounds(name, domain, line, reached.get(name, []))
        yield from _rows(draft, name, line)


def _range(line: ast.Domain) -> Span:
    """The range itself, without the `log(...)` around it."""
    return line.value.args[0].span if isinstance(line.value, ast.Call) else line.value.span


def _ends(domain: Domain) -> tuple[float, ...]:
    return tuple(domain[1]) if domain[0] == "list" else (domain[1], domain[2])


def _bounds(name: str, domain: Domain, line: ast.Domain, reached: list[tuple[str, Parameter]]) -> Iterator[Diagnostic]:
    """The search reaches values that an argument refuses."""
    for owner, parameter in reached:
        numbers = [value for value in _ends(domain) if isinstance(value, int | float) and not isinstance(value, bool)]
        if not all(parameter.allows(value) for value in numbers):
            yield Diagnostic(
                "MLP0305", f"the search space of `${name}` leaves what `{parameter.name}` of `{owner}` allows",
                _range(line), label=f"allowed: {parameter.bounds()}",
            )  # fmt: skip


def _rows(draft: Draft, name: str, line: ast.Domain) -> Iterator[Diagnostic]:
    """What decides which rows and columns there are is fixed while a search runs."""
    for block in (draft.definitions.data, draft.definitions.features, draft.definitions.split):
        if block is None:
            continue
        for part in ast.walk(block):
            if isinstance(part, ast.ParamRef) and part.name == name:
                yield Diagnostic(
                    "MLP0305", f"`${name}` decides about rows or columns and cannot be tuned", line.name_span,
                    label="searched here", labels=(Label(part.span, f"used in `{block.kind}`"),),
                    help="trials on different data cannot be compared; compare such runs with `mldsl compare`",
                )  # fmt: skip
                return


def _reached(draft: Draft) -> dict[str, list[tuple[str, Parameter]]]:
    """The arguments that each param is given to, with the component they belong to."""
    found: dict[str, list[tuple[str, Parameter]]] = {}
    values = [model.algorithm.value for model in draft.models if model.algorithm is not None]
    values += [move.resolved.value for move in draft.all_moves() if move.resolved is not None]
    values += [layer.value for layers in draft.layers.values() for layer in layers]
    for value in values:
        if value is not None:
            declaration = draft.components.get(value.kind, value.name)
            _walk(value, declaration.parameters if declaration is not None else (), draft, found)
    return found


def _walk(
    value: ComponentValue,
    parameters: tuple[Parameter, ...],
    draft: Draft,
    found: dict[str, list[tuple[str, Parameter]]],
) -> None:
    by_name = {parameter.name: parameter for parameter in parameters}
    for argument, param in value.params:
        if argument in by_name:
            found.setdefault(param, []).append((value.name, by_name[argument]))
    for name, inner in value.args:
        for nested in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(nested, ComponentValue):
                _walk(nested, _parameters(nested, by_name.get(name), draft), draft, found)


def _parameters(value: ComponentValue, parameter: Parameter | None, draft: Draft) -> tuple[Parameter, ...]:
    if value.kind != "choice":
        declaration = draft.components.get(value.kind, value.name)
        return declaration.parameters if declaration is not None else ()
    type_: ParameterType | None = parameter.type if parameter is not None else None
    choices = type_.choices if type_ is not None else ()
    return next((choice.parameters for choice in choices if choice.name == value.name), ())
