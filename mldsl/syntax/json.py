"""The AST as JSON, format version "1.0": for tools that read pipelines, and for tools that write them.

Both directions, and the published schema (`mldsl.syntax.schema`), follow from the classes of `mldsl.syntax.ast` and
their annotations, so that they cannot disagree. Node kinds equal grammar rules; spans are
`[line, column, end_line, end_column]`. Later minor versions only add keys, and unknown keys are ignored. In what tools
write, `span` and whatever else has a default may be left out.
"""

from __future__ import annotations

import math
from typing import Any, get_args, get_origin

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.source import Span
from mldsl.syntax import ast
from mldsl.syntax.ast import nowhere
from mldsl.syntax.fields import fields_of, hint_of, options_of
from mldsl.syntax.literals import FORBIDDEN, NAME, NUMBER, number, quantity

FORMAT_VERSION = "1.0"
MAX_DEPTH = 400  # of the JSON; twice the depth the parser allows for expressions, and blocks around them

_OPERATORS = {"binary": ("+", "-", "*", "/"), "compare": ("==", "!=", "<", "<=", ">", ">=")}
_OPERATORS["metric"] = _OPERATORS["compare"]


# ---- writing ------------------------------------------------------------------------------------------------------


def to_json(program: ast.Program) -> dict[str, Any]:
    """The form that `mldsl ast --json` prints. Comments that document nothing are not in it."""
    return {
        "format_version": FORMAT_VERSION,
        "edition": program.edition,
        "file": program.file,
        "items": [_node(item) for item in program.items],
    }


def _node(node: ast.Node) -> dict[str, Any]:
    written: dict[str, Any] = {"kind": node.kind}
    kind: Any = type(node)
    for field in fields_of(kind):
        value = getattr(node, field.name)
        if field.eq or value != field.default:  # a spelling is left out where it says nothing
            written[field.name] = _value(value)
    if node.span.line:
        written["span"] = node.span.as_list()
    if "body" in written:  # last, for people who read it
        written["body"] = written.pop("body")
    return written


def _value(value: object) -> Any:
    if isinstance(value, ast.Node):
        return _node(value)
    return [_value(part) for part in value] if isinstance(value, tuple) else value


# ---- reading ------------------------------------------------------------------------------------------------------


def from_json(data: object, file: str = "") -> ast.Program:
    """The program of such an object. Raises `MldslError` (MLP0001), which says where the first mistake is."""
    if not isinstance(data, dict):
        raise _wrong("the tree", "an object", data)
    version = data.get("format_version", FORMAT_VERSION)
    if not isinstance(version, str) or version.split(".")[0] != FORMAT_VERSION.split(".")[0]:
        raise _wrong("format_version", f"`{FORMAT_VERSION}`", version)
    edition = data.get("edition")
    if edition is not None and (type(edition) is not int or not 1 <= edition <= ast.EDITION):
        raise _wrong("edition", f"a number from 1 to {ast.EDITION}, or null", edition)
    name = file or data.get("file", "")
    if not isinstance(name, str):
        raise _wrong("file", "a text", name)
    if "items" not in data:
        raise _wrong("items", "a list", None)
    reader = _Reader(name)
    items = reader.read(data["items"], hint_of(ast.Program, "items"), "items", 0)
    return ast.Program(items, edition, name)


def _wrong(path: str, expected: str, found: object) -> MldslError:
    shown = repr(found)
    shown = shown if len(shown) <= 40 else shown[:40] + "..."
    return MldslError(
        Diagnostic("MLP0001", f"not a syntax tree: `{path}` must be {expected}", notes=(f"found {shown}",))
    )


