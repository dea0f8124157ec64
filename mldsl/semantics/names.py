"""Names: did-you-mean, and the namespaces of components (language 4.2).

The position of a name decides its namespace, so nothing shadows anything: a component is looked up among those of one
kind, from the first party and from the plugins that the file names in `use`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from mldsl.diagnostics.suggest import did_you_mean as closest
from mldsl.plugin.declaration import Declaration, Parameter
from mldsl.plugin.discovery import CORE
from mldsl.plugin.registry import Ambiguous, Answer, Broken, Found, NotUsed, Registry, Unknown
from mldsl.semantics.findings import Findings
from mldsl.source import Span


def did_you_mean(word: str, candidates: Iterable[str], aliases: Mapping[str, str] | None = None) -> str | None:
    """The help line for a misspelt name, or None if nothing is near."""
    near = closest(word, candidates, aliases)
    return f"did you mean `{near}`?" if near else None


def one_of(names: Iterable[str]) -> str | None:
    """The help line that lists what there is, or None if there is nothing."""
    listed = list(names)
    return f"one of: {', '.join(listed)}" if listed else None


def article(noun: str) -> str:
    """`an integer`, `a model`."""
    return f"an {noun}" if noun[:1] in "aeio" else f"a {noun}"


def parameter_aliases(parameters: Iterable[Parameter]) -> dict[str, str]:
    """Names that other libraries use for these parameters."""
    return {alias: parameter.name for parameter in parameters for alias in parameter.also_known_as}


class Components:
    """The components that a file can see: those of the first party and of the plugins it names in `use`.

    `absent` says that one of those plugins is not installed, so that an unknown name may well be its own.
    """

    def __init__(self, registry: Registry, uses: Iterable[str], findings: Findings, *, absent: bool = False) -> None:
        self._registry = registry
        self._uses = tuple(uses)
        self._findings = findings
        self._absent = absent
        self._answers: dict[tuple[str, str], Answer] = {}

    def visible(self, kind: str) -> list[Declaration]:
        """All of a kind, by name."""
        return self._registry.declarations(kind, (CORE, *self._uses))

    def get(self, kind: str, name: str) -> Declaration | None:
        """The component of that name, without a word if there is none."""
        answer = self._answer(kind, name)
        return answer.declaration if isinstance(answer, Found) else None

    def find(self, kind: str, name: tuple[str, ...], span: Span) -> Declaration | None:
        """The component that a file means, or None after saying why not."""
        dotted = ".".join(name)
        answer = self._answer(kind, dotted)
        match answer:
            case Found():
                self._deprecated(answer.declaration, span)
                return answer.declaration
            case Ambiguous():
                self._ambiguous(kind, dotted, answer, span)
            case NotUsed():
                self._not_used(kind, dotted, answer, span)
            case Broken():
                self._findings.add(attrs.evolve(answer.failure.diagnostic(), span=span))
            case Unknown():
                self._unknown(kind, dotted, answer, span)
        return None

    def _answer(self, kind: str, name: str) -> Answer:
        key = (kind, name)
        if key not in self._answers:
            self._answers[key] = self._registry.find(kind, name, self._uses)
        return self._answers[key]

    def _deprecated(self, declaration: Declaration, span: Span) -> None:
        if declaration.deprecated:
            self._findings.warn(
                "MLP0903", f"{declaration.kind} `{declaration.name}` is deprecated", span, help=declaration.deprecated
            )

    def _ambiguous(self, kind: str, dotted: str, answer: Ambiguous, span: Span) -> None:
        if answer.separable:
            message = f"{kind} `{dotted}` is offered by {len(answer.claims)} plugins"
            help_text = "write " + " or ".join(f"`{claim.plugin}.{dotted}`" for claim in answer.claims)
        else:
            message = f"{kind} `{dotted}` is offered by {len(answer.claims)} packages under one plugin name"
            help_text = "uninstall all but one of them"
        notes = tuple(f"`{claim.plugin}` has it in `{claim.module}`" for claim in answer.claims)
        self._findings.error("MLP0116", message, span, notes=notes, help=help_text)

    def _not_used(self, kind: str, dotted: str, answer: NotUsed, span: Span) -> None:
        names = " or ".join(f"`{plugin}`" for plugin in answer.plugins)
        self._findings.error(
            "MLP0107", f"{kind} `{dotted}` comes from the plugin {names}, which this file does not use", span,
            help=f"add `use {answer.plugins[0]}` below the edition line",
        )  # fmt: skip

    def _unknown(self, kind: str, dotted: str, answer: Unknown, span: Span) -> None:
        if self._absent and not answer.candidates:
            return  # the plugin that may have it is absent, which has been said
        others = [other for other in answer.kinds if other != kind]
        notes = (f"`{dotted}` is {article(others[0])}",) if others else ()
        help_text = f"did you mean `{answer.candidates[0]}`?" if answer.candidates else None
        if help_text is None and not others:
            help_text = f"`mldsl list {kind}` shows what there is"
        self._findings.error("MLP0101", f"unknown {kind} `{dotted}`", span, notes=notes, help=help_text)
