"""`mldsl.lock`: which plugins a pipeline was made with, to the byte; committed beside the file, checked by `--locked`.

TOML, one table for each plugin that pipelines of the folder use, in order of names, so that a change touches the lines
of the plugin that changed. `sources` is the hash of the plugin's Python files, `schema` that of its declarations
without their prose: where only the first moved, the meaning of a file has not. Where a package can be downloaded is
the business of the tool that installs it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plugin.discovery import CORE
from mldsl.plugin.registry import Registry
from mldsl.source import Span

NAME: Final = "mldsl.lock"
FORMAT_VERSION: Final = "1.0"
_PROSE: Final = frozenset({"doc", "summary", "example", "sources", "also_known_as", "exceptions", "module"})
_HEAD: Final = """\
# The plugins that the pipelines of this folder were made with; commit it. `mldsl lock FILE` writes it anew, and
# `mldsl run --locked FILE` refuses to run with anything else.
"""


@attrs.frozen
class LockedPlugin:
    """One plugin: its package and version, the hashes of its Python files and of its declarations.

    `pipelines` are the files, relative to the lock file, that use it. The hashes are empty for a plugin that a program
    hands over without a package.
    """

    name: str
    package: str
    version: str
    sources: str
    schema: str
    pipelines: tuple[str, ...] = ()


@attrs.frozen
class Lock:
    """The plugins, by name."""

    plugins: tuple[LockedPlugin, ...] = ()

    def plugin(self, name: str) -> LockedPlugin | None:
        """The entry of a plugin."""
        return next((plugin for plugin in self.plugins if plugin.name == name), None)

    def text(self) -> str:
        """The lock file."""
        return "\n".join([_HEAD + f"format_version = {_quoted(FORMAT_VERSION)}\n", *map(_table, self.plugins)])

    def with_pipeline(self, pipeline: str, found: Lock, exists: Iterable[str]) -> Lock:
        """This lock with what is `found` for a pipeline; entries of no pipeline that `exists` go."""
        known = {pipeline, *exists}
        entries: dict[str, LockedPlugin] = {}
        for plugin in self.plugins:
            users = tuple(p for p in plugin.pipelines if p in known and p != pipeline)
            if users:
                entries[plugin.name] = attrs.evolve(plugin, pipelines=users)
        for plugin in found.plugins:
            users = entries[plugin.name].pipelines if plugin.name in entries else ()
            entries[plugin.name] = attrs.evolve(plugin, pipelines=tuple(sorted({*users, pipeline})))
        return Lock(tuple(entries[name] for name in sorted(entries)))


def lock_of(registry: Registry, used: Iterable[str]) -> Lock:
    """What is installed of the first party and of the plugins `used`. Those that are not installed are left out."""
    found = []
    for name in sorted({CORE, *used}):
        info = registry.plugin(name)
        if info is None:
            continue
        packages = registry.packages(name)
        sources = schema = ""
        if packages:
            from mldsl.plugin import fingerprint

            sources = hashlib.sha256("".join(map(fingerprint.sources, packages)).encode()).hexdigest()
            schema = _schema(registry, name)
        found.append(LockedPlugin(name, info.distribution, info.version, sources, schema))
    return Lock(tuple(found))


def read_lock(path: Path) -> Lock:
    """Read a lock file. MLP0501 if there is none, or none that can be read, or one of a newer format."""
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MldslError(
            Diagnostic("MLP0501", f"there is no `{path}`", help=f"`mldsl lock FILE` writes `{NAME}`; commit it")
        ) from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    version = str(value.get("format_version", ""))
    if version.split(".")[0] != FORMAT_VERSION.split(".")[0]:
        why = f"it has format {version}, and this mldsl reads {FORMAT_VERSION}" if version else "it names no format"
        raise _unreadable(path, why)
    names = {field.name for field in attrs.fields(LockedPlugin)}
    try:
        plugins = []
        for entry in value.get("plugin", ()):
            known: dict[str, Any] = {key: item for key, item in entry.items() if key in names}
            plugins.append(LockedPlugin(**{**known, "pipelines": tuple(known.get("pipelines", ()))}))
    except (TypeError, AttributeError) as error:
        raise _unreadable(path, str(error).partition("__init__() ")[2] or str(error)) from error
    return Lock(tuple(plugins))


def mismatches(
    locked: Lock, found: Lock, path: Path, accept: str, spans: Mapping[str, Span | None] | None = None
) -> list[Diagnostic]:
    """MLP0501 for every plugin of `found` that the lock file has otherwise, or not at all.

    `accept` says how to go on with what is installed.
    """
    return [
        Diagnostic("MLP0501", message, (spans or {}).get(plugin.name), notes=notes, help=remedy)
        for plugin in found.plugins
        for message, notes, remedy in _mismatch(locked.plugin(plugin.name), plugin, path.name, accept)
    ]


def changes(old: Lock, new: Lock) -> tuple[str, ...]:
    """In words, what is different in a lock file: `added acme 1.2.0`, `core 0.1.0 -> 0.2.0`, `removed old`."""
    words = []
    for name in sorted({plugin.name for plugin in (*old.plugins, *new.plugins)}):
        before, after = old.plugin(name), new.plugin(name)
        if before is None and after is not None:
            words.append(f"added {name} {after.version}")
        elif before is not None and after is None:
            words.append(f"removed {name} {before.version}")
        elif before is not None and after is not None and before != after:
            if before.version != after.version:
                words.append(f"{name} {before.version} -> {after.version}")
            elif (before.sources, before.schema) != (after.sources, after.schema):
                words.append(f"{name} {after.version} with other contents")
            else:
                words.append(f"{name} for {', '.join(sorted({*before.pipelines} ^ {*after.pipelines}))}")
    return tuple(words)


def _mismatch(
    locked: LockedPlugin | None, found: LockedPlugin, file: str, accept: str
) -> Iterator[tuple[str, tuple[str, ...], str]]:
    if not found.sources:
        what = f"the plugin `{found.name}` is handed over by a program, so `{file}` cannot hold it"
        yield what, (), "run without `--locked`, or install the plugin as a package"
    elif locked is None:
        yield f"`{file}` does not name the plugin `{found.name}`, which this file uses", (), accept
    elif locked.version != found.version:
        what = f"`{file}` names `{found.name}` {locked.version}, and {found.version} is installed"
        yield what, _changed(locked, found), f"`pip install {found.package}=={locked.version}`, or {accept}"
    elif locked.sources != found.sources or locked.schema != found.schema:
        what = f"the installed `{found.name}` {found.version} is not the one that `{file}` names"
        remedy = f"install {found.package} {locked.version} as it was released, or {accept}"
        yield what, _changed(locked, found), remedy


def _changed(locked: LockedPlugin, found: LockedPlugin) -> tuple[str, ...]:
    """Which hashes differ, and what that means."""
    notes = []
    for part, what in (("sources", "its Python files"), ("schema", "what its components declare")):
        expected, is_now = getattr(locked, part), getattr(found, part)
        if expected != is_now:
            notes.append(f"{what}: expected {expected[:12]}, found {is_now[:12]}")
    if notes and locked.schema == found.schema:
        notes.append("what its components declare is the same, so the file means the same")
    return tuple(notes)


def _schema(registry: Registry, plugin: str) -> str:
    from mldsl.plugin.codec import to_dict

    declared = [_without_prose(to_dict(declaration)) for declaration in registry.declarations(plugins=[plugin])]
    return hashlib.sha256(json.dumps(declared, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _without_prose(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_prose(item) for key, item in value.items() if key not in _PROSE}
    return [_without_prose(item) for item in value] if isinstance(value, (list, tuple)) else value


def _table(plugin: LockedPlugin) -> str:
    values = attrs.asdict(plugin)
    lines = [f"{name} = {_list(v) if isinstance(v, (list, tuple)) else _quoted(v)}" for name, v in values.items() if v]
    return "\n".join(["[[plugin]]", *lines, ""])


def _list(values: Sequence[str]) -> str:
    """One line for each, so that another pipeline is another line."""
    return "[\n" + "".join(f"  {_quoted(value)},\n" for value in values) + "]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # what JSON escapes is what TOML escapes


def _unreadable(path: Path, why: str) -> MldslError:
    return MldslError(
        Diagnostic("MLP0501", f"`{path}` cannot be read: {why}", help="take it from version control, or write it anew")
    )
