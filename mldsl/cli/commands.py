"""The table of commands: what `mldsl --help` shows and where each lives. Reading it imports none of them."""

from __future__ import annotations

from typing import Final

# Section -> command -> (module with a click command named `command`, one line of help).
SECTIONS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Pipelines": {
        "run": ("mldsl.cli.run", "Train and evaluate a pipeline."),
        "check": ("mldsl.cli.check", "Find mistakes in a file without reading any data."),
        "fmt": ("mldsl.cli.fmt", "Rewrite files in the canonical form."),
        "plan": ("mldsl.cli.plan", "Show what a run would do, every default spelt out."),
        "report": ("mldsl.cli.report", "Show a finished run again."),
        "compare": ("mldsl.cli.compare", "Show the metrics of several runs beside each other."),
        "diff": ("mldsl.cli.diff", "Show what changed from one run to another."),
        "verify": ("mldsl.cli.verify", "Run a finished run again and say whether the bits agree."),
        "lock": ("mldsl.cli.lock", "Write down which plugins a pipeline was made with."),
        "ast": ("mldsl.cli.ast", "Print the syntax tree of a file."),
    },
    "Models": {
        "predict": ("mldsl.cli.predict", "Predict new rows with a trained model."),
        "evaluate": ("mldsl.cli.evaluate", "Measure a trained model on labelled rows."),
        "update": ("mldsl.cli.update", "Let a trained model learn from further rows."),
    },
    "Reference": {
        "list": ("mldsl.cli.list", "List the components that a pipeline can name."),
        "doc": ("mldsl.cli.doc", "Show the reference page of a component."),
        "explain": ("mldsl.cli.explain", "Explain the code of a message."),
    },
    "Plugins": {
        "plugins": ("mldsl.cli.plugins", "Show installed plugins, and check one."),
        "new": ("mldsl.cli.new", "Start a plugin package."),
        "cache": ("mldsl.cli.cache", "Show or clear what is cached between runs."),
    },
}
COMMANDS: Final = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
