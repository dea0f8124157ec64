"""The blocks of a text, found by braces and line starts alone, with repairs for what is broken.

Why it exists: recovery must know where a broken statement ends before it can parse the rest. Braces belong to the
language and parentheses to plugins, so a brace or a keyword at the start of a line says that what is open was meant to
be closed. What is found here is reported and repaired here; what remains for the parser to refuse is inside one
statement.
"""

from __future__ import annotations

import attrs

from mldsl.diagnostics import Diagnostic, Fix, Label
from mldsl.diagnostics.suggest import did_you_mean
from mldsl.source import Source
from mldsl.syntax.brackets import read_statement, report_stray
from mldsl.syntax.characters import comment_sign
from mldsl.syntax.cursor import Cursor
from mldsl.syntax.literals import NAME
from mldsl.syntax.parts import Block, Parts, TooManyError
from mldsl.syntax.scan import BLOCKS, ITEMS, NAMED_BLOCKS, Token

CONTENTS = f"a file contains: {', '.join(ITEMS)}"


def outline(source: Source, tokens: list[Token]) -> Parts:
    """The parts of a text, its broken ones already repaired or taken out. Never raises."""
    parts = Parts(source, tokens)
    if source.text.startswith("\ufeff"):  # what some editors begin a UTF-8 file with
        parts.patch.edit(0, 1, " ", None)
    reader = _Outliner(parts)
    end = len(source.text) + 1
    try:
        _take_out_comments(parts)
        reader.read()
    except TooManyError:
        end = reader.item
    parts.lose(*(part for part in parts.all() if part.lost and part.start < end))
    if end <= len(source.text):
        parts.lose_from(end)
    return parts


def _take_out_comments(parts: Parts) -> None:
    """What other languages mark as a comment is one here, too, once that is told."""
    kept: list[Token] = []
    inside = False
    for token in parts.tokens:
        if token.text == "//" and token.kind == "foreign" and not inside:
            inside = True
            end = parts.source.text.find("\n", token.start)
            parts.patch.edit(token.start, len(parts.source.text) if end < 0 else end, " ", None)
            parts.report(comment_sign(token, parts.source))
        inside = inside and token.kind not in ("newline", "end")
        if not inside:
            kept.append(token)
    parts.tokens[:] = kept


