"""A pipeline's text with its words coloured, as HTML. Only for the eye: it needs no grammar and never fails."""

from __future__ import annotations

import re
from html import escape

_WORDS = re.compile(
    r'(?P<c>\#[^\n]*)|(?P<s>"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|`[^`\n]*`)'
    r"|(?P<v>\$\w+)"
    r"|(?P<k>(?m:^)(?:mlp|use|include|param|data|features|transforms|network|split|model|tune|metrics|report|export)\b"
    r"|\b(?:as|in|on|and|or|not|true|false)\b)"
    r"|(?P<t>(?<=: )(?:continuous|integer|binary|categorical|ordinal|text|time|image|sequence|vector|id|number|boolean"
    r"|duration|share|choice)\b\??)"
    r"|(?P<n>(?<![\w.])\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?(?:%|[a-zA-Z]{1,2}\b)?)"
    r"|(?P<f>\b[a-z_]\w*(?=\())"
)


def highlight(text: str) -> str:
    """The text, escaped, with `<span class="x">` around comments, strings, parameters, keywords, types and calls."""
    out, end = [], 0
    for match in _WORDS.finditer(text):
        out.append(escape(text[end : match.start()], quote=False))
        out.append(f'<span class="{match.lastgroup}">{escape(match.group(), quote=False)}</span>')
        end = match.end()
    out.append(escape(text[end:], quote=False))
    return "".join(out)
