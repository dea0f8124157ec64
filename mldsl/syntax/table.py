"""The grammar, compiled: tables that lark makes from `mlp.lark` and that `mldsl.syntax.machine` runs.

Why it exists: making the tables takes a quarter of a second and importing lark a fifth of what `check` may take in
all, while reading tables takes a few milliseconds. So lark works when the grammar changes, not when a file is read.
Run `python -m mldsl.syntax.table` then; a test fails until that is done. It is JSON, which cannot hold code.
"""

from __future__ import annotations

import json
import pkgutil
import re
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import attrs

NAME = "mlp.tables.json"


@attrs.frozen
class Rule:
    """What to do with the values of a right-hand side: `size` of them become a node `data`, or go into another.

    `parts` has, for each part of the node, the index of a value, None for what is absent, or `~index` where the value
    is a node whose parts are taken over. `through` says that a single part stands for the node.
    """

    origin: str
    data: str
    size: int
    parts: tuple[int | None, ...]
    through: bool


@attrs.frozen
class Tables:
    """An LALR(1) machine. An action of 0 and more is the state to go to; `~action` is the rule to reduce by."""

    states: list[dict[str, int]]
    rules: list[Rule]
    start: int
    end: int
    keywords: dict[str, str]
    signs: dict[str, str]


def grammar() -> str:
    """The text of the grammar."""
    return _read("mlp.lark")


@cache
def load() -> Tables:
    """The tables beside the grammar; made on the spot where they are missing or of another grammar."""
    try:
        data = json.loads(_read(NAME))
    except (OSError, ValueError):
        data = {}
    if data.get("grammar") != _checksum():
        data = compiled()
    rules = [Rule(origin, name, size, tuple(parts), through) for origin, name, size, parts, through in data["rules"]]
    return Tables(data["states"], rules, data["start"], data["end"], data["keywords"], data["signs"])


def _read(name: str) -> str:
    """A file of the grammar's package; `importlib.resources` would cost more than all the rest of this module."""
    return (pkgutil.get_data("mldsl_grammar", name) or b"").decode()


def _checksum() -> int:
    """What tells a changed grammar from the one that the tables are of."""
    return crc32(grammar().encode())


def compiled() -> dict[str, Any]:
    """The tables of the grammar as it is now."""
    from lark import Lark, __version__
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

    made = Lark(grammar(), parser="lalr", maybe_placeholders=True)
    data, memo = made.memo_serialize([TerminalDef, LarkRule])
    machine = data["parser"]["parser"]
    number = {state: place for place, state in enumerate(machine["states"])}
    numbers = [reference["@"] for reference in data["rules"]]
    states = [
        {
            machine["tokens"][symbol]: number[target] if kind == 0 else ~numbers.index(target["@"])
            for symbol, (kind, target) in actions.items()
        }
        for actions in machine["states"].values()
    ]
    terminals = [entry for entry in memo.values() if entry["__type__"] == "TerminalDef"]
    return {
        "lark": __version__,
        "grammar": _checksum(),
        "start": number[machine["start_states"]["start"]],
        "end": number[machine["end_states"]["start"]],
        "keywords": _keywords(terminals),
        "signs": _signs(terminals),
        "rules": [_rule(memo[place]) for place in numbers],
        "states": states,
    }


def _keywords(terminals: list[dict[str, Any]]) -> dict[str, str]:
    """The words of the language, each with its terminal."""
    found = ((re.fullmatch(r"(\w+)\(\?!\\w\)", entry["pattern"]["value"]), entry["name"]) for entry in terminals)
    return {match[1]: name for match, name in found if match}


def _signs(terminals: list[dict[str, Any]]) -> dict[str, str]:
    """Operators, brackets and the like, each with its terminal; comparisons are one terminal."""
    signs = {}
    for entry in terminals:
        value = entry["pattern"]["value"]
        if entry["pattern"]["__type__"] == "PatternStr":
            signs[value] = entry["name"]
        elif entry["name"] == "CMP":
            signs |= dict.fromkeys(value.split("|"), "CMP")
    return signs


def _rule(rule: dict[str, Any]) -> list[Any]:
    options, expansion = rule["options"], rule["expansion"]
    absent = "".join("1" if empty else "0" for empty in options["empty_indices"]) or "0" * len(expansion)
    parts: list[int | None] = []
    for index, nones in enumerate(absent.split("0")):
        parts += [None] * len(nones)
        if index < len(expansion):
            symbol = expansion[index]
            if symbol["__type__"] == "NonTerminal":
                parts.append(~index if symbol["name"].startswith("_") else index)
            elif not symbol["filter_out"]:
                parts.append(index)
    data = rule["alias"] or rule["origin"]["name"]
    return [rule["origin"]["name"], data, len(expansion), parts, options["expand1"] and not rule["alias"]]


def _main() -> None:
    """Write the tables anew, a state or rule on each line."""
    lines = []
    for key, value in compiled().items():
        if isinstance(value, list):
            inside = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in value)
            lines.append(f'"{key}": [\n{inside}\n]')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    import mldsl_grammar

    path = Path(mldsl_grammar.__file__).with_name(NAME)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8", newline="\n")


if __name__ == "__main__":
    _main()
