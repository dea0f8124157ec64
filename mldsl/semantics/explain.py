"""The page of every code: what it means, why, a file that has the mistake and the same file repaired.

A code that one rule judges has its page in the docstring of that rule, beside the check; all others have a file in
`pages/`, since many places report them. Both are written alike, and a test runs the examples of all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from textwrap import wrap

import attrs

from mldsl.diagnostics.codes import CODES

_FOLDER = Path(__file__).parent
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STAGE = re.compile(r"^Found by: (\w+)(?: \((.*)\))?\n?", re.MULTILINE)


@attrs.frozen
class Example:
    """Files by name; `main` is the pipeline among them that shows the mistake."""

    files: Mapping[str, str]
    main: str = "example.mlp"

    @property
    def text(self) -> str:
        """The pipeline."""
        return self.files[self.main]


@attrs.frozen
class Page:
    """What `mldsl explain` shows. `stage` is the command that finds the mistake first.

    `reason` says why the examples alone do not show it, if that is so.
    """

    code: str
    title: str
    text: str
    bad: Example
    good: Example
    stage: str = "check"
    reason: str = ""


def page(code: str) -> Page:
    """The page of a code; KeyError for a code that does not exist."""
    if code not in CODES:
        raise KeyError(code)
    text = _text(code)
    stage = _STAGE.search(text)
    _, _, rest = text.partition("\n## Example\n")
    bad, _, good = rest.partition("\n## Use instead\n")
    return Page(
        code, text.partition("\n")[0].rstrip("."), text, _example(bad), _example(good),
        stage.group(1) if stage else "check", (stage.group(2) or "") if stage else "",
    )  # fmt: skip


def _example(text: str) -> Example:
    return Example({name or "example.mlp": body for _, name, body in _BLOCK.findall(text)})


def _text(code: str) -> str:
    """The page as Markdown."""
    rule = _rules().get(code)
    if rule is None:
        return (_FOLDER / "pages" / f"{code}.md").read_text(encoding="utf-8").strip() + "\n"
    found = ast.get_docstring(ast.parse(rule.read_text(encoding="utf-8")))
    return f"{(found or '').strip()}\n"


@cache
def _rules() -> dict[str, Path]:
    """The rules by code: their files are named by it."""
    return {path.stem[:7].upper(): path for path in (_FOLDER / "rules").glob("mlp????_*.py")}


def terminal_text(shown: Page, width: int, heading: Callable[[str], str] = str) -> str:
    """The page without the marks of Markdown: filled paragraphs, code indented. `heading` paints a title."""
    rows = [heading(f"{shown.code}: {shown.title}"), ""]
    paragraph: list[str] = []
    code = False
    for line in _STAGE.sub("", shown.text).splitlines()[1:]:
        if line.startswith("```"):
            code = not code
            name = line.partition(" ")[2]
            rows += [f"  {name}:", ""] if code and name else []
        elif code:
            rows.append(f"    {line}".rstrip())
        elif line.startswith("## "):
            rows.append(heading(line.removeprefix("## ")))
        elif line.strip():
            paragraph.append(line.strip())
            continue
        if paragraph:
            rows += wrap(" ".join(paragraph), width, break_long_words=False, break_on_hyphens=False)
            paragraph = []
        if not code and rows[-1] != "":
            rows.append("")
    found = f"Found by `mldsl {shown.stage}`."
    return "\n".join([*rows, found]) + "\n"
