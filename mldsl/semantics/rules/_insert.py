"""The fix that adds a step to a model's transforms."""

from __future__ import annotations

from mldsl.diagnostics.diagnostic import Fix
from mldsl.semantics.draft import Draft, ModelDraft
from mldsl.semantics.spelling import spell
from mldsl.source import Span
from mldsl.syntax import ast


def add_step(draft: Draft, model: ModelDraft, step: str, *, safe: bool) -> Fix | None:
    """Append a line to the last block that feeds the model, or write a block before the model.

    Never safe where another model would change too, or where the block stands in an included file.
    """
    others = [other for other in draft.models if other is not model]
    if not model.blocks:
        alone = all(other.blocks for other in others)
        return Fix(_before(model.node), f"transforms {{ {step} }}\n\n", safe=safe and alone)
    name = model.blocks[-1]
    block = draft.definitions.transforms.get(name)
    if block is None or block.span.file != model.node.span.file:
        return None
    alone = all(name not in other.blocks for other in others)
    if block.span.line != block.span.end_line and block.body:
        last = block.body[-1].span
        place = Span(last.file, last.end_line, last.end_column, last.end_line, last.end_column)
        return Fix(place, f"\n  {step}", safe=safe and alone)
    lines = "".join(f"  {_line(line)}\n" for line in block.body)
    head = f"transforms {name} {{" if name else "transforms {"
    return Fix(block.span, f"{head}\n{lines}  {step}\n}}", safe=safe and alone)


def _before(node: ast.Model) -> Span:
    """The start of the block, or of the comment that documents it."""
    line = node.span.line - (node.doc.count("\n") + 1 if node.doc else 0)
    return Span(node.span.file, line, 1, line, 1)


def _line(line: ast.Step | ast.Derive) -> str:
    if isinstance(line, ast.Derive):
        return f"{line.name} = {spell(line.value)}"
    return f"{spell(line.component)} on {spell(line.on)}"
