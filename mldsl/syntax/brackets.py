"""One statement of a text that may be broken: where it ends, and which of its brackets match.

A statement ends at a newline outside parentheses and square brackets, or at `}`. A bracket that is still open there
was to be closed earlier: before the first value that follows another across a line end without a comma, or before
`on`, `as` or `in` behind a value.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs

from mldsl.diagnostics import Diagnostic, Fix, Label
from mldsl.syntax.characters import Flaw, flaw
from mldsl.syntax.cursor import Cursor
from mldsl.syntax.parts import Block, Parts, Statement
from mldsl.syntax.scan import BLOCKS, ITEMS, Token, ends_value, starts_value

MAX_OPEN = 100
MAX_OVERRUN = 1000  # tokens
CLOSERS = {"(": ")", "[": "]"}
_NOUNS = {"(": "arguments", "[": "list"}


def read_statement(parts: Parts, cursor: Cursor, block: Block | None) -> Statement:
    """The statement at the cursor, which is behind it afterwards; its mistakes are reported, and repaired or lost."""
    statement = Statement(block, cursor.index, cursor.token.start)
    parts.statements.append(statement)
    _Reader(parts, cursor, statement).read()
    return statement


def report_stray(parts: Parts, token: Token, owner: Statement | None) -> None:
    """Report a closing bracket without an opening one."""
    span = parts.span(token)
    fix = Fix(span, "", safe=False)
    parts.report(Diagnostic("MLP0011", f"`{token.text}` closes nothing", span, help="remove it", fix=fix), owner)


class _Open(NamedTuple):
    """An open bracket and the index of its token."""

    token: Token
    at: int


class _Stack:
    """The open brackets, outermost first, with where each was overrun: the first token that cannot follow in it."""

    def __init__(self) -> None:
        self.open: list[_Open] = []
        self._overruns: list[tuple[int, int]] = []  # depth and index; both grow
        self._counts = {")": 0, "]": 0}

    def __len__(self) -> int:
        """How many are open."""
        return len(self.open)

    def push(self, token: Token, index: int) -> None:
        self.open.append(_Open(token, index))
        self._counts[CLOSERS[token.text]] += 1

    def pop(self) -> _Open:
        top = self.open.pop()
        self._counts[CLOSERS[top.token.text]] -= 1
        while self._overruns and self._overruns[-1][0] > len(self.open):
            self._overruns.pop()
        return top

    def overrun(self, index: int) -> None:
        """Remember that the innermost was overrun, if it is the first time."""
        if not self._overruns or self._overruns[-1][0] < len(self.open):
            self._overruns.append((len(self.open), index))

    @property
    def first_overrun(self) -> int | None:
        """The index of the first token that shows that something was to be closed before it."""
        return self._overruns[0][1] if self._overruns else None

    def waits_for(self, closer: str) -> bool:
        """Whether a closing bracket closes any of them."""
        return self._counts[closer] > 0


def _heads_block(first: list[Token], previous: Token) -> bool:
    """Whether a `{` opens a block behind a statement's first three tokens (or fewer) and the one right before it."""
    names = [token.kind == "name" for token in first]
    return bool(first) and names[0] and ((all(names) and len(names) <= 2) or previous.text == ")")


