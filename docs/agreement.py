"""docs/agreement.md, written from docs/agreement.json, which the tests write (`make agreement`), and nothing else."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
PAGE, KEPT = DOCS / "agreement.md", DOCS / "agreement.json"

HEAD = """\
# Agreement

Made by `make agreement` from what the tests find; do not edit.

Each line is a comparison that `make test` makes: the same rows go to a component and to its reference, and their
numbers are laid side by side. `relative` is the largest difference over the largest number of the reference, `absolute`
the largest difference itself, `digits` how many digits of every number are right (the least log relative error, NIST's
measure, at most 16). Behind each stands the most (of digits the fewest) that the test allows.
"""


def text() -> str:
    """The whole page."""
    rows = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else []
    sections = [HEAD]
    for component, group in groupby(sorted(rows, key=lambda row: row["component"]), key=lambda row: row["component"]):
        sections.append("\n".join(_section(component, list(group))) + "\n")
    return "\n".join(sections)


def _section(component: str, rows: list[dict[str, Any]]) -> list[str]:
    kind, _, name = component.partition(".")
    title = f"[`{name}`](components/{kind}/{name}.md)" if name else "[Formulas](language.md#formulas)"
    return [
        f"## {title}\n",
        "| what | data | reference | difference | allowed |",
        "| --- | --- | --- | --- | ---: |",
        *(_line(row) for row in rows),
    ]


def _line(row: dict[str, Any]) -> str:
    reference = " ".join(filter(None, (row["reference"], row["version"])))
    difference = f"{row['difference']:.2g} {row['measure']}" if row["difference"] else "none"
    what, data = (str(row[name]).replace("|", r"\|") for name in ("quantity", "data"))
    return f"| {what} | {data} | {reference} | {difference} | {row['limit']:g} |"
