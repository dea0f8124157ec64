"""Reports: tables and figures as data become text, CSV, JSON, SVG and one page of HTML.

`render_run` writes all files of a run's reports; `summary_text` is what the terminal shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mldsl.plugin.display import ReportOutput
from mldsl.record.model import RunRecord
from mldsl.report.files import FOLDER, files_of, safe, stems, unique_names

__all__ = ["files_of", "render_run", "summary_text", "unique_names"]


def render_run(
    record: RunRecord, outputs: Mapping[str, ReportOutput], source_text: str, plan_text: str, folder: Path
) -> list[str]:
    """Write `reports/*.csv`, `.json`, `.svg` and `report.html` into a run folder; gives their paths relative to it.

    `outputs` maps unique names (`unique_names`) to what each report computed, in the order of the file. MLP0602 if the
    folder cannot be written.
    """
    from mldsl.record.disk import writing
    from mldsl.report.csv import table_csv
    from mldsl.report.html import page
    from mldsl.report.json import output_json
    from mldsl.report.svg import figure_svg

    contents: dict[str, str] = {}
    for name, output in outputs.items():
        for stem, table in zip(stems(name, output.tables), output.tables, strict=True):
            contents[f"{FOLDER}/{stem}.csv"] = table_csv(table)
        contents[f"{FOLDER}/{safe(name)}.json"] = output_json(name, output)
        for stem, figure in zip(stems(name, output.figures), output.figures, strict=True):
            contents[f"{FOLDER}/{stem}.svg"] = figure_svg(figure)
    contents["report.html"] = page(record, outputs, source_text, plan_text)
    with writing(folder):
        if outputs:
            (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        for path, text in contents.items():
            (folder / path).write_text(text, encoding="utf-8", newline="\n")
    return list(contents)


def summary_text(
    record: RunRecord,
    outputs: Mapping[str, ReportOutput],
    colour: bool,
    width: int,
    *,
    folder: str | None = None,
    quiet: bool = False,
) -> str:
    """The summary of a run for a terminal of `width` columns: data, split, metrics, gates, reports, warnings, folder.

    `colour` allows ANSI codes (never with NO_COLOR). `quiet` keeps the line that matters, the gates and the warnings.
    """
    from mldsl.report.text import summary

    return summary(record, outputs, colour=colour, width=width, folder=folder, quiet=quiet)
