"""`class_weights`: the argument that the language gives to every classifier whose loss can weigh rows.

The engine serves it (`mldsl.execute.costs`), so no algorithm declares it. One that declares a parameter of that name
keeps its own.
"""

from __future__ import annotations

import attrs

from mldsl.plugin.declaration import Choice, Declaration, Parameter, ParameterType
from mldsl.semantics.scope import Scope
from mldsl.semantics.settings import touch
from mldsl.syntax import ast

CLASS_WEIGHTS = Parameter(
    "class_weights",
    ParameterType(
        "enum", choices=(Choice("balanced"), Choice("none")), otherwise=ParameterType("weights"), optional=True
    ),
    None, gt=0, also_known_as=("class_weight", "scale_pos_weight", "classwt"),
    doc="What the loss of each class's rows is multiplied by; a class that is left out counts 1. `balanced`: every "
    "class has the same share of the loss, computed from the training rows of each fit.",
)  # fmt: skip
_NAMES = (CLASS_WEIGHTS.name, "class_weight")


def weighs_classes(declaration: Declaration) -> bool:
    """Whether the language gives this model `class_weights`."""
    return declaration.costs and "classify" in declaration.tasks


def offered(line: ast.Component, scope: Scope) -> tuple[ast.Component, tuple[Parameter, ...]]:
    """The line of an algorithm, and the parameters it has from the language.

    Where it has none and the line gives `class_weights`, MLP0102 says why, and the line goes on without.
    """
    declaration = scope.components.get("model", line.dotted)
    if declaration is None:
        return line, ()
    if weighs_classes(declaration):
        return line, (CLASS_WEIGHTS,)
    if declaration.parameter(CLASS_WEIGHTS.name) is None:
        line = _refused(line, declaration, scope)
    return line, ()


def unweighed(line: ast.Component | None, declaration: Declaration, scope: Scope) -> None:
    """MLP0102 where a model of other models is given `class_weights`, and these cannot weigh rows."""
    own = declaration.parameter(CLASS_WEIGHTS.name) is not None
    if line is None or own or not declaration.follows or weighs_classes(declaration):
        return
    if (scope.components.get("model", line.dotted) or declaration).costs:
        _refused(line, declaration, scope)


def _refused(line: ast.Component, declaration: Declaration, scope: Scope) -> ast.Component:
    rest: list[ast.Arg] = []
    for arg in line.args:
        if not (isinstance(arg, ast.Named) and arg.name in _NAMES):
            rest.append(arg)
            continue
        note, help_text = _why(declaration, scope)
        scope.findings.error(
            "MLP0102", f"`{declaration.name}` has no parameter `{arg.name}`", arg.key.span, notes=(note,),
            help=help_text,
        )  # fmt: skip
        touch(arg, scope)
    return attrs.evolve(line, args=tuple(rest))


def _why(declaration: Declaration, scope: Scope) -> tuple[str, str]:
    if "classify" not in declaration.tasks:
        return f"`{declaration.name}` does not classify, and only classes have class weights", "leave it out"
    others = [d.name for d in scope.components.visible("model") if weighs_classes(d) and not d.follows]
    steps = [name for name in ("upsample", "downsample") if scope.components.get("transform", name) is not None]
    helps = [f"{' or '.join(f'`{step}`' for step in steps)} in `transforms` evens the classes out"] if steps else []
    helps += [f"models that have it: {', '.join(others[:5])}"] if others else []
    return "it has no loss in which rows could weigh more or less", "; ".join(helps) or "leave it out"
