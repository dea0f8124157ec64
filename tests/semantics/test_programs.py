"""Snapshots: the messages of bad programs and the plans of good ones, as people see them.

`MLDSL_SNAPSHOTS=write` writes them anew; look at the difference before it is committed.
"""

import os
from pathlib import Path

import pytest

from mldsl.diagnostics import render
from mldsl.plan.text import plan_text
from mldsl.semantics import analyze, load
from mldsl.source import Source

PROGRAMS = Path(__file__).parents[1] / "programs"
BAD, GOOD = (sorted((PROGRAMS / folder).glob("*.mlp")) for folder in ("bad", "good"))


def agrees(path: Path, text: str) -> None:
    if os.environ.get("MLDSL_SNAPSHOTS") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def loaded(path: Path):
    return load(Source(path.name, path.read_text(encoding="utf-8"), path))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_programs(path, stand_ins):
    found = loaded(path)
    analysis = analyze(found, stand_ins)
    assert analysis.plan is None
    agrees(path.with_suffix(".txt"), render(analysis.diagnostics, {s.name: s for s in found.sources}) + "\n")


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_programs(path, stand_ins):
    analysis = analyze(loaded(path), stand_ins)
    assert analysis.diagnostics == ()
    agrees(path.with_suffix(".plan.txt"), plan_text(analysis.plan))


def test_counts_from_the_data_are_shown_where_they_are_known(stand_ins):
    """What has read the rows adds to a section."""
    plan = analyze(loaded(GOOD[0]), stand_ins).plan
    facts = {"Split": [("rows", "80 to train on, 20 to test on")], "Elsewhere": [("never", "shown")]}
    text = plan_text(plan, facts)
    assert "  rows          80 to train on, 20 to test on\n" in text
    assert "never" not in text
