"""TF-IDF: word counts, weighed by how rare a word is, and each text brought to one length.

x_ij = tf_ij idf_j / |row i|. tf is how often text i has word j (1 + log of that with `sublinear`, 1 with `binary`).
idf_j = 1 + log((1 + n) / (1 + n_j)), where n are the training rows and n_j those that have the word; without `smooth`
both ones inside of the logarithm are left out. Rows end with Euclidean length 1 (`norm = l2`), absolute values that add
up to 1 (`l1`), or as they are (`none`). n, n_j and the words that are kept are those of each fold's own training rows.

The columns are `text_free`, `text_call now`, in the order of their letters, and sparse: only what is not 0 is kept. A
word is two or more letters, digits or underscores in a row; `lowercase` is on, as in scikit-learn, so a step
`lowercase` is needed only where another step comes between. A text without a known word, and a missing one, is a row of
zeros.

Shapes:  n texts of t words in all, d words in the vocabulary, e entries that are not 0. O(t log t) time, O(t + e)
         memory.
Units:   none.
Errors:  no text has a word that enough of them have (MLP0312). Words that training has not seen are not counted.
Sources: Spärck Jones 1972, doi:10.1108/eb026526; Salton & Buckley 1988, doi:10.1016/0306-4573(88)90021-0.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from mldsl.contract import Examples, Shape, Sparse, tiny
from mldsl.plugin import Component, Output, Range, Transform, hookimpl, param
from mldsl_plugins.text import _counting as counting
from mldsl_plugins.text._tokens import Unit


@attrs.frozen
class Spec:
    """Hyperparameters of TF-IDF."""

    ngrams: Range = counting.NGRAMS
    min_documents: float = counting.MIN_DOCUMENTS
    max_documents: float | None = counting.MAX_DOCUMENTS
    vocabulary: int | None = counting.VOCABULARY
    binary: bool = counting.BINARY
    sublinear: bool = param(
        False, doc="Whether a count becomes 1 + its logarithm, so that ten times is not ten times as much.",
        also_known_as=("sublinear_tf",),
    )  # fmt: skip
    norm: Literal["l2", "l1", "none"] = param("l2", doc="Which length of each row becomes 1.")
    idf: bool = param(True, doc="Whether rare words weigh more.", also_known_as=("use_idf",))
    smooth: bool = param(
        True, doc="Whether one more text, which has every word, is added in the idf.", also_known_as=("smooth_idf",)
    )
    unit: Unit = counting.UNIT
    lowercase: bool = counting.LOWERCASE


class Params(NamedTuple):
    """The weight of each word, and the words that this fit keeps."""

    idf: Float[Array, " d"]
    active: Bool[Array, " d"]


class Info(NamedTuple):
    """How many training rows have each word, and how many there are, by weight; the weight of each word."""

    documents: Float[Array, " d"]
    mass: Float[Array, ""]
    idf: Float[Array, " d"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Choose the words, and weigh them by how rare they are."""
    seen = counting.seen(spec, examples)
    idf = jnp.ones_like(seen.documents)
    if spec.idf:
        more = 1 if spec.smooth else 0
        mass, documents = seen.mass + more, seen.documents + more
        idf = 1 + jnp.log(mass) - jnp.log(jnp.where(seen.active, documents, 1))
    idf = jnp.where(seen.active, idf, 0)
    return Params(idf, seen.active), Info(seen.documents, seen.mass, idf)


def apply(spec: Spec, params: Params, inputs: Sparse) -> Sparse:
    """Weigh the counts, then bring each row to length 1."""
    x = inputs.presence() if spec.binary else inputs
    if spec.sublinear:
        there = x.value > 0
        x = x._replace(value=jnp.where(there, 1 + jnp.log(jnp.where(there, x.value, 1)), 0))
    x = x.scaled(column=params.idf)
    if spec.norm == "none":
        return x
    length = x.row_norms(spec.norm)
    return x.scaled(row=jnp.where(length > 0, 1 / jnp.maximum(length, tiny(length)), 0))


@hookimpl
def mldsl_components() -> list[Component]:
    """TF-IDF."""
    return [
        Transform(
            "tfidf", Spec, host_fit=counting.host_fit, host_apply=counting.host_apply, host_reads=counting.HOST_READS,
            fit=fit, apply=apply, check=counting.check, inputs=("text",), missing="fills",
            outputs=(Output("{column}_*", "continuous", "no", sparse="yes"),),
            snippet="tfidf(ngrams = 1..2, min_documents = 2) on text", example=Spec(ngrams=(1, 2)),
            also_known_as=("TfidfVectorizer", "TfidfTransformer", "tf_idf", "step_tfidf"),
            sources=["Spärck Jones 1972, doi:10.1108/eb026526",
                     "Salton & Buckley 1988, doi:10.1016/0306-4573(88)90021-0"],
        )
    ]  # fmt: skip
