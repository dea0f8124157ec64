"""The grammar, compiled: the parser's tables as JSON beside the grammar, so that no start pays for making them.

Why it exists: making the tables takes a quarter of a second, reading them some milliseconds, and `check` has a tenth
of a second in all. JSON rather than the parser library's own cache, which is pickle. Run `python -m mldsl.syntax.table`
after a change of the grammar or of lark; a test fails until that is done.
"""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from typing import Any

NAME = "mlp.tables.json"


def grammar() -> str:
    """The text of the grammar."""
    return resources.files("mldsl_grammar").joinpath("mlp.lark").read_text("utf-8")


def load() -> dict[str, Any] | None:
    """What `Lark.load` takes; None if the tables are absent or of another grammar."""
    try:
        text = resources.files("mldsl_grammar").joinpath(NAME).read_text("utf-8")
        tables: dict[str, Any] = json.loads(text)
    except (OSError, ValueError):
        return None
    if tables["grammar"] != _digest():
        return None
    # JSON's keys are text, and its lists are lists; the library wants numbers and, for speed, pairs.
    memo = {int(key): value for key, value in tables["memo"].items()}
    machine = tables["data"]["parser"]["parser"]
    machine["tokens"] = {int(key): value for key, value in machine["tokens"].items()}
    machine["states"] = {
        int(state): {int(token): (kind, value) for token, (kind, value) in actions.items()}
        for state, actions in machine["states"].items()
    }
    return {"data": tables["data"], "memo": memo}


def dump(data: dict[str, Any], memo: dict[int, Any], version: str) -> str:
    """The text to keep, from what `Lark.memo_serialize` of that version gives."""
    kept = {"lark": version, "grammar": _digest(), "data": data, "memo": memo}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False) + "\n"


def _digest() -> str:
    return hashlib.sha256(grammar().encode()).hexdigest()


def _main() -> None:
    """Write the tables anew."""
    from mldsl.syntax.parse import compiled

    with resources.as_file(resources.files("mldsl_grammar").joinpath(NAME)) as path:
        path.write_text(compiled(), "utf-8", newline="\n")


if __name__ == "__main__":
    _main()
