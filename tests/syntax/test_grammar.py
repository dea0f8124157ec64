"""The grammar: free of conflicts and of terminals that overlap, compiled as it stands, and run as lark runs it."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lark
import mldsl_grammar
import pytest
from lark import Lark, Token
from lark.exceptions import UnexpectedInput
from lark.lark import PostLex

from mldsl.source import Source
from mldsl.syntax import ast, table
from mldsl.syntax.machine import Leaf, Node, Refusal, parse_tree
from mldsl.syntax.parse import parse
from mldsl.syntax.scan import BLOCKS, ITEMS, NAMED_BLOCKS, scan


class NewlineFilter(PostLex):
    """As the specification of the language has it."""

    always_accept = ("_NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        depth, previous = 0, None
        for token in stream:
            if token.type == "_NL":
                if depth or previous is None or previous.type == "_NL":
                    continue
            elif token.type in ("LPAR", "LSQB"):
                depth += 1
            elif token.type in ("RPAR", "RSQB"):
                depth = max(depth - 1, 0)
            previous = token
            yield token
        if previous is not None and previous.type != "_NL":
            yield Token.new_borrow_pos("_NL", "\n", previous)


@pytest.fixture(scope="module")
def reference() -> Lark:
    """Lark itself; strict: no conflict is resolved in silence, no two terminals of one priority match one text."""
    return Lark(
        table.grammar(),
        parser="lalr",
        strict=True,
        propagate_positions=True,
        maybe_placeholders=True,
        postlex=NewlineFilter(),
    )


# ---- run as lark runs it --------------------------------------------------------------------------------------------


def _ours(part: Any) -> Any:
    if isinstance(part, Node):
        return part.data, _place(part.data, part.start, part.end), [_ours(inner) for inner in part.parts]
    return (part.type, part.text, part.start, part.end) if isinstance(part, Leaf) else part


def _larks(part: Any) -> Any:
    if isinstance(part, lark.Tree):
        place = _place(part.data, part.meta.start_pos, part.meta.end_pos)
        return str(part.data), place, [_larks(inner) for inner in part.children]
    return (part.type, str(part), part.start_pos, part.end_pos) if isinstance(part, Token) else part


def _place(rule: str, start: int, end: int) -> object:
    """Where a node is; the edition line ends with a newline, and several in a row are one token to lark."""
    return start if rule == "edition" else (start, end)


def _lark_parse(reference: Lark, text: str) -> Any:
    """Lark's tree, or where it stopped and what it would have taken."""
    try:
        return reference.parse(text)
    except UnexpectedInput as error:
        state: Any = error.interactive_parser
        return error.pos_in_stream, state.accepts()


def _compare(reference: Lark, text: str) -> str:
    """`sound` where both have equal trees; `there` where both refuse at one place; or `elsewhere`."""
    found, expected = parse_tree(text), _lark_parse(reference, text)
    if isinstance(found, Refusal):
        assert isinstance(expected, tuple), text
        if expected[0] != found.offset:
            return "elsewhere"
        assert expected[1] == found.accepts, text
        return "there"
    assert isinstance(expected, lark.Tree), text
    assert _ours(found)[2] == [_larks(child) for child in expected.children]
    return "sound"


def test_examples_have_larks_trees(reference: Lark, examples: list[Source]) -> None:
    for source in examples:
        assert _compare(reference, source.text) == "sound"


def test_broken_texts_are_refused_where_lark_refuses_them(
    reference: Lark, examples: list[Source], malformed: list[Source]
) -> None:
    dice = random.Random(3)
    texts = [source.text for source in (*examples, *malformed)]
    verdicts: Counter[str] = Counter()
    for _ in range(1500):
        text = dice.choice(texts)
        tokens = [token for token in scan(text)[0] if token.kind not in ("newline", "end")]
        one, other = dice.choice(tokens), dice.choice(tokens)
        inserted = dice.choice(["", other.text, f"{one.text} {other.text}", f"({one.text})", f"{one.text}\n"])
        verdicts[_compare(reference, text[: one.start] + inserted + text[one.end :])] += 1
    # A token that is none at all, such as a string that is never closed, may be cut at another place.
    assert verdicts["sound"] > 100
    assert verdicts["there"] > 900
    assert verdicts["elsewhere"] < 75


@pytest.mark.parametrize(
    "text",
    [
        "", "\n\n", "mlp 1", "mlp 1\n", "# c", "use a", "use a.b \"1\"\nuse c", "data {}", "data { }\n",
        "data {\n\n}\n", "split { a = (((1))) }", "split { a = f(1, g(), [2,],) }", "split { a = - - x ^ -2 ^ 3 }",
        "split {\na = 1\n\n# c\nb = [1,\n2]\n}", "features { a, `b`, \"c*\": binary(1)? = x in 1..2 as y }",
        "features { in, as: on }", "metrics { a >= 1 as b }", "split { a = ~ x:y + z }", "tune { $a in b }",
        "split { a = not x and y or z < 1 }", "split { a = [\"x\" = 1, 2 = `y`, z = 3] }", "param in: as = 1 in 2",
    ],
)  # fmt: skip
def test_every_rule_has_larks_tree(reference: Lark, text: str) -> None:
    assert _compare(reference, text) == "sound"


# ---- the tables -----------------------------------------------------------------------------------------------------


def _canonical(tables: dict[str, Any]) -> object:
    """Tables without the numbers that they give to states and rules, which change from one making to the next."""
    rules = [json.dumps(rule) for rule in tables["rules"]]
    numbers = {tables["start"]: 0}
    queue = [tables["start"]]
    states = {}
    for state in queue:
        actions: dict[str, Any] = {}
        for symbol, action in sorted(tables["states"][state].items()):
            if action >= 0 and action not in numbers:
                numbers[action] = len(numbers)
                queue.append(action)
            actions[symbol] = numbers[action] if action >= 0 else rules[~action]
        states[numbers[state]] = actions
    return tables["grammar"], tables["keywords"], tables["signs"], numbers[tables["end"]], sorted(rules), states


def test_the_tables_are_those_of_the_grammar() -> None:
    kept = json.loads(Path(mldsl_grammar.__file__).with_name(table.NAME).read_text("utf-8"))
    if kept["lark"] != lark.__version__:
        pytest.skip(f"the tables were made with lark {kept['lark']}, this is {lark.__version__}")
    assert _canonical(table.compiled()) == _canonical(kept), "run `python -m mldsl.syntax.table`"


@pytest.mark.parametrize("name", ["absent.json", "mlp.lark"])
def test_without_tables_the_grammar_itself_is_compiled(
    monkeypatch: pytest.MonkeyPatch, examples: list[Source], name: str
) -> None:
    expected = [parse(source)[0] for source in examples]
    monkeypatch.setattr(table, "NAME", name)
    table.load.cache_clear()
    try:
        assert [parse(source)[0] for source in examples] == expected
    finally:
        table.load.cache_clear()


def test_tables_of_another_grammar_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = table.grammar().replace("/on(?!", "/upon(?!")
    monkeypatch.setattr(table, "grammar", lambda: changed)
    table.load.cache_clear()
    try:
        assert table.load().keywords["upon"] == "_ON"
    finally:
        table.load.cache_clear()


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
