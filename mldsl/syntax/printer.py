"""The canonical form of a program: what `mldsl fmt` writes. Frozen for each edition; there are no options.

Two spaces; 80 columns; a block of one statement that fits is one line; a call that does not fit, or that the author
ended with a comma, has one argument per line; at most one blank line, where the author put it. A comment stays with
what it stands beside or above; one inside an expression moves above its statement or argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from mldsl.diagnostics import InternalError, MldslError
from mldsl.diagnostics.display import width
from mldsl.source import Source
from mldsl.syntax import ast, flat
from mldsl.syntax.literals import quote

COLUMNS = 80
INDENT = 2

Breakable: TypeAlias = ast.Component | ast.Call | ast.List | ast.Type
Segment: TypeAlias = str | Breakable
_Position: TypeAlias = tuple[int, int]
_END: _Position = (1 << 62, 0)


def format_source(source: Source) -> str:
    """The canonical text of a file; its line ends are kept as they are.

    Raises `MldslError` with the diagnostics if the text has syntax errors: what did not parse cannot be printed.
    """
    from mldsl.syntax.parse import parse

    program, diagnostics = parse(source)
    if any(diagnostic.severity == "error" for diagnostic in diagnostics):
        raise MldslError(*diagnostics)
    text = print_program(program, "\r\n" if "\r\n" in source.text.partition("\n")[0] + "\n" else "\n")
    again, _ = parse(Source(source.name, text))
    if again != _with_edition(program) or len(again.comments) != len(program.comments):
        raise InternalError("the formatted text does not mean what the file means; the file is left as it is")
    return text


def _with_edition(program: ast.Program) -> ast.Program:
    import attrs

    return attrs.evolve(program, edition=program.edition or ast.EDITION)


def print_program(program: ast.Program, newline: str = "\n") -> str:
    """The canonical text of a program. Comments are the parser's; where there are none, `doc`s become comments."""
    return newline.join([*_Printer(program).file(), ""])


