"""The width of text, and pictures of what must not reach a terminal."""

from __future__ import annotations

import pytest

from mldsl.diagnostics.display import harmless, lay_out, width


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("\u200b", 0), ("ﾊ", 1), ("😀", 2)]
)
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


def test_harmless() -> None:
    assert harmless("plain\ntext é 日") == "plain\ntext é 日"
    assert harmless("\x00\x1b\x7f\x9b\u202e\ud800\u2028") == "␀␛␡\ufffd\ufffd\ufffd\ufffd"


def test_tabs_go_to_the_next_stop() -> None:
    assert lay_out("a\tb\t\tc") == ("a   b       c", [0, 1, 4, 5, 8, 12, 13])
