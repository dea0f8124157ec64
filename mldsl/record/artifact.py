"""Model artifacts, `models/<name>/`: a manifest, `params.safetensors`, `info.safetensors`. No pickle, nothing executed.

`manifest.json` says what the model is (plan, facts, structure of the learned values, versions) and carries the SHA-256
of both array files and of itself. `read` checks all of that before it looks at a single value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import Plan
from mldsl.record import planjson
from mldsl.record.disk import replace_folder, sha256, writing
from mldsl.record.tree import Resolve, load_tree, save_tree

KIND = "mldsl model"
FORMAT_VERSION = "1.0"
_ARRAYS = ("params", "info")
_LARGEST_MANIFEST = 1 << 28


@attrs.frozen
class Artifact:
    """A fitted pipeline: transforms and one model.

    `plan` is the plan it was made from; `facts` are plain values and parts of plans that scoring needs (levels,
    threshold, shapes ...). `params` is what `predict` reads, `info` what reports show: trees of NumPy arrays.
    `plugins` maps every plugin it needs to its version, `versions` the libraries that made it to theirs.
    """

    name: str
    algorithm: str
    plan: Plan
    params: Any
    info: Any = None
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    plugins: Mapping[str, str] = attrs.field(factory=dict)
    versions: Mapping[str, str] = attrs.field(factory=dict)


def write(artifact: Artifact, folder: Path) -> list[Path]:
    """Write the three files into `folder`, the manifest last; equal artifacts give equal bytes."""
    from safetensors.numpy import save_file

    manifest: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "kind": KIND,
        "name": artifact.name,
        "algorithm": artifact.algorithm,
        "versions": dict(artifact.versions),
        "plugins": dict(artifact.plugins),
        "facts": planjson.encode(dict(artifact.facts)),
        "plan": planjson.encode(artifact.plan),
    }
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for part in _ARRAYS:
            arrays, manifest[part] = save_tree(getattr(artifact, part), part)
            path = folder / f"{part}.safetensors"
            save_file(arrays, path)
            files[path.name] = {"sha256": sha256(path), "bytes": path.stat().st_size}
        manifest["files"] = files
        manifest["sha256"] = _own_hash(manifest)
        text = json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (folder / "manifest.json").write_text(text, encoding="utf-8")
    return [folder / "manifest.json", *(folder / name for name in files)]


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest, checked against its own hash. MLP0502 if it is damaged or foreign, MLP0503 if it is newer."""
    path = folder / "manifest.json"
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            raise _refused(folder, "its manifest is larger than any model needs")
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        hint = "name a folder under `models/` of a run, or one that `artifact(...)` wrote"
        raise _refused(folder, "it has no `manifest.json`", help=hint) from None
    except OSError as error:
        raise _refused(folder, f"`manifest.json` cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _refused(folder, "`manifest.json` is not JSON") from error
    if not isinstance(value, dict) or value.get("kind") != KIND:
        raise _refused(folder, "`manifest.json` describes something else")
    version = value.get("format_version")
    major = version.split(".")[0] if isinstance(version, str) else ""
    if not major.isdigit():
        raise _refused(folder, "`manifest.json` does not say its format")
    if int(major) > int(FORMAT_VERSION.split(".")[0]):
        raise MldslError(
            Diagnostic(
                "MLP0503",
                f"the artifact `{folder}` has format {version}; this mldsl reads up to {FORMAT_VERSION}",
                help="upgrade mldsl",
            )
        )
    if value.get("sha256") != _own_hash(value):
        raise _refused(folder, "`manifest.json` was changed after it was written")
    return value


def is_artifact(folder: Path) -> bool:
    """Whether a folder holds an artifact of any format version, damaged or not."""
    try:
        value = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("kind") == KIND


def replace(target: Path, fill: Callable[[Path], None]) -> Path:
    """Put an artifact at `target`, which must be absent, empty or an artifact: nothing else is replaced (MLP0602)."""
    if target.exists() and not is_artifact(target):
        if not target.is_dir() or any(target.iterdir()):
            raise MldslError(
                Diagnostic(
                    "MLP0602",
                    f"`{target}` exists and is not an artifact, so it is left as it is",
                    help="write to another path, or move it away",
                )
            )
        target.rmdir()
    return replace_folder(target, fill)


def verify(folder: Path) -> dict[str, Any]:
    """The manifest, after every file was compared with its hash. MLP0502 if one is missing or differs."""
    value = manifest(folder)
    for part in _ARRAYS:
        name = f"{part}.safetensors"
        try:
            found = sha256(folder / name)
        except OSError as error:
            raise _refused(folder, f"`{name}` cannot be read: {error.strerror}") from error
        try:
            expected = value["files"][name]["sha256"]
        except (KeyError, TypeError) as error:
            raise _refused(folder, f"`manifest.json` does not name `{name}`") from error
        if found != expected:
            raise _refused(folder, f"`{name}` was changed after it was written")
    return value


def read(folder: Path, resolve: Resolve, installed: Mapping[str, str]) -> Artifact:
    """Read an artifact: hashes first, then values; the same bits as were written.

    `resolve("module:Class")` gives the NamedTuple classes of the installed components; `installed` maps plugins to
    versions. MLP0502 if it is damaged or foreign, MLP0503 if its format is newer, MLP0504 if a plugin is missing.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    value = verify(folder)
    missing = {name: version for name, version in value.get("plugins", {}).items() if name not in installed}
    if missing:
        needed = ", ".join(f"`{name}` {version}" for name, version in missing.items())
        raise MldslError(
            Diagnostic(
                "MLP0504",
                f"the artifact `{folder}` needs {needed}, which is not installed",
                help="`pip install " + " ".join(f"mldsl-{name}=={version}" for name, version in missing.items()) + "`",
            )
        )
    trees = {}
    try:
        for part in _ARRAYS:
            arrays: dict[str, np.ndarray] = load_file(folder / f"{part}.safetensors")
            trees[part] = load_tree(value[part], arrays, resolve)
        plan = planjson.decode(value["plan"])
        if not isinstance(plan, Plan):
            raise _refused(folder, "its plan is not one")
        return Artifact(
            name=value["name"],
            algorithm=value["algorithm"],
            plan=plan,
            params=trees["params"],
            info=trees["info"],
            facts=planjson.decode(value["facts"]),
            plugins=value["plugins"],
            versions=value["versions"],
        )
    except (SafetensorError, OSError, KeyError, TypeError) as error:
        raise _refused(folder, f"{type(error).__name__}: {error}") from error
    except MldslError as error:
        raise _with_makers(error, folder, value) from error


def _own_hash(value: Mapping[str, Any]) -> str:
    body = {key: item for key, item in value.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _refused(folder: Path, reason: str, help: str | None = None) -> MldslError:
    help = help or "nothing was loaded; take a fresh copy of the artifact, or run the pipeline again"
    return MldslError(Diagnostic("MLP0502", f"`{folder}` is not a sound artifact: {reason}", help=help))


def _with_makers(error: MldslError, folder: Path, value: Mapping[str, Any]) -> MldslError:
    """Say which artifact it was, and which versions made it: the remedy may be to install those."""
    made_by = ", ".join(f"{name} {version}" for name, version in {**value["versions"], **value["plugins"]}.items())
    notes = (f"in `{folder}`", f"made by {made_by}" if made_by else "")
    return MldslError(*(attrs.evolve(d, notes=(*d.notes, *filter(None, notes))) for d in error.diagnostics))
