"""The user's cache folder, and small JSON files in it: written whole or not at all, readable by their owner only.

Why it exists: what is found on `sys.path` and read from declarations rarely changes, and `check` must not pay for it
again. A cache that is missing, damaged or not writable costs time, never a run.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

FORMAT_VERSION: Final = "1.0"  # of declarations as JSON, hence also of the index that holds them


def cache_folder() -> Path:
    """`MLDSL_CACHE_DIR`, else `$XDG_CACHE_HOME/mldsl`, else the system's own place for caches. Not created here."""
    if chosen := os.environ.get("MLDSL_CACHE_DIR"):
        return Path(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base, "mldsl")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mldsl"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local", "mldsl", "Cache")
    return Path.home() / ".cache" / "mldsl"


def read_json(path: Path) -> dict[str, Any]:
    """What a file holds; `{}` if it is absent, damaged or somebody else's."""
    try:
        with path.open("rb") as file:
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_uid != os.getuid():
                return {}
            data = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write_json(path: Path, data: dict[str, Any]) -> bool:
    """Replace a file in one step, for its owner only. False, and nothing changed, where that is not possible."""
    import tempfile

    temporary = ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")  # mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, separators=(",", ":"))
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            if temporary:
                os.unlink(temporary)
        return False
    return True
