"""What the tests of reading share: plans written by hand, sources and functions without the registry."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mldsl.data import Context, Dataset, load
from mldsl.data.dataset import ROW, SOURCE
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import ColumnPlan, ComponentValue, Plan, RowExpression, SplitPlan
from mldsl.source import Span

MODULES = (
    "sources.csv", "sources.parquet", "sources.json_lines", "sources.arrow", "sources.svmlight", "sources.frame",
    "functions.arithmetic", "functions.text", "functions.dates", "functions.logic", "functions.tensors",
)  # fmt: skip
SPAN = Span("t.mlp", 3, 8, 3, 30)
SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def components() -> dict[tuple[str, str], Any]:
    found = {}
    for name in MODULES:
        for component in importlib.import_module(f"mldsl_plugins.{name}").mldsl_components():
            found[component.kind, component.name] = component
    return found


class Rig:
    """A folder with files, and plans that read them."""

    def __init__(self, base: Path, components: Mapping[tuple[str, str], Any]) -> None:
        self.base, self.components = base, components

    def __repr__(self) -> str:  # Hypothesis shows arguments, and the components would fill pages
        return "rig"

    def context(self, **more: Any) -> Context:
        def component_of(value: ComponentValue) -> Any:
            return self.components[value.kind, value.name]

        return Context(self.base, component_of, lambda value: component_of(value).Spec(**dict(value.args)), **more)

    def function(self, full_name: str) -> Any:
        return self.components["function", full_name.rpartition(".")[2]]

    def file(self, content: str | bytes, name: str = "d.csv") -> Path:
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def source(self, kind: str = "csv", path: str | tuple[str, ...] = "d.csv", **args: Any) -> ComponentValue:
        if kind != "frame":
            args = {"path": path, **args}
        return ComponentValue("source", kind, "core", tuple(args.items()), span=SPAN)

    def plan(
        self,
        columns: Sequence[ColumnPlan],
        source: ComponentValue | Mapping[str, ComponentValue] | None = None,
        where: RowExpression | None = None,
        split: SplitPlan | None = None,
        models: Sequence[Any] = (),
        task: Any = None,
    ) -> Plan:
        sources = source if isinstance(source, Mapping) else {"data": source or self.source()}
        target = next((c for c in columns if c.role == "target"), None)
        classes = target is not None and target.type in ("binary", "categorical", "ordinal")
        return Plan(
            "t.mlp", 1, 0, task or ("classification" if classes else "regression"), (), tuple(sources.items()), where,
            tuple(columns), target.name if target else None, split or SplitPlan(), tuple(models), (), (), (),
            complete=True,
        )  # fmt: skip

    def load(self, columns: Sequence[ColumnPlan], source: Any = None, where: RowExpression | None = None) -> Dataset:
        return load(self.plan(columns, source, where), self.context())

    def problems(self, columns: Sequence[ColumnPlan], source: Any = None, where: Any = None) -> list[Diagnostic]:
        with pytest.raises(MldslError) as caught:
            self.load(columns, source, where)
        return list(caught.value.diagnostics)

    def problem(self, columns: Sequence[ColumnPlan], source: Any = None, where: Any = None) -> Diagnostic:
        found = self.problems(columns, source, where)
        assert len(found) == 1, [d.message for d in found]
        return found[0]

    def dataset(self, columns: Sequence[ColumnPlan], parts: Sequence[str] | None = None, **values: Any) -> Dataset:
        """A data set without a file, for splits."""
        frame = pl.DataFrame(values).with_columns(
            pl.lit(0, pl.UInt32).alias(SOURCE), pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW)
        )
        codes = None if parts is None else np.array(parts)
        empty = frame.select(SOURCE, ROW).clear()
        return Dataset(frame, tuple(columns), (), frame.height, empty, parts=codes)


@pytest.fixture
def rig(tmp_path: Path, components: dict[tuple[str, str], Any]) -> Rig:
    return Rig(tmp_path, components)


@pytest.fixture
def shared(components: dict[tuple[str, str], Any]) -> Rig:
    if not SHARED.is_dir():
        pytest.skip("the shared data sets are not here")
    return Rig(SHARED, components)
