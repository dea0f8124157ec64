"""`mldsl verify`: run a kept run again, and say whether the bits agree."""

from __future__ import annotations

import difflib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mldsl.driver import Options
    from mldsl.record.agreement import Finding
    from mldsl.record.model import RunRecord
    from mldsl.source import Source

_MOST_LINES = 12


@click.command("verify")
@click.argument("run")
@click.option("--runs-dir", type=click.Path(path_type=Path), help="Where run folders are [default: runs/ here].")
@click.option(
    "--base",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder that the pipeline's relative paths start from [default: where it was run].",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: agrees, parts, reasons.")
def command(run: str, runs_dir: Path | None, base: Path | None, as_json: bool) -> int:
    """Run the kept run RUN again, on the same data, and say whether the bits agree.

    RUN is a run folder, its id or the start of it, `latest`, `latest~1` ... Its own copy of the pipeline is run, with
    the same params and seed, into a place that is removed afterwards; exports are not repeated. Data is compared first,
    by its hash. Exit status: 0 the bits agree, 1 they do not.
    """
    from mldsl.record.find import find_run
    from mldsl.record.model import RunRecord

    folder = find_run(run, runs_dir or Path())
    record = RunRecord.read(folder)
    base = base or _base(folder, record)
    findings, reasons = _again(folder, record, base)
    agrees = all(finding.same for finding in findings)
    if as_json:
        parts = [{"part": f.part, "same": f.same, "words": f.words} for f in findings]
        click.echo(json.dumps({"run": record.id, "agrees": agrees, "parts": parts, "reasons": reasons}, indent=2))
    else:
        for line in _text(folder, findings, reasons):
            click.echo(line)
    return 0 if agrees else 1


def _base(folder: Path, record: RunRecord) -> Path:
    """Where the pipeline lay: as the record says, else where runs lie beside it."""
    noted = record.pipeline.base
    return Path(os.path.normpath(folder.absolute() / noted)) if noted else folder.absolute().parents[1]


def _again(folder: Path, record: RunRecord, base: Path) -> tuple[list[Finding], list[str]]:
    from mldsl.driver import Options
    from mldsl.record.agreement import Finding, compare_folders
    from mldsl.record.unchanged import hashes_of

    now = hashes_of(folder)
    damaged = [name for name, was in record.files.items() if now.get(name) != was]
    if damaged:
        verb = "was" if len(damaged) == 1 else "were"
        changed = ", ".join(f"`{name}`" for name in damaged[:3]) + (" and more" if len(damaged) > 3 else "")
        return [Finding("folder", False, f"{changed} {verb} changed after the run")], []
    with tempfile.TemporaryDirectory(prefix="mldsl-verify-") as place:
        source = _restored(folder, record, Path(place))
        options = Options(
            params=record.given,
            runs_dir=Path(place) / "runs",
            device=record.device.platform,
            force=True,
            exports=False,
            base=base,
            tune=record.tune is not None,
        )
        data = _data(source, record, options)
        if not data.same:
            return [data], []
        fresh = _run(source, options)
        findings = [data, *compare_folders(folder, fresh)]
        return findings, [] if all(f.same for f in findings) else list(_reasons(folder, fresh))


def _restored(folder: Path, record: RunRecord, place: Path) -> Source:
    """The pipeline and its includes as files, laid out as they lay."""
    from mldsl.diagnostics import Diagnostic, MldslError
    from mldsl.source import Source

    texts = []
    left = (folder / "pipeline.mlp").read_text(encoding="utf-8")
    for name in (*record.pipeline.includes, None):
        own, mark, left = (left, "", "") if name is None else left.partition(f"\n# ---- included: {name}\n")
        texts.append(own)
        if name is not None and not mark:
            raise MldslError(
                Diagnostic("MLP0502", f"`{folder / 'pipeline.mlp'}` does not hold `{name}`, which it included")
            )
    main = record.pipeline.file
    names = [os.path.relpath(name, os.path.dirname(main) or ".") for name in (main, *record.pipeline.includes)]
    depth = max(Path(name).parts.count("..") for name in names)
    home = place.joinpath("pipeline", *["_"] * depth)
    for name, text in zip(names, texts, strict=True):
        path = Path(os.path.normpath(home / name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    home.mkdir(parents=True, exist_ok=True)
    return Source(main, texts[0], home / Path(main).name)


def _data(source: Source, record: RunRecord, options: Options) -> Finding:
    """Whether the data is what it was, by its hash."""
    from mldsl.driver import hashes_of_data
    from mldsl.record.agreement import Finding

    was = {s.name: s.sha256 for s in record.data.sources}
    now = dict(hashes_of_data(source, options))
    for name in dict.fromkeys((*was, *now)):
        if was.get(name) != now.get(name):
            words = "was not read then" if name not in was else "is not read now" if name not in now else "has changed"
            return Finding("data", False, f"`{name}` {words}: the run was of other rows")
    unknown = [f"`{name}`" for name, digest in was.items() if not digest]
    note = f"; {', '.join(unknown)} has no hash to compare" if unknown else ""
    return Finding("data", True, ", ".join(was) + note)


def _run(source: Source, options: Options) -> Path:
    from mldsl.driver import run

    finished = run(source, options)
    assert finished.folder is not None
    return finished.folder


def _reasons(kept: Path, fresh: Path) -> Iterator[str]:
    """What else is different: versions, code, device, plan."""
    from mldsl.plugin.lock import NAME, read_lock
    from mldsl.record.model import RunRecord

    old, new = RunRecord.read(kept), RunRecord.read(fresh)
    for name in dict.fromkeys((*old.versions, *new.versions)):
        was, now = old.versions.get(name, "absent"), new.versions.get(name, "absent")
        if was != now:
            yield f"{name}: {was} then, {now} now"
    if (kept / NAME).is_file():
        for plugin in read_lock(kept / NAME).plugins:
            other = read_lock(fresh / NAME).plugin(plugin.name)
            if other is not None and other.version == plugin.version and other.sources != plugin.sources:
                yield f"the code of the plugin `{plugin.name}` is another, although its version is the same"
    if old.device != new.device:
        then, now_ = (f"{d.count} {d.platform} device{'s' if d.count > 1 else ''}" for d in (old.device, new.device))
        yield f"{then} then, {now_} now"
    then_plan, now_plan = ((folder / "plan.txt").read_text(encoding="utf-8").splitlines() for folder in (kept, fresh))
    changed = [d for d in difflib.unified_diff(then_plan, now_plan, n=0, lineterm="") if d[:3] not in ("---", "+++")]
    lines = [line for line in changed if not line.startswith("@@")]
    yield from (f"plan: {line}" for line in lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield f"plan: and {len(lines) - _MOST_LINES} more lines"


def _text(folder: Path, findings: list[Finding], reasons: list[str]) -> Iterator[str]:
    from mldsl.cli.layout import painted

    width = max(len(finding.part) for finding in findings)
    yield f"{folder.name}\n"
    for finding in findings:
        mark = painted("same   ", fg="green") if finding.same else painted("differs", fg="red", bold=True)
        yield f"  {finding.part:<{width}}  {mark}  {finding.words}"
    agree = all(finding.same for finding in findings)
    compared = len(findings) > 1
    said = (
        "the bits agree" if agree else "the bits do not agree" if compared else "not run again: no bits were compared"
    )
    yield painted(f"\n{said}", bold=True)
    if reasons:
        yield "what else is different:"
        yield from (f"  {reason}" for reason in reasons)
    elif not agree and compared:
        yield "versions, code, device and plan are the same"
