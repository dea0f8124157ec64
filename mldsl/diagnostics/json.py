"""Diagnostics for programs: one JSON object, format version "1.0"; later minor versions only add keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.diagnostics.order import count

FORMAT_VERSION = "1.0"


def as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    """One diagnostic; spans are `[line, column, end_line, end_column]`, 1-based, in characters, the end exclusive."""
    span, fix = diagnostic.span, diagnostic.fix
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": span.file if span else None,
        "span": span.as_list() if span else None,
        "label": diagnostic.label or None,
        "labels": [{"file": x.span.file, "span": x.span.as_list(), "text": x.text} for x in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fix": {"file": fix.span.file, "span": fix.span.as_list(), "text": fix.text, "safe": fix.safe} if fix else None,
    }


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """All of them with their counts."""
    errors, warnings = count(diagnostics)
    whole = {
        "format_version": FORMAT_VERSION,
        "errors": errors,
        "warnings": warnings,
        "diagnostics": [as_dict(diagnostic) for diagnostic in diagnostics],
    }
    return json.dumps(whole, indent=2)
