"""Encoders by level: the reference's numbers, and what happens to levels that are missing or new."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from mldsl_plugins.encoding import frequency_encode, hash_encode, target_encode
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import TargetEncoder
from sklearn.utils import murmurhash3_32

from mldsl.plugin import NamedColumn


def columns_of(levels):
    return tuple(NamedColumn(f"x{j}", "categorical", known, True) for j, known in enumerate(levels))


@pytest.mark.parametrize("measure", ["share", "count"])
def test_frequencies(measure, run, adult):
    codes, levels, _ = adult
    times = np.arange(len(codes)) % 3
    fitted = run("frequency_encode", frequency_encode.Spec(measure), codes, columns=columns_of(levels), weight=times,
                 pad=40)  # fmt: skip
    for j, known in enumerate(levels):
        counts = np.array([times[codes[:, j] == v].sum() for v in range(len(known))], float)
        missing = times[np.isnan(codes[:, j])].sum()
        assert missing > 0 or j == 0
        by_row = np.where(np.isnan(codes[:, j]), missing, counts[np.nan_to_num(codes[:, j]).astype(int)])
        np.testing.assert_allclose(
            fitted.apply(codes)[:, j], by_row / (times.sum() if measure == "share" else 1), rtol=1e-6
        )
    assert fitted.apply(np.full((1, 2), -1.0)).tolist() == [[0, 0]], "unseen"


# ---- the target ------------------------------------------------------------------------------------------------------
def of_theirs(codes):
    """scikit-learn's categories are the codes, a missing value is one of them."""
    return np.where(np.isnan(codes), -5, codes)


@pytest.mark.parametrize("smoothing", ["auto", 20.0, 0.0])
@pytest.mark.parametrize("task", ["regress", "binary", "classes"])
def test_target_means(task, smoothing, run, adult, agreement):
    codes, levels, income = adult
    y, kind, classes = income, "binary", ("low", "high")
    if task == "regress":
        y, kind, classes = np.log1p(np.arange(len(codes)) % 97) + 3 * income, "continuous", ()
    elif task == "classes":
        y, kind, classes = income + (np.arange(len(codes)) % 4 == 0), "multiclass", ("a", "b", "c")
    times = np.arange(len(codes)) % 3
    fitted = run("target_encode", target_encode.Spec(smoothing), codes, y, classes=classes, columns=columns_of(levels),
                 weight=times, pad=40)  # fmt: skip
    rows = np.repeat(of_theirs(codes), times, axis=0)
    expected = TargetEncoder(smooth=smoothing, target_type=kind).fit(rows, np.repeat(y, times))
    new = np.r_[codes[:500], np.full((1, 2), -1.0)]
    theirs = expected.transform(of_theirs(codes[:500]))
    assert fitted.apply(new[:500]).shape == theirs.shape
    agreement("transform.target_encode", f"{kind}, smoothing {smoothing}", fitted.apply(new[:500]), theirs,
              reference="scikit-learn", data="adult, weighted", relative=1e-5)  # fmt: skip
    mean = np.average(y if task != "classes" else y == 2, weights=times)
    np.testing.assert_allclose(fitted.apply(new)[-1, -1], mean, rtol=1e-5, err_msg="unseen")


def test_columns_of_classes_are_named():
    columns = columns_of((("x", "y"), ("u", "v")))
    spec = target_encode.Spec()
    assert [c.name for c in target_encode.names(spec, columns, ())] == ["x0", "x1"]
    assert [c.name for c in target_encode.names(spec, columns, ("no", "yes"))] == ["x0_yes", "x1_yes"]
    assert [c.name for c in target_encode.names(spec, columns, ("a", "b", "c"))[:4]] == ["x0_a", "x0_b", "x0_c", "x1_a"]


# ---- hashes ----------------------------------------------------------------------------------------------------------
def test_hashes_are_the_references():
    words = ["", "a", "ab", "abc", "abcd", "Zürich", "São Paulo", "日本", *(f"level {i}" for i in range(500))]
    assert [hash_encode.murmur3(w) for w in words] == [murmurhash3_32(w, seed=0) for w in words]


@pytest.mark.parametrize("signed", [True, False])
def test_buckets_are_the_references(signed, agreement):
    words = pl.read_csv("examples/data/ames_housing.csv")["neighborhood"]
    expected = FeatureHasher(8, input_type="string", alternate_sign=signed).transform([[w] for w in words]).toarray()
    made = hash_encode.apply(hash_encode.Spec(8, signed), None, {"place": words})
    assert list(made) == [f"place_hash{b}" for b in range(1, 9)]
    agreement("transform.hash_encode", f"buckets, signed {signed}", np.stack(list(made.values()), 1), expected,
              reference="scikit-learn", data="ames", absolute=0)  # fmt: skip
    missing = hash_encode.apply(hash_encode.Spec(4), None, {"c": pl.Series([None, "a"], dtype=pl.String)})
    assert [column[0] for column in missing.values()] == [0, 0, 0, 0]
