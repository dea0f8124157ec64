"""Running the extraction child: one process for all modules, and a fresh one behind each module that ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

_CHILD = "import sys; sys.path[:] = {path!r}; from mldsl.plugin.child import run_from_stdin; run_from_stdin()"


class Task(NamedTuple):
    """A module to import and the `kind.name` keys that metadata promises of it."""

    plugin: str
    module: str
    keys: tuple[str, ...]


def extract(tasks: Sequence[Task], seconds: float = 120) -> dict[str, dict[str, Any]]:
    """The answer for each module (see `child.read_module`); one that ends the process gets a failure instead.

    So does one that takes longer than `seconds` to import. The child sees no accelerator and nothing on its standard
    input.
    """
    answers: dict[str, dict[str, Any]] = {}
    left = list(tasks)
    while left:
        finished, begun, complaint = _run(left, seconds)
        answers.update(finished)
        if begun and begun not in answers:
            answers[begun] = _lost(begun, complaint)
        elif not finished:  # it died before the first module: no other attempt would do better
            answers.update({task.module: _lost(task.module, complaint) for task in left})
        left = [task for task in left if task.module not in answers]
    return answers


def _run(tasks: Sequence[Task], seconds: float) -> tuple[dict[str, dict[str, Any]], str, str]:
    """One child: the answers it gave, the last module it began, and how it ended."""
    modules = [[task.plugin, task.module, list(task.keys)] for task in tasks]
    request = {"path": sys.path, "seconds": seconds, "modules": modules}
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-W", "ignore", "-c", _CHILD.format(path=sys.path)],
        input=json.dumps(request).encode(),
        capture_output=True,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        check=False,
    )
    answers: dict[str, dict[str, Any]] = {}
    begun = ""
    for line in done.stdout.splitlines():
        try:
            message = json.loads(line)
        except ValueError:  # cut off in the middle by a crash
            break
        if "begin" in message:
            begun = message["begin"]
        else:
            answers[message["module"]] = message
    return answers, begun, _ending(done.returncode, done.stderr.decode(errors="replace"))


def _ending(status: int, errors: str) -> str:
    how = f"with signal {-status}" if status < 0 else f"with status {status}"
    return f"it ended the process {how}\n{errors[-4000:]}".rstrip()


def _lost(module: str, complaint: str) -> dict[str, Any]:
    first, _, rest = complaint.partition("\n")
    return {"module": module, "declarations": {}, "failures": [["", first, rest]], "hooks": []}
