"""From a formula to the columns of a design matrix: the algebra of its terms, and how its factors are coded.

Terms follow R: `a*b` is `a + b + a:b`, `(a + b + c)^2` all products of up to two, `-` takes terms away, `- 1` or `+ 0`
the intercept; terms are ordered by degree, those of equal degree as written. Numbers enter as they are. A column with
levels (a factor) is coded by treatment contrasts, an indicator for every level but the first, which is the reference;
where the margin of an interaction is absent, by indicators of all levels, so that the term still spans what it means.

What a term of factors spans is the sum of the contrasts of all subsets of its factors. Those that earlier terms span
(among terms with the same numbers) are left out, and what remains is joined: contrasts of S and contrasts of S with one
factor more are together contrasts of S with all levels of that factor. So no column is ever a sum of others. R decides
on each factor by itself, which is the same wherever its columns are independent; `~ a:b` with an intercept is where it
is not, and where R then reports coefficients that are NA.

Sources: Wilkinson & Rogers 1973, doi:10.2307/2346786; Chambers & Hastie 1992, Statistical Models in S.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import combinations, product

import attrs

from mldsl.plan.model import Apply, Columns, ColumnUse, Constant, ModelPlan, RowExpression

INTERCEPT = "(intercept)"


@attrs.frozen
class Variable:
    """A column that a formula may name; `levels` in the order of their codes, None if it is a number."""

    name: str
    levels: tuple[str, ...] | None = None


@attrs.frozen
class DesignColumn:
    """A column of the matrix: the product of its parts, each a number's column or the indicator of a level's place."""

    name: str
    parts: tuple[tuple[str, int | None], ...]


@attrs.frozen
class DesignTerm:
    """A term, such as `a:b`, and its columns; none where its only factor has but one level."""

    name: str
    factors: tuple[str, ...]
    columns: tuple[DesignColumn, ...]


@attrs.frozen
class Design:
    """The matrix of a formula, without data: its terms in order, and whether an intercept stands before them.

    `references` maps each factor to its first level, which is 0 in all columns (where it is coded by contrasts).
    `factors` are all factors with their levels.
    """

    intercept: bool
    terms: tuple[DesignTerm, ...]
    factors: tuple[tuple[str, tuple[str, ...]], ...] = ()
    references: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> tuple[DesignColumn, ...]:
        """All columns, in order; the intercept is none of them."""
        return tuple(column for term in self.terms for column in term.columns)

    def positions(self) -> dict[str, tuple[int, ...]]:
        """Term -> where its columns are in the matrix."""
        found, start = {}, 0
        for term in self.terms:
            found[term.name] = tuple(range(start, start + len(term.columns)))
            start += len(term.columns)
        return found


def matched(on: Sequence[str], present: Sequence[str]) -> list[str]:
    """The present columns that the names and globs of `on` stand for, each once, in order of `on`."""
    found: list[str] = []
    known = set(present)
    for name in on:
        hits = [name] if name in known else [p for p in present if fnmatchcase(p, name)]
        found += [h for h in hits if h not in found]
    return found


def columns_named(right: RowExpression) -> Iterator[str]:
    """The columns and sets of columns that a formula reads, in the order of its text."""
    match right:
        case ColumnUse(name=name):
            yield name
        case Columns(names=names):
            yield from names
        case Apply(args=args):
            for arg in args:
                yield from columns_named(arg)


def absent(right: RowExpression, present: Sequence[str]) -> list[str]:
    """The columns that a formula names and that are not there."""
    match right:
        case ColumnUse(name=name):
            return [] if name in present else [name]
        case Apply(args=args):
            return [name for arg in args for name in absent(arg, present)]
    return []


# ---- the algebra of terms --------------------------------------------------------------------------------------------
Term = tuple[str, ...]


@attrs.frozen
class _Sum:
    """Terms, and what they say of the intercept: that it is in, out, or nothing."""

    terms: tuple[Term, ...] = ()
    intercept: bool | None = None


def terms_of(right: RowExpression, present: Sequence[str]) -> tuple[bool, tuple[Term, ...]]:
    """Whether there is an intercept, and the terms in R's order, each the names of the columns that it multiplies."""
    found = _sum(right, present)
    return found.intercept is not False, tuple(sorted(found.terms, key=len))


