"""Any program the grammar can write: printed and parsed it is the same, and its JSON says all of it."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldsl.source import Source
from mldsl.syntax import ast
from mldsl.syntax.ast import nowhere
from mldsl.syntax.json import from_json, to_json
from mldsl.syntax.literals import number, quantity
from mldsl.syntax.parse import parse
from mldsl.syntax.printer import format_source, print_program
from mldsl.syntax.schema import schema

AT = nowhere()
SLOW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
VALIDATOR = jsonschema.Draft202012Validator(schema())

# Words of the language are names like any other; `not` alone is not, where an expression may start.
names = st.sampled_from(["a", "b_1", "data", "model", "in", "as", "on", "and", "mlp", "é", "日本", "x" * 30])
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
plain = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="`"), min_size=1, max_size=8
)
column_names = plain.filter(lambda text: not any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in text))
documentation = st.none() | st.lists(st.text("abc #é(){}", max_size=8).map(str.rstrip), min_size=1, max_size=3).map(
    "\n".join
).filter(lambda text: text != "")


def _number(text: str) -> ast.Number:
    return ast.Number(number(text), text=text, span=AT)


def _quantity(text: str) -> ast.Quantity:
    return ast.Quantity(*quantity(text), text=text, span=AT)


numbers = st.sampled_from(["0", "12", "1_000", "0.5", "1e-3", "2.50E+10"]).map(_number) | st.integers(0, 10**20).map(
    lambda value: ast.Number(value, span=AT)
)
strings = st.builds(lambda text, raw: ast.String(text, raw=raw, span=AT), texts, st.booleans())
globs = st.builds(lambda text: ast.String(text, span=AT), texts)
columns = column_names.map(lambda name: ast.Column(name, span=AT))
atoms = st.one_of(
    numbers,
    st.sampled_from(["20%", "30d", "512MB", "1.5min"]).map(_quantity),
    strings,
    columns,
    names.map(lambda name: ast.ParamRef(name, span=AT)),
    paths.map(lambda path: ast.Ref(path, span=AT)),
)


def _arguments(inner: st.SearchStrategy[ast.Expr]) -> st.SearchStrategy[tuple[ast.Arg, ...]]:
    keys = st.one_of(names.map(lambda name: ast.Ref((name,), span=AT)), globs, numbers, columns)
    named = st.builds(lambda key, value: ast.Named(key, value, span=AT), keys, inner)
    return st.lists(inner | named, min_size=1, max_size=4).map(tuple)


def _expressions(inner: st.SearchStrategy[ast.Expr]) -> st.SearchStrategy[ast.Expr]:
    def two(cls: type) -> st.SearchStrategy[ast.Expr]:
        return st.builds(lambda left, right: cls(left, right, span=AT), inner, inner)

    operators = st.sampled_from("+-*/")
    comparisons = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        st.builds(lambda n, a, c: ast.Call(n, a, trailing_comma=c, span=AT), paths, _arguments(inner), st.booleans()),
        st.builds(lambda a, c: ast.List(a, trailing_comma=c, span=AT), _arguments(inner) | st.just(()), st.booleans()),
        st.builds(lambda op, left, right: ast.Binary(op, left, right, span=AT), operators, inner, inner),
        st.builds(lambda op, left, right: ast.Compare(op, left, right, span=AT), comparisons, inner, inner),
        *(two(cls) for cls in (ast.Range, ast.Power, ast.And, ast.Or, ast.Interaction)),
        st.builds(lambda operand: ast.Negate(operand, span=AT), inner),
        st.builds(lambda operand: ast.Not(operand, span=AT), inner),
        st.builds(lambda left, right: ast.Formula(left, right, span=AT), st.none() | inner, inner),
    )


expressions = st.recursive(atoms, _expressions, max_leaves=8)
maybe = st.none() | expressions
roles = st.none() | names
components = st.builds(
    lambda name, args, comma: ast.Component(name, args, trailing_comma=comma, span=AT),
    paths,
    st.just(()) | _arguments(expressions),
    st.booleans(),
)
types = st.builds(
    lambda name, args, missing: ast.Type(name, args, missing, span=AT),
    names,
    st.just(()) | _arguments(atoms),
    st.booleans(),
)
plain_columns = st.lists(
    globs | columns | names.map(lambda name: ast.Column(name, quoted=False, span=AT)), min_size=1, max_size=3
).map(lambda items: ast.Columns(tuple(items), span=AT))
values = st.builds(lambda name, value: ast.Setting(name, value, span=AT), names, expressions)
features = st.builds(
    lambda c, t, v, r, role, doc: ast.Feature(c, t, v, r, role, doc, span=AT),
    plain_columns, types, maybe, maybe, roles, documentation,
)  # fmt: skip
steps = st.builds(lambda component, on: ast.Step(component, on, span=AT), components, expressions)
derived = st.builds(lambda n, v, doc: ast.Derive(n, v, doc, span=AT), names, expressions, documentation)
domains = st.builds(lambda name, value: ast.Domain(name, value, span=AT), names, expressions)
gates = st.tuples(st.sampled_from([">=", "<"]), expressions) | st.just((None, None))
metrics = st.builds(lambda c, gate, role: ast.Metric(c, *gate, role, span=AT), components, gates, roles)


def _block(cls: type, lines: st.SearchStrategy[ast.Line], name: st.SearchStrategy[str | None] | None = None) -> object:
    bodies = st.lists(lines, max_size=3).map(tuple)
    if name is None:
        return st.builds(lambda body, doc: cls(body, doc=doc, span=AT), bodies, documentation)
    return st.builds(lambda body, doc, name: cls(body, doc=doc, name=name, span=AT), bodies, documentation, name)


items = st.one_of(
    st.builds(lambda n, v, doc: ast.Use(n, v, doc, span=AT), paths, st.none() | texts, documentation),
    st.builds(lambda path, doc: ast.Include(path, doc, span=AT), texts, documentation),
    st.builds(lambda n, t, d, r, doc: ast.Param(n, t, d, r, doc, span=AT), names, types, maybe, maybe, documentation),
    _block(ast.Data, components | values),
    _block(ast.Features, features),
    _block(ast.Transforms, steps | derived, st.none() | names),
    _block(ast.Network, components, names),
    _block(ast.Split, values),
    _block(ast.Model, components | values, st.none() | names),
    _block(ast.Tune, values | domains),
    _block(ast.Metrics, metrics),
    _block(ast.Report, components),
    _block(ast.Export, components),
)  # type: ignore[arg-type]
programs = st.lists(items, max_size=4).map(lambda found: ast.Program(tuple(found), 1))


@SLOW
@given(programs)
def test_parse_of_print_is_the_program(program: ast.Program) -> None:
    text = print_program(program)
    again, found = parse(Source("f.mlp", text))
    assert found == [], text
    assert again == program, text
    assert format_source(Source("f.mlp", text)) == text


@SLOW
@given(programs)
def test_json_says_all_of_it(program: ast.Program) -> None:
    data = json.loads(json.dumps(to_json(program)))
    VALIDATOR.validate(data)
    again = from_json(data)
    assert again == program
    assert print_program(again) == print_program(program)


@SLOW
@given(
    st.recursive(
        st.none() | st.integers() | texts,
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["kind", "items", "body", "args", "value", "name", "span"]), inner)
        ),
    )
)
def test_no_json_raises_anything_but_its_message(data: object) -> None:
    from mldsl.diagnostics import MldslError

    try:
        from_json(data)
    except MldslError as error:
        assert [d.code for d in error.diagnostics] == ["MLP0001"]  # noqa: PT017  (a tree that is right is fine, too)


@pytest.mark.parametrize("depth", [150, 190])
def test_deep_but_allowed(depth: int) -> None:
    text = "mlp 1\nsplit { a = " + "1 + " * depth + "1 }\n"
    program, found = parse(Source("f.mlp", text))
    assert found == []
    assert from_json(to_json(program)) == program
    assert hash(program) == hash(parse(Source("g.mlp", text))[0])
    assert repr(program)
    assert print_program(program)
