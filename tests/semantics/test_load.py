"""Includes: relative, acyclic, local, each with its own edition; and how much is said of a file that is broken."""

# ruff: noqa: E501  (tables are read by row)

import re
from pathlib import Path

import pytest

from mldsl.semantics import analyze, load
from mldsl.source import Source

BASE = 'mlp 1\ndata { csv("t.csv") }\nfeatures {\n  y: binary as target\n  a: continuous\n}\n'


@pytest.fixture
def tree(tmp_path, stand_ins):
    """Write files, check `main.mlp`, and give (file, line, code, message) of each diagnostic."""

    def run(**files: str):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.mlp"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        path = tmp_path / "main.mlp"
        loaded = load(Source("main.mlp", path.read_text(encoding="utf-8"), path))
        found = analyze(loaded, stand_ins).diagnostics
        return loaded, [(d.span.file, d.span.line, d.code, d.message) for d in found]

    return run


def test_definitions_of_all_files_are_one_program(tree):
    loaded, found = tree(
        main='mlp 1\ninclude "parts/base.mlp"\nmodel { logistic_regression }\n',
        parts__base='mlp 1\ninclude "features.mlp"\ndata { csv("t.csv") }\n',
        parts__features="mlp 1\nfeatures {\n  y: binary as target\n  a: continuous\n}\n",
    )
    assert found == []
    assert loaded.files == ("main.mlp", "parts/base.mlp", "parts/features.mlp")
    assert loaded.source("parts/base.mlp").text.startswith("mlp 1\ninclude")


def test_a_file_included_from_two_sides_counts_once(tree):
    _, found = tree(
        main='mlp 1\ninclude "a.mlp"\ninclude "b.mlp"\nmodel { logistic_regression }\n',
        a='mlp 1\ninclude "base.mlp"\n', b='mlp 1\ninclude "base.mlp"\n', base=BASE,
    )  # fmt: skip
    assert found == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.mlp", 'included file `"nowhere.mlp"` not found'),
        (".", 'included file `"."` is a folder'),
        ("/etc/base.mlp", 'includes are relative to the file, and `"/etc/base.mlp"` is not'),
        ("https://a.b/c.mlp", 'includes are relative to the file, and `"https://a.b/c.mlp"` is not'),
        ("", "an include names a file"),
        ("main.mlp", 'the include of `"main.mlp"` goes in a circle'),
    ],
)
def test_includes_that_cannot_be(tree, path, message):
    _, found = tree(main=f'mlp 1\ninclude "{path}"\nmodel {{ logistic_regression }}\n')
    assert found == [("main.mlp", 2, "MLP0108", message)]


def test_a_circle_of_several_files(tree):
    _, found = tree(main='mlp 1\ninclude "a.mlp"\n' + BASE[6:], a='mlp 1\ninclude "main.mlp"\n')
    assert found == [("a.mlp", 2, "MLP0108", 'the include of `"main.mlp"` goes in a circle')]


def test_an_include_twice(tree):
    _, found = tree(main='mlp 1\ninclude "base.mlp"\ninclude "base.mlp"\nmodel { logistic_regression }\n', base=BASE)
    assert found == [("main.mlp", 3, "MLP0103", '`include "base.mlp"` is written twice')]


def test_every_syntax_error_of_every_file(tree):
    _, found = tree(
        main='mlp 1\ninclude "base.mlp"\nsplit { test: 20% }\nmodel { logistic_regression }\n',
        base=BASE.replace("continuous", ""),
    )
    assert [(file, code) for file, _, code, _ in found] == [("main.mlp", "MLP0012"), ("base.mlp", "MLP0009")]


def test_names_are_not_called_unknown_when_a_file_is_missing(tree):
    text = 'mlp 1\ninclude "gone.mlp"\nmodel {\n  logistic_regression(l2 = $l2)\n  inputs = scaled\n}\n'
    assert [code for _, _, code, _ in tree(main=text)[1]] == ["MLP0108"]


def test_duplicates_across_files_point_at_both(tmp_path, stand_ins):
    (tmp_path / "base.mlp").write_text(BASE, encoding="utf-8")
    text = 'mlp 1\ninclude "base.mlp"\nfeatures { b: continuous }\nmodel { logistic_regression }\n'
    found = analyze(load(Source("main.mlp", text, tmp_path / "main.mlp")), stand_ins).diagnostics
    (twice,) = [d for d in found if d.code == "MLP0103"]
    assert {twice.span.file, twice.labels[0].span.file} == {"main.mlp", "base.mlp"}


def test_each_file_has_its_own_edition(tree):
    _, found = tree(main='mlp 1\ninclude "base.mlp"\nmodel { logistic_regression }\n', base=BASE.replace("mlp 1\n", ""))
    assert [(file, code) for file, _, code, _ in found] == [("base.mlp", "MLP0901")]
    _, found = tree(main='mlp 1\ninclude "base.mlp"\nmodl {}\n', base=BASE.replace("mlp 1\n", "mlp 9\n"))
    assert [(file, code) for file, _, code, _ in found] == [("base.mlp", "MLP0902")]


def test_a_folder_or_binary_file_is_no_traceback(tmp_path, stand_ins):
    (tmp_path / "base.mlp").write_bytes(b"\xff\xfe\x00mlp")
    loaded = load(Source("main.mlp", 'mlp 1\ninclude "base.mlp"\n', tmp_path / "main.mlp"))
    assert [d.code for d in analyze(loaded, stand_ins).diagnostics] == ["MLP0108"]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ({"features": 'features {\n  y: binary as target\n  a continuous\n}', "transforms": "transforms { impute on a }"}, ["MLP0001"]),
        ({"rest": "param n integer = 3", "model": "model { random_forest($n) }"}, ["MLP0001"]),
        ({"transforms": "transforms {\n  one_hot c\n  drop on t\n}"}, ["MLP0015"]),
        ({"rest": "split {\n  test: 20%\n  folds = 5\n}"}, ["MLP0012"]),
        ({"rest": "param unused: integer = 3\nsplit {\n  test 20%\n}"}, ["MLP0001"]),
        ({"model": "model { logistic_regression(l2 = ) }"}, ["MLP0008"]),
    ],
)  # fmt: skip
def test_one_syntax_error_gives_one_message(said, blocks, expected):
    """What the lost line would have defined is not called unknown, unused or missing."""
    assert [message[:7] for message in said(**blocks)] == expected


MALFORMED = Path(__file__).parents[2] / "../shared/language/malformed"


@pytest.mark.skipif(not MALFORMED.is_dir(), reason="the malformed files are not beside the repository")
def test_nothing_more_is_said_of_malformed_files(stand_ins):
    """What is checked behind a syntax error adds nothing to it."""
    expected: dict[str, list[tuple[str, int, int]]] = {}
    for line in (MALFORMED / "EXPECTED.md").read_text(encoding="utf-8").splitlines():
        if row := re.match(r"\| `(\S+)` \| (MLP\d+) \| (\d+):(\d+)", line):
            expected.setdefault(row[1], []).append((row[2], int(row[3]), int(row[4])))
    assert len(expected) == 25
    for name, places in expected.items():
        source = Source(name, (MALFORMED / name).read_text(encoding="utf-8"), MALFORMED / name)
        found = [(d.code, d.span.line, d.span.column) for d in analyze(load(source), stand_ins).diagnostics]
        assert sorted(found) == sorted(places), name
