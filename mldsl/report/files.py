"""Names: of reports used twice, and of the files of a report's tables and figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mldsl.plugin.display import Figure, ReportOutput, Table
from mldsl.record.model import ReportFiles

FOLDER = "reports"


def unique_names(names: Iterable[str]) -> list[str]:
    """The names in order, a repeated one with `-2`, `-3` ... behind it."""
    counts: dict[str, int] = {}
    out = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        out.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return out


def files_of(outputs: Mapping[str, ReportOutput]) -> dict[str, ReportFiles]:
    """Where `render_run` puts each report's tables and figures: the `reports` of the run's record."""
    return {
        name: ReportFiles(
            tuple(f"{FOLDER}/{stem}.csv" for stem in stems(name, output.tables)),
            tuple(f"{FOLDER}/{stem}.svg" for stem in stems(name, output.figures)),
        )
        for name, output in outputs.items()
    }


def stems(name: str, items: Sequence[Table | Figure]) -> list[str]:
    """File names without ending: `<name>` for the first, `<name>.<part>` for further ones."""
    name = safe(name)
    parts = [safe(item.name) or str(i + 1) for i, item in enumerate(items)]
    return [name if i == 0 else f"{name}.{part}" for i, part in enumerate(unique_names(parts))]


def safe(text: str) -> str:
    """A name as part of a file name: a plugin may call its sections anything."""
    return re.sub(r"[^\w-]+", "_", text).strip("_")
