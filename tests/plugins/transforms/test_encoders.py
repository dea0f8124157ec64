"""Encoders by level: the reference's numbers, and what happens to levels that are missing or new."""

from __future__ import annotations

import numpy as np
import pytest
from mldsl_plugins.encoding import frequency_encode

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
