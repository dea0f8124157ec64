"""From text to the AST, with every syntax error of a file in one go. The only importer of lark."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources

from lark import Lark, Token
from lark.exceptions import UnexpectedInput
from lark.lark import PostLex

from mldsl.diagnostics import Diagnostic
from mldsl.source import Source
from mldsl.syntax import ast
from mldsl.syntax.build import Text, build


class NewlineFilter(PostLex):
    """Newlines end statements, except inside ( ) and [ ]; the last line needs none."""

    always_accept = ("_NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The tokens that the grammar is to see."""
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


@cache
def parser() -> Lark:
    """The parser of the grammar."""
    grammar = resources.files("mldsl_grammar").joinpath("mlp.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True, maybe_placeholders=True, postlex=NewlineFilter())


def parse(source: Source) -> tuple[ast.Program, list[Diagnostic]]:
    """The program of a file and what is wrong with its text. Never raises."""
    try:
        tree = parser().parse(source.text)
    except UnexpectedInput as error:
        start = max(error.pos_in_stream or 0, 0)
        span = source.span(start, start + 1)
        return ast.Program((), file=source.name), [Diagnostic("MLP0001", "unexpected text", span)]
    return build(tree, Text(source.text, source.span), (), source.name), []
