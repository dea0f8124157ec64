"""Every code has a page; its first file gives exactly that code, its second none."""

import importlib.util

import pytest

from mldsl.diagnostics import MldslError
from mldsl.diagnostics.codes import CODES
from mldsl.semantics import analyze, load
from mldsl.semantics.explain import page, terminal_text
from mldsl.source import Source

PAGES = {code: page(code) for code in CODES}
CHECKED = [code for code, shown in PAGES.items() if shown.stage == "check"]
RUN = [code for code, shown in PAGES.items() if shown.stage != "check" and not shown.reason]


def written(example, folder):
    for name, text in example.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / example.main


def checked(example, folder, registry):
    path = written(example, folder)
    loaded = load(Source(path.name, path.read_text(encoding="utf-8"), path))
    return [d.code for d in analyze(loaded, registry).diagnostics]


@pytest.mark.parametrize("code", CHECKED)
def test_the_examples_of_a_page(code, everything, tmp_path):
    shown = PAGES[code]
    assert set(checked(shown.bad, tmp_path, everything)) == {code}
    allowed = {code} if code == "MLP0904" else set()
    assert set(checked(shown.good, tmp_path, everything)) <= allowed


@pytest.mark.parametrize("code", [code for code in PAGES if code not in CHECKED])
def test_the_examples_of_later_stages_check_clean(code, everything, tmp_path):
    assert checked(PAGES[code].good, tmp_path, everything) == []


@pytest.mark.skipif(importlib.util.find_spec("mldsl.driver") is None, reason="there is no driver")
@pytest.mark.parametrize("code", RUN)
def test_the_examples_that_need_data(code, everything, tmp_path):
    """As far as reading and splitting the rows; only one of them has to be trained."""
    shown = PAGES[code]
    assert set(found(shown.bad, shown.stage, tmp_path, everything)) == {code}
    assert found(shown.good, shown.stage, tmp_path, everything) == []


def found(example, stage, folder, registry):
    from mldsl.data import load as load_rows
    from mldsl.data import make_split
    from mldsl.driver import Options, _context, plan, run
    from mldsl.execute.resolver import RegistryResolver

    options = Options(registry=registry, keep=False)
    path = written(example, folder)
    try:
        ready = plan(path, options)
        complete = ready.sound()
        if stage == "run":
            rows = load_rows(complete, _context(ready, options, RegistryResolver(registry)))
            make_split(complete, rows, complete.seed)
            if shown_by_a_fit(example):
                run(path, options)
    except MldslError as error:
        return [d.code for d in error.diagnostics]
    return [d.code for d in ready.diagnostics]


def shown_by_a_fit(example):
    """The one page whose mistake only the engine sees, which asks each component just before it is fitted."""
    return example in (PAGES["MLP0312"].bad, PAGES["MLP0312"].good)


def test_a_page_says_what_and_why():
    for code, shown in PAGES.items():
        assert shown.title, code
        for heading in ("## What it does", "## Why is this bad?", "## Example", "## Use instead"):
            assert shown.text.count(heading) == 1, code
        assert "```" not in terminal_text(shown, 80), code
