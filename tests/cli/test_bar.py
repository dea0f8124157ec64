"""The line that tells how far a run is."""

from __future__ import annotations

import pytest

from mldsl.cli import run


def test_what_is_left_is_told_from_the_steps_after_the_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 10.0, 20.0, 30.0])
    monkeypatch.setattr(run.time, "monotonic", lambda: next(now))
    bar = run._Bar()
    for step in (2, 4, 6, 20):
        bar.update("model/forest/tune", step, 20, {"best roc_auc": 0.91234})
    lines = capsys.readouterr().err.split("\r")[1:]
    assert "left" not in lines[0]  # nothing is known yet
    assert "4/20" in lines[1]
    assert "best roc_auc 0.9123  80 s left" in lines[1]
    assert "70 s left" in lines[2]
    assert "left" not in lines[3]


@pytest.mark.parametrize(("seconds", "text"), [(40, "40 s"), (200, "3 min"), (9000, "2.5 h")])
def test_no_more_precise_than_it_is_known(seconds: float, text: str) -> None:
    assert run._duration(seconds) == text
