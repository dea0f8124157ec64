"""The table of codes: every code that the package uses is in it, each with a meaning of its own range."""

from __future__ import annotations

import re
from pathlib import Path

import mldsl
from mldsl.diagnostics.codes import CODES

RANGES = {"00", "01", "02", "03", "04", "05", "06", "08", "09"}


def test_every_code_in_use_has_a_meaning() -> None:
    folder = Path(mldsl.__file__).parent
    used = {code for path in folder.rglob("*.py") for code in re.findall(r"\bMLP\d{4}\b", path.read_text("utf-8"))}
    assert len(used) > 50
    assert used <= set(CODES)


def test_codes_are_well_formed_and_in_order() -> None:
    assert list(CODES) == sorted(CODES)
    for code, meaning in CODES.items():
        assert re.fullmatch(r"MLP\d{4}", code)
        assert code[3:5] in RANGES
        assert meaning
        assert not meaning.endswith(".")
    assert len(set(CODES.values())) == len(CODES)
