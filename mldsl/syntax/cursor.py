"""A place among the tokens of a text, with what recovery asks about it."""

from __future__ import annotations

from mldsl.diagnostics.suggest import did_you_mean
from mldsl.source import Source
from mldsl.syntax.scan import BLOCKS, Token


class Cursor:
    """Moves over tokens; `ahead` counts from the next one. The last token is of kind `end`."""

    def __init__(self, source: Source, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.text = source.text
        self.index = 0
        self.examined = -1  # the last token that was looked into; some are read twice

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.index]

    def peek(self, ahead: int) -> Token:
        """A token further on, or before; the last one beyond the end."""
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def step(self, count: int = 1) -> None:
        """Move on."""
        self.index = min(self.index + count, len(self.tokens) - 1)

    def move_behind(self, token: Token) -> None:
        """Move on to what follows a token."""
        while self.token.start <= token.start and self.token.kind != "end":
            self.index += 1

    def skip_newlines(self) -> None:
        """Move to the next token that is no newline."""
        while self.token.kind == "newline":
            self.index += 1

    def at(self, operator: str, ahead: int = 0) -> bool:
        """Whether an operator or bracket stands there."""
        token = self.peek(ahead)
        return token.kind == "op" and token.text == operator

    def before(self, index: int | None = None) -> Token:
        """The last token before the next one (or before that of an index), newlines apart."""
        index = (self.index if index is None else index) - 1
        while index > 0 and self.tokens[index].kind == "newline":
            index -= 1
        return self.tokens[max(index, 0)]

    def closes_on_line(self) -> bool:
        """Whether a `}` follows soon on this line."""
        for ahead in range(30):
            if self.peek(ahead).kind in ("newline", "end"):
                return False
            if self.at("}", ahead):
                return True
        return False

    def next_real(self, ahead: int = 0) -> Token:
        """The next token that is no newline."""
        while self.peek(ahead).kind == "newline":
            ahead += 1
        return self.peek(ahead)

    def column(self, token: Token) -> int:
        """The 1-based column of a token."""
        return token.start - self.text.rfind("\n", 0, token.start)

    def starts_line(self) -> bool:
        """Whether the next token is the first of its line."""
        return self.index == 0 or self.tokens[self.index - 1].kind == "newline"

    def opens_block(self) -> bool:
        """Whether `name {` or `name name {` stands here."""
        return self.token.kind == "name" and (self.at("{", 1) or (self.peek(1).kind == "name" and self.at("{", 2)))

    def starts_item(self, column: int) -> bool:
        """Whether an item of the file starts here, no further right than `column`: a place to begin anew."""
        token, follows = self.token, self.peek(1)
        if token.kind != "name" or not self.starts_line() or self.column(token) > column:
            return False
        match token.text:
            case "param":
                return follows.kind == "name" and self.at(":", 2)
            case "use":
                return follows.kind == "name"
            case "include":
                return follows.kind == "string"
            case "mlp":
                return follows.kind == "number"
        if not self.opens_block():
            return False
        return token.text in BLOCKS or (self.column(token) == 1 and did_you_mean(token.text, BLOCKS) is not None)
