"""Words as numbers: what scikit-learn's vectorizers give, value by value; folds, new texts, mistakes."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.text import _grams as grams
from mldsl_plugins.text import count_words, hash_words, tfidf
from mldsl_plugins.text._murmur import murmur3
from mldsl_plugins.text._tokens import tokens_of
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.utils import murmurhash3_32

import mldsl
from mldsl.contract import Examples, Shape, as_tree
from mldsl.diagnostics import MldslError
from mldsl.execute.arrays import pad_sparse
from mldsl.execute.blocks import as_csr, masked
from mldsl.execute.buckets import bucket, pad

SMS = "SMS spam"
ODD = ["Ünï-cødé x² ½ ٣٤ a_b __ ₂₃ e\u0301te\u0301 हिन्दी 漢字かな 🙂🙂 don't İstanbul ſtraße ΣΑΣ",
       "", "a", "  two\t\tblanks\nand\n\nlines ", "same same SAME"]  # fmt: skip


@pytest.fixture(scope="module")
def messages():
    return pl.read_csv(Path("examples/data/sms_spam.csv"))["text"]


class Fit:
    """A vectorizer that learned from the rows of weight above 0: the matrix of all rows and its names."""

    def __init__(self, module, texts, weight=None, **arguments):
        self.spec = module.Spec(**arguments)
        self.module = module
        weight = np.ones(len(texts)) if weight is None else weight
        self.state, blocks = module.counting.host_fit(self.spec, {"t": texts}, weight)
        self.names = [name.removeprefix("t_") for name in blocks["t"].names]
        x, n = self.padded(blocks["t"]), bucket(len(texts))
        examples = Examples(x, pad(weight.astype(np.float32), n))
        fit = jax.jit(module.fit, static_argnums=2)
        self.params, self.info = fit(self.tree, jax.random.key(0), Shape(n, wide=x.d), examples)
        self.block = self.applied(x, len(texts))

    @property
    def tree(self):
        return as_tree(self.spec)

    def padded(self, block):
        return pad_sparse(block, bucket(block.rows), np.float32)

    def applied(self, x, rows):
        out = jax.jit(self.module.apply)(self.tree, self.params, x)
        return as_csr(masked(out, self.params.active).matrix)[:rows]

    def new(self, texts):
        block = self.module.counting.host_apply(self.spec, self.state, {"t": texts})["t"]
        return self.applied(self.padded(block), len(texts))

    @property
    def kept(self):
        """The matrix and names of the columns that exist."""
        active = np.asarray(self.params.active)
        return self.block[:, np.flatnonzero(active)], [n for n, a in zip(self.names, active, strict=True) if a]


def same(agreement, component, quantity, found, expected, data=SMS, **tolerance):
    """Two sparse matrices: the same places, and values that agree."""
    found, expected = csr_array(found), csr_array(expected)
    found.sum_duplicates(), expected.sum_duplicates()
    found.eliminate_zeros(), expected.eliminate_zeros()
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.indices, expected.indices)
    agreement(component, quantity, found.data, expected.data, reference="scikit-learn", data=data, **tolerance)


COUNTS = [
    ({}, {}),
    ({"ngrams": (1, 2)}, {"ngram_range": (1, 2)}),
    ({"ngrams": (2, 3), "min_documents": 2.0}, {"ngram_range": (2, 3), "min_df": 2}),
    ({"unit": "characters", "ngrams": (1, 3)}, {"analyzer": "char", "ngram_range": (1, 3)}),
    ({"lowercase": False, "binary": True}, {"lowercase": False, "binary": True}),
    ({"min_documents": 0.01, "max_documents": 0.2}, {"min_df": 0.01, "max_df": 0.2}),
    ({"min_documents": 3.0, "max_documents": 40.0}, {"min_df": 3, "max_df": 40}),
]


@pytest.mark.parametrize(("ours", "theirs"), COUNTS)
def test_counts_and_vocabulary(ours, theirs, messages, agreement):
    reference = CountVectorizer(**theirs)
    expected = reference.fit_transform(messages.to_list())
    found, names = Fit(count_words, messages, **ours).kept
    assert names == reference.get_feature_names_out().tolist()
    same(agreement, "transform.count_words", f"counts, {theirs or 'defaults'}", found, expected)


WEIGHED = [
    ({}, {}),
    ({"ngrams": (1, 2)}, {"ngram_range": (1, 2)}),
    ({"unit": "characters", "ngrams": (2, 4)}, {"analyzer": "char", "ngram_range": (2, 4)}),
    ({"sublinear": True, "norm": "l1"}, {"sublinear_tf": True, "norm": "l1"}),
    ({"norm": "none", "smooth": False}, {"norm": None, "smooth_idf": False}),
    ({"idf": False, "min_documents": 2.0}, {"use_idf": False, "min_df": 2}),
    ({"binary": True, "max_documents": 0.1}, {"binary": True, "max_df": 0.1}),
]


@pytest.mark.parametrize(("ours", "theirs"), WEIGHED)
def test_tfidf(ours, theirs, messages, agreement):
    reference = TfidfVectorizer(**theirs)
    expected = reference.fit_transform(messages.to_list())
    fit = Fit(tfidf, messages, **ours)
    found, names = fit.kept
    assert names == reference.get_feature_names_out().tolist()
    same(agreement, "transform.tfidf", f"values, {theirs or 'defaults'}", found, expected)
    if ours.get("idf", True):
        idf = np.asarray(fit.params.idf)[np.asarray(fit.params.active)]
        agreement("transform.tfidf", "idf", idf, reference.idf_, reference="scikit-learn", data=SMS)


def test_new_texts_are_weighed_as_by_scikit_learn(messages, agreement):
    reference = TfidfVectorizer(ngram_range=(1, 2), min_df=2).fit(messages[:3000].to_list())
    weight = (np.arange(len(messages)) < 3000).astype(float)
    fit = Fit(tfidf, messages, weight, ngrams=(1, 2), min_documents=2.0)
    assert fit.names == reference.get_feature_names_out().tolist(), "words of rows of weight 0 are not learned"
    expected = reference.transform(messages[3000:].to_list())
    same(agreement, "transform.tfidf", "values of held-out rows", fit.block[3000:], expected)
    same(agreement, "transform.tfidf", "values of new rows", fit.new(messages[3000:]), expected)


def test_a_limited_vocabulary_has_the_most_frequent_words(messages):
    counts = CountVectorizer().fit(messages.to_list())
    total = np.asarray(counts.transform(messages.to_list()).sum(axis=0)).ravel()
    _, names = Fit(count_words, messages, vocabulary=500).kept
    words = counts.get_feature_names_out()
    least = np.sort(total)[-500]
    assert len(names) == 500
    assert {word for word, count in zip(words, total, strict=True) if count > least} < set(names)
    assert all(total[counts.vocabulary_[name]] >= least for name in names)


def test_a_weight_of_2_is_two_texts_and_half_the_rows_are_a_fold(messages):
    texts = messages[:400]
    double = Fit(tfidf, texts, np.full(400, 2.0))
    twice = Fit(tfidf, pl.concat([texts, texts]))
    np.testing.assert_allclose(double.params.idf, twice.params.idf, rtol=1e-6)
    half = np.arange(400) < 200
    fold, alone = Fit(tfidf, texts, half.astype(float)), Fit(tfidf, texts[:200])
    assert fold.names == alone.names
    np.testing.assert_allclose(fold.params.idf, alone.params.idf, rtol=1e-6)


def test_a_word_too_rare_in_a_fold_is_no_column_there(messages):
    texts = messages[:400]
    everything = Fit(count_words, texts, min_documents=3.0)
    x = everything.padded(count_words.counting.host_fit(everything.spec, {"t": texts}, np.ones(400))[1]["t"])
    fold = pad((np.arange(400) < 200).astype(np.float32), x.n)
    params, info = count_words.fit(
        everything.tree,
        jax.random.key(0),
        Shape(x.n, wide=x.d),
        Examples(jax.tree.map(jnp.asarray, x), jnp.asarray(fold)),
    )
    alone = Fit(count_words, texts[:200], min_documents=3.0)
    kept = [name for name, active in zip(everything.names, params.active, strict=True) if active]
    assert kept == alone.names
    assert len(kept) < len(everything.names)
    assert float(info.mass) == 200


# ---- tokens ----------------------------------------------------------------------------------------------------------
def test_words_are_those_of_pythons_regular_expression():
    tokens = tokens_of(pl.Series(ODD), "words", True)
    expected = [re.findall(r"(?u)\b\w\w+\b", text.lower()) for text in ODD]
    found = [[tokens.known[int(i)] for i in tokens.number[tokens.row == row]] for row in range(len(ODD))]
    assert found == expected
    assert tokens.known.to_list() == sorted({word for words in expected for word in words})


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_odd_texts_are_counted_as_by_scikit_learn(unit):
    texts, size = pl.Series([*ODD, None]), (1, 3)
    fit = Fit(count_words, texts, unit=unit, ngrams=size)
    reference = CountVectorizer(analyzer="word" if unit == "words" else "char", ngram_range=size)
    expected = reference.fit_transform([*ODD, ""])
    assert fit.names == reference.get_feature_names_out().tolist()
    np.testing.assert_array_equal(fit.block.toarray(), expected.toarray())


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_new_empty_missing_and_unseen_texts_are_rows_of_zeros(unit):
    fit = Fit(tfidf, pl.Series(["one two", "two three"]), unit=unit, ngrams=(1, 2))
    new = fit.new(pl.Series(["", None, "ÄÖÜ ßß", "two ÄÖ"]))
    assert (np.diff(new.indptr)[:3] == 0).all() or unit == "characters"
    assert new[[0]].nnz == new[[1]].nnz == 0
    assert new[[3]].nnz > 0


def test_no_text_has_anything():
    vocabulary, entries = grams.learned(pl.Series(["", None]), "words", True, (1, 2), np.ones(2), 1)
    block = grams.block("t", vocabulary, "words", entries, 2)
    assert (block.d, len(block.values), list(block.names)) == (0, 0, [])
    again = grams.of_state(grams.as_state(vocabulary, "words"), "words", (1, 2))
    assert grams.block("t", again, "words", grams.counted_by(again, pl.Series(["x yy"]), "words", True), 1).d == 0


# ---- hashing ---------------------------------------------------------------------------------------------------------
HASHED = [
    ({}, {"n_features": 1 << 18}),
    ({"buckets": 1000, "ngrams": (1, 2)}, {"n_features": 1000, "ngram_range": (1, 2)}),
    ({"buckets": 512, "signs": False, "norm": "none"}, {"n_features": 512, "alternate_sign": False, "norm": None}),
    ({"buckets": 4096, "unit": "characters", "ngrams": (2, 3), "norm": "l1"},
     {"n_features": 4096, "analyzer": "char", "ngram_range": (2, 3), "norm": "l1"}),
    ({"buckets": 1 << 14, "binary": True, "lowercase": False},
     {"n_features": 1 << 14, "binary": True, "lowercase": False}),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), HASHED)
def test_hashed_words(ours, theirs, messages, agreement):
    texts = messages[:1500]
    block = hash_words.apply(hash_words.Spec(**ours), None, {"t": texts})["t"]
    assert (block.names[0], len(block.names)) == ("t_0", theirs["n_features"])
    found = csr_array((block.values, block.indices, block.indptr), shape=(1500, block.d))
    expected = HashingVectorizer(**theirs).transform(texts.to_list())
    same(agreement, "transform.hash_words", f"values, {theirs}", found, expected)


def test_hashes_are_murmurs():
    random = np.random.default_rng(0)
    texts = ["".join(chr(c) for c in random.integers(32, 0x2FFF, random.integers(0, 40))) for _ in range(3000)]
    expected = [murmurhash3_32(text, seed=0) for text in texts]
    np.testing.assert_array_equal(murmur3(pl.Series(texts)), expected)
    assert murmur3(pl.Series([], dtype=pl.String)).shape == (0,)


# ---- in a pipeline ---------------------------------------------------------------------------------------------------
SPAM = """mlp 1
data {{ frame("rows") }}
features {{
  label: binary("ham", "spam") as target
  text: text?
  characters: integer = length(coalesce(text, ""))
}}
transforms {{
  {steps}
}}
split {{ test = 25% }}
model {{ multinomial_naive_bayes }}
metrics {{ f1(positive = "spam") }}
{more}
"""


@pytest.fixture(scope="module")
def rows():
    return pl.read_csv(Path("examples/data/sms_spam.csv")).head(1200).with_columns(
        text=pl.when(pl.int_range(1200) % 97 == 5).then(None).otherwise("text")
    )  # fmt: skip


def run(rows, steps, more=""):
    return mldsl.run(SPAM.format(steps=steps, more=more), frames={"rows": rows}, keep=False)


def test_a_text_beside_a_number_is_learned_from_and_predicted(rows):
    done = run(rows, "min_max_scale on characters\n  tfidf(min_documents = 2) on text", "report { confusion_matrix }")
    assert done.metrics['f1(positive = "spam")'].value > 0.65
    new = pl.DataFrame({"text": ["Free entry! Call now to win a prize", "see you at home", None, "qqq zzz", ""]})
    said = done.model().predict(new)["probability_spam"].to_list()
    assert said[0] > 0.5 > said[1]
    assert said[2] == said[4]
    assert abs(said[3] - said[2]) < 0.05, "only its length tells it from an empty text"


def test_a_search_over_the_vectorizer(rows):
    more = "param most: number = 10%\nparam sub: boolean = true\ntune {\n  search = grid(points = 2)\n"
    more += "  $most in 1%..50%\n  $sub in [true, false]\n}"
    done = run(rows, "drop on characters\n  tfidf(max_documents = $most, sublinear = $sub) on text", more)
    scores = {(t.params["most"], t.params["sub"]): t.score for t in done.record.tune.trials}
    assert len(scores) == 4
    assert len(set(scores.values())) > 1


@pytest.mark.parametrize(
    ("steps", "code", "message"),
    [
        ("tfidf(min_documents = 5000) on text", "MLP0312", "words that 5000 or more of the training rows have"),
        ("tfidf(ngrams = 2..1) on text", "MLP0202", "empty range"),
        ("tfidf(ngrams = 0..1) on text", "MLP0202", "out of range"),
        ("tfidf(max_df = 0.5) on text", "MLP0102", "no parameter `max_df`"),
        ("hash_words on text", "MLP0312", "expected counts (0 or more)"),
        ("tfidf on characters", "MLP0204", "does not work on `characters`"),
        ("tfidf on text\n  standardize on numeric", "MLP0204", "would make `text_*` dense"),
    ],
)
def test_mistakes_have_codes(steps, code, message, rows):
    with pytest.raises(MldslError) as caught:
        run(rows, steps)
    assert (code, True) in {(d.code, message in d.message) for d in caught.value.diagnostics}


def test_the_modules_are_what_a_plugin_loads():
    for name in ("count_words", "tfidf", "hash_words"):
        (component,) = importlib.import_module(f"mldsl_plugins.text.{name}").mldsl_components()
        assert component.name == name