class _Reader:
    """The state of reading one statement."""

    def __init__(self, parts: Parts, cursor: Cursor, statement: Statement) -> None:
        self.parts = parts
        self.cursor = cursor
        self.statement = statement
        self.open = _Stack()
        self.flaws: list[tuple[Flaw, Token]] = []

    def read(self) -> None:
        """To the end of the statement."""
        cursor, statement = self.cursor, self.statement
        try:
            while self._step():
                pass
        finally:  # also when there are too many mistakes: whoever stops reading needs to know how far it came
            statement.last = cursor.index
            statement.end = max(cursor.before().end, statement.start)
        self._report_flaws()

    def _step(self) -> bool:
        """Take one token; False at the end."""
        cursor, token = self.cursor, self.cursor.token
        if token.kind == "newline":
            if self.open:
                cursor.step()
            return bool(self.open)
        if token.kind == "end" or cursor.at("}") or (self.open and self._starts_item()):
            return bool(self.open) and self._close_all()
        if cursor.at("{"):
            return self._brace()
        if cursor.index > cursor.examined:
            cursor.examined = cursor.index
            token = self._examine(token)
            if token.kind == "newline":
                return bool(self.open)
        if self.open and (self._overruns(token) or self._far()):
            return self._close_all()
        if token.text in ("(", "[") and token.kind == "op":
            self.open.push(token, cursor.index)
            if len(self.open) == MAX_OPEN + 1 and not self.statement.reported:
                message = f"nested too deeply: more than {MAX_OPEN} open brackets"
                self.parts.report(Diagnostic("MLP0001", message, self.parts.span(token)), self.statement)
                self.statement.lost = True
        elif token.text in (")", "]") and token.kind == "op":
            self._closing(token)
        cursor.step()
        return True

    def _starts_item(self) -> bool:
        return self.cursor.starts_item(self.statement.block.column if self.statement.block else 1)

    # ---- brackets -------------------------------------------------------------------------------------------------

    def _overruns(self, token: Token) -> bool:
        """Whether `token` shows that what is open was to be closed; a value on a new line is only remembered."""
        previous = self.cursor.before()
        if not ends_value(previous) or not starts_value(token):
            return False
        if self.cursor.starts_line():
            self.open.overrun(self.cursor.index)
            return False
        return token.kind == "name" and token.text in ("on", "as", "in") and starts_value(self.cursor.peek(1))

    def _far(self) -> bool:
        """Whether so much follows an overrun that no closing bracket is to be expected any more."""
        overrun = self.open.first_overrun
        return overrun is not None and self.cursor.index > overrun + MAX_OVERRUN

    def _close_all(self) -> bool:
        """Close what is open where it was overrun, or here, and read on from there; False if the statement ends."""
        cursor = self.cursor
        overrun = self.open.first_overrun
        at = cursor.index if overrun is None else overrun
        before = cursor.before(at)
        cursor.index = at
        while self.open:
            each = self.open.pop()
            if each.at < at:  # the others are read again
                self._report_unclosed(each.token, before, cursor.token)
        return cursor.token.kind not in ("newline", "end") and not cursor.starts_line() and not cursor.at("}")

    def _report_unclosed(self, opening: Token, before: Token, following: Token) -> None:
        closer, noun = CLOSERS[opening.text], _NOUNS[opening.text]
        place = self.parts.source.span(before.end, before.end)
        self.parts.patch.edit(before.end, before.end, closer, self.statement)
        if before.kind == "openlong":  # the string has taken the bracket
            return
        label = Label(self.parts.span(following), f"the {noun} must end before this")
        self.parts.report(
            Diagnostic(
                "MLP0004",
                f"`{opening.text}` is never closed",
                self.parts.span(opening),
                "opened here",
                () if following.kind == "end" else (label,),
                help=f"add the closing `{closer}`",
                fix=Fix(place, closer),
            ),
            self.statement,
        )

    def _closing(self, token: Token) -> None:
        """A closing bracket: match it, or say what is wrong with it."""
        if self.open.waits_for(token.text):
            before = self.cursor.before()
            while CLOSERS[(top := self.open.pop()).token.text] != token.text:
                self._report_unclosed(top.token, before, token)
            return
        span = self.parts.span(token)
        follows = self.cursor.peek(1).text
        if not self.open or follows == CLOSERS[self.open.open[-1].token.text]:
            self.parts.patch.edit(token.start, token.end, " ", self.statement)
            if not self.statement.reported:
                report_stray(self.parts, token, self.statement)
            return
        opening = self.open.pop().token
        closer = CLOSERS[opening.text]
        self.parts.patch.edit(token.start, token.end, closer, self.statement)
        self.parts.report(
            Diagnostic(
                "MLP0011",
                f"`{token.text}` does not close `{opening.text}`",
                span,
                labels=(Label(self.parts.span(opening), "opened here"),),
                help=f"write `{closer}`",
                fix=Fix(span, closer),
            ),
            self.statement,
        )

    def _brace(self) -> bool:
        """`{` inside a statement: a bracket left open, a map of another language, a block inside a block, or astray."""
        cursor, parts, statement = self.cursor, self.parts, self.statement
        previous, brace = cursor.before(), cursor.token
        span = parts.span(brace)
        if self.open and previous.text not in ("=", ",", "(", "[", ":"):
            return self._close_all()
        head = parts.tokens[statement.first : min(cursor.index, statement.first + 3)]
        opens = cursor.peek(1).kind in ("string", "name", "newline") if self.open else _heads_block(head, previous)
        found = Diagnostic("MLP0001", "unexpected `{`", span)
        if self.open and opens:
            found = attrs.evolve(found, help='a map is written `["a" = 1, "b" = 2]`')
        elif opens and statement.block is not None:
            inner = head[0].text in BLOCKS
            help_ = f"move `{head[0].text}` out of it" if inner else "arguments are written in `( )`, with commas"
            found = Diagnostic("MLP0014", f"`{statement.block.keyword}` cannot contain another block", span, help=help_)
        if not statement.reported and (statement.block is not None or (head and head[0].text in ITEMS)):
            parts.report(found, statement)
        statement.lost = True
        if statement.block is not None:  # whose end is no longer sure
            statement.block.sure = False
        if opens or cursor.closes_on_line():
            self._skip_braces()
        else:
            cursor.step()
        return True

    def _skip_braces(self) -> None:
        """Move behind the `}` of a `{`, or to where the block around it must have ended."""
        depth = 0
        cursor = self.cursor
        while cursor.token.kind != "end" and not (depth and self._starts_item()):
            depth += cursor.at("{") - cursor.at("}")
            cursor.step()
            if depth == 0:
                return

    # ---- characters -----------------------------------------------------------------------------------------------

    def _examine(self, token: Token) -> Token:
        """Look into a token; the one that is read in its place."""
        cursor = self.cursor
        if token.kind == "open":
            token = self._split_open(token)
        found = flaw(token, self.parts.source)
        if found is None:
            return token
        if token.text == ";":
            repair = "," if self.open else "\n"
            self.parts.patch.edit(token.start, token.end, repair, None)
            help_ = "write `,`" if self.open else "write one statement per line"
            self.parts.report(attrs.evolve(found.diagnostic, help=help_, fix=Fix(self.parts.span(token), repair)))
            replaced = Token("op", ",", token.start, token.end)
            replaced = replaced if self.open else Token("newline", "\n", token.start, token.end)
        else:
            self.flaws.append((found, token))
            kind = "string" if token.text[0] in "'“‘" and len(token.text) > 1 else token.kind
            replaced = token._replace(kind=kind)
        self.parts.tokens[cursor.index] = replaced
        return replaced

    def _split_open(self, token: Token) -> Token:
        """Take from a string that is never closed the brackets at its end that close what is open on its line."""
        block = self.statement.block
        line = self.parts.source.text.rfind("\n", 0, token.start) + 1
        expected = [CLOSERS[o.token.text] for o in reversed(self.open.open)]
        if block is not None and block.brace is not None and block.brace.start >= line:
            expected.append("}")
        tail = len(token.text)
        for closer in reversed(expected):
            cut = len(token.text[:tail].rstrip(" \t,"))
            if cut < 2 or token.text[cut - 1] != closer:
                break
            tail = cut - 1
        rest = len(token.text[:tail].rstrip(" \t,"))
        if tail == len(token.text) and not self.open:
            rest = tail
        string = token._replace(text=token.text[:rest], end=token.start + rest)
        if rest < len(token.text):
            marks = [i for i in range(rest, len(token.text)) if not token.text[i].isspace()]
            split = [Token("op", token.text[i], token.start + i, token.start + i + 1) for i in marks]
            self.parts.tokens[self.cursor.index : self.cursor.index + 1] = [string, *split]
        return string

    def _report_flaws(self) -> None:
        """One message for what cannot be repaired, one for each thing that can; an open string explains others."""
        told = False
        open_string = any(found.diagnostic.code == "MLP0003" for found, _ in self.flaws)
        for found, token in self.flaws:
            if found.repair is not None:
                self.parts.patch.edit(token.start, token.end, found.repair, self.statement)
            else:
                self.statement.lost = True
            explained = open_string and found.diagnostic.code != "MLP0003"
            if found.repair is not None or not (told or explained):
                self.parts.report(found.diagnostic, self.statement)
                told = told or found.repair is None
