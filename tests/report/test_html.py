"""report.html: one file, no network, well-formed, and everything of the run on it."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import attrs
import pytest

from mldsl.plugin.display import Column, ReportOutput, Table
from mldsl.report import files_of
from mldsl.report.highlight import highlight
from mldsl.report.html import page
from mldsl.report.notebook import run_html

VOID = {"meta", "link", "br", "wbr", "hr", "img", "input", "path", "circle", "rect"}


class Outline(HTMLParser):
    """Checks that elements close in order; gathers ids, links, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "action", "data", "poster", "srcset"):
                (self.links if not re.match(r"[a-z]+:|//", value or "") else self.outside).append(value)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def outline(html: str) -> Outline:
    parser = Outline()
    parser.feed(html)
    parser.close()
    assert not parser.open
    return parser


@pytest.fixture
def html(sample_record, sample_outputs, sample_source) -> str:
    return page(sample_record, sample_outputs, sample_source, "the plan")


def test_well_formed_and_self_contained(html) -> None:
    found = outline(html)
    assert not found.outside
    assert "@import" not in html
    assert "url(" not in html
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", html)
    assert re.findall(r"https?://[^\"' <]+", html) == []
    assert "default-src 'none'" in html
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)


def test_the_same_run_is_the_same_page(html, sample_record, sample_outputs, sample_source) -> None:
    assert page(sample_record, sample_outputs, sample_source, "the plan") == html


def test_every_picture_is_well_formed_and_described(html) -> None:
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) > 15
    for picture in pictures:
        ET.fromstring(picture)
        assert 'role="img" aria-label="' in picture or 'aria-hidden="true"' in picture


def test_keyboard_and_screen_readers(html) -> None:
    assert '<a class="skip" href="#main">' in html
    assert '<html lang="en">' in html
    assert html.count("<h1") == 1
    for region in re.findall(r'<div class="scroll"[^>]*>', html):
        assert 'tabindex="0"' in region
        assert 'role="region"' in region
        assert 'aria-label="' in region
    for cell in re.findall(r"<th[ >][^>]*", html):
        assert "scope=" in cell
    assert ":focus-visible" in html
    assert "prefers-reduced-motion" in html


def test_light_dark_and_print(html) -> None:
    assert "prefers-color-scheme:dark" in html
    assert "data-theme=dark" in html
    assert "@media print" in html


def test_it_says_all(html, sample_record, sample_outputs) -> None:
    text = " ".join(" ".join(outline(html).text).split())
    for part in (
        "0.8710", "0.820 to 0.920", "which no fit and no choice has seen", "Gate passed", "Gate missed",
        "chosen on these folds: optimistic", "263 cells of age are missing", "data/titanic.csv", "cd" * 32, "ab" * 32,
        "mldsl run examples/titanic.mlp -p depth=6 -p seed=7", sample_record.id, "polars 2.1.0", "the plan",
        "1,047 training, 262 test rows; 5 folds; stratified", "Confusion matrix", "ROC curve",
        "reports/roc_curve.points.csv",
        "threshold 0.5000", "iterations 12", "out/titanic", "1 August 2026, 14:22", "Who survived?",
    ):  # fmt: skip
        assert part in text, part


def test_markup_in_the_data_is_text(sample_record, sample_source) -> None:
    nasty = "<script>alert(1)</script>"
    outputs = {
        "r": ReportOutput([Table(nasty, [Column(nasty, [nasty], "text")], note=nasty)], notes=[nasty], warnings=[nasty])
    }
    html = page(attrs.evolve(sample_record, warnings=(nasty,), params={"p": nasty}), outputs, nasty, nasty)
    assert nasty not in html
    outline(html)
    assert nasty not in run_html(sample_record, outputs, None)


def test_without_models_and_reports(sample_record) -> None:
    empty = attrs.evolve(sample_record, models={}, best=None, primary=None, gates=(), warnings=())
    html = page(empty, {}, "", "")
    outline(html)
    assert "Result" not in html
    assert "Warnings" not in html


def test_one_model_is_not_compared(sample_record) -> None:
    one = attrs.evolve(sample_record, models={"linear": sample_record.models["linear"]})
    assert "Models compared" not in page(one, {}, "", "")


def test_long_tables_end_with_a_link_to_the_whole(sample_record) -> None:
    output = ReportOutput([Table("Long", [Column("x", range(500), "integer")])])
    html = page(sample_record, {"long": output}, "", "")
    assert "and 440 more rows" in " ".join(outline(html).text)
    assert files_of({"long": output})["long"].tables == ("reports/long.csv",)
    assert 'href="reports/long.csv"' in html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model { ols }", '<span class="k">model</span> { ols }'),
        ('x = "a # b" # c', 'x = <span class="s">"a # b"</span> <span class="c"># c</span>'),
        (
            "age: continuous? in 0..5",
            'age: <span class="t">continuous?</span> <span class="k">in</span> <span class="n">0</span>..5',
        ),
        (
            "f(k = $k, lr = 1e-3)",
            '<span class="f">f</span>(k = <span class="v">$k</span>, lr = <span class="n">1e-3</span>)',
        ),
        ("a < b & c", "a &lt; b &amp; c"),
        ('"never closed', '"never closed'),
    ],
)
def test_highlighting(text, expected) -> None:
    assert highlight(text) == expected


def test_notebook_fragment(sample_record, sample_outputs) -> None:
    fragment = run_html(sample_record, sample_outputs, None)
    assert outline(fragment).outside == []
    style = re.search(r"<style>(.*?)</style>", fragment, re.DOTALL)
    assert style is not None
    for selector in re.findall(r"([^{}]+)\{", re.sub(r"@media\([^)]*\)", "", style.group(1))):
        assert ".mldsl-run" in selector or selector.startswith("@media"), selector
    assert "0.8710" in fragment


def test_names_in_backticks_are_code_and_nothing_else_is_markup(sample_record, sample_outputs, sample_source) -> None:
    record = attrs.evolve(sample_record, warnings=("`a<b>` is <i>odd</i>",))
    text = page(record, sample_outputs, sample_source, "")
    assert "<li><code>a&lt;b&gt;</code> is &lt;i&gt;odd&lt;/i&gt;</li>" in text