class _Printer:
    """Prints in the order of the text, taking each comment as it comes by."""

    def __init__(self, program: ast.Program) -> None:
        self.program = program
        self.comments = sorted(program.comments, key=lambda comment: (comment.span.line, comment.span.column))
        self.next = 0
        self.docs = not program.comments

    def file(self) -> list[str]:
        program = self.program
        edition = f"mlp {program.edition or ast.EDITION}"
        span = program.edition_span
        out: list[str] = []
        if span is not None:
            out += [_comment(comment) for comment in self._take((span.line, span.column))]
            out.append(edition + self._beside(span.end_line, _END))
        else:
            out.append(edition)
        body = self._sequence(program.items, 0, _END, self._item)
        first = program.items[0] if program.items else None
        apart = True
        if span is not None and (first is not None or body):
            starts = [comment.span.line for comment in self.comments if comment.span.line > span.line]
            starts += [first.span.line - self._doc_lines(first)] if first is not None and first.span.line else []
            apart = not starts or min(starts) - span.end_line > 1
        return [*out, *([""] if apart and body else []), *body]

    # ---- comments ----------------------------------------------------------------------------------

    def _take(self, before: _Position) -> Iterator[ast.Comment]:
        """The comments up to a place, each once."""
        while self.next < len(self.comments) and _start(self.comments[self.next]) < before:
            self.next += 1
            yield self.comments[self.next - 1]

    def _beside(self, line: int, before: _Position) -> str:
        """The comment that ends a line, with the spaces before it; nothing if there is none before a place."""
        if self.next < len(self.comments):
            comment = self.comments[self.next]
            if comment.span.line == line and not comment.own_line and _start(comment) < before:
                self.next += 1
                return "  " + _comment(comment)
        return ""

    def _inside(self, node: ast.Node) -> list[ast.Comment]:
        """The comments still to come that stand inside a node."""
        found = []
        for index in range(self.next, len(self.comments)):
            place = _start(self.comments[index])
            if place >= _end(node):
                break
            if place > _start(node):
                found.append(self.comments[index])
        return found

    def _loose(self, node: ast.Node, broken: Sequence[Breakable]) -> list[ast.Comment]:
        """Those inside a node but in none of its brackets that can have lines of their own."""
        return [
            comment
            for comment in self._inside(node)
            if not any(_start(part) < _start(comment) < _end(part) for part in broken)
        ]

    def _doc_lines(self, node: ast.Node) -> int:
        doc = getattr(node, "doc", None)
        return len(doc.split("\n")) if doc and self.docs else 0

    # ---- sequences ---------------------------------------------------------------------------------

    def _sequence(
        self,
        nodes: Sequence[ast.Node],
        indent: int,
        close: _Position,
        render: Callable[[ast.Node, int], list[str]],
    ) -> list[str]:
        """Things below each other, with their comments and the author's blank lines; `close` is where they end."""
        margin = " " * indent
        out: list[str] = []
        previous: ast.Node | None = None
        last_line = 0  # of what was printed last, in the author's text

        def put(lines: list[str], line: int) -> None:
            if out and last_line and line > last_line + 1:
                out.append("")
            out.extend(margin + text if text else "" for text in lines)

        for number, node in enumerate(nodes):
            following = next((_start(other) for other in nodes[number + 1 :] if other.span.line), close)
            if node.span.line:
                for comment in self._take(_start(node)):
                    put([_comment(comment)], comment.span.line)
                    last_line = comment.span.line
            if previous is not None and not (previous.span.line and node.span.line):
                if indent == 0 and not _both_lines(previous, node):
                    out.append("")
                last_line = 0
            doc = getattr(node, "doc", None)
            above = [_doc_line(line) for line in doc.split("\n")] if doc and self.docs else []
            loose = self._loose(node, _breakables(node))
            above += [_comment(comment) for comment in loose]
            if loose:
                self.comments = [comment for comment in self.comments if comment not in loose]
            lines = render(node, indent)
            lines[-1] += self._beside(node.span.end_line, following) if node.span.line else ""
            put([*above, *lines], node.span.line - self._doc_lines(node))
            last_line = node.span.end_line
            previous = node
        for comment in self._take(close):
            put([_comment(comment)], comment.span.line)
            last_line = comment.span.line
        return out

    # ---- items and lines ---------------------------------------------------------------------------

    def _item(self, node: ast.Node, indent: int) -> list[str]:
        match node:
            case ast.Use():
                version = "" if node.version is None else " " + quote(node.version)
                return [f"use {node.dotted}{version}"]
            case ast.Include():
                return [f"include {quote(node.path)}"]
            case ast.Param():
                return self._lay_out(_segments(node), indent)
        return self._block(node)  # type: ignore[arg-type]

    def _block(self, node: ast.Block) -> list[str]:
        name = getattr(node, "name", None)
        header = f"{node.kind} {name} {{" if name else f"{node.kind} {{"
        body: Sequence[ast.Node] = node.body
        commented = bool(self._inside(node))
        if not body and not commented:
            return [header + "}"]
        if len(body) == 1 and not commented and not getattr(body[0], "doc", None):
            segments = _segments(body[0])
            line = f"{header} {''.join(map(_flat, segments))} }}"
            if "\n" not in line and width(line) <= COLUMNS and not any(self._forced(part) for part in _parts(segments)):
                return [line]
        close = _end(node) if node.span.line else _END
        first = _start(body[0]) if body else close
        header += self._beside(node.span.line, first) if node.span.line else ""
        lines = self._sequence(body, INDENT, close, lambda line, indent: self._lay_out(_segments(line), indent))
        return [header, *lines, "}"]

    # ---- breaking ----------------------------------------------------------------------------------

    def _forced(self, part: Breakable) -> bool:
        """Whether a bracket must have lines of its own: the author's last comma, or a comment inside."""
        items = _items(part)
        if not items:
            return bool(self._inside(part)) if part.span.line else False
        if part.trailing_comma or (part.span.line and self._inside(part)):
            return True
        return any(self._forced(inner) for item in items for inner in _breakables(item))

    def _lay_out(self, segments: list[Segment], indent: int, suffix: str = "") -> list[str]:
        """A statement or argument: on one line if it fits, else with the fewest brackets broken, from the last on."""
        parts = list(_parts(segments))
        chosen = [part for part in parts if self._forced(part)]
        rest = [part for part in reversed(parts) if part not in chosen and _items(part)]
        if not _fits(self._skeleton(segments, chosen, suffix), indent):
            for part in rest:
                if _fits(self._skeleton(segments, [*chosen, part], suffix), indent):
                    chosen = [*chosen, part]
                    break
            else:
                chosen = [*chosen, *rest]
        out = [""]
        for segment in segments:
            if isinstance(segment, str) or not any(segment is part for part in chosen):
                out[-1] += _flat(segment)
                continue
            opening, closing = _brackets(segment)
            out[-1] += opening
            close = _end(segment) if segment.span.line else _END
            items = _items(segment)
            if segment.span.line:
                out[-1] += self._beside(segment.span.line, _start(items[0]) if items else close)
            out += self._sequence(items, INDENT, close, lambda arg, _: self._argument(arg, indent + INDENT))
            out.append(closing)
        out[-1] += suffix
        return out

    def _skeleton(self, segments: list[Segment], broken: list[Breakable], suffix: str) -> str:
        """What stands on the statement's own lines if some brackets are broken."""
        text = ""
        for segment in segments:
            if not isinstance(segment, str) and any(segment is part for part in broken):
                text += "\n".join(_brackets(segment))
            else:
                text += _flat(segment)
        return text + suffix

    def _argument(self, node: ast.Node, indent: int) -> list[str]:
        return self._lay_out(_segments(node), indent, ",")


