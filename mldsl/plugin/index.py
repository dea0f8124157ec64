"""`python -m mldsl.plugin.index`: write the first party's declarations into the package, for the wheel to ship.

The file is generated where a wheel is built, never committed: every new component would conflict in it. An index whose
hash is not that of the installed sources is ignored, so that an old one can only cost time.
"""

from __future__ import annotations

import json
from typing import Any

from mldsl.plugin import fingerprint
from mldsl.plugin.codec import FORMAT_VERSION
from mldsl.plugin.discovery import CORE, installed
from mldsl.plugin.isolate import extract
from mldsl.plugin.store import SHIPPED, merged, tasks, unread


def build() -> dict[str, Any]:
    """The entry of the first party, from its sources as they are now."""
    distribution = next(d for d in installed({})[0] if d.plugin == CORE)
    exact = fingerprint.exact(distribution)
    answers = extract(tasks(distribution))
    entry = merged(unread(distribution, exact), distribution, answers, answers)
    return {"format_version": FORMAT_VERSION, **entry, "quick": "", "environment": ""}


def main() -> int:
    """Write the index; 1, and nothing written, if a first-party component fails."""
    import sys

    index = build()
    for module, key, message, _ in index["failures"]:
        sys.stderr.write(f"{module} {key}: {message}\n")
    if index["failures"]:
        return 1
    SHIPPED.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{SHIPPED.name}: {len(index['declarations'])} components\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
