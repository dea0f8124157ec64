"""No input makes checking raise: the examples with tokens deleted, doubled, swapped and replaced, in any number."""

import random
from pathlib import Path

import pytest

from mldsl.plan.json import plan_json
from mldsl.plan.text import plan_text
from mldsl.semantics import analyze, load
from mldsl.source import Source
from mldsl.syntax.scan import scan

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "../shared/language/examples").rglob("*.mlp")), *sorted((ROOT / "examples").rglob("*.mlp"))]
ROUNDS, EACH = 6, 60


def tokens_of(text: str) -> list[str]:
    """The text in pieces that join to it again: tokens, and what stands between them."""
    pieces, done = [], 0
    for token in scan(text)[0]:
        pieces += [text[done : token.start], text[token.start : token.end]]
        done = token.end
    return [piece for piece in [*pieces, text[done:]] if piece]


TEXTS = [path.read_text(encoding="utf-8") for path in FILES]
PIECES = [tokens_of(text) for text in TEXTS]
WORDS = sorted({piece for pieces in PIECES for piece in pieces if piece.strip()})


def mutated(pieces: list[str], rng: random.Random) -> str:
    pieces = list(pieces)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(pieces))
        match rng.randrange(5):
            case 0:
                pieces[at] = ""
            case 1:
                pieces.insert(at, pieces[at] + " ")
            case 2:
                other = rng.randrange(len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case 3:
                pieces[at] = rng.choice(WORDS)
            case 4:
                start = rng.randrange(len(pieces))
                pieces[start : start + rng.randrange(20)] = []
                pieces = pieces or ["x"]
    return "".join(pieces)


def test_pieces_join_to_the_text():
    assert ["".join(pieces) for pieces in PIECES] == TEXTS


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_checking_gives_diagnostics_only(seed, stand_ins):
    rng = random.Random(seed)
    for _ in range(EACH):
        index = rng.randrange(len(FILES))
        text = mutated(PIECES[index], rng)
        loaded = load(Source(FILES[index].name, text, FILES[index]))
        analysis = analyze(loaded, stand_ins)
        assert (analysis.plan is None) >= any(d.severity == "error" for d in analysis.diagnostics)
        for diagnostic in analysis.diagnostics:
            span = diagnostic.span
            assert span is None or span.line >= 1, (diagnostic, text)
        header = {"data": ("label", "text", "age", "p1", "p2")}
        complete = analyze(loaded, stand_ins, {"depth": "3"}, header=header)
        for plan in filter(None, (analysis.plan, complete.plan)):
            assert plan_text(plan)
            assert plan_json(plan)
