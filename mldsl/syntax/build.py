"""From the parser's tree to the AST: values are read, places are kept, brackets and commas are gone.

The walk has a stack of its own, so no input can exhaust Python's; an expression deeper than `MAX_DEPTH` is refused
here, so that whatever works on the AST later may recurse freely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import attrs

from mldsl.source import Span
from mldsl.syntax import ast
from mldsl.syntax.literals import number, quantity, unquote
from mldsl.syntax.machine import Node

MAX_DEPTH = 200


class TooDeepError(Exception):
    """An expression nested beyond `MAX_DEPTH`; offsets of the whole of it, in the text that was parsed."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__("nested too deeply")
        self.start, self.end = start, end


@attrs.frozen
class Text:
    """The text that was parsed, and where a stretch of it stands in the file."""

    text: str
    place: Callable[[int, int], Span]


def build(tree: Node, text: Text, comments: Iterable[ast.Comment], file: str) -> ast.Program:
    """The program of a parse tree.

    Raises `TooDeepError` and nothing else, for any tree that the grammar gives.
    """
    builder = _Builder(text, comments)
    items = builder.walk(tree)
    return ast.Program(
        items=items,
        edition=builder.edition,
        file=file,
        edition_span=builder.edition_span,
        comments=builder.comments,
    )


Parts: TypeAlias = list[Any]  # of a rule: built children, tokens, and None for what is absent


