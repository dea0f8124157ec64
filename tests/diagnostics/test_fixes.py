"""Safe fixes: applied where they do not overlap, in the right order, and none that is not safe."""

from __future__ import annotations

from mldsl.diagnostics import Diagnostic, Fix
from mldsl.diagnostics.fixes import apply_fixes
from mldsl.source import Source

SOURCE = Source("f.mlp", "one two\nthree\n")


def found(start: int, end: int, text: str, *, safe: bool = True, place: int | None = None) -> Diagnostic:
    at = start if place is None else place
    fix = Fix(SOURCE.span(start, end), text, safe)
    return Diagnostic("MLP0001", "m", SOURCE.span(at, at + 1), fix=fix)


def test_replacements_in_any_order() -> None:
    assert apply_fixes(SOURCE, [found(8, 13, "3"), found(0, 3, "1")]) == "1 two\n3\n"


def test_of_two_that_overlap_the_first_is_taken() -> None:
    assert apply_fixes(SOURCE, [found(2, 5, "X"), found(0, 3, "1")]) == "1 two\nthree\n"


def test_insertions_at_one_place_close_the_inner_first() -> None:
    outer, inner = found(7, 7, ")", place=0), found(7, 7, "]", place=4)
    assert apply_fixes(SOURCE, [outer, inner]) == "one two])\nthree\n"


def test_the_same_fix_twice_is_one() -> None:
    assert apply_fixes(SOURCE, [found(0, 3, "1"), found(0, 3, "1")]) == "1 two\nthree\n"


def test_what_is_not_safe_or_of_another_file_stays() -> None:
    other = Source("g.mlp", "one")
    elsewhere = Diagnostic("MLP0001", "m", other.span(0, 1), fix=Fix(other.span(0, 3), "x"))
    assert apply_fixes(SOURCE, [found(0, 3, "1", safe=False), elsewhere, Diagnostic("MLP0001", "m")]) == SOURCE.text
