"""The reference page of a component, from its declaration: for the terminal and, as Markdown, for the site.

What a page says is decided once, in `facts` and `parameter_notes`; the two renderers only lay it out.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from mldsl.plugin.condition import in_words
from mldsl.plugin.declaration import COLUMN_TYPES, Declaration, Parameter
from mldsl.plugin.wording import default_text, type_text, value_text

_TASKS = {
    "classify": "classification", "regress": "regression", "cluster": "clustering", "generate": "generation",
    "rank": "ranking", "recommend": "recommendation",
}  # fmt: skip
_BLOCKS = {
    "source": "data", "model": "model", "metric": "metrics", "report": "report", "exporter": "export",
    "layer": "network layers", "transform": "transforms",
}  # fmt: skip


def signature(declaration: Declaration) -> str:
    """`k_means(clusters, tol = 1e-4, seed?)`: `?` may be left out for none. A row function shows its operands."""
    if declaration.kind == "function":
        shown = [operand.name + ("?" if operand.optional else "") for operand in declaration.operands]
        return f"{declaration.name}({', '.join(shown + (['...'] if declaration.variadic else []))})"
    arguments = []
    for parameter in declaration.parameters:
        if parameter.required:
            arguments.append(parameter.name)
        elif parameter.default is None:
            arguments.append(f"{parameter.name}?")
        else:
            arguments.append(f"{parameter.name} = {default_text(parameter)}")
    return f"{declaration.name}({', '.join(arguments)})" if arguments else declaration.name


def example(declaration: Declaration) -> str:
    """A line that can be pasted into a file."""
    line = declaration.example or _plainest(declaration)
    if "{" in line or declaration.kind not in _BLOCKS:
        return line
    block = _BLOCKS[declaration.kind]
    if declaration.kind == "transform" and " on " not in line:
        line += f" on {_on(declaration)}"
    whole = f"{block} {{ {line} }}"
    return whole if len(whole) <= 80 else f"{block} {{\n  {line}\n}}"


def _plainest(declaration: Declaration) -> str:
    if declaration.kind == "function":
        gives = "continuous" if declaration.gives in ("", "same", "common") else declaration.gives
        operands = ", ".join(operand.name for operand in declaration.operands if not operand.optional)
        return f"features {{ result: {gives} = {declaration.name}({operands}) }}"
    placeholders = {"text": '"..."', "column": "age", "columns": "[age, fare]", "label": '"yes"'}
    required = [p for p in declaration.parameters if p.required]
    values = (
        p.type.choices[0].name if p.type.choices else placeholders.get(p.type.name, value_text(_least(p), p.type))
        for p in required
    )
    arguments = ", ".join(f"{p.name} = {value}" for p, value in zip(required, values, strict=True))
    return f"{declaration.name}({arguments})" if arguments else declaration.name


def _least(parameter: Parameter) -> float:
    low = parameter.ge if parameter.ge is not None else parameter.gt
    return 2 if low is None else max(low, 0) + (1 if parameter.gt is not None else 0)


def _on(declaration: Declaration) -> str:
    accepts = set(declaration.accepts)
    return "numeric" if {"continuous", "integer"} <= accepts else (declaration.accepts or ("continuous",))[0]


def facts(declaration: Declaration) -> Iterator[tuple[str, str]]:
    """What it takes and gives, as (label, sentence)."""
    kind = declaration.kind
    if declaration.tasks:
        yield "Tasks", ", ".join(_TASKS.get(task, task) for task in declaration.tasks)
    elif kind in ("metric", "report"):
        yield "Tasks", "all"
    if kind in ("model", "transform"):
        yield "Columns", _types(declaration.accepts)
        when = f" with {in_words(declaration.missing_if)}" if declaration.missing_if else ""
        yield "Missing values", {"refuses": "refused", "fills": "filled"}.get(declaration.missing, f"accepted{when}")
    if kind == "model":
        if declaration.follows:
            of = " and ".join(f"`{name}`" for name in declaration.follows)
            yield "As set", f"at most what the models in {of} take and give"
        if declaration.sparse:
            yield "Sparse inputs", "accepted"
        if declaration.roles:
            yield "Roles", ", ".join(declaration.roles)
        if declaration.scale_sensitive:
            yield "Scale", "matters: `standardize` the columns first"
        if declaration.iterative:
            when = f" with {in_words(declaration.rounds)}" if declaration.rounds else ""
            yield "Training", f"in rounds{when}, so `stop_when` works"
        if declaration.additive:
            yield "Batches", "learns from further rows: `mldsl update`"
        if declaration.trees:
            yield "Trees", "shown by `tree_diagram` and `feature_importance(method = gain)`"
        if declaration.resumes:
            yield "Further rounds", "goes on where it ended: `mldsl update --rounds`"
        if declaration.costs and "classify" in declaration.tasks:
            yield "Class weights", '`class_weights = balanced` or `["yes" = 2]`, from the language'
        if declaration.margins:
            yield "Gives", "margins, the larger the surer of a class; probabilities with `calibrate = sigmoid`"
    if kind == "transform":
        if not declaration.resamples:
            yield "Gives", _outputs(declaration)
        if declaration.phase == "train":
            yield "When", "on training rows only"
        if declaration.uses_target:
            yield "Target", "used by each fit, of its own training rows" if declaration.chooses else "used, out of fold"
        if declaration.looks_back:
            yield "Rows", "looks back at earlier ones, before the split; so it may name the target"
        if declaration.chooses:
            yield "Chooses", "anew in each fit; the run says which columns stayed in the last"
        if declaration.resamples:
            yield "Rows", "training rows change, columns do not"
        if declaration.scale_sensitive:
            yield "Scale", "matters: `standardize` the columns first"
    if kind == "metric":
        ends = [value_text(end) if end is not None else "" for end in (declaration.lowest, declaration.highest)]
        span = f", {ends[0]}..{ends[1]}" if any(ends) else ""
        yield "Better", f"{declaration.better}{span}"
        yield "Needs", ", ".join(declaration.needs)
        if declaration.accepts:
            yield "Targets", _types(declaration.accepts)
    if kind == "function":
        for operand in declaration.operands:
            takes = type_text(operand.literal) if operand.literal else _types(operand.types)
            yield operand.name, takes + (", a constant" if operand.literal else "")
        gives = {"same": "the type of its operand", "common": "the common type of its operands"}
        yield "Gives", gives.get(declaration.gives, declaration.gives)
        unknown = {"same": "if an operand is", "no": "never", "yes": "possibly, whatever the operands are"}
        yield "Missing", unknown.get(declaration.missing, declaration.missing)
    if declaration.precision == "float64":
        yield "Precision", "float64"


def _types(types: tuple[str, ...]) -> str:
    return "any type" if not types or set(types) >= set(COLUMN_TYPES) - {"id"} else ", ".join(types)


def _outputs(declaration: Declaration) -> str:
    parts = []
    for output in declaration.outputs:
        type_ = "of the same type" if output.type == "same" else output.type
        when = f" if {output.only_if}" if output.only_if else ""
        parts.append(f"`{output.name}` {type_}{when}")
    return ", ".join(parts) or "nothing"


def parameter_type(parameter: Parameter) -> str:
    """Type, bounds and unit: `integer >= 1, in iterations`."""
    bounds = parameter.bounds()
    joined = (
        f" {bounds}" if bounds and not bounds[0].isdigit() and bounds[0] != "-" else f" in {bounds}" if bounds else ""
    )
    return f"{type_text(parameter.type)}{joined}" + (f", in {parameter.unit}" if parameter.unit else "")


def parameter_notes(parameter: Parameter) -> str:
    """Its documentation and what else is declared of it, as sentences."""
    notes = [parameter.doc]
    if parameter.only_if:
        notes.append(f"Only with {in_words(parameter.only_if)}.")
    if parameter.variadic:
        notes.append("Takes all further unnamed arguments.")
    if parameter.search:
        notes.append(f"Worth searching: {parameter.search}.")
    if parameter.simpler:
        notes.append(f"{parameter.simpler.capitalize()} is simpler.")
    if parameter.traced:
        notes.append("Changing it does not recompile.")
    if parameter.also_known_as:
        notes.append(f"Elsewhere: {', '.join(parameter.also_known_as)}.")
    return " ".join(note.strip() for note in notes if note)


def rows(parameters: tuple[Parameter, ...], depth: int = 0) -> Iterator[tuple[int, Parameter]]:
    """Parameters with their depth: those of a choice follow the parameter it belongs to."""
    for parameter in parameters:
        yield depth, parameter
        for choice in parameter.type.choices:
            for inner_depth, inner in rows(choice.parameters, depth + 1):
                yield inner_depth, _within(inner, choice.name) if inner_depth == depth + 1 else inner


def _within(parameter: Parameter, choice: str) -> Parameter:
    import attrs

    return attrs.evolve(parameter, name=f"{choice}({parameter.name})")


def sections(declaration: Declaration) -> Iterator[tuple[str, list[str]]]:
    """The lists at the end of a page."""
    if declaration.also_known_as:
        yield "Elsewhere called", [", ".join(declaration.also_known_as)]
    if declaration.exceptions:
        yield "Exceptions to the conformance kit", [f"{check}: {why}" for check, why in declaration.exceptions]
    if declaration.sources and not re.search(r"^Sources?:", declaration.doc, re.MULTILINE):
        yield "Sources", list(declaration.sources)


def text_page(declaration: Declaration, width: int = 80, title: str = "") -> str:
    """The page for a terminal, without colour. `title` replaces the first line (a styled one)."""
    head = title or heading_line(declaration)
    out = [head, _fill(f"{declaration.summary}.", 0, width), ""]
    if declaration.deprecated:
        out += [_fill(f"Deprecated: {declaration.deprecated}", 0, width), ""]
    out += [_fill(signature(declaration), 2, width, hang=4), ""]
    if declaration.doc:
        out += [_paragraphs(declaration.doc, width), ""]
    if declaration.parameters:
        out += ["Parameters", *_text_parameters(declaration.parameters, width), ""]
    table = list(facts(declaration))
    if table:
        column = max(len(label) for label, _ in table)
        for label, sentence in table:
            filled = _fill(sentence, column + 4, width)
            out.append(f"  {label:<{column}}  {filled.lstrip()}")
        out.append("")
    for name, items in sections(declaration):
        out += [name, *(_fill(item, 2, width, hang=4) for item in items), ""]
    out += ["Example", textwrap.indent(example(declaration), "  ")]
    return "\n".join(out)


def heading_line(declaration: Declaration) -> str:
    """`k_means, a model of core`."""
    article = "an" if declaration.kind[0] in "aeiou" else "a"
    return f"{declaration.name}, {article} {declaration.kind} of {declaration.plugin}"


def _text_parameters(parameters: tuple[Parameter, ...], width: int) -> Iterator[str]:
    listed = list(rows(parameters))
    column = min(max(len(p.name) + 2 * depth for depth, p in listed), 24)
    for depth, parameter in listed:
        name = "  " * depth + parameter.name
        default = "required" if parameter.required else f"default {default_text(parameter)}"
        if not parameter.required and parameter.default is None:
            default = "optional"
        filled = _fill(f"{parameter_type(parameter)}; {default}", column + 4, width, hang=column + 6).lstrip()
        yield f"  {name:<{column}}  {filled}"
        yield _fill(parameter_notes(parameter), column + 4, width)


def _paragraphs(doc: str, width: int) -> str:
    """Fill prose and labelled lines; leave indented or aligned lines (tables, formulae) as they are."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", doc):
        lines = paragraph.splitlines()
        if _LABEL.match(lines[0]):
            parts.append(_labelled(lines, width))
        elif _is_aligned(lines):
            parts.append(paragraph)
        else:
            parts.append(_fill(" ".join(lines), 0, width))
    return "\n\n".join(parts)


