"""The process that imports plugin modules, so that the one which asked stays free of array libraries and crashes.

It reads one JSON request from standard input and prints one JSON line before and one after each module. A module that
ends the process leaves its first line without the second, which tells the parent whose fault it was.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import sys
from typing import IO, Any

from mldsl.plugin.codec import to_dict
from mldsl.plugin.extract import declare
from mldsl.plugin.failure import one_line, trimmed_traceback
from mldsl.plugin.loading import components_of, hooks_of


def main(request: dict[str, Any]) -> None:
    """Answer a request `{"seconds": ..., "modules": [[plugin, module, [keys]], ...]}` on standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever plugins print goes where tracebacks go
    for plugin, module, keys in request["modules"]:
        _say(answers, {"begin": module})
        faulthandler.dump_traceback_later(request["seconds"], exit=True)
        answer = read_module(plugin, module, keys)
        faulthandler.cancel_dump_traceback_later()
        _say(answers, answer)


def _say(answers: IO[str], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def read_module(plugin: str, module: str, keys: list[str]) -> dict[str, Any]:
    """What one module gives: `declarations` by key, `failures` as `[key, message, traceback]`, implemented `hooks`."""
    failures: list[list[str]] = []
    declarations: dict[str, Any] = {}
    answer = {"module": module, "declarations": declarations, "failures": failures, "hooks": []}
    wanted = [key for key in keys if not key.startswith("hook.")]
    try:
        loaded = importlib.import_module(module)
        answer["hooks"] = hooks_of(loaded)
        found = components_of(loaded) if wanted else []
    except BaseException as error:  # also SystemExit: a plugin that exits is broken, and the next one's turn comes
        failures.append(["", one_line(error), trimmed_traceback(error)])
        return answer
    for component in found:
        key = f"{component.kind}.{component.name}"
        if key in declarations:
            failures.append([key, f"the module gives `{key}` twice", ""])
            continue
        if key not in wanted:
            failures.append([key, f"the module gives `{key}`, which the package's entry points do not name", ""])
            continue
        try:
            declarations[key] = to_dict(declare(component, plugin, module))
        except Exception as error:
            failures.append([key, one_line(error), trimmed_traceback(error)])
    said = {failure[0] for failure in failures}
    for key in wanted:
        if key not in declarations and key not in said:
            failures.append([key, f"the module gives no `{key}` (`mldsl_components` returns what it provides)", ""])
    return answer


def run_from_stdin() -> None:
    """The entry of the process."""
    request = json.load(sys.stdin)
    sys.path[:] = request["path"]
    main(request)
