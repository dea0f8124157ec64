"""Runs the grammar's tables over the tokens of a text: an LALR(1) parser with a contextual lexer, as lark's is.

A word is a keyword only where the state of the parser can take it; everywhere else it is a name. Newlines end
statements, except inside ( ) and [ ]. A test holds this against lark itself, tree by tree and refusal by refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import attrs

from mldsl.syntax.literals import NUMBER, QUANTITY
from mldsl.syntax.scan import Token, scan
from mldsl.syntax.table import Rule, Tables, load


class Leaf(NamedTuple):
    """A token that the tree keeps, with its terminal."""

    type: str
    text: str
    start: int
    end: int


class Node:
    """A rule (or alias) with its parts: nodes, leaves, and None for what is absent."""

    __slots__ = ("data", "end", "parts", "start")

    def __init__(self, data: str, parts: list[Any], start: int, end: int) -> None:
        self.data = data
        self.parts = parts
        self.start = start
        self.end = end


@attrs.frozen
class Refusal:
    """Where the parser stopped, and the terminals it would have taken there."""

    offset: int
    accepts: frozenset[str]


def parse_tree(text: str) -> Node | Refusal:
    """The tree of a text, or where the grammar refuses it. O(n) time."""
    machine = _Machine(load())
    for token in _statements(scan(text)[0]):
        terminal = machine.terminal(token)
        if terminal is None or not machine.take(terminal, token):
            return Refusal(token.start, machine.accepts())
    return machine.values[-1]  # type: ignore[no-any-return]


def _statements(tokens: Iterable[Token]) -> Iterator[Token]:
    """The tokens that the grammar is to see: one newline between statements, and one behind the last."""
    depth = 0
    previous: Token | None = None
    for token in tokens:
        if token.kind == "newline":
            if depth or previous is None or previous.kind == "newline":
                continue
        elif token.kind == "end":
            if previous is not None and previous.kind != "newline":
                yield Token("newline", "\n", previous.end, previous.end)
        elif token.text in ("(", "["):
            depth += 1
        elif token.text in (")", "]"):
            depth = max(depth - 1, 0)
        previous = token
        yield token


_TERMINALS = {
    "string": "STRING",
    "long": "LONG_STRING",
    "column": "COLUMN",
    "dollar": "DOLLAR",
    "newline": "_NL",
    "end": "$END",
}


class _Machine:
    """The stacks: of states, of values, and of where each value starts and ends, dropped brackets included."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.states = [tables.start]
        self.values: list[Any] = []
        self.places: list[tuple[int, int]] = []

    def terminal(self, token: Token) -> str | None:
        """What a token is in this state; None for one that is nothing anywhere."""
        if token.kind == "name":
            keyword = self.tables.keywords.get(token.text)
            return keyword if keyword in self.tables.states[self.states[-1]] else "NAME"
        if token.kind == "op":
            return self.tables.signs.get(token.text)
        if token.kind == "number":
            if NUMBER.fullmatch(token.text):
                return "NUMBER"
            return "QUANTITY" if QUANTITY.fullmatch(token.text) else None
        return _TERMINALS.get(token.kind)

    def take(self, terminal: str, token: Token) -> bool:
        """Reduce as far as a terminal asks for, and shift it. False where it is refused."""
        tables, states = self.tables, self.states
        while True:
            action = tables.states[states[-1]].get(terminal)
            if action is None:
                return False
            if action >= 0:
                states.append(action)
                self.values.append(Leaf(terminal, token.text, token.start, token.end))
                self.places.append((token.start, token.end))
                return True
            rule = tables.rules[~action]
            self._reduce(rule)
            states.append(tables.states[states[-1]][rule.origin])
            if terminal == "$END" and states[-1] == tables.end:
                return True

    def _reduce(self, rule: Rule) -> None:
        size = rule.size
        if not size:
            at = self.places[-1][1] if self.places else 0
            self.values.append(Node(rule.data, [None] * len(rule.parts), at, at))
            self.places.append((at, at))
            return
        taken = self.values[-size:]
        place = self.places[-size][0], self.places[-1][1]
        del self.states[-size:], self.values[-size:], self.places[-size:]
        parts: list[Any] = []
        for index in rule.parts:
            if index is None:
                parts.append(None)
            elif index >= 0:
                parts.append(taken[index])
            elif parts:
                parts += taken[~index].parts
            else:  # a list that grows by one line at a time is not copied for each
                parts = taken[~index].parts
        self.values.append(parts[0] if rule.through and len(parts) == 1 else Node(rule.data, parts, *place))
        self.places.append(place)

    def accepts(self) -> frozenset[str]:
        """The terminals that could come next; fewer than the state's, whose lookaheads are merged."""
        candidates = self.tables.states[self.states[-1]]
        return frozenset(name for name in candidates if name.isupper() and self._would_take(name))

    def _would_take(self, terminal: str) -> bool:
        states = list(self.states)
        while True:
            action = self.tables.states[states[-1]].get(terminal)
            if action is None or action >= 0:
                return action is not None
            rule = self.tables.rules[~action]
            if rule.size:
                del states[-rule.size :]
            states.append(self.tables.states[states[-1]][rule.origin])
            if terminal == "$END" and states[-1] == self.tables.end:
                return True
