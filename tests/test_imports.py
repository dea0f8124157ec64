"""The import order of docs/architecture.md, read from the sources: data goes forward, so imports go back.

Every `import` counts, wherever it stands: in a function or under TYPE_CHECKING it is a dependency all the same.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = (
    "source", "diagnostics", "syntax", "plugin", "plan", "semantics", "contract", "data", "record", "report", "execute",
    "driver", "testing", "api", "cli",
)  # fmt: skip
ARRAYS = {"numpy", "jax", "jaxlib", "polars", "matplotlib", "pandas", "pyarrow", "scipy", "optax", "safetensors"}

# Packages that only these parts of mldsl may import, at any place.
RESERVED = {
    "lark": {"syntax"},
    "jax": {"contract", "execute", "testing"},
    "matplotlib": {"report"},
    "jinja2": {"report", "cli"},
    "rich": {"report", "cli", "execute", "driver"},
    "click": {"cli"},
    "polars": {"data", "record", "report", "execute", "driver", "testing", "api", "cli"},
}

# Parts that must start fast: they import array libraries in functions only, never when they are imported.
LIGHT = ("source", "diagnostics", "syntax", "plugin", "plan", "semantics", "driver", "cli", "api")

# What a plugin may know of us: how to declare, how to compute, how sources read and exporters write.
OPEN_TO_PLUGINS = {"plugin", "contract", "data", "record", "diagnostics", "source", "plan"}


def modules(folder: Path, package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*.py")):
        parts = (package, *path.relative_to(folder).with_suffix("").parts)
        yield ".".join(p for p in parts if p != "__init__"), path


def imports(path: Path, *, top: bool = False) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each import; `top` leaves out functions and TYPE_CHECKING blocks."""
    tree = ast.parse(path.read_text("utf-8"))
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)
        elif top and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        elif top and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
            continue
        pending.extend(ast.iter_child_nodes(node))


def part(module: str) -> str:
    """`syntax` of `mldsl.syntax.parse`; empty for `mldsl` itself."""
    return module.partition(".")[2].partition(".")[0]


OURS = list(modules(ROOT / "mldsl", "mldsl"))
PLUGINS = list(modules(ROOT / "plugins" / "mldsl_plugins", "mldsl_plugins"))


def test_every_part_has_a_place_in_the_order() -> None:
    assert {part(name) for name, _ in OURS} - {"", "__main__"} <= set(ORDER)


@pytest.mark.parametrize(("name", "path"), OURS, ids=[name for name, _ in OURS])
def test_left_never_imports_right(name: str, path: Path) -> None:
    if part(name) in ("", "__main__"):
        return  # the package's own names load from `api` and `cli`, on first use
    place = ORDER.index(part(name))
    wrong = [
        f"line {line}: {target}"
        for line, target in imports(path)
        if target.startswith("mldsl.") and part(target) in ORDER and ORDER.index(part(target)) > place
    ]
    assert not wrong, f"{name} imports from its right"


@pytest.mark.parametrize(("name", "path"), OURS, ids=[name for name, _ in OURS])
def test_who_may_import_what(name: str, path: Path) -> None:
    found = [(line, target) for line, target in imports(path)]
    for line, target in found:
        top = target.partition(".")[0]
        assert part(name) in RESERVED.get(top, {part(name)}), f"line {line}: {top} is reserved"
        assert top != "mldsl_plugins", f"line {line}: the engine knows no algorithm"
        if target.startswith("mldsl.contract"):
            assert part(name) in {"contract", "execute", "testing"}, f"line {line}: mldsl.contract imports JAX"


@pytest.mark.parametrize(("name", "path"), OURS, ids=[name for name, _ in OURS])
def test_the_front_end_imports_no_array_library_when_it_starts(name: str, path: Path) -> None:
    if part(name) not in LIGHT:
        return
    for line, target in imports(path, top=True):
        top = target.partition(".")[0]
        assert top not in ARRAYS | {"rich", "mldsl_plugins"}, f"line {line}: import {top} in a function"
        assert part(target) != "contract" or top != "mldsl", f"line {line}: import {target} in a function"


@pytest.mark.parametrize(("name", "path"), PLUGINS, ids=[name for name, _ in PLUGINS])
def test_our_plugins_use_nothing_that_a_stranger_could_not(name: str, path: Path) -> None:
    for line, target in imports(path):
        if target.startswith("mldsl."):
            assert part(target) in OPEN_TO_PLUGINS, f"line {line}: {target}"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["check", "iris.mlp"], ["fmt", "--check", "iris.mlp"], ["list"], ["doc", "ridge"]],
    ids=lambda a: a[0],
)  # fmt: skip
def test_quick_commands_load_no_array_library(arguments: list[str], tmp_path: Path) -> None:
    """Run twice: the first call may fill the cache in a child process, the second is what people wait for."""
    code = (
        "import sys\nfrom mldsl.cli import main\n"
        "try:\n    code = main(sys.argv[1:])\nexcept SystemExit as end:\n    code = end.code\nassert not code, code\n"
        f"print('LOADED', *sorted({ARRAYS | {'rich'}!r} & set(sys.modules)), file=sys.stderr)"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=ROOT / "examples", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "LOADED"