class _Reader:
    """Reads values by the annotations of the fields they are for."""

    def __init__(self, file: str) -> None:
        self.file = file

    def read(self, value: object, hint: Any, path: str, depth: int) -> Any:
        options = options_of(hint)
        if depth > MAX_DEPTH:
            raise _wrong(path, "nested less deeply", "more levels than any program has")
        if value is None and type(None) in options:
            return None
        many = next((option for option in options if get_origin(option) is tuple), None)
        if many is not None:
            if not isinstance(value, list):
                raise _wrong(path, "a list", value)
            inner = get_args(many)[0]
            return tuple(self.read(part, inner, f"{path}[{n}]", depth + 1) for n, part in enumerate(value))
        kinds = {option.kind: option for option in options if isinstance(option, type) and issubclass(option, ast.Node)}
        if kinds:
            return self._node(value, kinds, path, depth)
        for option in options:
            if type(value) is option or (option is float and type(value) is int):
                return self._text(value, path) if isinstance(value, str) else value
        names = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
        raise _wrong(path, " or ".join(names[option] for option in options if option in names), value)

    def _node(self, value: object, kinds: dict[str, type[ast.Node]], path: str, depth: int) -> ast.Node:
        if not isinstance(value, dict):
            raise _wrong(path, "an object", value)
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            raise _wrong(f"{path}.kind", f"one of {', '.join(kinds)}", kind)
        cls: Any = kinds[kind]
        fields = {}
        for field in fields_of(cls):
            if field.name in value:
                hint = hint_of(cls, field.name)
                fields[field.name] = self.read(value[field.name], hint, f"{path}.{field.name}", depth + 1)
            elif field.default is attrs.NOTHING:
                raise _wrong(f"{path}.{field.name}", "given", None)
        node: ast.Node = cls(**fields, span=self._span(value.get("span"), f"{path}.span"))
        return _checked(node, path)

    def _text(self, value: str, path: str) -> str:
        if any(0xD800 <= ord(character) <= 0xDFFF for character in value):
            raise _wrong(path, "a text of characters", value)
        return value

    def _span(self, value: object, path: str) -> Span:
        if value is None:
            return nowhere(self.file)
        if not (isinstance(value, list) and len(value) == 4 and all(type(n) is int and n > 0 for n in value)):
            raise _wrong(path, "four whole numbers from 1 on", value)
        return Span(self.file, *value)


def _checked(node: ast.Node, path: str) -> ast.Node:
    """The node, if the language can write it; spellings that do not spell the value are made anew."""
    name = getattr(node, "name", None)
    doc = getattr(node, "doc", None)
    if doc is not None and FORBIDDEN.search(doc):
        raise _wrong(f"{path}.doc", "a text without control characters", doc)
    if isinstance(node, ast.Column):
        if not node.name or "`" in node.name or "\n" in node.name or FORBIDDEN.search(node.name):
            raise _wrong(f"{path}.name", "the name of a column, without backticks and line ends", node.name)
    elif name is not None and not isinstance(node, ast.Named):
        for part in name if isinstance(name, tuple) else (name,):
            if not NAME.fullmatch(part):
                raise _wrong(f"{path}.name", "a name of letters, digits and `_`", part)
        if isinstance(name, tuple) and (not name or (name[0] == "not" and isinstance(node, ast.Ref | ast.Call))):
            raise _wrong(f"{path}.name", "a name that is not reserved", list(name))
    operators = _OPERATORS.get(node.kind, ())
    operator = getattr(node, "op", None)
    if operators and operator is not None and operator not in operators:
        raise _wrong(f"{path}.op", f"one of {' '.join(operators)}", operator)
    match node:
        case ast.Number():
            return _number(node, path)
        case ast.Quantity():
            return _quantity(node, path)
        case ast.String(text=text) if text:
            return attrs.evolve(node, text="")
        case ast.Metric() if (node.op is None) != (node.bound is None):
            raise _wrong(path, "with both `op` and `bound`, or with neither", node.op)
        case ast.Metric(role=str(role)) | ast.Feature(role=str(role)) if not NAME.fullmatch(role):
            raise _wrong(f"{path}.role", "a name", role)
        case ast.Columns(items=()):
            raise _wrong(f"{path}.items", "at least one column", [])
        case ast.Network(name=None):
            raise _wrong(f"{path}.name", "given; a network needs a name", None)
        case ast.Named(key=ast.Ref(name=key)) if len(key) != 1:
            raise _wrong(f"{path}.key", "one name", list(key))
        case ast.Named(key=ast.String() as key):
            return attrs.evolve(node, key=attrs.evolve(key, raw=False))
        case ast.Feature(columns=columns):
            return attrs.evolve(node, columns=_plain_globs(columns))
    return node


def _plain_globs(columns: ast.Columns) -> ast.Columns:
    """In `features` the grammar takes quoted texts, but not raw ones."""
    items = (attrs.evolve(item, raw=False) if isinstance(item, ast.String) else item for item in columns.items)
    return attrs.evolve(columns, items=tuple(items))


def _number(node: ast.Number, path: str) -> ast.Number:
    if node.value < 0 or not math.isfinite(node.value):
        raise _wrong(f"{path}.value", "a finite number from 0 on; a negative one is a `negate`", node.value)
    if node.text and not (NUMBER.fullmatch(node.text) and number(node.text) == node.value):
        return attrs.evolve(node, text="")
    return node


def _quantity(node: ast.Quantity, path: str) -> ast.Quantity:
    try:
        value, unit = quantity(node.text)
    except ValueError:
        raise _wrong(f"{path}.text", "a number with a unit, like `20%` or `30d`", node.text) from None
    if (value, unit) != (node.value, node.unit):
        raise _wrong(path, f"of the value {value} and the unit `{unit}`, as its text says", node.value)
    return node
