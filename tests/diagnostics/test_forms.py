"""The forms for programs: JSON, SARIF and workflow commands."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from mldsl.diagnostics import Diagnostic, Fix, Label, render
from mldsl.source import Source, Span

FILE = "dir one/a.mlp"
SPAN = Span(FILE, 3, 7, 3, 8)
FOUND = [
    Diagnostic(
        "MLP0004",
        "`(` is never closed",
        SPAN,
        "opened here",
        (Label(Span(FILE, 6, 1, 6, 2), "before this"),),
        ("100% of it",),
        "add `)`, please",
        Fix(Span(FILE, 5, 21, 5, 21), ")"),
    ),
    Diagnostic("MLP0901", "no edition line", Span(FILE, 7, 1, 8, 1), severity="warning"),
    Diagnostic("MLP0502", "artifact damaged"),
]
SOURCES = {FILE: Source(FILE, "\n" * 9)}


def test_json_is_the_form_of_the_specification() -> None:
    data = json.loads(render(FOUND, SOURCES, "json"))
    assert (data["format_version"], data["errors"], data["warnings"]) == ("1.0", 2, 1)
    first, second, third = data["diagnostics"]
    expected = {
        "code": "MLP0004", "severity": "error", "message": "`(` is never closed", "file": FILE, "span": [3, 7, 3, 8],
        "notes": ["100% of it"], "help": "add `)`, please",
    }  # fmt: skip
    assert {key: first[key] for key in expected} == expected
    assert first["fix"] == {"file": FILE, "span": [5, 21, 5, 21], "text": ")", "safe": True}
    assert first["labels"] == [{"file": FILE, "span": [6, 1, 6, 2], "text": "before this"}]
    assert (second["severity"], second["fix"], second["help"], second["notes"]) == ("warning", None, None, [])
    assert (third["file"], third["span"]) == (None, None)


# What SARIF 2.1.0 (OASIS, sections 3.13 to 3.57) asks of the parts that are written here.
_REGION = {
    "type": "object",
    "properties": {
        name: {"type": "integer", "minimum": 1} for name in ("startLine", "startColumn", "endLine", "endColumn")
    },
    "required": ["startLine"],
    "additionalProperties": False,
}
_ARTIFACT = {"type": "object", "properties": {"uri": {"type": "string", "pattern": r"^\S+$"}}, "required": ["uri"]}
_LOCATION = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "message": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        "physicalLocation": {
            "type": "object",
            "properties": {"artifactLocation": _ARTIFACT, "region": _REGION},
            "required": ["artifactLocation", "region"],
        },
    },
    "required": ["physicalLocation"],
}
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {"type": "object", "required": ["id"]},
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"type": "object", "required": ["text"]},
                                "locations": {"type": "array", "items": _LOCATION},
                                "relatedLocations": {"type": "array", "items": _LOCATION},
                                "fixes": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["artifactChanges"],
                                        "properties": {
                                            "artifactChanges": {
                                                "type": "array",
                                                "minItems": 1,
                                                "items": {
                                                    "type": "object",
                                                    "required": ["artifactLocation", "replacements"],
                                                    "properties": {
                                                        "replacements": {
                                                            "type": "array",
                                                            "minItems": 1,
                                                            "items": {
                                                                "type": "object",
                                                                "required": ["deletedRegion"],
                                                                "properties": {"deletedRegion": _REGION},
                                                            },
                                                        }
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_sarif_is_valid_and_points_to_the_places() -> None:
    data = json.loads(render(FOUND, SOURCES, "sarif"))
    jsonschema.Draft202012Validator(SARIF).validate(data)
    (run,) = data["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["MLP0004", "MLP0502", "MLP0901"]
    first, second, third = run["results"]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "dir%20one/a.mlp"}
    assert place["region"] == {"startLine": 3, "startColumn": 7, "endLine": 3, "endColumn": 8}
    assert first["message"]["text"] == "`(` is never closed\nnote: 100% of it\nhelp: add `)`, please"
    assert first["relatedLocations"][0]["message"]["text"] == "before this"
    change = first["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert change["insertedContent"] == {"text": ")"}
    assert (second["level"], third.get("locations")) == ("warning", None)


def test_workflow_commands_are_escaped() -> None:
    lines = render(FOUND, SOURCES, "github").split("\n")
    assert lines == [
        (
            "::error file=dir one/a.mlp,line=3,endLine=3,col=7,endColumn=7,title=MLP0004::"
            "`(` is never closed%0Anote: 100%25 of it%0Ahelp: add `)`, please"
        ),
        "::warning file=dir one/a.mlp,line=7,endLine=8,title=MLP0901::no edition line",
        "::error title=MLP0502::artifact damaged",
    ]
    odd = Diagnostic("MLP0001", "m", Span("a,b:c\n.mlp", 1, 1, 1, 2))
    assert "file=a%2Cb%3Ac%0A.mlp," in render([odd], {}, "github")


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_nothing_is_said_in_every_form(form: Any) -> None:
    shown = render([], {}, form)
    assert shown == "" if form == "github" else shown
    if form in ("json", "sarif"):
        assert json.loads(shown)
