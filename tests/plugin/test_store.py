"""When a plugin is imported to be read, and when the index answers instead."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mldsl.plugin import discovery, fingerprint, index, isolate, store
from mldsl.plugin.registry import Registry

OFFERS = {"model.alpha": "mldsl_acme.alpha"}


@pytest.fixture
def acme(site: Any) -> Any:
    helper = "SUMMARY = 'From the helper'\n"
    source = (
        site.module("alpha")
        .replace('"alpha", Spec', '"alpha", Spec, doc=SUMMARY')
        .replace("import attrs", "import attrs\nfrom mldsl_acme.helper import SUMMARY")
    )
    site.add("mldsl-acme", OFFERS, {"mldsl_acme.alpha": source, "mldsl_acme.helper": helper})
    return site


def summaries() -> list[str]:
    return [declaration.summary for declaration in Registry.load().declarations("model", ("acme",))]


@pytest.fixture
def no_import(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """From here on nothing may be imported to be read."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a child process was started")

    monkeypatch.setattr(isolate, "extract", refuse)
    return monkeypatch


def test_a_module_is_read_once(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert summaries() == ["From the helper"]
    monkeypatch.setattr(isolate, "extract", None)
    assert summaries() == ["From the helper"]


def test_loading_reads_metadata_only(acme: Any, no_import: pytest.MonkeyPatch) -> None:
    info = Registry.load().plugin("acme")
    assert info is not None
    assert (info.version, info.distribution, info.provides) == ("1.0", "mldsl-acme", ("model.alpha",))


def test_an_edited_helper_of_the_package_counts(acme: Any) -> None:
    assert summaries() == ["From the helper"]
    acme.file("mldsl_acme.helper").write_text("SUMMARY = 'Edited'\n")
    assert summaries() == ["Edited"]


def test_a_new_time_stamp_alone_does_not(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert summaries() == ["From the helper"]
    os.utime(acme.file("mldsl_acme.helper"), (1, 1))
    monkeypatch.setattr(isolate, "extract", None)
    assert summaries() == ["From the helper"]


def test_a_package_installed_later_is_seen(acme: Any, site: Any) -> None:
    assert Registry.load().plugin("beta") is None
    acme.add("mldsl-beta", {"model.beta": "mldsl_beta"}, {"mldsl_beta": site.module("beta")})
    assert [d.name for d in Registry.load().declarations("model", ("beta",))] == ["beta"]


def test_entry_points_edited_in_place_are_seen(acme: Any) -> None:
    assert len(Registry.load().declarations(plugins=("acme",))) == 1
    (acme.path / "mldsl_acme-1.0.dist-info" / "entry_points.txt").write_text(
        "[mldsl]\nmodel.other = mldsl_acme.alpha\n"
    )
    info = Registry.load().plugin("acme")
    assert info is not None
    assert info.provides == ("model.other",)


def test_the_scan_is_remembered_by_time_stamp(acme: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, scans = discovery.installed({})
    monkeypatch.setattr(discovery, "_scan", None)
    assert discovery.installed(scans) == (first, scans)


def test_what_failed_is_tried_again_when_something_was_installed(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = site.module("alpha", before="import mldsl_late_dependency")
    site.add("mldsl-acme", OFFERS, {"mldsl_acme.alpha": source})
    assert summaries() == []
    with monkeypatch.context() as patch:  # nothing has changed, so the failure stands
        patch.setattr(isolate, "extract", None)
        assert summaries() == []
    (site.path / "mldsl_late_dependency.py").write_text("")
    assert summaries() == ["A model"]


def test_it_is_not_tried_again_because_a_file_was_written_elsewhere(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "work"))
    site.add("mldsl-acme", OFFERS, {"mldsl_acme.alpha": "import not_there"})
    assert summaries() == []
    (tmp_path / "work" / "result.txt").write_text("of the last run")
    monkeypatch.setattr(isolate, "extract", None)
    assert summaries() == []


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"format_version": "0.9", "distributions": {"x": 1}}', b"\xff\xfe"]
)
def test_a_damaged_index_is_built_anew(acme: Any, damage: bytes) -> None:
    path = store.Store().path
    path.write_bytes(damage)
    assert summaries() == ["From the helper"]
    assert json.loads(path.read_bytes())["format_version"] == "1.0"


def test_a_cache_that_cannot_be_written_costs_time_only(
    acme: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MLDSL_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert summaries() == ["From the helper"]


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_the_index_is_for_its_owner_only(acme: Any) -> None:
    summaries()
    path = store.Store().path
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [other.name for other in path.parent.iterdir()] == [path.name]  # no temporary file stays behind


def test_what_another_process_learnt_meanwhile_is_kept(acme: Any, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.add("mldsl-beta", {"model.beta": "mldsl_beta"}, {"mldsl_beta": site.module("beta")})
    ours, theirs = Registry.load(), Registry.load()
    theirs.declarations("model", ("beta",))
    ours.declarations("model", ("acme",))
    monkeypatch.setattr(isolate, "extract", None)
    assert [d.name for d in Registry.load().declarations("model", ("acme", "beta"))] == ["alpha", "beta"]


def test_what_was_uninstalled_is_forgotten(acme: Any) -> None:
    summaries()
    info = acme.path / "mldsl_acme-1.0.dist-info"
    assert str(info) in json.loads(store.Store().path.read_bytes())["distributions"]
    for file in info.iterdir():
        file.unlink()
    info.rmdir()
    assert Registry.load().plugin("acme") is None
    assert str(info) not in json.loads(store.Store().path.read_bytes())["distributions"]


class TestShipped:
    """The index that the wheel brings, played with a first party of one module."""

    @pytest.fixture
    def shipped(self, site: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        monkeypatch.setattr(discovery, "FIRST_PARTY", "mldsl_small")
        monkeypatch.setattr(store, "SHIPPED", tmp_path / "core_index.json")
        monkeypatch.setattr(index, "SHIPPED", tmp_path / "core_index.json")
        monkeypatch.delenv("MLDSL_BLOCK_PLUGINS")
        site.add("mldsl-small", OFFERS, {"mldsl_acme.alpha": site.module("alpha")})
        found = [d for d in discovery.installed({})[0] if d.name == "mldsl-small"]
        monkeypatch.setattr(index, "installed", lambda _: (found, {}))
        monkeypatch.setattr(store, "installed", lambda _: (found, {}))
        return tmp_path / "core_index.json"

    def entries(self) -> dict[str, Any]:
        made = store.Store()
        (entry,) = made.entries(made.distributions)
        return entry

    def test_it_answers_without_an_import(self, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert index.main() == 0
        monkeypatch.setattr(isolate, "extract", None)
        assert self.entries()["declarations"]["model.alpha"]["summary"] == "A model"

    def test_one_of_other_sources_is_ignored(self, shipped: Path, site: Any) -> None:
        assert index.main() == 0
        site.file("mldsl_acme.alpha").write_text(site.module("alpha", "Changed since"))
        assert self.entries()["declarations"]["model.alpha"]["summary"] == "Changed since"

    def test_it_is_not_written_while_a_component_fails(
        self, shipped: Path, site: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        site.file("mldsl_acme.alpha").write_text("1 / 0")
        assert index.main() == 1
        assert "mldsl_acme.alpha" in capsys.readouterr().err
        assert not shipped.exists()


def test_fingerprints_cover_every_source_file_and_nothing_else(acme: Any) -> None:
    (distribution,) = [d for d in discovery.installed({})[0] if d.name == "mldsl-acme"]
    exact, quick = fingerprint.exact(distribution), fingerprint.quick(distribution)
    (acme.path / "mldsl_acme" / "notes.txt").write_text("not a source")
    assert (fingerprint.exact(distribution), fingerprint.quick(distribution)) == (exact, quick)
    (acme.path / "mldsl_acme" / "deep").mkdir()
    (acme.path / "mldsl_acme" / "deep" / "new.py").write_text("")
    assert fingerprint.exact(distribution) != exact
    assert fingerprint.quick(distribution) != quick


def test_plugin_names() -> None:
    names = ["mldsl", "mldsl-acme", "mldsl-time-series", "MLDSL.Time_Series", "Acme-ML"]
    assert [discovery.plugin_name(name) for name in names] == ["core", "acme", "time_series", "time_series", "acme_ml"]
