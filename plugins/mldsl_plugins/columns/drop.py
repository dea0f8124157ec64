"""Leave columns out: those named by `on` are no longer inputs from this line on.

Nothing is learned from the data, so every fold drops the same columns. They can still be read by row expressions of
earlier lines.

Shapes: d columns become d less those named.
Errors: none.
"""

from __future__ import annotations

from mldsl.plugin import COLUMN_TYPES, Component, NoSpec, Transform, hookimpl


@hookimpl
def mldsl_components() -> list[Component]:
    """Leaving columns out."""
    return [
        Transform(
            "drop", NoSpec, selects="drop", inputs=COLUMN_TYPES, missing="accepts", outputs=(),
            snippet='drop on ["id_*"]', also_known_as=("remove", "exclude"),
        )
    ]  # fmt: skip