_LABEL = re.compile(r"([A-Z][a-z ]{0,12}:)\s+(?=\S)")


def _is_aligned(lines: list[str]) -> bool:
    return any(line.startswith(" ") or re.search(r"\S {2,}\S", line) for line in lines)


def _labelled(lines: list[str], width: int) -> str:
    """`Shapes:  n rows` and the lines below it that go on, filled, the texts of all labels aligned."""
    items: list[tuple[str, list[str]]] = []
    for line in lines:
        label = _LABEL.match(line)
        if label:
            items.append((label[1], [line[label.end() :]]))
        else:
            items[-1][1].append(line.strip())
    column = max(len(label) for label, _ in items) + 2
    return "\n".join(_fill(f"{label:<{column}}{' '.join(text)}", 0, width, hang=column) for label, text in items)


def _fill(text: str, indent: int, width: int, hang: int | None = None) -> str:
    after = " " * (indent if hang is None else hang)
    return textwrap.fill(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=after,
        break_long_words=False,
        break_on_hyphens=False,
    )


def markdown_page(declaration: Declaration) -> str:
    """The page for the site."""
    out = [f"# `{declaration.name}`", "", f"{declaration.summary}.", ""]
    out += [f"*{heading_line(declaration).partition(', ')[2].capitalize()}*", ""]
    if declaration.deprecated:
        out += [f"**Deprecated:** {declaration.deprecated}", ""]
    out += ["```mlp", example(declaration), "```", ""]
    if declaration.doc:
        out += [_markdown_doc(declaration.doc), ""]
    if declaration.parameters:
        out += ["## Parameters", "", f"`{signature(declaration)}`", ""]
        out += ["| parameter | type | default | meaning |", "| --- | --- | --- | --- |"]
        for depth, parameter in rows(declaration.parameters):
            name = "&nbsp;" * 4 * depth + f"`{parameter.name}`"
            default = default_text(parameter)
            shown = default if parameter.required or parameter.default is None else f"`{default}`"
            cells = (name, parameter_type(parameter), shown, parameter_notes(parameter))
            out.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        out.append("")
    table = list(facts(declaration))
    if table:
        out += ["## What it takes and gives", "", "| | |", "| --- | --- |"]
        out += [f"| {label} | {sentence} |" for label, sentence in table] + [""]
    for name, items in sections(declaration):
        out += [f"## {name}", "", *(f"- {item}" for item in items), ""]
    return "\n".join(out).rstrip() + "\n"


def _markdown_doc(doc: str) -> str:
    """Prose as it is; aligned lines (`Shapes:  n rows`) as a preformatted block."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", doc):
        parts.append(f"```text\n{paragraph}\n```" if _is_aligned(paragraph.splitlines()) else paragraph)
    return "\n\n".join(parts)