# ---- the shape of nodes ------------------------------------------------------------------------


def _segments(node: ast.Node) -> list[Segment]:
    """A statement or argument as text, with the brackets that may be broken left whole."""
    match node:
        case ast.Component():
            return [node]
        case ast.Setting() | ast.Derive():
            return [f"{node.name} = ", _value(node.value)]
        case ast.Domain():
            return [f"${node.name} in ", _value(node.value)]
        case ast.Step():
            on = node.on if isinstance(node.on, ast.Call | ast.List) else flat.atom(node.on)
            return [node.component, " on ", on]
        case ast.Metric():
            bound: list[Segment] = [] if node.bound is None else [f" {node.op} ", _value(node.bound)]
            return [node.component, *bound, f" as {node.role}" if node.role else ""]
        case ast.Feature():
            role = f" as {node.role}" if node.role else ""
            return [f"{flat.columns(node.columns)}: ", node.type, *_tail(node.value, node.range), role]
        case ast.Param():
            return [f"param {node.name}: ", node.type, *_tail(node.default, node.domain)]
        case ast.Named():
            return [f"{flat.key(node)} = ", _value(node.value)]
    return [_value(node)]  # type: ignore[arg-type]


def _tail(value: ast.Expr | None, domain: ast.Expr | None) -> Iterator[Segment]:
    if value is not None:
        yield from (" = ", _value(value))
    if domain is not None:
        yield from (" in ", _value(domain))


def _value(node: ast.Expr) -> Segment:
    return node if isinstance(node, ast.Call | ast.List) else flat.expr(node)


def _parts(segments: list[Segment]) -> Iterator[Breakable]:
    return (segment for segment in segments if not isinstance(segment, str))


def _breakables(node: ast.Node) -> list[Breakable]:
    if isinstance(node, ast.Use | ast.Include) or hasattr(node, "body"):
        return [node] if hasattr(node, "body") else []  # type: ignore[list-item]
    return list(_parts(_segments(node)))


def _items(part: Breakable) -> tuple[ast.Arg, ...]:
    return part.items if isinstance(part, ast.List) else part.args


def _flat(segment: Segment) -> str:
    match segment:
        case str():
            return segment
        case ast.Component():
            return flat.component(segment)
        case ast.Type():
            return flat.type_(segment)
    return flat.expr(segment)


def _brackets(part: Breakable) -> tuple[str, str]:
    match part:
        case ast.List():
            return "[", "]"
        case ast.Type():
            return f"{part.name}(", ")?" if part.missing else ")"
    return f"{part.dotted}(", ")"


def _fits(text: str, indent: int) -> bool:
    return all(indent + width(line) <= COLUMNS for line in text.split("\n"))


def _both_lines(one: ast.Node, other: ast.Node) -> bool:
    """Whether both are one-line declarations of a kind, which stand together."""
    return one.kind == other.kind and one.kind in ("use", "include", "param")


# ---- places and comments -----------------------------------------------------------------------


def _start(thing: ast.Node | ast.Comment) -> _Position:
    return thing.span.line, thing.span.column


def _end(node: ast.Node) -> _Position:
    return node.span.end_line, node.span.end_column


def _comment(comment: ast.Comment) -> str:
    """`# ` and the text; rows of `#` stay as they are, as does a `#!` on the first line."""
    text = comment.text[1:]
    if not text or text[0] in " \t#" or (comment.span.line == 1 and text.startswith("!")):
        return comment.text.rstrip()
    return f"# {text}".rstrip()


def _doc_line(line: str) -> str:
    return f"# {line}".rstrip()
