"""The fenced blocks of the pages; `python -m docs.fences` runs every command in them and keeps what it prints.

By the words after the three backticks:

    mlp                 a whole file; it checks clean
    mlp run             ... and it runs
    mlp wrong CODE      a whole file with exactly these findings
    mlp part            some lines; they parse
    console             `$ command` lines and what they print, compared to the letter
    console run         the same, but times and places vary: only the exit code counts
    python              on a page with commands: it runs, in its turn

`file=NAME` keeps the text under a name for the commands that follow on its page. The tests hold all pages to this.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\S+)[ ]?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@attrs.frozen
class Block:
    """One fenced block: its page, line, language, words and text."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        """Where it stands."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str:
        """The name its text is kept under, if any."""
        return next((word.removeprefix("file=") for word in self.words if word.startswith("file=")), "")

    def write(self, folder: Path) -> Path:
        """The text as a file."""
        path = folder / (self.file or f"{self.page.stem}_{self.line}.mlp")
        path.write_text(self.text, "utf-8")
        return path


def blocks_of(page: Path, text: str | None = None) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = page.read_text("utf-8") if text is None else text
    for match in FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], tuple(match[2].split()), match[3])


def commands(text: str) -> Iterator[tuple[str, str, int]]:
    """(command, what it prints, exit code) of each `$ ` line; a last line `# exit code N` says another than 0."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        code = re.search(r"^# exit code (\d)\n?\Z", output, re.MULTILINE)
        yield command, output[: code.start()] if code else output, int(code[1]) if code else 0


def run_command(command: str, folder: Path) -> tuple[str, int]:
    """What a command prints, without colour and 100 columns wide, and its exit code."""
    program, *arguments = shlex.split(command)
    assert program == "mldsl", command
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    full = [str(Path(sys.executable).parent / program), *arguments]
    done = subprocess.run(full, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).rstrip(), done.returncode


def copy_examples(folder: Path) -> Path:
    """A copy of `examples/` below a folder, so that nothing that runs can change the checkout."""
    return shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("runs", "out"))


def refill(page: Path) -> int:
    """Run the commands of a page anew and write down what they print; gives how many blocks changed."""
    before = page.read_text("utf-8")
    after = before
    with tempfile.TemporaryDirectory() as scratch:
        folder = copy_examples(Path(scratch))
        for block in blocks_of(page, before):
            if block.file:
                block.write(folder)
            if block.language == "console":
                new = ""
                for command, _, expected in commands(block.text):
                    output, code = run_command(command, folder)
                    if code != expected:
                        raise SystemExit(f"{block}: `{command}` ends with {code}, and not with {expected}:\n{output}")
                    new += f"$ {command}\n" + (f"{output}\n" if output else "")
                    new += f"# exit code {code}\n" if code else ""
                after = after.replace(block.text, new, 1)
    page.write_text(after, "utf-8")
    return sum(a.text != b.text for a, b in zip(blocks_of(page, before), blocks_of(page, after), strict=True))


def main() -> None:
    """Refill every page that shows commands."""
    for page in PAGES:
        if any(block.language == "console" for block in blocks_of(page)):
            sys.stdout.write(f"{page.relative_to(ROOT)}: {refill(page)} blocks changed\n")


if __name__ == "__main__":
    main()
