"""The program of sound files: values, places, documentation; and editions."""

from __future__ import annotations

import pytest

from mldsl.source import Source
from mldsl.syntax import ast
from mldsl.syntax.parse import parse


def program(text: str) -> ast.Program:
    found_program, found = parse(Source("f.mlp", "mlp 1\n" + text))
    assert found == []
    return found_program


def value(text: str) -> ast.Expr:
    (block,) = program(f"split {{ a = {text} }}").items
    assert isinstance(block, ast.Split)
    return block.body[0].value


def test_examples_parse_without_a_word(examples: list[Source]) -> None:
    assert len(examples) == 14
    for source in examples:
        parsed, found = parse(source)
        assert found == []
        assert parsed.items
        assert parsed.lost == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12), ("1_000", 1000), ("0.5", 0.5), ("1e-3", 0.001), ("5.0", 5.0), ("1E+2", 100.0), ("٣", 3),
    ],
)  # fmt: skip
def test_numbers(text: str, expected: float) -> None:
    node = value(text)
    assert isinstance(node, ast.Number)
    assert node.value == expected
    assert type(node.value) is type(expected)
    assert node.text == text


@pytest.mark.parametrize(
    ("text", "expected", "unit", "dimension"),
    [
        ("20%", 0.2, "%", "share"), ("0.1%", 0.001, "%", "share"), ("95%", 0.95, "%", "share"),
        ("30d", 30 * 86400, "d", "duration"), ("250ms", 0.25, "ms", "duration"), ("1.5min", 90, "min", "duration"),
        ("2h", 7200, "h", "duration"), ("1w", 604800, "w", "duration"), ("10s", 10, "s", "duration"),
        ("512MB", 512_000_000, "MB", "size"), ("1_0KB", 10_000, "KB", "size"), ("2GB", 2_000_000_000, "GB", "size"),
    ],
)  # fmt: skip
def test_quantities(text: str, expected: float, unit: str, dimension: str) -> None:
    node = value(text)
    assert isinstance(node, ast.Quantity)
    assert (node.value, node.unit, node.dimension, node.text) == (expected, unit, dimension, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"a"', "a"), (r'""', ""), (r'"a\"b\\c"', 'a"b\\c'), (r'"\n\t\r"', "\n\t\r"), (r'"\u00e9"', "é"),
        ('"""a"b\\n"""', 'a"b\\n'), ('"""a\nb"""', "a\nb"), ('"# no comment"', "# no comment"),
    ],
)  # fmt: skip
def test_strings(text: str, expected: str) -> None:
    node = value(text)
    assert isinstance(node, ast.String)
    assert node.value == expected
    assert node.raw == text.startswith('"""')


def test_precedence_follows_the_grammar() -> None:
    tree = value("not a + b * -c ^ 2 < 3 and d or e")
    match tree:
        case ast.Or(left=ast.And(left=ast.Not(operand=ast.Compare(op="<", left=total)), right=ast.Ref(name=("d",)))):
            pass
        case _:
            pytest.fail(repr(tree))
    match total:
        case ast.Binary(op="+", right=ast.Binary(op="*", right=ast.Negate(operand=ast.Power()))):
            pass
        case _:
            pytest.fail(repr(total))


def test_formula_and_interaction() -> None:
    match value("log(y) ~ a + b:c"):
        case ast.Formula(left=ast.Call(), right=ast.Binary(right=ast.Interaction())):
            pass
        case other:
            pytest.fail(repr(other))
    match value("~ a"):
        case ast.Formula(left=None):
            pass
        case other:
            pytest.fail(repr(other))


def test_empty_calls_are_references_only_where_components_are() -> None:
    (model,) = program("model { m(a = f(), b = [g()], h(i()), j() + 1) }").items
    assert isinstance(model, ast.Model)
    component = model.body[0]
    assert isinstance(component, ast.Component)
    named, listed, nested, operand = component.args
    assert isinstance(named, ast.Named)
    assert isinstance(named.value, ast.Ref)
    assert isinstance(listed, ast.Named)
    assert isinstance(listed.value, ast.List)
    assert isinstance(listed.value.items[0], ast.Ref)
    assert isinstance(nested, ast.Call)
    assert isinstance(nested.args[0], ast.Ref)
    assert isinstance(operand, ast.Binary)
    assert isinstance(operand.left, ast.Call)
    assert isinstance(value("f()"), ast.Call)


