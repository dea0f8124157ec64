"""The lock file: what it holds, how it changes, and what it says when something differs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from mldsl.diagnostics import MldslError
from mldsl.plugin import Metric, NoSpec
from mldsl.plugin.lock import Lock, LockedPlugin, changes, lock_of, mismatches, read_lock
from mldsl.plugin.registry import Registry

CORE = LockedPlugin("core", "mldsl", "0.1.0", "a" * 64, "b" * 64, ("a.mlp",))
ACME = LockedPlugin("acme", "mldsl-acme", "1.2.0", "c" * 64, "d" * 64, ("a.mlp", "b.mlp"))


def test_what_is_written_is_read_and_is_toml(tmp_path: Path) -> None:
    path = tmp_path / "mldsl.lock"
    lock = Lock((ACME, attrs.evolve(CORE, pipelines=('od"d\\näme.mlp',))))
    path.write_text(lock.text(), encoding="utf-8")
    assert read_lock(path) == lock
    value = tomllib.loads(lock.text())
    assert value["format_version"] == "1.0"
    assert [entry["name"] for entry in value["plugin"]] == ["acme", "core"]


def test_the_first_party_is_hashed_and_stays_the_same() -> None:
    lock = lock_of(Registry.load(), ["nobody"])
    (core,) = lock.plugins
    assert (core.name, core.package) == ("core", "mldsl")
    assert len(core.sources) == len(core.schema) == 64
    assert lock_of(Registry.load(), []) == lock


def test_prose_is_no_part_of_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mldsl.plugin import lock as module

    registry = Registry.load()
    declared = registry.declarations
    before = module._schema(registry, "core")

    def changed(field: str, value: Any) -> str:
        def declarations(**options: Any) -> Any:
            first, *rest = declared(**options)
            return [attrs.evolve(first, **{field: value}), *rest]

        monkeypatch.setattr(registry, "declarations", declarations)
        return module._schema(registry, "core")

    assert changed("doc", "another text") == before
    assert changed("deprecated", "gone soon") != before


def test_pipelines_share_a_lock_and_entries_go_with_the_last_of_them() -> None:
    both = Lock((ACME, CORE))
    newer = Lock((attrs.evolve(CORE, version="0.2.0", pipelines=()),))
    after = both.with_pipeline("a.mlp", newer, ["a.mlp", "b.mlp"])
    assert after.plugin("acme") == attrs.evolve(ACME, pipelines=("b.mlp",))
    assert after.plugin("core") == attrs.evolve(CORE, version="0.2.0")
    assert changes(both, after) == ("acme for a.mlp", "core 0.1.0 -> 0.2.0")
    gone = both.with_pipeline("a.mlp", newer, ["a.mlp"])
    assert gone.plugin("acme") is None
    assert changes(both, gone) == ("removed acme 1.2.0", "core 0.1.0 -> 0.2.0")
    assert changes(Lock(), both) == ("added acme 1.2.0", "added core 0.1.0")
    assert changes(both, both) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "1.3.0"}, ("names `acme` 1.2.0, and 1.3.0 is installed", "pip install mldsl-acme==1.2.0")),
        ({"sources": "e" * 64}, ("is not the one", "expected cccccccccccc, found eeeeeeeeeeee", "means the same")),
        ({"schema": "e" * 64}, ("is not the one", "declare: expected dddddddddddd, found eeeeeeeeeeee")),
        ({"sources": ""}, ("handed over by a program", "install the plugin as a package")),
        ({"name": "other"}, ("does not name the plugin `other`", "accept it")),
    ],
)  # fmt: skip
def test_what_differs_is_said(change: dict[str, str], words: tuple[str, ...]) -> None:
    (found,) = mismatches(Lock((ACME,)), Lock((attrs.evolve(ACME, **change),)), Path("mldsl.lock"), "accept it")
    assert found.code == "MLP0501"
    text = " ".join([found.message, *found.notes, found.help or ""])
    assert not [w for w in words if w not in text]
    if "schema" in change:
        assert "means the same" not in text


def test_nothing_is_said_of_what_is_the_same() -> None:
    assert mismatches(Lock((ACME, CORE)), Lock((CORE,)), Path("mldsl.lock"), "") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no"), ("x = = 1", "cannot be read"), ("", "names no format"), ("\xff", "cannot be read"),
        ('format_version = "2.0"', "has format 2.0"), ('format_version = "1.0"\nplugin = [1]', "cannot be read"),
        ('format_version = "1.0"\n[[plugin]]\nname = "core"', "missing"),
    ],
)  # fmt: skip
def test_a_lock_that_cannot_be_read(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "mldsl.lock"
    if text is not None:
        path.write_text(text, encoding="latin-1")
    with pytest.raises(MldslError) as caught:
        read_lock(path)
    assert caught.value.diagnostics[0].code == "MLP0501"
    assert words in caught.value.diagnostics[0].message


def test_keys_of_a_later_minor_format_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "mldsl.lock"
    path.write_text(Lock((CORE,)).text().replace('"1.0"', '"1.7"') + "colour = 3\n", encoding="utf-8")
    assert read_lock(path) == Lock((CORE,))


def test_components_without_a_package_have_no_hash() -> None:
    metric = Metric("nought", NoSpec, metric=lambda spec, view: 0.0, doc="Nothing.", tasks=("regress",), better="lower")
    lock = lock_of(Registry.of({"tiny": [metric]}), ["tiny"])
    assert lock.plugin("tiny") == LockedPlugin("tiny", "", "", "", "")
