"""`network`: lists of layers, in which the name of another network stands for a layer."""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.plan.model import ComponentValue
from mldsl.semantics.arguments import Resolved, resolve
from mldsl.semantics.definitions import Definitions
from mldsl.semantics.scope import Scope
from mldsl.semantics.spelling import spell
from mldsl.syntax import ast


def resolve_networks(definitions: Definitions, scope: Scope) -> dict[str, list[Resolved]]:
    """The layers of every network; a network inside itself is MLP0118."""
    found = {
        name: [_layer(line, definitions, scope) for line in network.body]
        for name, network in definitions.networks.items()
    }
    for name, network in definitions.networks.items():
        for line in network.body:
            if line.dotted in definitions.networks and name in _inside(line.dotted, definitions, set()):
                scope.findings.error("MLP0118", f"the network `{name}` contains itself", line.span)
    return found


def _layer(line: ast.Component, definitions: Definitions, scope: Scope) -> Resolved:
    if line.dotted not in definitions.networks:
        return resolve(line, "layer", scope)
    if line.args:
        scope.findings.error("MLP0114", f"the network `{line.dotted}` takes no arguments", line.args[0].span)
    return Resolved(line, None, ComponentValue("network", line.dotted, "", text=spell(line), span=line.span))


def _inside(name: str, definitions: Definitions, seen: set[str]) -> set[str]:
    """The networks that one contains, directly or not, and itself."""
    pending = [name]
    while pending:
        current = pending.pop()
        if current not in seen:
            seen.add(current)
            pending += _named(definitions.networks[current], definitions)
    return seen


def _named(network: ast.Network, definitions: Definitions) -> Iterator[str]:
    return (line.dotted for line in network.body if line.dotted in definitions.networks)
