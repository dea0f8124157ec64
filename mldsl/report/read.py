"""A finished run read back from its folder, to be printed or rendered again."""

from __future__ import annotations

from pathlib import Path

import attrs

from mldsl.plugin.display import ReportOutput
from mldsl.record.model import RunRecord
from mldsl.report.files import FOLDER, safe
from mldsl.report.json import read_output


@attrs.frozen
class FinishedRun:
    """The record, the reports and the texts of a run folder."""

    folder: Path
    record: RunRecord
    outputs: dict[str, ReportOutput]
    source_text: str
    plan_text: str


def read_run(folder: Path) -> FinishedRun:
    """Read a run folder (or its `run.json`). MLP0502 if it is not one, MLP0503 if it is of a newer format."""
    record = RunRecord.read(folder)
    folder = folder if folder.is_dir() else folder.parent
    outputs = {}
    for name in record.reports:
        path = folder / FOLDER / f"{safe(name)}.json"
        if path.is_file():
            outputs[name] = read_output(path.read_text(encoding="utf-8"), str(path))
    texts = [folder / "pipeline.mlp", folder / "plan.txt"]
    source, plan = (path.read_text(encoding="utf-8") if path.is_file() else "" for path in texts)
    return FinishedRun(folder, record, outputs, source, plan)
