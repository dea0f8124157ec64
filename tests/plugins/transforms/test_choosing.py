"""Steps that choose among columns, in whole runs: what the record and the terminal say, and messages of steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mldsl

PIPELINE = """mlp 1

data {{ csv("{data}") }}

features {{
  sale_price: continuous as target
  gr_liv_area, first_flr_sf, second_flr_sf, pool_area: continuous
  full_bath: integer
}}

transforms {{
{steps}
}}

split {{ test = 20% }}

model {{ ridge }}
"""


def written(folder, steps):
    path = folder / "houses.mlp"
    path.write_text(PIPELINE.format(data=Path("examples/data/ames_housing.csv").resolve(), steps=steps))
    return path


def test_the_run_says_which_columns_stayed(tmp_path):
    steps = "  drop_collinear(vif_above = 10) on continuous\n  drop_correlated(above = 0.5) on numeric"
    run = mldsl.run(written(tmp_path, steps), runs_dir=tmp_path / "runs")
    first, second = run.record.models["ridge"].info["chosen"]
    assert first["left_out"] == ["gr_liv_area"]
    assert first["kept"] == ["first_flr_sf", "second_flr_sf", "pool_area"]
    assert set(second["kept"]) | set(second["left_out"]) == {"first_flr_sf", "second_flr_sf", "pool_area", "full_bath"}
    page = (run.folder / "report.html").read_text()
    assert "drop_collinear(vif_above = 10) kept 3 of 4 columns, all but gr_liv_area" in re.sub(r"<[^>]*>", "", page)


def test_a_step_says_what_its_fit_saw(tmp_path):
    run = mldsl.run(written(tmp_path, "  winsorize on pool_area"), runs_dir=tmp_path / "runs")
    assert "`winsorize`: pool_area has one value between the limits, and no other now" in run.record.warnings


def test_a_step_that_refuses_its_rows_is_the_users_matter(tmp_path):
    path = written(tmp_path, "  drop_low_variance(at_most = 1e12) on numeric")
    with pytest.raises(mldsl.MldslError) as caught:
        mldsl.run(path, runs_dir=tmp_path / "runs")
    (found,) = caught.value.diagnostics
    assert found.code == "MLP0312"
    assert "`at_most`: expected a value at which a column stays, found that the largest variance" in found.message
    assert found.span.line == 12
