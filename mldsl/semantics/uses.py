"""`use`: the plugins that a file can see, and whether they are installed as it asks."""

from __future__ import annotations

import re

from mldsl.diagnostics.suggest import did_you_mean as closest
from mldsl.plugin.discovery import CORE
from mldsl.plugin.registry import Registry
from mldsl.semantics.definitions import Definitions
from mldsl.semantics.findings import Findings
from mldsl.syntax import ast


def resolve_uses(definitions: Definitions, registry: Registry, findings: Findings) -> bool:
    """Look every plugin up; whether one of them is absent."""
    absent = False
    for name, node in definitions.uses.items():
        if node.name[0] == "experimental":
            findings.warn(
                "MLP0904", f"`{name}` is experimental and may vanish in any version", node.name_span,
                help="do not build on it what has to last",
            )  # fmt: skip
        if name == CORE:
            continue
        info = registry.plugin(name)
        if info is None:
            absent = True
            others = [other.name for other in registry.plugins() if other.name != CORE]
            near = closest(name, others)
            findings.error(
                "MLP0505", f"the plugin `{name}` is not installed", node.name_span,
                help=f"did you mean `{near}`?" if near else "`mldsl plugins` shows those that are",
            )  # fmt: skip
        elif info.blocked:
            absent = True
            findings.error(
                "MLP0505", f"the plugin `{name}` is switched off", node.name_span,
                help="`MLDSL_BLOCK_PLUGINS` names it; leave it out there",
            )  # fmt: skip
        elif node.version is not None:
            _version(node, node.version, info.version, findings)
    return absent


def _version(node: ast.Use, wanted: str, installed: str, findings: Findings) -> None:
    """`"1.2"` is at least 1.2 and below 2."""
    least = _numbers(wanted)
    if least is None:
        findings.error(
            "MLP0201",
            f'`"{wanted}"` is not a version',
            node.version_span,
            help='such as `"1.2"`: at least 1.2 and below 2',
        )
        return
    found = _numbers(installed)
    if found is None or (found[: len(least)] >= least and found[0] == least[0]):
        return
    findings.error(
        "MLP0505", f"`{'.'.join(node.name)}` is installed in version {installed}", node.version_span,
        label=f"allowed: >= {wanted} and < {least[0] + 1}", help="install another version, or ask for this one",
    )  # fmt: skip


def _numbers(version: str) -> tuple[int, ...] | None:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else None