class _Builder:
    """One method for each rule or alias of the grammar; each gets its parts and the parser's record of its place."""

    def __init__(self, text: Text, comments: Iterable[ast.Comment]) -> None:
        self.text = text.text
        self.place = text.place
        self.comments = tuple(comments)
        self.own_line = {comment.span.line: comment for comment in self.comments if comment.own_line}
        self.edition: int | None = None
        self.edition_span: Span | None = None

    def walk(self, root: Node) -> tuple[ast.Item, ...]:
        """Children before parents, left to right."""
        todo: list[tuple[Node, bool]] = [(root, False)]
        built: list[Any] = []
        depths: list[int] = []
        while todo:
            tree, ready = todo.pop()
            trees = [part for part in tree.parts if isinstance(part, Node)]
            if not ready:
                todo.append((tree, True))
                todo.extend((child, False) for child in reversed(trees))
                continue
            first = len(built) - len(trees)
            depth = 1 + max(depths[first:], default=0)
            if depth > MAX_DEPTH:
                raise TooDeepError(tree.start, tree.end)
            results = iter(built[first:])
            parts = [next(results) if isinstance(part, Node) else part for part in tree.parts]
            del built[first:], depths[first:]
            built.append(getattr(self, f"_{tree.data}")(parts, tree))
            depths.append(depth)
        return tuple(built[0])

    # ---- helpers ------------------------------------------------------------------------------------------------

    def _span(self, part: Any) -> Span:
        return self.place(part.start, part.end)

    def _places(self, **tokens: Any) -> dict[str, Any]:
        """Spans of the tokens that are there."""
        return {name: self._span(token) for name, token in tokens.items() if token is not None}

    def _doc(self, node: Any) -> str | None:
        """The comments on the lines directly above a definition that starts its line."""
        if self.text[self.text.rfind("\n", 0, node.start) + 1 : node.start].strip():
            return None
        lines: list[str] = []
        line = self._span(node).line - 1
        while (comment := self.own_line.get(line)) is not None:
            lines.append(comment.text.removeprefix("#").removeprefix(" ").rstrip())
            line -= 1
        return "\n".join(reversed(lines)) or None

    def _ends_with_comma(self, node: Any) -> bool:
        return self.text[node.end - 1] == ","

    # ---- the file -----------------------------------------------------------------------------------------------

    def _start(self, parts: Parts, node: Any) -> list[ast.Item]:
        return [part for part in parts if part is not None]

    def _edition(self, parts: Parts, node: Any) -> None:
        # Only the line's own end may follow, and it is no part of the place that messages show.
        self.edition = int(number(parts[0].text))
        self.edition_span = self.place(node.start, parts[0].end)

    def _use(self, parts: Parts, node: Any) -> ast.Use:
        (name, name_span), version = parts
        text = None if version is None else unquote(version.text)
        places = self._places(version_span=version)
        return ast.Use(name, text, self._doc(node), name_span=name_span, span=self._span(node), **places)

    def _include(self, parts: Parts, node: Any) -> ast.Include:
        (path,) = parts
        return ast.Include(unquote(path.text), self._doc(node), path_span=self._span(path), span=self._span(node))

    def _param(self, parts: Parts, node: Any) -> ast.Param:
        name, type_, default, domain = parts
        places = self._places(name_span=name)
        return ast.Param(name.text, type_, default, domain, self._doc(node), span=self._span(node), **places)

    def _block(self, kind: type[Any], parts: Parts, node: Any, **more: Any) -> Any:
        return kind(
            tuple(part for part in parts if part is not None),
            doc=self._doc(node),
            keyword_span=self.place(node.start, node.start + len(kind.kind)),
            span=self._span(node),
            **more,
        )

    def _named_block(self, kind: type[Any], parts: Parts, node: Any) -> Any:
        name, *body = parts
        return self._block(kind, body, node, name=None if name is None else name.text, **self._places(name_span=name))

    def _data(self, parts: Parts, node: Any) -> ast.Data:
        return self._block(ast.Data, parts, node)  # type: ignore[no-any-return]

    def _features(self, parts: Parts, node: Any) -> ast.Features:
        return self._block(ast.Features, parts, node)  # type: ignore[no-any-return]

    def _transforms(self, parts: Parts, node: Any) -> ast.Transforms:
        return self._named_block(ast.Transforms, parts, node)  # type: ignore[no-any-return]

    def _network(self, parts: Parts, node: Any) -> ast.Network:
        return self._named_block(ast.Network, parts, node)  # type: ignore[no-any-return]

    def _split(self, parts: Parts, node: Any) -> ast.Split:
        return self._block(ast.Split, parts, node)  # type: ignore[no-any-return]

    def _model(self, parts: Parts, node: Any) -> ast.Model:
        return self._named_block(ast.Model, parts, node)  # type: ignore[no-any-return]

    def _tune(self, parts: Parts, node: Any) -> ast.Tune:
        return self._block(ast.Tune, parts, node)  # type: ignore[no-any-return]

    def _metrics(self, parts: Parts, node: Any) -> ast.Metrics:
        return self._block(ast.Metrics, parts, node)  # type: ignore[no-any-return]

    def _report(self, parts: Parts, node: Any) -> ast.Report:
        return self._block(ast.Report, parts, node)  # type: ignore[no-any-return]

    def _export(self, parts: Parts, node: Any) -> ast.Export:
        return self._block(ast.Export, parts, node)  # type: ignore[no-any-return]

    # ---- lines of blocks ----------------------------------------------------------------------------------------

    def _feature(self, parts: Parts, node: Any) -> ast.Feature:
        columns, type_, value, domain, role = parts
        places = self._places(role_span=role)
        role = None if role is None else role.text
        return ast.Feature(columns, type_, value, domain, role, self._doc(node), span=self._span(node), **places)

    def _columns(self, parts: Parts, node: Any) -> ast.Columns:
        return ast.Columns(tuple(self._column_or_glob(part) for part in parts), span=self._span(node))

    def _column_or_glob(self, token: Any) -> ast.Column | ast.String:
        if token.type == "STRING":
            return self._string([token], token)
        quoted = token.type == "COLUMN"
        return ast.Column(token.text.strip("`"), quoted=quoted, span=self._span(token))

    def _type(self, parts: Parts, node: Any) -> ast.Type:
        name, args, missing = parts
        items, comma = args or ((), False)
        places = self._places(name_span=name)
        return ast.Type(name.text, items, missing is not None, trailing_comma=comma, span=self._span(node), **places)

    def _step(self, parts: Parts, node: Any) -> ast.Step:
        component, on = parts
        return ast.Step(component, on, span=self._span(node))

    def _derive(self, parts: Parts, node: Any) -> ast.Derive:
        name, value = parts
        return ast.Derive(name.text, value, self._doc(node), span=self._span(node), name_span=self._span(name))

    def _setting(self, parts: Parts, node: Any) -> ast.Setting:
        name, value = parts
        return ast.Setting(name.text, value, span=self._span(node), name_span=self._span(name))

    def _domain(self, parts: Parts, node: Any) -> ast.Domain:
        name, value = parts
        return ast.Domain(name.text[1:], value, span=self._span(node), name_span=self._span(name))

    def _metric(self, parts: Parts, node: Any) -> ast.Metric:
        component, op, bound, role = parts
        places = self._places(op_span=op, role_span=role)
        op, role = (None if token is None else token.text for token in (op, role))
        return ast.Metric(component, op, bound, role, span=self._span(node), **places)

    def _component(self, parts: Parts, node: Any) -> ast.Component:
        (name, name_span), args = parts
        items, comma = args or ((), False)
        items = tuple(_without_empty_calls(item) for item in items)
        return ast.Component(name, items, trailing_comma=comma, name_span=name_span, span=self._span(node))

    # ---- expressions --------------------------------------------------------------------------------------------

    def _path(self, parts: Parts, node: Any) -> tuple[tuple[str, ...], Span]:
        return tuple(part.text for part in parts), self._span(node)

    def _args(self, parts: Parts, node: Any) -> tuple[tuple[ast.Arg, ...], bool]:
        return tuple(parts), self._ends_with_comma(node)

    def _number(self, parts: Parts, node: Any) -> ast.Number:
        return ast.Number(number(parts[0].text), text=parts[0].text, span=self._span(node))

    def _quantity(self, parts: Parts, node: Any) -> ast.Quantity:
        value, unit = quantity(parts[0].text)
        return ast.Quantity(value, unit, text=parts[0].text, span=self._span(node))

    def _string(self, parts: Parts, node: Any) -> ast.String:
        return ast.String(unquote(parts[0].text), text=parts[0].text, span=self._span(node))

    def _long_string(self, parts: Parts, node: Any) -> ast.String:
        return ast.String(parts[0].text[3:-3], raw=True, text=parts[0].text, span=self._span(node))

    def _column(self, parts: Parts, node: Any) -> ast.Column:
        return ast.Column(parts[0].text[1:-1], span=self._span(node))

    def _param_ref(self, parts: Parts, node: Any) -> ast.ParamRef:
        return ast.ParamRef(parts[0].text[1:], span=self._span(node))

    def _ref(self, parts: Parts, node: Any) -> ast.Ref:
        return ast.Ref(parts[0][0], span=self._span(node))

    def _call(self, parts: Parts, node: Any) -> ast.Call:
        (name, name_span), *rest = parts
        items, comma = rest[0] if rest else ((), False)
        return ast.Call(name, items, trailing_comma=comma, name_span=name_span, span=self._span(node))

    def _list(self, parts: Parts, node: Any) -> ast.List:
        items, comma = parts[0] if parts else ((), False)
        return ast.List(items, trailing_comma=comma, span=self._span(node))

    def _named(self, parts: Parts, node: Any) -> ast.Named:
        token, value = parts
        read = {"STRING": self._string, "NUMBER": self._number, "COLUMN": self._column}.get(token.type)
        key = ast.Ref((token.text,), span=self._span(token)) if read is None else read([token], token)
        return ast.Named(key, value, span=self._span(node))  # type: ignore[arg-type]

    def _range(self, parts: Parts, node: Any) -> ast.Range:
        return ast.Range(*parts, span=self._span(node))

    def _binary(self, parts: Parts, node: Any) -> ast.Binary:
        left, op, right = parts
        return ast.Binary(op.text, left, right, op_span=self._span(op), span=self._span(node))

    def _compare(self, parts: Parts, node: Any) -> ast.Compare:
        left, op, right = parts
        return ast.Compare(op.text, left, right, op_span=self._span(op), span=self._span(node))

    def _negate(self, parts: Parts, node: Any) -> ast.Negate:
        return ast.Negate(parts[1], span=self._span(node))

    def _power(self, parts: Parts, node: Any) -> ast.Power:
        return ast.Power(*parts, span=self._span(node))

    def _and_op(self, parts: Parts, node: Any) -> ast.And:
        return ast.And(*parts, span=self._span(node))

    def _or_op(self, parts: Parts, node: Any) -> ast.Or:
        return ast.Or(*parts, span=self._span(node))

    def _not_op(self, parts: Parts, node: Any) -> ast.Not:
        return ast.Not(*parts, span=self._span(node))

    def _interaction(self, parts: Parts, node: Any) -> ast.Interaction:
        return ast.Interaction(*parts, span=self._span(node))

    def _formula(self, parts: Parts, node: Any) -> ast.Formula:
        left, right = parts if len(parts) == 2 else (None, *parts)
        return ast.Formula(left, right, span=self._span(node))


def _without_empty_calls(arg: ast.Arg) -> ast.Arg:
    """`f()` is `f` wherever a component is an argument; inside operators it stays, where it calls a row function."""
    match arg:
        case ast.Named(value=ast.Call() | ast.List()):
            return attrs.evolve(arg, value=_without_empty_calls(arg.value))  # type: ignore[arg-type]
        case ast.Call(args=()):
            return ast.Ref(arg.name, span=arg.span)
        case ast.Call():
            return attrs.evolve(arg, args=tuple(map(_without_empty_calls, arg.args)))
        case ast.List():
            return attrs.evolve(arg, items=tuple(map(_without_empty_calls, arg.items)))
    return arg
