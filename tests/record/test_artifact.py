"""Artifacts: the same bits after reload; whatever was done to the files, refused with a code before a value is read."""

import hashlib
import json
import struct
from typing import NamedTuple

import numpy as np
import pytest

from mldsl.diagnostics import MldslError
from mldsl.plan.model import ComponentValue, Plan, SplitPlan
from mldsl.record import Artifact, artifact
from mldsl.record.tree import class_name


class Params(NamedTuple):
    weights: np.ndarray


def offered(name):
    return {class_name(Params): Params}.get(name)


INSTALLED = {"core": "0.1.0", "acme": "2.0"}


@pytest.fixture
def made() -> Artifact:
    plan = Plan(
        "f.mlp", 1, 0, "classification", (), (("data", ComponentValue("source", "csv", "core")),), None, (), None,
        SplitPlan(), (), (), (), (),
    )  # fmt: skip
    return Artifact(
        "tree", "tree", plan, {"model": Params(np.linspace(0, 1, 7)), "levels": ("a", "b")}, {"loss": np.float32(0.5)},
        {"threshold": 0.35}, {"core": "0.1.0", "acme": "2.0"}, {"mldsl": "0.1.0"},
    )  # fmt: skip


@pytest.fixture
def folder(made, tmp_path):
    artifact.write(made, tmp_path / "models" / "tree")
    return tmp_path / "models" / "tree"


def refused(folder, installed=INSTALLED):
    with pytest.raises(MldslError) as caught:
        artifact.read(folder, offered, installed)
    return caught.value.diagnostics[0]


def sealed(folder, **changes):
    """Change the manifest and seal it again, as somebody who knows how would."""
    value = json.loads((folder / "manifest.json").read_text()) | changes
    value["sha256"] = artifact._own_hash(value)
    (folder / "manifest.json").write_text(json.dumps(value))


def test_round_trip(made, folder) -> None:
    again = artifact.read(folder, offered, INSTALLED)
    assert again.plan == made.plan
    assert again.facts == made.facts
    assert again.plugins == made.plugins
    assert isinstance(again.params["model"], Params)
    assert again.params["model"].weights.tobytes() == made.params["model"].weights.tobytes()
    assert again.params["model"].weights.dtype == np.float64
    assert again.info["loss"].dtype == np.float32


def test_equal_artifacts_are_equal_bytes(made, folder, tmp_path) -> None:
    artifact.write(made, tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_there_is_no_pickle(folder) -> None:
    for path in folder.iterdir():
        assert b"\x80\x04" not in path.read_bytes()[:2]
        assert path.suffix in (".json", ".safetensors")


@pytest.mark.parametrize("name", ["manifest.json", "params.safetensors", "info.safetensors"])
@pytest.mark.parametrize("damage", ["remove", "empty", "truncate", "append", "folder"])
def test_damage_is_refused(folder, name, damage) -> None:
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "truncate":
            path.write_bytes(content[:-3])
        case "append":
            path.write_bytes(content + b"{}")
        case "folder":
            path.mkdir()
    assert refused(folder).code == "MLP0502"


@pytest.mark.parametrize("name", ["manifest.json", "params.safetensors", "info.safetensors"])
def test_one_flipped_bit_anywhere_is_refused(folder, name) -> None:
    path = folder / name
    content = path.read_bytes()
    for place in range(0, len(content), max(1, len(content) // 60)):
        flipped = bytearray(content)
        flipped[place] ^= 4
        path.write_bytes(flipped)
        if name == "manifest.json" and same_meaning(content, flipped):
            continue
        assert refused(folder).code in ("MLP0502", "MLP0503"), f"byte {place}"
    path.write_bytes(content)
    artifact.read(folder, offered, INSTALLED)


def same_meaning(one, other) -> bool:
    """White space flipped into white space."""
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False


def test_a_newer_format_is_refused_with_its_own_code(folder) -> None:
    sealed(folder, format_version="2.0")
    found = refused(folder)
    assert found.code == "MLP0503"
    assert "upgrade" in (found.help or "")


def test_a_newer_minor_version_is_read(folder) -> None:
    sealed(folder, format_version="1.7", future={"x": 1})
    assert artifact.read(folder, offered, INSTALLED).name == "tree"


def test_a_missing_plugin_is_named(folder) -> None:
    found = refused(folder, {"core": "0.1.0"})
    assert found.code == "MLP0504"
    assert "`acme` 2.0" in found.message
    assert "mldsl-acme==2.0" in (found.help or "")


def test_learned_values_of_an_unknown_class_are_refused_and_the_makers_named(folder) -> None:
    with pytest.raises(MldslError) as caught:
        artifact.read(folder, lambda name: None, INSTALLED)
    found = caught.value.diagnostics[0]
    assert found.code == "MLP0502"
    assert any("acme 2.0" in note for note in found.notes)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "something else"}, {"format_version": None}, {"format_version": "one"}, {"files": {}}, {"files": None},
        {"files": {"../../../etc/passwd": {"sha256": "x"}}}, {"params": {"array": "../../etc/passwd"}},
        {"params": None},
        {"plan": {"$": "ColumnUse", "name": "x"}}, {"plan": None}, {"facts": {"$": "os.system"}},
        {"plugins": {}, "params": {"named": "subprocess:Popen", "fields": {}}},
    ],
)  # fmt: skip
def test_a_forged_manifest_is_refused(folder, changes) -> None:
    sealed(folder, **changes)
    assert refused(folder).code == "MLP0502"


def test_an_array_file_that_claims_more_than_it_holds_is_refused(folder) -> None:
    header = json.dumps({"params/0/weights": {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}}).encode()
    bomb = struct.pack("<Q", len(header)) + header + b"\0" * 64
    (folder / "params.safetensors").write_bytes(bomb)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    files["params.safetensors"]["sha256"] = hashlib.sha256(bomb).hexdigest()
    sealed(folder, files=files)
    assert refused(folder).code == "MLP0502"


def test_a_manifest_without_end_is_refused_before_it_is_read(folder, monkeypatch) -> None:
    monkeypatch.setattr(artifact, "_LARGEST_MANIFEST", 10)
    assert "larger than any model needs" in refused(folder).message


def test_deeply_nested_json_is_refused(folder) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)
    assert refused(folder).code == "MLP0502"


def test_what_is_no_artifact(tmp_path) -> None:
    assert refused(tmp_path).code == "MLP0502"
    assert refused(tmp_path / "absent").code == "MLP0502"
    assert not artifact.is_artifact(tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": "web page"}')
    assert refused(tmp_path).code == "MLP0502"
    assert not artifact.is_artifact(tmp_path)


def test_nothing_is_written_where_it_cannot_be(made, tmp_path) -> None:
    (tmp_path / "x").write_text("a file")
    with pytest.raises(MldslError) as caught:
        artifact.write(made, tmp_path / "x" / "tree")
    assert caught.value.diagnostics[0].code == "MLP0602"
