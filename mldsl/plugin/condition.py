"""Conditions on how a parameter is set: `solver = lbfgs`, or one of several values: `solver = batch, stochastic`.

Of a list the condition asks whether one of the values is in it: `parts = month`.

A declaration says with one when another parameter has a meaning, when a transform gives a column, and when a model
learns in rounds. They are text, so that `check` judges them without importing the component.
"""

from __future__ import annotations

from typing import Any

import attrs


def parsed(condition: str) -> tuple[str, tuple[str, ...]]:
    """The parameter's name and the values that it may have; empty texts where the condition is malformed."""
    name, _, values = condition.partition("=")
    return name.strip(), tuple(value.strip() for value in values.split(","))


def fits(condition: str, value: Any) -> bool:
    """Whether a value (a name, number, truth value or instance of a choice's class) is one of those allowed."""
    _, wanted = parsed(condition)
    if isinstance(value, tuple):
        return any(fits(condition, item) for item in value)
    if isinstance(value, bool):
        return ("true" if value else "false") in wanted
    text = type(value).__name__ if attrs.has(type(value)) else str(value)
    return text in wanted or text.lower() in wanted


def holds(condition: str, spec: Any) -> bool:
    """Whether it is true of an instance of a Spec; the empty condition always is."""
    return not condition or fits(condition, getattr(spec, parsed(condition)[0]))


def in_words(condition: str) -> str:
    """As messages and pages write it: `solver = batch` or `solver = stochastic`."""
    name, values = parsed(condition)
    alternatives = [f"`{name} = {value}`" for value in values]
    return " or ".join([", ".join(alternatives[:-1]), alternatives[-1]] if len(alternatives) > 1 else alternatives)
