"""The grammar: free of conflicts and of terminals that overlap, and compiled as it stands."""

from __future__ import annotations

import json
import re
from importlib import resources

import lark
import pytest
from lark import Lark

from mldsl.source import Source
from mldsl.syntax import ast, table
from mldsl.syntax.parse import NewlineFilter, compiled, parse, parser
from mldsl.syntax.scan import BLOCKS, ITEMS, NAMED_BLOCKS


def test_strict_mode_accepts_it() -> None:
    """No conflict is resolved in silence, and no two terminals of one priority match the same text."""
    Lark(table.grammar(), parser="lalr", strict=True, maybe_placeholders=True, postlex=NewlineFilter())


def _canonical(text: str) -> object:
    """Tables without the numbers that they give to states and tokens, which change from one making to the next."""
    tables = json.loads(text)
    memo, machine = tables["memo"], tables["data"]["parser"]["parser"]
    numbers = dict.fromkeys(machine["start_states"].values(), 0)
    queue = list(numbers)
    states = {}
    for state in queue:
        actions = {}
        for token, (kind, target) in sorted(
            (machine["tokens"][token], action) for token, action in machine["states"][str(state)].items()
        ):
            if kind == 0 and target not in numbers:
                numbers[target] = len(numbers)
                queue.append(target)
            actions[token] = numbers[target] if kind == 0 else _said(memo[str(target["@"])])
        states[numbers[state]] = actions
    ends = {name: numbers[state] for name, state in machine["end_states"].items()}
    return tables["grammar"], tables["data"]["options"], states, ends, sorted(map(_said, memo.values()))


def _said(entry: object) -> str:
    return json.dumps(entry, sort_keys=True)


def test_the_tables_are_those_of_the_grammar() -> None:
    kept = resources.files("mldsl_grammar").joinpath(table.NAME).read_text("utf-8")
    made_with = json.loads(kept)["lark"]
    if made_with != lark.__version__:
        pytest.skip(f"the tables were made with lark {made_with}, this is {lark.__version__}")
    assert _canonical(compiled()) == _canonical(kept), "run `python -m mldsl.syntax.table`"


def test_without_tables_the_grammar_itself_is_read(monkeypatch: pytest.MonkeyPatch, examples: list[Source]) -> None:
    expected = [parse(source)[0] for source in examples]
    monkeypatch.setattr("mldsl.syntax.parse.load", lambda: None)
    parser.cache_clear()
    try:
        assert [parse(source)[0] for source in examples] == expected
    finally:
        parser.cache_clear()


@pytest.mark.parametrize("damage", [lambda tables: tables["data"].pop("parser"), lambda tables: tables["memo"].clear()])
def test_refused_tables_are_not_used(monkeypatch: pytest.MonkeyPatch, damage: object) -> None:
    tables = table.load()
    assert tables is not None
    damage(tables)  # type: ignore[operator]
    monkeypatch.setattr("mldsl.syntax.parse.load", lambda: tables)
    parser.cache_clear()
    try:
        assert parse(Source("f", "mlp 1\nmodel { cart }\n"))[1] == []
    finally:
        parser.cache_clear()


def test_tables_of_another_grammar_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert table.load() is not None
    monkeypatch.setattr("mldsl.syntax.table.grammar", lambda: "start: /./")
    assert table.load() is None


def test_one_class_for_each_rule_and_alias() -> None:
    """Node kinds equal grammar rules; the rest is punctuation or has a name of its own in the tree."""
    text = re.sub(r"//.*", "", table.grammar())
    rules = set(re.findall(r"^\??([a-z]\w*):", text, re.MULTILINE)) | set(re.findall(r"-> (\w+)", text))
    inner = {"start", "edition", "expr", "or_", "and_", "not_", "comparison", "sum", "product", "cross", "unary"}
    inner |= {"atom", "args", "arg", "path"}
    renamed = {"or_op": "or", "and_op": "and", "not_op": "not", "long_string": "string"}
    kinds = {cls.kind for cls in vars(ast).values() if isinstance(cls, type) and hasattr(cls, "kind")}
    assert {renamed.get(rule, rule) for rule in rules - inner} == kinds


def test_the_words_of_recovery_are_the_grammars() -> None:
    text = table.grammar()
    rules = re.findall(r"^(\w+): +_[A-Z]+ +(\[NAME\]|NAME)? *_block", text, re.MULTILINE)
    assert tuple(name for name, _ in rules) == BLOCKS
    assert tuple(name for name, named in rules if named) == NAMED_BLOCKS
    items = re.search(r"^_item: (.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    assert items is not None
    assert tuple(re.findall(r"\w+", items[1])) == ITEMS