def test_keywords_are_names_where_they_mean_nothing() -> None:
    (features,) = program("features { data, in, as: continuous as target }").items
    assert isinstance(features, ast.Features)
    assert [column.name for column in features.body[0].columns.items] == ["data", "in", "as"]  # type: ignore[union-attr]
    assert value("income") == ast.Ref(("income",), span=ast.nowhere())


def test_places_of_parts() -> None:
    text = 'mlp 1\nmodel forest {\n  # why\n  cart(a = 1)\n}\nmetrics { auc >= 0.5 as primary }\nuse acme "1.2"\n'
    source = Source("f.mlp", text)
    parsed, _ = parse(source)
    model, metrics, use = parsed.items
    assert isinstance(model, ast.Model)
    assert isinstance(metrics, ast.Metrics)
    assert isinstance(use, ast.Use)
    metric, component = metrics.body[0], model.body[0]
    assert isinstance(component, ast.Component)
    shown = [
        parsed.edition_span, model.keyword_span, model.name_span, component.name_span, component.args[0].span,
        metric.op_span, metric.role_span, use.name_span, use.version_span,
    ]  # fmt: skip
    texts = [source.text_of(span) for span in shown if span is not None]
    assert texts == ["mlp 1", "model", "forest", "cart", "a = 1", ">=", "primary", "acme", '"1.2"']
    assert source.text_of(model.span) == "model forest {\n  # why\n  cart(a = 1)\n}"
    assert model.span.as_list() == [2, 1, 5, 2]


def test_a_comment_block_directly_above_documents() -> None:
    parsed = program(
        "# a title\n\n# one\n#  two\nparam a: number\n# f\nfeatures {\n  # age\n  a: continuous\n  b: text # not b\n}\n"
        "data { csv }  # beside\n"
    )
    param, features, data = parsed.items
    assert isinstance(features, ast.Features)
    assert [item.doc for item in (param, features, data)] == ["one\n two", "f", None]  # type: ignore[union-attr]
    assert [feature.doc for feature in features.body] == ["age", None]
    assert [(comment.text, comment.own_line) for comment in parsed.comments][-2:] == [
        ("# not b", False),
        ("# beside", False),
    ]


def test_no_edition_line_is_a_warning_with_its_fix() -> None:
    parsed, (found,) = parse(Source("f.mlp", "data { csv }\n"))
    assert (found.code, found.severity, parsed.edition) == ("MLP0901", "warning", None)
    assert found.fix is not None
    assert found.fix.text == "mlp 1\n"
    assert found.span is not None
    assert found.span.as_list() == [1, 1, 1, 1]


@pytest.mark.parametrize("text", ["mlp 2\nmodle {", "# c\n\nmlp 40\nanything ) at all", "mlp 999"])
def test_a_newer_edition_is_all_that_is_said(text: str) -> None:
    parsed, found = parse(Source("f.mlp", text))
    assert [d.code for d in found] == ["MLP0902"]
    assert parsed.items == ()


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("mlp 0\n", ["MLP0001"]), ("mlp 1.0\n", ["MLP0001"]), ("mlp\n", ["MLP0001"]), ("mlp 1\nmlp 1\n", ["MLP0016"]),
        ("MLP 1\n", ["MLP0002"]), ("", ["MLP0901"]), ("# only\n", ["MLP0901"]), ("mlp 1", []), ("\n\nmlp 1\n\n", []),
        ("\ufeffmlp 1\n", []), ("mlp 1\r\nmodel { cart } # c\r\n# d\r\n", []),
    ],
)  # fmt: skip
def test_edition_lines(text: str, codes: list[str]) -> None:
    assert [d.code for d in parse(Source("f.mlp", text))[1]] == codes


def test_of_two_edition_lines_the_first_counts() -> None:
    parsed, (found,) = parse(Source("f.mlp", "mlp 1\ndata { csv }\nmlp 1\n"))
    assert found.code == "MLP0016"
    assert found.span is not None
    assert found.span.line == 3
    assert parsed.edition == 1