class _Outliner:
    """Reads a file item by item."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.cursor = Cursor(parts.source, parts.tokens)
        self.item = 0  # offset of the item at work
        self._junk = False  # the lines before have no business at the top; one message for all of them

    def read(self) -> None:
        """To the end of the file."""
        cursor = self.cursor
        while (token := cursor.token).kind != "end":
            self.item = token.start
            junk, self._junk = self._junk, False
            if token.kind == "newline":
                cursor.step()
                self._junk = junk
            elif cursor.at("}"):
                cursor.step()
                self.parts.patch.edit(token.start, token.end, " ", None)
                if not junk:
                    report_stray(self.parts, token, None)
            elif token.kind == "name" and token.text in BLOCKS:
                self._block(token.text)
            elif cursor.opens_block():
                self._unknown_block()
            elif token.kind == "name" and token.text == "mlp":
                self._edition()
            elif token.kind == "name" and token.text in ITEMS:
                read_statement(self.parts, self.cursor, None)
            else:
                self._foreign(report=not junk)
                self._junk = True

    # ---- lines ---------------------------------------------------------------------------------------------------

    def _edition(self) -> None:
        """`mlp 1`, which is to come first; its number is checked here, as the grammar takes any."""
        first = self.cursor.token
        late = bool(self.parts.statements or self.parts.blocks)
        statement = read_statement(self.parts, self.cursor, None)
        self.parts.edition_seen = True
        number = self.parts.tokens[statement.first + 1]
        span = self.parts.span(first)
        if number.kind != "number" or statement.reported:
            statement.lost = statement.lost or late
            return
        span = self.parts.source.span(first.start, number.end)
        if not number.text.isdecimal() or int(number.text) < 1:
            message = f"unexpected `{number.text}`"
            note = "an edition is a whole number, counted from 1"
            self.parts.report(Diagnostic("MLP0001", message, self.parts.span(number), notes=(note,)), statement)
            statement.lost = True
        elif late:
            self.parts.edition = int(number.text)
            message = "the edition line must come first"
            self.parts.report(Diagnostic("MLP0016", message, span, help="move it to the top of the file"), statement)
            statement.lost = True

    def _foreign(self, *, report: bool) -> None:
        """A line that starts with nothing a file contains."""
        token = self.cursor.token
        statement = read_statement(self.parts, self.cursor, None)
        statement.lost = True
        if not report or statement.reported:
            return
        meant = did_you_mean(token.text, ("mlp", "use", "include", "param")) if token.kind == "name" else None
        follows = self.parts.tokens[statement.first + 1]
        if meant and follows.kind == ("number" if meant == "mlp" else "string" if meant == "include" else "name"):
            self.parts.report(self._unknown(token, meant, "statement"), statement)
            self.parts.tokens[statement.first] = token._replace(text=meant)
            statement.lost = meant == "mlp"
            self.parts.edition_seen = self.parts.edition_seen or meant == "mlp"
            self.parts.patch.edit(token.start, token.end, meant, statement)
            return
        shown = token.text if len(token.text) <= 40 else token.text[:40] + "..."
        closed = [block for block in self.parts.blocks[-1:] if block.end > 0]
        brace = self.parts.source.span(closed[0].end - 1, closed[0].end) if closed else None
        labels = (Label(brace, "the block ends here"),) if brace and token.kind == "name" else ()
        message = f"unexpected `{shown}`"
        found = Diagnostic("MLP0001", message, self.parts.span(token), labels=labels, notes=(CONTENTS,))
        self.parts.report(found, statement)

    def _unknown(self, token: Token, meant: str | None, what: str) -> Diagnostic:
        span = self.parts.span(token)
        return Diagnostic(
            "MLP0002",
            f"unknown {what} `{token.text}`",
            span,
            notes=(CONTENTS,),
            help=f"did you mean `{meant}`?" if meant else None,
            fix=Fix(span, meant) if meant else None,
        )

    # ---- blocks --------------------------------------------------------------------------------------------------

    def _unknown_block(self) -> None:
        """A block of a name there is not; the nearest name is taken for it, so that what it holds is still read."""
        token = self.cursor.token
        meant = did_you_mean(token.text, BLOCKS)
        diagnostic = self._unknown(token, meant, "block")
        self._block(meant or token.text, diagnostic)

    def _block(self, keyword: str, unknown: Diagnostic | None = None) -> None:
        cursor, token = self.cursor, self.cursor.token
        block = Block(keyword, token.start, cursor.column(token))
        self.parts.blocks.append(block)
        if unknown is not None:
            self.parts.report(unknown, block)
            self.parts.patch.edit(token.start, token.end, keyword, block)
            block.lost = keyword not in BLOCKS
        cursor.step()
        name = cursor.token if cursor.token.kind == "name" and cursor.at("{", 1) else None
        if name is not None:
            cursor.step()
        if cursor.at("{"):
            block.brace = cursor.token
            cursor.step()
            self._check_name(block, name, quiet=unknown is not None)
        else:
            self._missing_brace(block, token)
        self._body(block)

    def _check_name(self, block: Block, name: Token | None, *, quiet: bool) -> None:
        """Only some blocks have names, and a network must have one."""
        assert block.brace is not None
        if name is not None and block.keyword not in NAMED_BLOCKS:
            message = f"a `{block.keyword}` block takes no name"
            fix = Fix(self.parts.source.span(name.start, block.brace.start), "")
            block.sure = block.sure and not quiet
            if not quiet:
                found = Diagnostic("MLP0017", message, self.parts.span(name), help=f"remove `{name.text}`", fix=fix)
                self.parts.report(found, block)
            self.parts.patch.edit(name.start, name.end, " ", block)
        elif name is None and block.keyword == "network":
            help_ = "write `network NAME {`; a model refers to it by its name"
            if not quiet:
                message = "a network needs a name"
                self.parts.report(Diagnostic("MLP0017", message, self.parts.span(block.brace), help=help_), block)
            block.lost = True

    def _missing_brace(self, block: Block, keyword: Token) -> None:
        """Find where the block opens: behind words that do not belong, on the next line, or nowhere."""
        cursor = self.cursor
        ahead = next(i for i in range(len(self.parts.tokens)) if cursor.peek(i).kind in ("newline", "end"))
        braces = [i for i in range(ahead) if cursor.at("{", i)]
        if braces:
            self._words_before_brace(block, braces[0])
            return
        brace = cursor.next_real(ahead)
        if ahead <= 1 and brace.kind == "op" and brace.text == "{":
            last = cursor.peek(ahead - 1)
            message = f"`{{` must stand on the line of `{keyword.text}`"
            between = self.parts.source.text[last.end : brace.start]
            fix = Fix(self.parts.source.span(last.end, brace.start), " ") if between.isspace() else None
            self.parts.report(Diagnostic("MLP0018", message, self.parts.span(brace), fix=fix), block)
            named = ahead == 1 and last.kind == "name" and block.keyword in NAMED_BLOCKS
            self.parts.patch.edit(last.end if named else keyword.end, brace.start, " ", block)
            block.lost = block.lost or (block.keyword == "network" and not named)
            block.brace = brace
            cursor.move_behind(brace)
            return
        named = cursor.token.kind == "name" and block.keyword in NAMED_BLOCKS
        follows = cursor.peek(1)
        if named and (ahead == 1 or (block.keyword == "network" or follows.kind in ("name", "string", "dollar"))):
            cursor.step()
        last = cursor.peek(-1)
        found = Diagnostic(
            "MLP0018",
            f"`{{` is missing after `{last.text}`",
            self.parts.behind(last),
            help=f"a block is written `{block.keyword} {{ ... }}`",
            fix=Fix(self.parts.source.span(last.end, last.end), " {"),
        )
        self.parts.report(found, block)
        self.parts.patch.edit(last.end, last.end, " {", block)
        if cursor.token.kind == "op" and cursor.token.text in (":", "="):
            block.sure = False
            self.parts.patch.edit(cursor.token.start, cursor.token.end, " ", block)
            cursor.step()

    def _words_before_brace(self, block: Block, count: int) -> None:
        """What stands between the keyword, or a name, and `{`; a name in quotes is only that."""
        cursor, first = self.cursor, self.cursor.token
        block.brace = cursor.peek(count)
        text = first.text.strip('"')
        named = block.keyword in NAMED_BLOCKS
        quoted = named and count == 1 and first.kind == "string" and NAME.fullmatch(text) is not None
        found = Diagnostic(
            "MLP0001",
            f"unexpected `{first.text}`",
            self.parts.span(first),
            notes=("expected a name or `{`" if named else "expected `{`",),
            help="names are written without quotes" if quoted else None,
            fix=Fix(self.parts.span(first), text) if quoted else None,
        )
        self.parts.report(found, block)
        self.parts.patch.edit(first.start, first.end if quoted else block.brace.start, text if quoted else " ", block)
        block.lost = block.lost or (block.keyword == "network" and not quoted)
        cursor.step(count + 1)

    def _body(self, block: Block) -> None:
        """The statements up to `}`, or to where the block must have ended."""
        cursor = self.cursor
        while True:
            token = cursor.token
            if token.kind == "newline":
                cursor.step()
            elif token.kind == "end" or cursor.starts_item(block.column):
                self._never_closed(block)
                return
            elif cursor.at("}"):
                cursor.step()
                block.end = token.end
                self._next_line()
                return
            elif cursor.at("{"):
                if self._stray_brace(block):
                    return
            else:
                block.statements.append(read_statement(self.parts, cursor, block))

    def _stray_brace(self, block: Block) -> bool:
        """A statement cannot begin with `{`. Alone on the last line of a block it was meant to be `}`; True if so."""
        cursor, brace = self.cursor, self.cursor.token
        span = self.parts.span(brace)
        cursor.step()
        cursor.skip_newlines()
        closes = cursor.token.kind == "end" or cursor.starts_item(block.column)
        note = f"`{block.keyword}` cannot contain another block"
        found = Diagnostic("MLP0001", "unexpected `{`", span, notes=() if closes else (note,))
        if closes:
            found = attrs.evolve(found, help="did you mean `}`?", fix=Fix(span, "}"))
            block.end = brace.end
        self.parts.report(found, block if closes else None)
        self.parts.patch.edit(brace.start, brace.end, "}" if closes else " ", block)
        return closes

    def _never_closed(self, block: Block) -> None:
        cursor = self.cursor
        last, header = cursor.before(), cursor.token
        block.end = last.end
        self.parts.patch.edit(last.end, last.end, "}", block)
        block.sure = block.brace is not None
        if block.brace is None or last.kind == "openlong":  # told already
            return
        at_end = header.kind == "end"
        one_line = "\n" not in self.parts.source.text[block.brace.start : last.end]
        place = last.end if one_line else self._line_end(last.end)
        self.parts.report(
            Diagnostic(
                "MLP0005",
                f"block `{block.keyword}` is never closed",
                self.parts.span(block.brace),
                "opened here",
                () if at_end else (Label(self.parts.span(header), "the next block starts here"),),
                help="add `}` at the end" if at_end else "add `}` before it",
                fix=Fix(self.parts.source.span(place, place), " }" if one_line else "\n}"),
            ),
            block,
        )

    def _next_line(self) -> None:
        """Behind `}` the line ends."""
        token = self.cursor.token
        if token.kind in ("newline", "end") or self.cursor.at("}"):
            return
        self.parts.patch.edit(token.start, token.start, "\n", None)
        if token.kind == "name":
            span = self.parts.span(token)
            fix = Fix(self.parts.source.span(token.start, token.start), "\n")
            found = Diagnostic("MLP0007", "two statements on one line", span, help="begin a new line here", fix=fix)
            self.parts.report(found)

    # ---- places --------------------------------------------------------------------------------------------------

    def _line_end(self, offset: int) -> int:
        end = self.parts.source.text.find("\n", offset)
        return len(self.parts.source.text) if end < 0 else end
