"""`python -m docs.generate`: rewrite the pages that are derived from the code; `--check` only tells if they are old.

components/<kind>/<name>.md from declarations, errors.md from the pages of `mldsl explain`, benchmarks.md and
agreement.md from the committed results. A test calls `pages()`, so that what is committed is what the code says.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import page as benchmark_page
from docs import agreement
from docs.programs import program
from mldsl.diagnostics.codes import CODES
from mldsl.plugin import KINDS, Declaration
from mldsl.plugin.reference import markdown_page
from mldsl.plugin.registry import Registry
from mldsl.semantics.explain import page

DOCS = Path(__file__).parent
TITLES = {
    "source": "Sources", "function": "Row functions", "transform": "Transforms", "model": "Models", "stop": "Stops",
    "search": "Searches", "metric": "Metrics", "report": "Reports", "exporter": "Exporters",
    "kernel": "Kernels", "loss": "Losses", "pruning": "Pruning",
}  # fmt: skip


def pages() -> dict[Path, str]:
    """Every generated page: its path in `docs/` and its text."""
    declarations = [d for d in Registry.load().declarations() if d.plugin == "core"]
    made = {DOCS / "components" / d.kind / f"{d.name}.md": _component(d) for d in declarations}
    made[DOCS / "components" / "README.md"] = "\n".join(_index(declarations)) + "\n"
    made[DOCS / "errors.md"] = "\n".join(_errors()).rstrip() + "\n"
    made[benchmark_page.PAGE] = benchmark_page.text()
    made[agreement.PAGE] = agreement.text()
    return made


def _component(declaration: Declaration) -> str:
    """The reference page, its one line of example replaced by the whole pipeline."""
    fence = program(declaration).fence()
    return re.sub(r"```mlp\n.*?```", lambda _: fence, markdown_page(declaration), count=1, flags=re.DOTALL)


def _index(declarations: list[Declaration]) -> Iterator[str]:
    yield "# Components\n"
    yield "What a pipeline can name. `mldsl list` shows the same, with the components of installed plugins;"
    yield "`mldsl doc NAME` prints a page in the terminal.\n"
    for kind in sorted({d.kind for d in declarations}, key=KINDS.index):
        yield f"## {TITLES[kind]}\n"
        yield "| name | what it is |"
        yield "| --- | --- |"
        for d in sorted((d for d in declarations if d.kind == kind), key=lambda d: d.name):
            summary = d.summary.replace("|", r"\|")
            yield f"| [`{d.name}`]({kind}/{d.name}.md) | {summary} |"
        yield ""


def _errors() -> Iterator[str]:
    yield "# Messages\n"
    yield "Every code that `mldsl` reports, with a file that causes it and the same file repaired. `mldsl explain CODE`"
    yield "prints a page in the terminal. A code is never reused, and its meaning never moves.\n"
    yield "| code | meaning |"
    yield "| --- | --- |"
    for code, meaning in CODES.items():
        title = page(code).title
        yield f"| [{code}](#{_anchor(f'{code}: {title}')}) | {meaning} |"
    for code in CODES:
        found = page(code)
        text = found.text.partition("\n")[2].strip()
        yield f"\n## {code}: {found.title}\n"
        yield re.sub(r"^## ", "### ", text, flags=re.MULTILINE)


def _anchor(title: str) -> str:
    """What the site makes of a heading: lower case, blanks to hyphens, punctuation gone."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def main() -> None:
    """Write what differs, and remove pages of components that are gone; `--check` changes nothing."""
    wanted = pages()
    gone = set((DOCS / "components").rglob("*.md")) - set(wanted)
    old = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        sys.exit(f"{len(old) + len(gone)} pages are not current; run `make docs`" if old or gone else None)
    for path in gone:
        path.unlink()
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], "utf-8")
    sys.stdout.write(f"{len(wanted)} pages, {len(old)} rewritten, {len(gone)} removed\n")


if __name__ == "__main__":
    main()
