"""What a file and its includes define, each name once.

Nothing is merged or overridden, and the order of definitions is irrelevant (language 1, rule 6).
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from mldsl.semantics.findings import Findings
from mldsl.source import Span
from mldsl.syntax import ast

# Words of the language that a definition must not take (language 2, "Built-in words").
BUILT_IN = ("best", "classes", "env")


@attrs.define(eq=False, repr=False)
class Definitions:
    """The statements of all files, by what they define. `transforms` holds the unnamed block under the empty name."""

    uses: dict[str, ast.Use] = attrs.field(factory=dict)
    params: dict[str, ast.Param] = attrs.field(factory=dict)
    transforms: dict[str, ast.Transforms] = attrs.field(factory=dict)
    networks: dict[str, ast.Network] = attrs.field(factory=dict)
    models: dict[str, ast.Model] = attrs.field(factory=dict)
    unnamed_models: list[ast.Model] = attrs.field(factory=list)
    data: ast.Data | None = None
    features: ast.Features | None = None
    split: ast.Split | None = None
    tune: ast.Tune | None = None
    metrics: ast.Metrics | None = None
    report: ast.Report | None = None
    export: ast.Export | None = None

    def all_models(self) -> list[ast.Model]:
        """The models that will be trained, in the order of the text."""
        return sorted([*self.models.values(), *self.unnamed_models], key=lambda m: (m.span.file, m.span.line))


def collect(programs: Iterable[ast.Program], findings: Findings) -> Definitions:
    """Gather the definitions of a file and its includes; a second definition of a name is MLP0103."""
    found = Definitions()
    for program in programs:
        for item in program.items:
            _add(found, item, findings)
    _names_of_models(found, findings)
    return found


def _add(found: Definitions, item: ast.Item, findings: Findings) -> None:
    match item:
        case ast.Include():
            pass
        case ast.Use():
            # Two files that use one plugin agree with each other; only one file saying it twice is a slip.
            first = found.uses.setdefault(item.dotted, item)
            if first is not item and (first.span.file == item.span.file or first.version != item.version):
                twice(findings, f"use {item.dotted}", item.name_span, first.name_span)
        case ast.Param():
            _define(found.params, item.name, item, "param", item.name_span, findings)
        case ast.Transforms():
            _define(found.transforms, item.name or "", item, "transforms", item.name_span, findings)
        case ast.Network():
            _define(found.networks, item.name or "", item, "network", item.name_span, findings)
        case ast.Model(name=None):
            found.unnamed_models.append(item)
        case ast.Model():
            _define(found.models, item.name or "", item, "model", item.name_span, findings)
        case _:
            first_block = getattr(found, item.kind)
            if first_block is None:
                setattr(found, item.kind, item)
            else:
                twice(findings, item.kind, item.keyword_span, first_block.keyword_span)


def _define(
    table: dict[str, ast.Param] | dict[str, ast.Transforms] | dict[str, ast.Network] | dict[str, ast.Model],
    name: str,
    item: ast.Param | ast.Transforms | ast.Network | ast.Model,
    what: str,
    span: Span,
    findings: Findings,
) -> None:
    if name in BUILT_IN:
        findings.error("MLP0017", f"`{name}` is a word of the language and names no {what}", span,
                       help="choose another name")  # fmt: skip
    first = table.setdefault(name, item)  # type: ignore[arg-type]
    if first is not item:
        twice(findings, f"{what} {name}".strip(), span, first.name_span)


def twice(findings: Findings, what: str, second: Span, first: Span) -> None:
    """MLP0103 at the second definition, pointing back at the first."""
    from mldsl.diagnostics.diagnostic import Label

    findings.error(
        "MLP0103", f"`{what}` is defined twice", second, label="second definition",
        labels=(Label(first, "first definition"),),
        help="definitions are never merged or overridden; rename or remove one",
    )  # fmt: skip


def _names_of_models(found: Definitions, findings: Findings) -> None:
    if len(found.models) + len(found.unnamed_models) < 2:
        return
    for model in found.unnamed_models:
        findings.error("MLP0017", "a model needs a name where there are several", model.keyword_span,
                       help="write `model NAME { ... }`; metrics and reports tell models apart by it")  # fmt: skip
