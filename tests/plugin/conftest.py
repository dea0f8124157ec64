"""Packages that exist for one test: a folder on `sys.path` with metadata and modules, and a cache of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

MODULE = '''
"""{summary}."""
{before}
import attrs
from mldsl.plugin import Model, hookimpl, param

@attrs.frozen
class Spec:
    """Hyperparameters."""
    size: int = param(3, ge=1, doc="How large.", also_known_as=("n_size",))

@hookimpl
def mldsl_components():
    return [Model("{name}", Spec, fit=print, predict=print, tasks={{"cluster"}}, also_known_as=["Known{name}"])]
'''


def module(name: str, summary: str = "A model", before: str = "") -> str:
    """The source of a module with one model; `before` runs first."""
    return MODULE.format(name=name, summary=summary, before=before)


class Site:
    """A folder like site-packages."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(
        self, distribution: str, offers: Mapping[str, str], modules: Mapping[str, str], version: str = "1.0"
    ) -> Path:
        """Install a package: `kind.name` -> module, dotted module -> source. Gives the folder of its metadata."""
        for dotted, source in modules.items():
            path = self.path.joinpath(*dotted.split(".")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(source).lstrip(), encoding="utf-8")
        info = self.path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = [f"{key} = {value}" for key, value in offers.items()]
        (info / "entry_points.txt").write_text("\n".join(["[mldsl]", *lines, ""]))
        return info

    module = staticmethod(module)

    def file(self, dotted: str) -> Path:
        """The source of a module."""
        return self.path.joinpath(*dotted.split(".")).with_suffix(".py")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty site in front of `sys.path`, an empty cache, and the first party switched off (reading it takes JAX)."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("MLDSL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MLDSL_BLOCK_PLUGINS", "core")
    # A package of the same name that another test imported from elsewhere must not stand in for this one.
    for name in [n for n in sys.modules if n.partition(".")[0] in ("mldsl_acme", "mldsl_beta")]:
        monkeypatch.delitem(sys.modules, name)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        spec = getattr(sys.modules[name], "__spec__", None)
        places = [getattr(spec, "origin", None), *(getattr(spec, "submodule_search_locations", None) or ())]
        if any(str(place).startswith(str(folder)) for place in places):
            del sys.modules[name]