def _sum(node: RowExpression, present: Sequence[str]) -> _Sum:
    match node:
        case ColumnUse(name=name):
            return _Sum(((name,),))
        case Columns(names=names):
            return _Sum(tuple((name,) for name in matched(names, present)))
        case Constant(value=value):
            return _Sum((), bool(value))
        case Apply(op="negate", args=(inner,)):
            return _less(_Sum(), _sum(inner, present))
        case Apply(op="^", args=(inner, Constant(value=int() as degree))):
            base = result = _sum(inner, present)
            for _ in range(degree - 1):
                result = _Sum(_crossed(result.terms, base.terms))
            return result
        case Apply(op=op, args=(left, right)):
            taken = op == "-" or (op == "+" and isinstance(right, Apply) and right.op == "negate")
            one = _sum(left, present)
            other = _sum(right.args[0] if op == "+" and taken and isinstance(right, Apply) else right, present)
            if taken:
                return _less(one, other)
            if op == "+":
                said = one.intercept if other.intercept is None else other.intercept
                return _Sum(_distinct((*one.terms, *other.terms)), said)
            crossed = _crossed(one.terms, other.terms)
            return _Sum(_distinct((*one.terms, *other.terms, *crossed)) if op == "*" else crossed)
    raise TypeError(f"no formula: {node!r}")


def _less(one: _Sum, other: _Sum) -> _Sum:
    gone = {frozenset(term) for term in other.terms}
    said = one.intercept if other.intercept is None else not other.intercept
    return _Sum(tuple(term for term in one.terms if frozenset(term) not in gone), said)


def _crossed(left: Sequence[Term], right: Sequence[Term]) -> tuple[Term, ...]:
    return _distinct([(*a, *(name for name in b if name not in a)) for a, b in product(left, right)])


def _distinct(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Each product once, as it was written first."""
    found: dict[frozenset[str], Term] = {}
    for term in terms:
        found.setdefault(frozenset(term), term)
    return tuple(found.values())


# ---- coding ----------------------------------------------------------------------------------------------------------
Coding = dict[str, bool]  # factor -> whether all of its levels have a column


def design_of(right: RowExpression, variables: Sequence[Variable]) -> Design:
    """The design of a formula over these columns, in the order in which sets of columns take them."""
    levels = {variable.name: variable.levels for variable in variables}
    intercept, terms = terms_of(right, list(levels))
    spanned: dict[frozenset[str], set[frozenset[str]]] = {frozenset(): {frozenset()} if intercept else set()}
    made, contrasts = [], {}
    for term in terms:
        factors = [name for name in term if levels[name] is not None]
        numbers = frozenset(term) - set(factors)
        codings = _codings(factors, spanned.setdefault(numbers, set()))
        columns = [column for coding in codings for column in _columns(term, coding, levels)]
        made.append(DesignTerm(":".join(term), term, tuple(columns)))
        contrasts.update({name: True for coding in codings for name, full in coding.items() if not full})
    used = {name for term in terms for name in term}
    named = tuple((v.name, v.levels) for v in variables if v.name in used and v.levels is not None)
    references = tuple((name, its[0]) for name, its in named if name in contrasts and its)
    return Design(intercept, tuple(made), named, references)


def _codings(factors: Sequence[str], spanned: set[frozenset[str]]) -> list[Coding]:
    """How the factors of a term are coded: blocks of columns, each with the factors in it; marks what is spanned."""
    subsets = [subset for size in range(len(factors) + 1) for subset in combinations(factors, size)]
    left = [dict.fromkeys(subset, False) for subset in subsets if frozenset(subset) not in spanned]
    spanned.update(map(frozenset, subsets))
    while (pair := _pair(left)) is not None:
        small, large = pair
        left[large] = {name: left[small].get(name, True) for name in left[large]}
        del left[small]
    return left


def _pair(blocks: Sequence[Coding]) -> tuple[int, int] | None:
    """The first two blocks of which the second has one factor more, as a contrast, and is else the same."""
    for small, large in combinations(range(len(blocks)), 2):
        if len(blocks[large]) == len(blocks[small]) + 1 and blocks[small].items() <= blocks[large].items():
            return small, large
    return None


def _columns(term: Term, coding: Coding, levels: dict[str, tuple[str, ...] | None]) -> Iterator[DesignColumn]:
    """The products of a block; the levels of its first factor change fastest."""
    choices: list[list[tuple[str, int | None]]] = []
    for name in term:
        its = levels[name]
        if its is None:
            choices.append([(name, None)])
        elif name in coding:
            choices.append([(name, place) for place in range(0 if coding[name] else 1, len(its))])
    for parts in product(*reversed(choices)):
        forward = tuple(reversed(parts))
        yield DesignColumn(":".join(_part_name(name, place, levels) for name, place in forward), forward)


def _part_name(name: str, place: int | None, levels: dict[str, tuple[str, ...] | None]) -> str:
    its = levels[name]
    return name if place is None or its is None else f"{name}[{its[place]}]"


# ---- what a model reads ----------------------------------------------------------------------------------------------
def columns_read(model: ModelPlan) -> tuple[str, ...]:
    """The columns and globs that a model with a formula reads: those of the formula, and what its steps work on."""
    assert model.design is not None
    found = dict.fromkeys(columns_named(model.design.right))
    for step in model.steps:
        found.update(dict.fromkeys((*step.on, *((step.per,) if step.per else ()))))
        if step.derive is not None:
            found.update(dict.fromkeys(columns_named(step.derive[1])))
    return tuple(found)
