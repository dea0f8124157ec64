"""From text to the AST, with every syntax error of a file in one go.

Recovery is by blanking and parsing again: the outline of the text (`mldsl.syntax.outline`) repairs what brackets and
line starts alone show; then each statement that the grammar refuses is explained, repaired or blanked, and the parser
starts anew, at most `MAX_ROUNDS` times. It needs nothing of the parser's inside but where it stopped and what it would
have taken there.
"""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.diagnostics import Diagnostic, Fix
from mldsl.source import Source
from mldsl.syntax import ast
from mldsl.syntax.build import Text, TooDeepError, build
from mldsl.syntax.characters import forbidden_in_comments
from mldsl.syntax.edits import PlaceMap
from mldsl.syntax.machine import Refusal, parse_tree
from mldsl.syntax.outline import outline
from mldsl.syntax.parts import Block, Parts, Statement, TooManyError
from mldsl.syntax.scan import Token, scan

MAX_ROUNDS = 20
_LOCAL = ("MLP0006", "MLP0012")  # whose repair is so certain that what the statement still lacks is told as well


def parse(source: Source) -> tuple[ast.Program, list[Diagnostic]]:
    """The program of a file, as far as it parses, and what is wrong with its text, in the order of the text.

    Never raises, whatever the text. A file of a newer edition gives an empty program and MLP0902 alone.
    """
    tokens, places = scan(source.text)
    newer = _newer_edition(source, tokens)
    if newer is not None:
        return newer
    comments = _comments(source, places)
    parts = outline(source, tokens)
    program = _program(parts, comments)
    found = [*parts.diagnostics, *forbidden_in_comments(places, source)]
    if not parts.edition_seen:
        found.append(_no_edition(source))
    found.sort(key=lambda diagnostic: (diagnostic.span.line, diagnostic.span.column) if diagnostic.span else (0, 0))
    return attrs.evolve(program, edition=program.edition or parts.edition, lost=parts.lost_kinds()), found


# ---- recovery -----------------------------------------------------------------------------------------------------


def _program(parts: Parts, comments: tuple[ast.Comment, ...]) -> ast.Program:
    """Parse, and mend what is refused, until the rest parses."""
    offset = 0
    for mended in range(MAX_ROUNDS + 1):
        program, offset, accepts = _round(parts, comments)
        if program is not None:
            return program
        try:
            if mended < MAX_ROUNDS:
                _mend(parts, offset, accepts)
        except TooManyError:
            break
    parts.more = True
    part = parts.part_at(offset)
    item = part.block if isinstance(part, Statement) and part.block else part
    for start in (item.start if item else 0, 0):
        parts.lose_from(start)
        program, _, _ = _round(parts, comments)
        if program is not None:
            return program
    return ast.Program((), file=parts.source.name, comments=comments)


def _round(parts: Parts, comments: tuple[ast.Comment, ...]) -> tuple[ast.Program | None, int, frozenset[str]]:
    """The program; or where in the file the parser stopped, and what it would have taken (nothing: too deep)."""
    text, places = parts.patch.apply()
    outcome = parse_tree(text)
    if isinstance(outcome, Refusal):
        return None, places.original(outcome.offset), outcome.accepts
    try:
        return build(outcome, Text(text, _placer(parts.source, places)), comments, parts.source.name), 0, frozenset()
    except TooDeepError as error:
        return None, places.original(error.start), frozenset()


def _mend(parts: Parts, offset: int, accepts: frozenset[str]) -> None:
    """Explain what was refused at an offset, and repair it or take it out."""
    part = parts.part_at(offset)
    if isinstance(part, Statement) and part.lost:
        part = part.block
    if part is None or part.lost:
        raise TooManyError
    span = parts.source.span(offset, offset)
    if not accepts:
        span = parts.source.span(part.start, part.end)
        found = Diagnostic("MLP0001", "this is nested too deeply", span)
    elif isinstance(part, Block):
        found = Diagnostic("MLP0001", f"this is no `{part.keyword}` block", span)
    else:
        from mldsl.syntax.mistakes import explain  # of no use to a sound file

        mistake = explain(parts, part, offset, accepts)
        found = mistake.diagnostic
        if mistake.repair is not None and not part.reported:
            parts.patch.edit(*mistake.repair, part)
            parts.report(found, part)
            part.reported = found.code not in _LOCAL
            return
    told = part.reported
    parts.lose(part)
    if not told:
        parts.report(found, part)


def _placer(source: Source, places: PlaceMap) -> Any:
    if not places.starts:
        return source.span
    return lambda start, end: source.span(places.original(start), places.original(end, ends=True))


# ---- editions and comments ------------------------------------------------------------------------------------------


def _newer_edition(source: Source, tokens: list[Token]) -> tuple[ast.Program, list[Diagnostic]] | None:
    real = [token for token in tokens[:50] if token.kind != "newline"][:2]
    if len(real) < 2 or real[0].text != "mlp" or real[1].kind != "number" or not real[1].text.isdecimal():
        return None
    edition = int(real[1].text[:100])
    if edition <= ast.EDITION:
        return None
    span = source.span(real[0].start, real[1].end)
    message = f"this file is written in edition {edition}, which is newer than this mldsl"
    note = f"this version reads editions up to {ast.EDITION}"
    found = Diagnostic("MLP0902", message, span, notes=(note,), help="install a newer version of mldsl")
    return ast.Program((), edition, source.name, span), [found]


def _no_edition(source: Source) -> Diagnostic:
    start = source.span(0, 0)
    return Diagnostic(
        "MLP0901",
        "no edition line",
        start,
        notes=(f"edition {ast.EDITION}, the newest, is assumed",),
        help=f"begin the file with `mlp {ast.EDITION}`",
        fix=Fix(start, f"mlp {ast.EDITION}\n"),
        severity="warning",
    )


def _comments(source: Source, places: list[tuple[int, int]]) -> tuple[ast.Comment, ...]:
    comments = []
    for start, end in places:
        text = source.text[start:end].rstrip()
        line_start = source.text.rfind("\n", 0, start) + 1
        own_line = not source.text[line_start:start].strip()
        comments.append(ast.Comment(text, source.span(start, start + len(text)), own_line))
    return tuple(comments)
