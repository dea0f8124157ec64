"""Plain text for terminals, without rich: widths, headings, wrapping. Click drops colour where it is not wanted."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import Any

import click


def is_wide() -> bool:
    """Whether somebody looks: then lines are cut to the window; a file or pipe gets them whole."""
    return sys.stdout.isatty()


def page_width() -> int:
    """The columns to use: those of the window, at most 100, which is as wide as prose should be."""
    return max(40, min(shutil.get_terminal_size((80, 24)).columns, 100))


def painted(text: str, **style: Any) -> str:
    """The text in the style of `click.style`, plain if `NO_COLOR` is set."""
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)


def heading(text: str) -> str:
    """A title, bold where colour is wanted."""
    return painted(text, bold=True)


def shortened(text: str, width: int) -> str:
    """The text, cut at a word and ended with an ellipsis if it is too long."""
    if len(text) <= width:
        return text
    cut = text[: width - 1].rsplit(" ", 1)[0].rstrip(" ,;:.")
    return f"{cut}…"


def wrapped(text: str, indent: int, width: int) -> str:
    """A paragraph, filled."""
    space = " " * indent
    return textwrap.fill(
        text, width, initial_indent=space, subsequent_indent=space, break_long_words=False, break_on_hyphens=False
    )
