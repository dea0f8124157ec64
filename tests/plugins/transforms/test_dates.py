"""Parts of dates and circles, beside Python's own calendar and sines."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest
from mldsl_plugins.dates import cyclical, date_parts

MOMENTS = [
    datetime.datetime(2024, 12, 30, 23, 59, 58),  # week 1 of 2025
    datetime.datetime(2021, 1, 3, 4, 5),  # a Sunday of week 53
    datetime.datetime(1949, 7, 1),
    None,
]


@pytest.fixture(scope="module")
def parts():
    spec = date_parts.Spec(tuple(date_parts.PARTS))
    return date_parts.apply(spec, None, {"t": pl.Series("t", MOMENTS, dtype=pl.Datetime("us"))})


def test_parts_are_the_calendars(parts):
    expected = {
        "year": lambda t: t.year,
        "quarter": lambda t: (t.month + 2) // 3,
        "month": lambda t: t.month,
        "week": lambda t: t.isocalendar().week,
        "day": lambda t: t.day,
        "day_of_year": lambda t: t.timetuple().tm_yday,
        "weekday": lambda t: t.isoweekday(),
        "weekend": lambda t: str(int(t.isoweekday() > 5)),
        "hour": lambda t: t.hour,
        "minute": lambda t: t.minute,
        "second": lambda t: t.second,
        "days": lambda t: (t - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1),
    }
    assert list(parts) == [f"t_{part}" for part in expected]
    for part, of in expected.items():
        found = parts[f"t_{part}"].to_list()
        assert found[-1] is None
        assert found[:-1] == [of(t) for t in MOMENTS[:-1]] or found[:-1] == pytest.approx([of(t) for t in MOMENTS[:-1]])


def test_a_circle_ends_where_it_begins():
    x = np.asarray([[1.0], [13.0], [4.0], [12.0], [np.nan]], np.float32)
    found = np.asarray(cyclical.apply(cyclical.Spec(12.0, 2), None, x))
    angle = 2 * np.pi * x[:, 0] / 12
    expected = np.stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    assert np.isnan(found[4]).all()


def test_dates_of_a_file_reach_the_model(tmp_path):
    import mldsl

    days = [datetime.date(2023, 1, 1) + datetime.timedelta(days=i) for i in range(140)]
    busy = [10.0 if day.isoweekday() < 6 else 3.0 for day in days]
    pl.DataFrame({"day": days, "busy": busy}).write_csv(tmp_path / "days.csv")
    (tmp_path / "days.mlp").write_text(
        'mlp 1\ndata { csv("days.csv") }\nfeatures {\n  day: time as time\n  busy: continuous as target\n}\n'
        "transforms { date_parts(weekend) on day }\nmodel { ridge(l2 = 0) }\nmetrics { rmse }\n"
    )
    run = mldsl.run(tmp_path / "days.mlp", keep=False)
    assert run.metrics["rmse"].value < 1e-4
