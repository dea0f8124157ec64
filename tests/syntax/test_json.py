"""The JSON form: as the specification shows it, valid by the published schema, and refused with a reason."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest

from mldsl.diagnostics import MldslError
from mldsl.source import Source
from mldsl.syntax.json import from_json, to_json
from mldsl.syntax.parse import parse
from mldsl.syntax.printer import print_program
from mldsl.syntax.schema import published_schema, schema


def test_the_form_of_the_specification() -> None:
    text = "mlp 1\n\n\n\n\nmodel { logistic_regression }\n"
    program, _ = parse(Source("iris.mlp", text))
    component = {"kind": "component", "name": ["logistic_regression"], "args": [], "span": [6, 9, 6, 28]}
    model = {"kind": "model", "name": None, "doc": None, "span": [6, 1, 6, 30], "body": [component]}
    assert to_json(program) == {"format_version": "1.0", "edition": 1, "file": "iris.mlp", "items": [model]}
    assert list(to_json(program)["items"][0]) == ["kind", "name", "doc", "span", "body"]


def test_the_published_schema_is_the_classes() -> None:
    assert json.loads(published_schema()) == schema()
    jsonschema.Draft202012Validator.check_schema(schema())


def test_examples_are_valid_and_come_back(examples: list[Source]) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    for source in examples:
        program, _ = parse(source)
        data = json.loads(json.dumps(to_json(program)))
        validator.validate(data)
        again = from_json(data)
        assert again == program
        assert [item.span for item in again.items] == [item.span for item in program.items]
        assert parse(Source(source.name, print_program(again)))[0] == program


def test_what_a_tool_writes_needs_no_places() -> None:
    cart = {"kind": "component", "name": ["cart"], "args": [{"kind": "number", "value": 3}], "future": True}
    model = {"kind": "model", "body": [cart], "doc": "why"}
    use = {"kind": "use", "name": ["acme"]}
    program = from_json({"format_version": "1.7", "items": [use, use, model, model]})
    expected = "mlp 1\n\nuse acme\nuse acme\n\n# why\nmodel { cart(3) }\n\n# why\nmodel { cart(3) }\n"
    assert print_program(program) == expected


TREE: dict[str, Any] = {
    "format_version": "1.0",
    "edition": 1,
    "items": [
        {
            "kind": "model",
            "name": "m",
            "body": [
                {"kind": "setting", "name": "a", "value": {"kind": "number", "value": 1, "text": "1"}},
                {
                    "kind": "setting",
                    "name": "b",
                    "value": {"kind": "quantity", "value": 0.2, "unit": "%", "text": "20%"},
                },
                {
                    "kind": "component",
                    "name": ["c"],
                    "args": [
                        {
                            "kind": "named",
                            "key": {"kind": "ref", "name": ["d"]},
                            "value": {
                                "kind": "binary",
                                "op": "+",
                                "left": {"kind": "column", "name": "x y"},
                                "right": {"kind": "string", "value": "z"},
                            },
                        }
                    ],
                },
            ],
        },
        {"kind": "metrics", "body": [{"kind": "metric", "component": {"kind": "component", "name": ["f"]}}]},
        {
            "kind": "features",
            "body": [
                {
                    "kind": "feature",
                    "columns": {"kind": "columns", "items": [{"kind": "string", "value": "*"}]},
                    "type": {"kind": "type", "name": "text"},
                }
            ],
        },
    ],
}  # fmt: skip


def test_that_tree_is_sound() -> None:
    jsonschema.Draft202012Validator(schema()).validate(TREE)
    text = print_program(from_json(TREE))
    assert '  c(d = `x y` + "z")\n' in text
    assert parse(Source("f", text))[1] == []


def _set(path: list[Any], value: object) -> dict[str, Any]:
    tree = copy.deepcopy(TREE)
    at: Any = tree
    for step in path[:-1]:
        at = at[step]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return tree


MODEL = ["items", 0]
NAMED = [*MODEL, "body", 2, "args", 0]
METRIC = ["items", 1, "body", 0]
FEATURE = ["items", 2, "body", 0]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (["format_version"], "2.0", "`format_version` must be `1.0`"),
        (["edition"], 99, "`edition` must be"),
        (["items"], KeyError, "`items` must be a list"),
        (["items"], {}, "`items` must be a list"),
        ([*MODEL, "kind"], "modle", "`items[0].kind` must be one of use, include"),
        ([*MODEL, "kind"], KeyError, "`items[0].kind`"),
        ([*MODEL, "name"], "a b", "`items[0].name` must be a name"),
        ([*MODEL, "name"], 3, "`items[0].name` must be a text"),
        ([*MODEL, "kind"], "network", "`items[0].body[0].kind` must be one of component"),
        ([*MODEL, "span"], [1, 2, 3], "`items[0].span` must be four whole numbers"),
        ([*MODEL, "span"], [0, 1, 1, 1], "`items[0].span`"),
        ([*MODEL, "doc"], "a\rb", "`items[0].doc`"),
        ([*MODEL, "body", 0, "value", "value"], -1, "`items[0].body[0].value.value` must be a finite number"),
        ([*MODEL, "body", 0, "value", "value"], float("inf"), "finite"),
        ([*MODEL, "body", 0, "value", "value"], True, "a whole number or a number"),
        ([*MODEL, "body", 0, "value"], KeyError, "`items[0].body[0].value` must be given"),
        ([*MODEL, "body", 1, "value", "text"], "20", "a number with a unit"),
        ([*MODEL, "body", 1, "value", "value"], 0.3, "of the value 0.2"),
        ([*NAMED, "key"], {"kind": "ref", "name": ["a", "b"]}, "`items[0].body[2].args[0].key` must be one name"),
        ([*NAMED, "key"], {"kind": "ref", "name": ["not"]}, "not reserved"),
        ([*NAMED, "value", "op"], "%", "must be one of + - * /"),
        ([*NAMED, "value", "left", "name"], "a`b", "the name of a column"),
        ([*NAMED, "value", "right", "value"], "\ud800", "a text of characters"),
        ([*METRIC, "op"], ">=", "both `op` and `bound`"),
        ([*METRIC, "role"], "a b", "`items[1].body[0].role` must be a name"),
        ([*FEATURE, "columns", "items"], [], "at least one column"),
        ([*FEATURE, "type"], {"kind": "columns", "items": []}, "`items[2].body[0].type.kind`"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(path: list[Any], value: object, says: str) -> None:
    with pytest.raises(MldslError) as caught:
        from_json(_set(path, value))
    (found,) = caught.value.diagnostics
    assert found.code == "MLP0001"
    assert says in found.message


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_no_tree_at_all(data: object) -> None:
    with pytest.raises(MldslError):
        from_json(data)


def test_a_tree_deeper_than_any_program_is_refused() -> None:
    value: dict[str, Any] = {"kind": "number", "value": 1}
    for _ in range(1000):
        value = {"kind": "negate", "operand": value}
    with pytest.raises(MldslError, match="nested less deeply"):
        from_json({"items": [{"kind": "split", "body": [{"kind": "setting", "name": "a", "value": value}]}]})


def test_a_spelling_that_says_something_else_is_made_anew() -> None:
    tree = _set([*MODEL, "body", 0, "value", "text"], "2")
    assert "a = 1\n" in print_program(from_json(tree))
    tree = _set([*NAMED, "value", "right", "text"], '"other"')
    assert '+ "z")' in print_program(from_json(tree))
