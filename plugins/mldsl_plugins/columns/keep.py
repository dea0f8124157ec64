"""Keep columns: only those named by `on` remain inputs from this line on, all others are left out.

Nothing is learned from the data, so every fold keeps the same columns, in the order they had.

Shapes: d columns become those named.
Errors: none.
"""

from __future__ import annotations

from mldsl.plugin import COLUMN_TYPES, Component, NoSpec, Output, Transform, hookimpl


@hookimpl
def mldsl_components() -> list[Component]:
    """Keeping columns."""
    return [
        Transform(
            "keep", NoSpec, selects="keep", inputs=COLUMN_TYPES, missing="accepts", outputs=(Output(),),
            snippet="keep on [age, fare]", also_known_as=("select", "only", "passthrough"),
        )
    ]  # fmt: skip
