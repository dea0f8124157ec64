"""The hashes of a plan's data without parsing it: what a run would note of its sources, had it read them."""

from __future__ import annotations

from collections.abc import Callable

from mldsl.data.context import Context, Scan
from mldsl.data.files import sha256
from mldsl.data.read import all_scans
from mldsl.plan import Plan


def source_hashes(
    plan: Plan, context: Context, same_size: Callable[[str, int | None], bool] | None = None
) -> list[tuple[str, str]] | None:
    """(name, SHA-256) of everything that the plan reads; None if it cannot be what somebody knows.

    `same_size(name, bytes)` says whether a source of this size may be the known one, before it is hashed; `bytes` is
    None for what is no single file. Such a source, a table of the calling program say, is asked for its own hash.
    """
    scans = [scan for _, group in all_scans(plan, context) for scan in group]
    if same_size is not None and not all(same_size(scan.name, _size(scan)) for scan in scans):
        return None
    return [(scan.name, sha256(scan.files[0]) if len(scan.files) == 1 else scan.inspect().sha256) for scan in scans]


def _size(scan: Scan) -> int | None:
    return scan.files[0].stat().st_size if len(scan.files) == 1 else None
