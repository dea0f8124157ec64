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


def build(tree: Any, text: Text, comments: Iterable[ast.Comment], file: str) -> ast.Program:
    """The program of a parse tree, whose nodes have `data`, `children` and `meta`.

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

    def walk(self, root: Any) -> tuple[ast.Item, ...]:
        """Children before parents, left to right."""
        todo: list[tuple[Any, bool]] = [(root, False)]
        built: list[Any] = []
        depths: list[int] = []
        while todo:
            tree, ready = todo.pop()
            trees = [child for child in tree.children if hasattr(child, "children")]
            if not ready:
                todo.append((tree, True))
                todo.extend((child, False) for child in reversed(trees))
                continue
            first = len(built) - len(trees)
            depth = 1 + max(depths[first:], default=0)
            if depth > MAX_DEPTH:
                raise TooDeepError(tree.meta.start_pos, tree.meta.end_pos)
            results = iter(built[first:])
            parts = [next(results) if hasattr(child, "children") else child for child in tree.children]
            del built[first:], depths[first:]
            built.append(getattr(self, f"_{tree.data}")(parts, tree.meta))
            depths.append(depth)
        return tuple(built[0])

    # ---- helpers ------------------------------------------------------------------------------------------------

    def _span(self, part: Any) -> Span:
        return self.place(part.start_pos, part.end_pos)

    def _places(self, **tokens: Any) -> dict[str, Any]:
        """Spans of the tokens that are there."""
        return {name: self._span(token) for name, token in tokens.items() if token is not None}

    def _doc(self, meta: Any) -> str | None:
        """The comments on the lines directly above a definition that starts its line."""
        if self.text[self.text.rfind("\n", 0, meta.start_pos) + 1 : meta.start_pos].strip():
            return None
        lines: list[str] = []
        line = self._span(meta).line - 1
        while (comment := self.own_line.get(line)) is not None:
            lines.append(comment.text.removeprefix("#").removeprefix(" ").rstrip())
            line -= 1
        return "\n".join(reversed(lines)) or None

    def _ends_with_comma(self, meta: Any) -> bool:
        return self.text[meta.end_pos - 1] == ","

    # ---- the file -----------------------------------------------------------------------------------------------

    def _start(self, parts: Parts, meta: Any) -> list[ast.Item]:
        return [part for part in parts if part is not None]

    def _edition(self, parts: Parts, meta: Any) -> None:
        # Only the line's own end may follow, and it is no part of the place that messages show.
        self.edition = int(number(str(parts[0])))
        self.edition_span = self.place(meta.start_pos, parts[0].end_pos)

    def _use(self, parts: Parts, meta: Any) -> ast.Use:
        (name, name_span), version = parts
        text = None if version is None else unquote(version)
        places = self._places(version_span=version)
        return ast.Use(name, text, self._doc(meta), name_span=name_span, span=self._span(meta), **places)

    def _include(self, parts: Parts, meta: Any) -> ast.Include:
        (path,) = parts
        return ast.Include(unquote(path), self._doc(meta), path_span=self._span(path), span=self._span(meta))

    def _param(self, parts: Parts, meta: Any) -> ast.Param:
        name, type_, default, domain = parts
        places = self._places(name_span=name)
        return ast.Param(str(name), type_, default, domain, self._doc(meta), span=self._span(meta), **places)

    def _block(self, kind: type[Any], parts: Parts, meta: Any, **more: Any) -> Any:
        return kind(
            tuple(part for part in parts if part is not None),
            doc=self._doc(meta),
            keyword_span=self.place(meta.start_pos, meta.start_pos + len(kind.kind)),
            span=self._span(meta),
            **more,
        )

    def _named_block(self, kind: type[Any], parts: Parts, meta: Any) -> Any:
        name, *body = parts
        return self._block(kind, body, meta, name=None if name is None else str(name), **self._places(name_span=name))

    def _data(self, parts: Parts, meta: Any) -> ast.Data:
        return self._block(ast.Data, parts, meta)  # type: ignore[no-any-return]

    def _features(self, parts: Parts, meta: Any) -> ast.Features:
        return self._block(ast.Features, parts, meta)  # type: ignore[no-any-return]

    def _transforms(self, parts: Parts, meta: Any) -> ast.Transforms:
        return self._named_block(ast.Transforms, parts, meta)  # type: ignore[no-any-return]

    def _network(self, parts: Parts, meta: Any) -> ast.Network:
        return self._named_block(ast.Network, parts, meta)  # type: ignore[no-any-return]

    def _split(self, parts: Parts, meta: Any) -> ast.Split:
        return self._block(ast.Split, parts, meta)  # type: ignore[no-any-return]

    def _model(self, parts: Parts, meta: Any) -> ast.Model:
        return self._named_block(ast.Model, parts, meta)  # type: ignore[no-any-return]

    def _tune(self, parts: Parts, meta: Any) -> ast.Tune:
        return self._block(ast.Tune, parts, meta)  # type: ignore[no-any-return]

    def _metrics(self, parts: Parts, meta: Any) -> ast.Metrics:
        return self._block(ast.Metrics, parts, meta)  # type: ignore[no-any-return]

    def _report(self, parts: Parts, meta: Any) -> ast.Report:
        return self._block(ast.Report, parts, meta)  # type: ignore[no-any-return]

    def _export(self, parts: Parts, meta: Any) -> ast.Export:
        return self._block(ast.Export, parts, meta)  # type: ignore[no-any-return]

    # ---- lines of blocks ----------------------------------------------------------------------------------------

    def _feature(self, parts: Parts, meta: Any) -> ast.Feature:
        columns, type_, value, domain, role = parts
        places = self._places(role_span=role)
        role = None if role is None else str(role)
        return ast.Feature(columns, type_, value, domain, role, self._doc(meta), span=self._span(meta), **places)

    def _columns(self, parts: Parts, meta: Any) -> ast.Columns:
        return ast.Columns(tuple(self._column_or_glob(part) for part in parts), span=self._span(meta))

    def _column_or_glob(self, token: Any) -> ast.Column | ast.String:
        if token.type == "STRING":
            return self._string([token], token)
        quoted = token.type == "COLUMN"
        return ast.Column(str(token).strip("`"), quoted=quoted, span=self._span(token))

    def _type(self, parts: Parts, meta: Any) -> ast.Type:
        name, args, missing = parts
        items, comma = args or ((), False)
        places = self._places(name_span=name)
        return ast.Type(str(name), items, missing is not None, trailing_comma=comma, span=self._span(meta), **places)

    def _step(self, parts: Parts, meta: Any) -> ast.Step:
        component, on = parts
        return ast.Step(component, on, span=self._span(meta))

    def _derive(self, parts: Parts, meta: Any) -> ast.Derive:
        name, value = parts
        return ast.Derive(str(name), value, self._doc(meta), span=self._span(meta), name_span=self._span(name))

    def _setting(self, parts: Parts, meta: Any) -> ast.Setting:
        name, value = parts
        return ast.Setting(str(name), value, span=self._span(meta), name_span=self._span(name))

    def _domain(self, parts: Parts, meta: Any) -> ast.Domain:
        name, value = parts
        return ast.Domain(str(name)[1:], value, span=self._span(meta), name_span=self._span(name))

    def _metric(self, parts: Parts, meta: Any) -> ast.Metric:
        component, op, bound, role = parts
        places = self._places(op_span=op, role_span=role)
        op, role = (None if token is None else str(token) for token in (op, role))
        return ast.Metric(component, op, bound, role, span=self._span(meta), **places)

    def _component(self, parts: Parts, meta: Any) -> ast.Component:
        (name, name_span), args = parts
        items, comma = args or ((), False)
        items = tuple(_without_empty_calls(item) for item in items)
        return ast.Component(name, items, trailing_comma=comma, name_span=name_span, span=self._span(meta))

    # ---- expressions --------------------------------------------------------------------------------------------

    def _path(self, parts: Parts, meta: Any) -> tuple[tuple[str, ...], Span]:
        return tuple(map(str, parts)), self._span(meta)

    def _args(self, parts: Parts, meta: Any) -> tuple[tuple[ast.Arg, ...], bool]:
        return tuple(parts), self._ends_with_comma(meta)

    def _number(self, parts: Parts, meta: Any) -> ast.Number:
        return ast.Number(number(str(parts[0])), text=str(parts[0]), span=self._span(meta))

    def _quantity(self, parts: Parts, meta: Any) -> ast.Quantity:
        value, unit = quantity(str(parts[0]))
        return ast.Quantity(value, unit, text=str(parts[0]), span=self._span(meta))

    def _string(self, parts: Parts, meta: Any) -> ast.String:
        return ast.String(unquote(str(parts[0])), text=str(parts[0]), span=self._span(meta))

    def _long_string(self, parts: Parts, meta: Any) -> ast.String:
        return ast.String(str(parts[0])[3:-3], raw=True, text=str(parts[0]), span=self._span(meta))

    def _column(self, parts: Parts, meta: Any) -> ast.Column:
        return ast.Column(str(parts[0])[1:-1], span=self._span(meta))

    def _param_ref(self, parts: Parts, meta: Any) -> ast.ParamRef:
        return ast.ParamRef(str(parts[0])[1:], span=self._span(meta))

    def _ref(self, parts: Parts, meta: Any) -> ast.Ref:
        return ast.Ref(parts[0][0], span=self._span(meta))

    def _call(self, parts: Parts, meta: Any) -> ast.Call:
        (name, name_span), *rest = parts
        items, comma = rest[0] if rest else ((), False)
        return ast.Call(name, items, trailing_comma=comma, name_span=name_span, span=self._span(meta))

    def _list(self, parts: Parts, meta: Any) -> ast.List:
        items, comma = parts[0] if parts else ((), False)
        return ast.List(items, trailing_comma=comma, span=self._span(meta))

    def _named(self, parts: Parts, meta: Any) -> ast.Named:
        token, value = parts
        read = {"STRING": self._string, "NUMBER": self._number, "COLUMN": self._column}.get(token.type)
        key = ast.Ref((str(token),), span=self._span(token)) if read is None else read([token], token)
        return ast.Named(key, value, span=self._span(meta))  # type: ignore[arg-type]

    def _range(self, parts: Parts, meta: Any) -> ast.Range:
        return ast.Range(*parts, span=self._span(meta))

    def _binary(self, parts: Parts, meta: Any) -> ast.Binary:
        left, op, right = parts
        return ast.Binary(str(op), left, right, op_span=self._span(op), span=self._span(meta))

    def _compare(self, parts: Parts, meta: Any) -> ast.Compare:
        left, op, right = parts
        return ast.Compare(str(op), left, right, op_span=self._span(op), span=self._span(meta))

    def _negate(self, parts: Parts, meta: Any) -> ast.Negate:
        return ast.Negate(parts[1], span=self._span(meta))

    def _power(self, parts: Parts, meta: Any) -> ast.Power:
        return ast.Power(*parts, span=self._span(meta))

    def _and_op(self, parts: Parts, meta: Any) -> ast.And:
        return ast.And(*parts, span=self._span(meta))

    def _or_op(self, parts: Parts, meta: Any) -> ast.Or:
        return ast.Or(*parts, span=self._span(meta))

    def _not_op(self, parts: Parts, meta: Any) -> ast.Not:
        return ast.Not(*parts, span=self._span(meta))

    def _interaction(self, parts: Parts, meta: Any) -> ast.Interaction:
        return ast.Interaction(*parts, span=self._span(meta))

    def _formula(self, parts: Parts, meta: Any) -> ast.Formula:
        left, right = parts if len(parts) == 2 else (None, *parts)
        return ast.Formula(left, right, span=self._span(meta))


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
