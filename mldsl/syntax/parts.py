"""The statements and blocks of a text that may be broken, which of them are repaired and which are lost.

Why it exists: recovery takes what cannot be parsed out of the text piece by piece, and must know which piece a mistake
belongs to, and what was said about that piece already.
"""

from __future__ import annotations

from bisect import bisect_right

import attrs

from mldsl.diagnostics import Diagnostic
from mldsl.source import Source, Span
from mldsl.syntax.edits import Patched
from mldsl.syntax.scan import ITEMS, Token

MAX_DIAGNOSTICS = 100


@attrs.define(eq=False)
class Statement:
    """A statement: tokens `first` up to `last`, offsets `start` up to `end`; `block` is None at the top."""

    block: Block | None
    first: int
    start: int
    last: int = -1
    end: int = -1
    reported: bool = False  # a mistake in it is known, so what follows from it is not told again
    lost: bool = False  # nothing of it is parsed
    sure: bool = True  # its repairs are what was meant


@attrs.define(eq=False)
class Block:
    """A block with its statements; `keyword` is what it is taken for, `brace` its `{`, None where that is missing."""

    keyword: str
    start: int
    column: int
    end: int = -1
    brace: Token | None = None
    statements: list[Statement] = attrs.Factory(list)
    reported: bool = False
    lost: bool = False
    sure: bool = True


class TooManyError(Exception):
    """There are more mistakes than anybody reads."""


class Parts:
    """All statements and blocks of a text, its mistakes, and the repairs that make the rest parse."""

    def __init__(self, source: Source, tokens: list[Token]) -> None:
        self.source = source
        self.tokens = tokens
        self.patch = Patched(source.text)
        self.statements: list[Statement] = []
        self.blocks: list[Block] = []
        self.edition: int | None = None
        self.edition_seen = False
        self.more = False  # whether there are mistakes that were not looked for
        self._found: list[tuple[Diagnostic, Statement | Block | None]] = []

    def report(self, diagnostic: Diagnostic, owner: Statement | Block | None = None) -> None:
        """Add a mistake. Raises `TooManyError` when enough have been found."""
        self._found.append((diagnostic, owner))
        if owner is not None:
            owner.reported = True
        if len(self._found) >= MAX_DIAGNOSTICS:
            raise TooManyError

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """The mistakes; a fix is safe only if what it was made in parses once it is repaired."""
        found = []
        for diagnostic, owner in self._found:
            if diagnostic.fix is not None and owner is not None and (owner.lost or not owner.sure):
                diagnostic = attrs.evolve(diagnostic, fix=attrs.evolve(diagnostic.fix, safe=False))
            found.append(diagnostic)
        if found and (self.more or len(found) >= MAX_DIAGNOSTICS):
            found[-1] = attrs.evolve(found[-1], notes=(*found[-1].notes, "there may be more mistakes behind this"))
        return found

    def span(self, token: Token) -> Span:
        """The place of a token."""
        return self.source.span(token.start, token.end)

    def behind(self, token: Token) -> Span:
        """The place right behind a token, where something is missing."""
        line, column = self.source.position(token.end)
        return Span(self.source.name, line, column, line, column + 1)

    def all(self) -> list[Statement | Block]:
        """The statements, then the blocks."""
        return [*self.statements, *self.blocks]

    def part_at(self, offset: int) -> Statement | Block | None:
        """The statement that an offset is in or behind, or the block whose head it is in; None before the first."""
        at = bisect_right(self.statements, offset, key=lambda statement: statement.start) - 1
        statement = self.statements[at] if at >= 0 else None
        at = bisect_right(self.blocks, offset, key=lambda block: block.start) - 1
        block = self.blocks[at] if at >= 0 else None
        if statement is None or (block is not None and block.start >= statement.start):
            return block
        return statement

    def lose(self, *parts: Statement | Block) -> None:
        """Take statements and blocks out of what is parsed."""
        owners: list[Statement | Block] = []
        blocks = [part for part in parts if isinstance(part, Block)]
        inside = {id(statement) for block in blocks for statement in block.statements}
        for part in parts:
            owners += [part, *part.statements] if isinstance(part, Block) else [part]
        for owner in owners:
            owner.lost = True
        self.patch.blank([(part.start, part.end) for part in parts if id(part) not in inside], owners)

    def lose_from(self, start: int) -> None:
        """Take everything from an offset on out of what is parsed."""
        owners = [part for part in self.all() if part.start >= start]
        for part in owners:
            part.lost = True
        self.patch.blank([(start, len(self.source.text))], owners)

    def lost_kinds(self) -> frozenset[str]:
        """The kinds of items of which something is not parsed."""
        kinds = {block.keyword for block in self.blocks if block.lost}
        for statement in self.statements:
            if statement.lost:
                kinds.add(statement.block.keyword if statement.block else self.tokens[statement.first].text)
        return frozenset(kinds & set(ITEMS))
