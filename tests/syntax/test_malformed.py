"""Every malformed file gives exactly the codes, places and words of the table, and the rest of it still parses."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from mldsl.diagnostics.fixes import apply_fixes
from mldsl.source import Source
from mldsl.syntax.parse import parse

FOLDER = Path(__file__).parent / "malformed"
_ROW = re.compile(r"\| `(\S+)` \| (MLP\d{4}) \| (\d+):(\d+) \| (.*) \|")


def _expected() -> dict[str, list[tuple[str, int, int, str]]]:
    table = defaultdict(list)
    for row in _ROW.finditer((FOLDER / "EXPECTED.md").read_text("utf-8")):
        table[row[1]].append((row[2], int(row[3]), int(row[4]), row[5]))
    return dict(table)


EXPECTED = _expected()

# What is left of each file: the kinds of its items with how many lines each block keeps.
SURVIVES = {
    "01_unknown_block.mlp": {"data": 1, "model": 1, "metrics": 1},
    "02_unterminated_string.mlp": {"data": 1, "model": 1},
    "03_unclosed_paren.mlp": {"model": 1, "metrics": 1},
    "04_unclosed_brace.mlp": {"features": 2, "model": 1},
    "05_missing_comma.mlp": {"model": 1},
    "06_two_statements.mlp": {"split": 2},
    "07_missing_value.mlp": {"split": 1},
    "08_yaml_colon.mlp": {"split": 2},
    "09_missing_type.mlp": {"features": 0},
    "10_missing_on.mlp": {"transforms": 1},
    "11_arrow.mlp": {"transforms": 0},
    "12_nested_block.mlp": {"model": 0},
    "13_single_quotes.mlp": {"data": 1},
    "14_semicolon.mlp": {"metrics": 2},
    "15_chained_comparison.mlp": {"data": 1},
    "16_network_without_name.mlp": {"model": 1},
    "17_named_singleton.mlp": {"split": 1},
    "18_stray_bracket.mlp": {"transforms": 1},
    "19_bad_unit.mlp": {"tune": 1},
    "20_edition_late.mlp": {"data": 1},
    "21_paren_before_on.mlp": {"transforms": 2},
    "22_eof_in_block.mlp": {"model": 1},
    "23_capital_keyword.mlp": {"model": 1},
    "24_operator.mlp": {"data": 2},
    "25_several_errors.mlp": {"data": 1, "features": 3, "transforms": 1, "split": 1, "model": 1, "metrics": 3},
}


def _read(name: str) -> Source:
    return Source(name, (FOLDER / name).read_text("utf-8"))


def test_every_file_is_in_the_table() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in FOLDER.glob("*.mlp")) == sorted(SURVIVES)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_codes_places_and_words(name: str) -> None:
    _, found = parse(_read(name))
    assert [(d.code, d.span.line, d.span.column) for d in found if d.span] == [row[:3] for row in EXPECTED[name]]
    for diagnostic, row in zip(found, EXPECTED[name], strict=True):
        assert diagnostic.message.startswith(row[3])
        assert diagnostic.severity == "error"


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_rest_parses(name: str) -> None:
    program, _ = parse(_read(name))
    assert {item.kind: len(item.body) for item in program.items} == SURVIVES[name]
    assert program.edition == 1


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_safe_fixes_repair_what_they_are_for(name: str) -> None:
    source = _read(name)
    _, found = parse(source)
    remain = [d.code for d in found if d.fix is None or not d.fix.safe]
    _, after = parse(Source(name, apply_fixes(source, found)))
    assert [d.code for d in after] == remain


def test_lost_kinds_name_what_did_not_parse() -> None:
    program, _ = parse(_read("25_several_errors.mlp"))
    assert program.lost == {"split"}
    assert parse(_read("16_network_without_name.mlp"))[0].lost == {"network"}
    assert parse(_read("06_two_statements.mlp"))[0].lost == frozenset()
