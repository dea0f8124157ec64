"""What the vectorizers that learn a vocabulary share: their parameters, their host half, and which words a fold has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Bool, Float

from mldsl.contract import Examples, HostSparse, Shape, Sparse
from mldsl.plugin import Problem, param
from mldsl_plugins.text import _grams as grams
from mldsl_plugins.text._tokens import Unit

HOST_READS = ("unit", "ngrams", "lowercase", "min_documents")


@runtime_checkable
class Counting(Protocol):
    """The parameters of a Spec that learns a vocabulary."""

    unit: Unit
    ngrams: tuple[int, int]
    lowercase: bool
    min_documents: float
    max_documents: Any
    vocabulary: int | None
    binary: bool


# ---- parameters ------------------------------------------------------------------------------------------------------
UNIT = param(
    "words", doc="What is counted: words of two or more letters and digits, or characters.",
    also_known_as=("analyzer", "token_pattern"),
)  # fmt: skip
NGRAMS = param(
    (1, 1), ge=1, doc="Least and greatest number of neighbouring words or characters that are counted as one.",
    also_known_as=("ngram_range", "n_gram"),
)  # fmt: skip
LOWERCASE = param(True, doc="Whether to put the text in lower case first.", also_known_as=("to_lower",))
MIN_DOCUMENTS = param(
    1.0, gt=0, doc="Training rows that must have a word, else it is left out; below 1 a share of them.",
    also_known_as=("min_df",),
)  # fmt: skip
MAX_DOCUMENTS = param(
    None, gt=0, traced=True, also_known_as=("max_df",),
    doc="Training rows that may have a word, else it is left out; up to 1 a share of them.",
)  # fmt: skip
VOCABULARY = param(
    None, ge=1, unit="words", doc="Most words to keep: those that the training rows have most often.",
    also_known_as=("max_features",),
)  # fmt: skip
BINARY = param(False, doc="Whether a word counts once however often a text has it.")


# ---- on the host -----------------------------------------------------------------------------------------------------
def host_fit(
    spec: Counting, columns: Mapping[str, pl.Series], weight: np.ndarray
) -> tuple[dict[str, Any], dict[str, HostSparse]]:
    """The vocabulary of the training rows, and the counts of all rows.

    A word that is in too few of all training rows is in too few of every fold's, so it is left out here.
    """
    low, high = _lengths(spec)
    least = spec.min_documents if spec.min_documents >= 1 else 0.0
    states, blocks = {}, {}
    for name, texts in columns.items():
        found, entries = grams.learned(texts, spec.unit, spec.lowercase, (low, high), np.asarray(weight), least)
        states[name] = grams.as_state(found, spec.unit)
        blocks[name] = grams.block(name, found, spec.unit, entries, len(texts))
    return states, blocks


def host_apply(spec: Counting, state: Mapping[str, Any], columns: Mapping[str, pl.Series]) -> dict[str, HostSparse]:
    """The counts of new rows; what is not in the vocabulary is not counted."""
    blocks = {}
    for name, texts in columns.items():
        known = grams.of_state(state[name], spec.unit, _lengths(spec))
        entries = grams.counted_by(known, texts, spec.unit, spec.lowercase)
        blocks[name] = grams.block(name, known, spec.unit, entries, len(texts))
    return blocks


def _lengths(spec: Counting) -> tuple[int, int]:
    low, high = spec.ngrams
    return int(low), int(high)


def check(spec: Counting, shape: Shape) -> Iterator[Problem]:
    """Lengths are whole numbers, and there must be something to count."""
    if any(int(end) != end for end in spec.ngrams):
        yield Problem("ngrams", f"expected whole numbers, found {spec.ngrams[0]:g}..{spec.ngrams[1]:g}")
    if not shape.wide:
        least = f"{spec.min_documents:g} or more" if spec.min_documents > 1 else "any"
        yield Problem("min_documents", f"expected {spec.unit} that {least} of the training rows have, found none")


# ---- in each fold ----------------------------------------------------------------------------------------------------
class Seen(NamedTuple):
    """What the rows of a fit say of the words: rows that have each, all rows, and which words are kept."""

    documents: Float[Array, " d"]
    mass: Float[Array, ""]
    active: Bool[Array, " d"]


def seen(spec: Counting, examples: Examples) -> Seen:
    """Documents of each word, by weight, and the words that these rows keep."""
    x = examples.inputs
    assert isinstance(x, Sparse)
    there = x.presence()
    documents, mass = there.column_sums(examples.weight), examples.weight.sum()
    active = documents > 0 if examples.active is None else examples.active & (documents > 0)
    least = spec.min_documents if spec.min_documents >= 1 else spec.min_documents * mass
    active &= documents >= least
    if spec.max_documents is not None:
        most = jnp.where(spec.max_documents <= 1, spec.max_documents * mass, spec.max_documents)
        active &= documents <= most
    if spec.vocabulary is not None and spec.vocabulary < x.d:
        count = (there if spec.binary else x).column_sums(examples.weight)
        order = jnp.argsort(-jnp.where(active, count, -1), stable=True)
        first = jnp.zeros(x.d, bool).at[order[: spec.vocabulary]].set(True)
        active &= first
    return Seen(documents, mass, active)
