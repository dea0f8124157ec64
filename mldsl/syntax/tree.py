"""The AST as indented text, for people who want to see how a file was read."""

from __future__ import annotations

import attrs

from mldsl.syntax import ast, flat

# Fields that the line of a node shows, or that say nothing about what was read.
_SHOWN = ("name", "op", "role", "path", "version", "edition", "text", "raw", "quoted", "trailing_comma", "missing")


def tree_text(program: ast.Program) -> str:
    """One line for each node: its kind, what it is called, and where it starts (line:column)."""
    lines = [f"program {program.file}".rstrip()]
    if program.edition is not None:
        lines.append(f"  edition {program.edition}")
    for item in program.items:
        _add(item, "", 1, lines)
    return "\n".join(lines)


def _add(node: ast.Node, role: str, depth: int, lines: list[str]) -> None:
    place = f"  {node.span.line}:{node.span.column}" if node.span.line else ""
    lines.append(f"{'  ' * depth}{role}{_line(node)}{place}")
    for field in attrs.fields(type(node)):
        value = getattr(node, field.name)
        if isinstance(value, ast.Node):
            if not (field.name == "key" and isinstance(value, ast.Ref)):
                _add(value, "" if field.name == value.kind else f"{field.name}: ", depth + 1, lines)
        elif isinstance(value, tuple) and field.name not in _SHOWN:
            for part in value:
                _add(part, "", depth + 1, lines)


def _line(node: ast.Node) -> str:
    """A node without what is inside it."""
    match node:
        case ast.Number() | ast.Quantity() | ast.String() | ast.Column():
            return f"{node.kind} {flat.expr(node)}"
        case ast.ParamRef() | ast.Domain():
            return f"{node.kind} ${node.name}"
        case ast.Named(key=ast.Ref()):
            return f"{node.kind} {node.name}"
    name = getattr(node, "name", None)
    words = [node.kind, ".".join(name) if isinstance(name, tuple) else name or ""]
    words += ["?"] if isinstance(node, ast.Type) and node.missing else []
    words += [getattr(node, word, None) or "" for word in ("op", "path", "version")]
    words += [f"as {role}"] if (role := getattr(node, "role", None)) else []
    return " ".join(filter(None, words))
