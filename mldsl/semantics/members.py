"""Models that are made of other models: `voting([words, cart])`, `stacking([words, table], final = ridge)`.

A member is a model of the file, which keeps its own inputs and settings, or a model written in place, which gets the
inputs of the whole. One in place is judged by all rules as if it had a block of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from mldsl.diagnostics.diagnostic import Label
from mldsl.plan.model import ComponentValue
from mldsl.plugin.declaration import Parameter
from mldsl.semantics.arguments import Resolved
from mldsl.semantics.draft import Draft, Member, ModelDraft
from mldsl.semantics.following import as_set
from mldsl.semantics.scope import Scope
from mldsl.source import Span
from mldsl.syntax import ast


def resolve_members(model: ModelDraft, settings: Mapping[str, ast.Setting], scope: Scope) -> None:
    """Fill in the members and the final model of a draft; names are looked at once all models are known."""
    algorithm = model.algorithm
    assert algorithm is not None
    assert algorithm.declaration is not None
    assert algorithm.declaration.members is not None
    if algorithm.value is None:
        return
    given = dict(algorithm.value.args)
    nodes = _nodes(algorithm.node, algorithm.declaration.members, algorithm.declaration.parameters)
    values = given.get(algorithm.declaration.members.name) or ()
    found = [
        _member(model, value, node, number, scope)
        for number, (node, value) in enumerate(zip(nodes, values, strict=False))
    ]
    model.members = tuple(_distinct(found))
    final = algorithm.declaration.final
    value = given.get(final.name) if final is not None else None
    if isinstance(value, ComponentValue):
        resolved = _as_resolved(value, algorithm.node, scope)
        model.final = attrs.evolve(resolved, declaration=as_set(resolved, scope.components))
    if not model.own_inputs and len(model.members) > 1:
        _no_inputs(model, settings, scope)


def hand_down(model: ModelDraft) -> None:
    """Members in place learn the target on the scale that the whole says."""
    for member in model.members:
        if member.draft is not None:
            member.draft.target_scale, member.draft.target_scale_node = model.target_scale, model.target_scale_node
            hand_down(member.draft)


def check_members(draft: Draft, scope: Scope) -> None:
    """What can be said of members once all models of the file are known: which they are, and that they are several."""
    inside = [model.algorithm for model in draft.learners()] + [model.final for model in draft.ensembles()]
    inside += [move.resolved for move in draft.all_moves()]
    for resolved in inside:
        if resolved is not None and resolved.value is not None:
            _named_inside(resolved.value, resolved.value, draft, scope)
    for model in draft.ensembles():
        _check(model, draft, scope)
    for model in draft.models:
        path = _way_back(model, model.name, draft, ())
        if path:
            scope.findings.error(
                "MLP0118", f"model `{model.name}` is made of itself", path[0].span,
                notes=(" -> ".join((model.name, *(part.name for part in path))),),
                help="leave it out of its own members",
            )  # fmt: skip


def _named_inside(value: ComponentValue, whole: ComponentValue, draft: Draft, scope: Scope) -> None:
    """MLP0112 for models of the file inside of a component that fits its models itself: it has one set of inputs."""
    declared = draft.components.get(value.kind, value.name) if value.kind != "choice" else None
    parameter = declared.members if declared is not None else None
    for name, given in value.args:
        for one in given if isinstance(given, tuple) else (given,):
            if isinstance(one, ComponentValue):
                _named_inside(one, whole, draft, scope)
            elif parameter is not None and parameter.name == name and isinstance(one, str):
                scope.findings.error(
                    "MLP0112", f"`{one}` has inputs of its own, and `{whole.name}` gives all models in it the same",
                    value.span or whole.span, help=f"write the models of `{value.name}` in place here",
                )  # fmt: skip


def _check(model: ModelDraft, draft: Draft, scope: Scope) -> None:
    assert model.algorithm is not None
    assert model.declaration is not None
    if model.algorithm.value is None or (parameter := model.declaration.members) is None:
        return
    if dict(model.algorithm.value.args).get(parameter.name) is None:
        return  # what it is made of could not be read
    if len(model.members) < 2:
        found = "one" if model.members else "none"
        alone = "a single model is best written by itself, as `model NAME { ... }`"
        help_text = alone if model.members else f"write some: `{model.declaration.name}([logistic_regression, ...])`"
        place = model.members[0].node.span if model.members else model.algorithm.span
        scope.findings.error(
            "MLP0202", f"`{model.declaration.name}` needs two models or more, and has {found}", place, help=help_text
        )
    seen: dict[str, Member] = {}
    for member in model.members:
        if not member.name:
            continue
        if draft.named(member.name) is None:
            names = [f"`{other.name}`" for other in draft.models if other is not model and other is not model.whole]
            scope.findings.error(
                "MLP0112", f"`{member.name}` is no member: it is chosen among models once all are trained",
                member.node.span, help=f"name models of the file: {', '.join(names)}" if names else None,
            )  # fmt: skip
        elif member.name in seen:
            scope.findings.error(
                "MLP0113", f"`{member.name}` is given twice", member.node.span, label="again",
                labels=(Label(seen[member.name].node.span, "first given here"),),
                help="to make it count more, use `weights`" if model.declaration.parameter("weights") else None,
            )  # fmt: skip
        seen.setdefault(member.name, member)


def _way_back(model: ModelDraft, name: str, draft: Draft, before: tuple[str, ...]) -> tuple[_Part, ...]:
    """The members that lead from a model back to the one called `name`; none where no way does."""
    for member in model.members:
        other = member.draft or draft.named(member.name)
        if other is None or other.name in before:
            continue
        here = _Part(other.name, member.node.span)
        if other.name == name:
            return (here,)
        if further := _way_back(other, name, draft, (*before, other.name)):
            return (here, *further)
    return ()


@attrs.frozen
class _Part:
    """A member on the way from a model to itself."""

    name: str
    span: Span


def _member(model: ModelDraft, value: object, node: ast.Expr, number: int, scope: Scope) -> Member:
    from mldsl.semantics.models import drafted

    if isinstance(value, str):
        return Member(node, value)
    if not isinstance(value, ComponentValue):
        return Member(node)
    resolved = _as_resolved(value, node, scope)
    name = f"{model.name}.{value.name}"
    part = drafted(name, model.node, resolved, model.blocks, model.moves, model.frame, scope)
    part.whole = model.whole or model
    if part.combines:
        resolve_members(part, {}, scope)
    return Member(node, draft=part)


def _distinct(found: Sequence[Member]) -> Iterator[Member]:
    """Members in place of one algorithm have names of their own: `vote.cart`, `vote.cart_2`."""
    seen: dict[str, int] = {}
    for member in found:
        if member.draft is not None:
            name = member.draft.name
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1:
                member.draft.name = f"{name}_{seen[name]}"
        yield member


def _as_resolved(value: ComponentValue, within: ast.Node, scope: Scope) -> Resolved:
    """A component that is an argument, with its own place in the text."""
    parts = [part for part in ast.walk(within) if isinstance(part, ast.Call | ast.Ref) and part.span == value.span]
    node = parts[0] if parts else ast.Ref((value.name,), span=value.span or within.span)
    return Resolved(node, scope.components.get(value.kind, value.name), value)


def _nodes(node: ast.Node, parameter: Parameter, parameters: Sequence[Parameter]) -> tuple[ast.Expr, ...]:
    """The items of the list that gives a parameter, as they are written."""
    args: tuple[ast.Arg, ...] = getattr(node, "args", ())
    named = next((arg.value for arg in args if isinstance(arg, ast.Named) and arg.name == parameter.name), None)
    loose = [arg for arg in args if not isinstance(arg, ast.Named)]
    place = list(parameters).index(parameter)
    written = named if named is not None else loose[place] if place < len(loose) else None
    if written is None:
        return ()
    return tuple(written.items) if isinstance(written, ast.List) else (written,)  # type: ignore[arg-type]


def _no_inputs(model: ModelDraft, settings: Mapping[str, ast.Setting], scope: Scope) -> None:
    """MLP0106 for settings about inputs and target of a model whose members all have their own."""
    for name in ("inputs", "target", "stop_when"):
        if name in settings:
            scope.findings.error(
                "MLP0106", f"`{name}` of `{model.name}` would reach no model", settings[name].span,
                notes=("all of its members are models of the file, each with settings of its own",),
                help=f"write `{name}` in the members, or leave it out",
            )  # fmt: skip
    model.blocks, model.moves, model.matrix = (), (), ()
    model.frame = attrs.evolve(model.frame, columns={})
