"""The documentation is true: its pipelines pass, its commands print what it says, its generated pages are current.

What the words of a fence mean stands in `docs/fences.py`.
"""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # `docs` and `benchmarks` are folders of scripts, not installed packages

from docs.fences import FENCE, PAGES, Block, blocks_of, commands, copy_examples, run_command  # noqa: E402

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PIPELINES = [b for b in BLOCKS if b.language == "mlp" and b.page.name != "errors.md"]  # those have a test of their own
WHOLE = [block for block in PIPELINES if "part" not in block.words]
RUN = [block for block in PIPELINES if "run" in block.words and "plugin" not in block.words]


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `examples/`, where nothing that runs can change the checkout, with iris in every form."""
    import polars as pl

    folder = copy_examples(tmp_path_factory.mktemp("docs"))
    iris = pl.read_csv(folder / "data" / "iris.csv")
    iris.write_parquet(folder / "data" / "iris.parquet")
    iris.write_ndjson(folder / "data" / "iris.jsonl")
    iris.write_ipc(folder / "data" / "iris.arrow")
    rows = [f"{i % 3} qid:{i // 4} 1:{i % 7} 2:{(i * i) % 11} 3:{i % 2}" for i in range(200)]
    (folder / "data" / "pages.svm").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.parametrize("block", WHOLE, ids=str)
def test_whole_pipelines_have_the_findings_that_the_page_says(block: Block, examples: Path) -> None:
    import mldsl

    if "plugin" in block.words:
        pytest.skip("needs the plugin of its page; see test_plugin_guide.py")
    found = mldsl.check(block.write(examples))
    expected = [word for word in block.words if word.startswith("MLP")]
    assert [d.code for d in found] == expected, "\n".join(d.message for d in found)


@pytest.mark.parametrize("block", [b for b in PIPELINES if "part" in b.words], ids=str)
def test_parts_of_pipelines_parse(block: Block) -> None:
    from mldsl.source import Source
    from mldsl.syntax.parse import parse

    _, findings = parse(Source(str(block), "mlp 1\n" + block.text))
    assert [d.message for d in findings] == []


@pytest.mark.parametrize("block", [b for b in WHOLE if not any(w.startswith("MLP00") for w in b.words)], ids=str)
def test_pipelines_are_canonical(block: Block) -> None:
    from mldsl.source import Source
    from mldsl.syntax.printer import format_source

    assert format_source(Source(str(block), block.text)) == block.text


@pytest.mark.parametrize("block", RUN, ids=str)
def test_pipelines_run(block: Block, examples: Path) -> None:
    import mldsl

    run = mldsl.run(block.write(examples), keep="export" in block.text or "report" in block.text)
    assert run.record.models


@pytest.mark.parametrize("page", [p for p in PAGES if any(b.language == "console" for b in blocks_of(p))], ids=str)
def test_commands_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    """All of a page in order, in one folder, as a reader would type it: what other pages ran is not there."""
    examples = copy_examples(tmp_path)
    for block in blocks_of(page):
        if block.file:
            block.write(examples)
        if block.language == "python" and "import mldsl" in block.text:
            with contextlib.chdir(examples):
                exec(compile(block.text, str(block), "exec"), {})
        if block.language == "console":
            for command, expected, code in commands(block.text):
                output, ended = run_command(command, examples)
                assert ended == code, f"{block}: {command}\n{output}"
                if "run" not in block.words:
                    assert output == expected.rstrip(), f"{block}: {command}; `make docs` writes it anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", text):
        assert not target or (page.parent / target).exists(), target


def test_the_page_on_leaks_says_what_is_measured() -> None:
    """The words to the letter; numbers nearly, since NumPy's distributions may change."""
    from docs.deceptions import PAGE, TABLE, table

    (shown,) = TABLE.findall(PAGE.read_text("utf-8"))
    number = re.compile(r"\d+\.\d\d")
    assert number.sub("", shown) == number.sub("", table()), "run `make docs`"
    for old, new in zip(number.findall(shown), number.findall(table()), strict=True):
        assert abs(float(old) - float(new)) <= max(0.05, 0.2 * float(new))
    for row in shown.strip().split("\n")[2:]:
        promised, true = map(float, number.findall(row))
        assert "scaled" in row or ("error" in row) == (promised < true), row


# ---- generated pages, and completeness -------------------------------------------------------------------------------
def test_generated_pages_are_current() -> None:
    from docs.generate import DOCS, pages

    wanted = pages()
    old = [str(p.relative_to(ROOT)) for p, text in wanted.items() if not p.exists() or p.read_text("utf-8") != text]
    gone = [str(p.relative_to(ROOT)) for p in (DOCS / "components").rglob("*.md") if p not in wanted]
    assert not old + gone, "run `make docs`"


def test_every_hook_is_documented() -> None:
    from mldsl.plugin import hookspecs

    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for name in vars(hookspecs):
        if name.startswith("mldsl_"):
            assert f"`{name}(" in text or f"{name}(" in text, name
            assert getattr(hookspecs, name).__doc__


def test_every_command_is_documented() -> None:
    from mldsl.cli.commands import COMMANDS

    text = "".join(page.read_text("utf-8") for page in PAGES)
    for command in COMMANDS:
        assert f"mldsl {command}" in text, command


def test_every_column_type_role_and_block_is_documented() -> None:
    from mldsl.plugin import COLUMN_TYPES, ROLES

    text = (ROOT / "docs" / "language.md").read_text("utf-8")
    for word in (*COLUMN_TYPES, *ROLES):
        assert f"`{word}`" in text, word
    grammar = (ROOT / "grammar" / "mldsl_grammar" / "mlp.lark").read_text("utf-8")
    for block in re.findall(r"^(\w+):\s+_[A-Z]+\s+(?:\[?NAME\]?)?\s*_block", grammar, re.MULTILINE):
        assert re.search(rf"^\| `{block}( NAME)? \{{ \}}`", text, re.MULTILINE), block


def test_every_setting_is_documented() -> None:
    from mldsl.semantics import models, splits, tuning

    text = (ROOT / "docs" / "language.md").read_text("utf-8")
    for settings in (models.SETTINGS, splits.SETTINGS, tuning.SETTINGS, ("train", "validation", "test", "where")):
        for setting in settings:
            assert re.search(rf"`{setting}\b|^  {setting} =", text, re.MULTILINE), setting


def test_every_code_is_documented() -> None:
    from mldsl.diagnostics.codes import CODES

    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    for code in CODES:
        assert f"## {code}" in text, code


def test_changelog_fragments_are_named_as_the_release_expects() -> None:
    for path in (ROOT / "changelog").iterdir():
        if path.name != "README.md":
            assert re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md", path.name), path.name
            assert path.read_text("utf-8").strip()


def test_every_folder_of_examples_is_listed_with_its_licence() -> None:
    text = (ROOT / "examples" / "data" / "README.md").read_text("utf-8")
    for path in (ROOT / "examples" / "data").iterdir():
        assert path.name == "README.md" or f"| `{path.name}` |" in text, path.name
